"""Whether the units that a promo or reward names stay within what one command of the programme may award or move."""

from __future__ import annotations

from collections.abc import Iterator

from accrual.domain.draw_tables import Draw, Raffle
from accrual.domain.programme import Settings
from accrual.domain.promos import Benefit
from accrual.domain.rewards import RewardItem
from accrual.rules.problems import Problem


def check_units(path: str, benefit: Benefit, settings: Settings) -> Iterator[Problem]:
    """A problem for each number of units above `bounds.units_per_command`. What an amount of money makes of a rate shows
    only with the amount: an award beyond the bound is declined then.
    """
    for name, units in _named(benefit):
        yield from _check(f"{path}.{name}", units, settings)


def check_price(path: str, item: RewardItem, settings: Settings) -> Iterator[Problem]:
    """A problem when a reward's price is above `bounds.units_per_command`."""
    yield from _check(f"{path}.price", item.price, settings)


def _check(path: str, units: int, settings: Settings) -> Iterator[Problem]:
    most = settings.bounds.units_per_command
    if units > most:
        yield Problem(
            path,
            f"{units:,} units are more than the {most:,} of one command (programme.bounds.units_per_command);"
            " write fewer, or raise the bound",
        )


def _named(benefit: Benefit) -> Iterator[tuple[str, int]]:
    if benefit.fixed is not None:
        yield "fixed", benefit.fixed
    if benefit.points_per is not None:
        yield "points_per.give", benefit.points_per.give
    for index, band in enumerate(benefit.bracket or ()):
        yield f"bracket[{index}].give", band.give or 0
    if benefit.issuing is not None:
        for name, units in benefit.issuing.rules.items():
            yield f"issuing.rules.{name}", units
    if benefit.streak is not None:
        for field, days in (("steps", benefit.streak.steps), ("dates", benefit.streak.dates)):
            for day, units in days.items():
                yield f"streak.{field}.{day}", units
    if benefit.draw is not None:
        yield from _of_table("draw", benefit.draw)
    if benefit.raffle is not None:
        yield from _of_table("raffle", benefit.raffle)


def _of_table(field: str, drawn: Draw | Raffle) -> Iterator[tuple[str, int]]:
    amounts = [prize.amount for prize in drawn.prizes]
    for index, units in enumerate(amounts):
        yield f"{field}.prizes[{index}].amount", units
    if drawn.cost is not None:
        yield f"{field}.cost.amount", drawn.cost.amount
