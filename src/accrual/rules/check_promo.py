"""Whether one promo's document can be judged by: its names exist, its texts parse, its parts do not contradict."""

from __future__ import annotations

from collections.abc import Iterator, Set

from accrual.domain.amounts import read_ratio
from accrual.domain.errors import Invalid
from accrual.domain.facts import Trigger
from accrual.domain.programme import Settings
from accrual.domain.promos import Audience, Except, Lane, Limit, Promo, Where
from accrual.rules.check_benefit import check_benefit
from accrual.rules.check_draw import check_draws
from accrual.rules.check_tiers import check_by_level
from accrual.rules.check_window import check_duration, check_window
from accrual.rules.conditions import check_condition
from accrual.rules.problems import Problem, suggest

__all__ = ["check_duration", "check_promo"]

NAME_MAX = 64
_PLACES = ("outlets", "products", "categories", "clients")


def check_promo(
    path: str,
    promo: Promo,
    *,
    settings: Settings,
    zone: str,
    assets: Set[str],
    outlets: Set[str],
    clients: Set[str],
) -> Iterator[Problem]:
    """Everything that is wrong with it. `zone` is the promo's own zone or else the programme's, and exists."""
    if promo.event is not None and promo.trigger is not Trigger.EVENT:
        yield Problem(f"{path}.event", f"only the trigger event has events, {promo.trigger} has none")
    yield from _check_where(f"{path}.where", promo.where, outlets, clients)
    yield from check_window(path, promo, zone)
    yield from _check_audience(f"{path}.audience", promo.audience)
    yield from _check_names(f"{path}.promo_codes", promo.promo_codes)
    yield from _check_condition(f"{path}.condition", promo, settings, assets)
    for index, benefit in enumerate(promo.benefits):
        yield from check_benefit(f"{path}.benefits[{index}]", benefit, promo, settings, assets)
    yield from check_by_level(path, promo, settings.tiers)
    yield from check_draws(path, promo, zone, assets)
    yield from _check_limits(path, promo.limits)
    yield from _check_budget(path, promo)


def _check_where(path: str, where: Where, outlets: Set[str], clients: Set[str]) -> Iterator[Problem]:
    sides: tuple[tuple[str, Where | Except], ...] = ((path, where), (f"{path}.except", where.except_))
    for side_path, side in sides:
        for field, known in (("outlets", outlets), ("clients", clients)):
            for index, code in enumerate(getattr(side, field)):
                if code not in known:
                    what = f"unknown {field[:-1]} {code!r}"
                    yield Problem(f"{side_path}.{field}[{index}]", f"{what}{suggest(code, known)}")
    for field in _PLACES:
        wanted = set(getattr(where, field))
        for index, code in enumerate(getattr(where.except_, field)):
            if code in wanted:
                yield Problem(f"{path}.except.{field}[{index}]", f"{code!r} is both wanted and left out")


def _check_audience(path: str, audience: Audience) -> Iterator[Problem]:
    yield from _check_names(f"{path}.lists", audience.lists)
    yield from _check_names(f"{path}.segments", audience.segments)
    if audience.holdout is None:
        return
    try:
        share = read_ratio(audience.holdout)
    except Invalid as error:
        yield Problem(f"{path}.holdout", f"{error.message} Write a percentage such as 10.")
        return
    if not 0 < share.numerator < 100 * share.denominator:
        yield Problem(f"{path}.holdout", "must be a percentage above 0 and below 100")
    elif 10_000 % share.denominator:
        yield Problem(f"{path}.holdout", "has more than 4 decimals")


def _check_names(path: str, names: tuple[str, ...]) -> Iterator[Problem]:
    """Names that people type: not empty, no space around them, none twice however it is spelt."""
    first: dict[str, int] = {}
    for index, name in enumerate(names):
        if not name or name != name.strip() or len(name) > NAME_MAX:
            yield Problem(f"{path}[{index}]", f"{name!r} is not 1 to {NAME_MAX} characters without space around them")
        known = first.setdefault(name.casefold(), index)
        if known != index:
            yield Problem(f"{path}[{index}]", f"{name!r} stands a second time, first as [{known}]")


def _check_condition(path: str, promo: Promo, settings: Settings, assets: Set[str]) -> Iterator[Problem]:
    if promo.condition is None:
        return
    for found in check_condition(promo.condition, trigger=promo.trigger, settings=settings, assets=frozenset(assets)):
        excerpt = "".join(f"\n    {line}" for line in found.excerpt.split("\n"))
        yield Problem(path, f"line {found.line}, column {found.column}: {found.message}{excerpt}")


def _check_limits(path: str, limits: tuple[Limit, ...]) -> Iterator[Problem]:
    seen = set()
    for index, limit in enumerate(limits):
        if (limit.count is None) == (limit.amount is None):
            yield Problem(f"{path}.limits[{index}]", "exactly one of count and amount is needed")
            continue
        kind = (limit.amount is not None, limit.every, limit.per)
        if kind in seen:
            what = "amount" if limit.amount is not None else "count"
            yield Problem(
                f"{path}.limits[{index}]",
                f"a second limit of {what} every {limit.every} per {limit.per}; keep the lower one",
            )
        seen.add(kind)


def _check_budget(path: str, promo: Promo) -> Iterator[Problem]:
    if promo.stacking.lane is Lane.CAP:
        if promo.limits:
            yield Problem(f"{path}.limits", "a promo in the lane cap gives nothing that could be limited")
        if promo.budget is not None:
            yield Problem(f"{path}.budget", "a promo in the lane cap gives nothing out of a budget")
        return
    given = {benefit.asset for benefit in promo.benefits}
    if promo.budget is not None and promo.budget.asset not in given:
        code = promo.budget.asset
        yield Problem(f"{path}.budget.asset", f"no benefit gives {code!r}{suggest(code, given)}")
