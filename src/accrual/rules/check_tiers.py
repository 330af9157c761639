"""Whether levels can be judged by: thresholds that rise, factors that are exact, durations that the calendar holds."""

from __future__ import annotations

from collections.abc import Iterator

from accrual.domain.amounts import read_ratio
from accrual.domain.errors import Invalid
from accrual.domain.programme import Programme
from accrual.domain.promos import Promo
from accrual.domain.tiers import Level, Tiers
from accrual.rules.check_window import check_duration
from accrual.rules.looks import days_of
from accrual.rules.problems import Problem, repeated, suggest

PATH = "programme.tiers"
WINDOW_DAYS_MAX = 3_661
GRACE_DAYS_MAX = 367
BY_LEVEL = ("fixed", "points_per", "percent", "bracket")
"""Benefits that a level can multiply."""


def check_tiers(programme: Programme) -> Iterator[Problem]:
    """Everything that is wrong with the levels of a programme, and with promos that count on them."""
    tiers = programme.programme.tiers
    if tiers is None:
        return
    assets = frozenset(asset.code for asset in programme.assets)
    if tiers.asset not in assets:
        yield Problem(f"{PATH}.asset", f"unknown asset {tiers.asset!r}{suggest(tiers.asset, assets)}")
    yield from repeated((level.code for level in tiers.levels), f"{PATH}.levels")
    yield from _check_thresholds(tiers)
    for index, level in enumerate(tiers.levels):
        yield from _check_factors(f"{PATH}.levels[{index}]", level)
    yield from _check_span(f"{PATH}.window", tiers.window, WINDOW_DAYS_MAX, "ten years", least=1)
    yield from _check_span(f"{PATH}.grace", tiers.grace, GRACE_DAYS_MAX, "a year", least=0)


def _check_thresholds(tiers: Tiers) -> Iterator[Problem]:
    highest = None
    for index, level in enumerate(tiers.levels):
        path = f"{PATH}.levels[{index}].threshold"
        if highest is None:
            if level.threshold:
                yield Problem(path, "the first level is everybody's: its threshold must be 0")
        elif level.threshold <= highest:
            yield Problem(path, f"must be above {highest}, the threshold of the level before it")
        highest = max(level.threshold, highest or 0)


def _check_factors(path: str, level: Level) -> Iterator[Problem]:
    for name, text in (("earn", level.earn), ("redeem", level.redeem)):
        try:
            if read_ratio(text).numerator == 0:
                yield Problem(f"{path}.{name}", "must be above zero")
        except Invalid as error:
            yield Problem(f"{path}.{name}", f'{error.message} Write such as "1.5".')


def _check_span(path: str, text: str, days_max: int, most: str, *, least: int) -> Iterator[Problem]:
    faults = list(check_duration(path, text))
    yield from faults
    if faults:
        return
    days = days_of(text)
    if days > days_max:
        yield Problem(path, f"{text!r} is longer than {most}")
    elif days <= least:
        yield Problem(path, f"{text!r} is not a day or longer; write such as P12M")


def check_by_level(path: str, promo: Promo, tiers: Tiers | None) -> Iterator[Problem]:
    """Benefits that ask for the member's level where there are no levels, or where a level means nothing."""
    for index, benefit in enumerate(promo.benefits):
        if not benefit.by_level:
            continue
        where = f"{path}.benefits[{index}].by_level"
        if tiers is None:
            yield Problem(where, "the programme has no levels; write programme.tiers, or take by_level away")
        if all(getattr(benefit, kind) is None for kind in BY_LEVEL):
            yield Problem(where, f"only {', '.join(BY_LEVEL)} are multiplied by the member's level")
