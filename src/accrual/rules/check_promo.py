"""Whether one promo's document can be judged by: its names exist, its texts parse, its parts do not contradict."""

from __future__ import annotations

from collections.abc import Iterator, Set
from datetime import UTC, datetime

from accrual.domain.amounts import read_ratio
from accrual.domain.errors import Invalid
from accrual.domain.facts import Trigger
from accrual.domain.programme import Settings
from accrual.domain.promos import Benefit, Limit, Promo, Recipient
from accrual.rules.benefits import KINDS
from accrual.rules.calendar import ENDS, after, read_duration, read_instant
from accrual.rules.money import read_money
from accrual.rules.problems import Problem, suggest

_FAR = datetime(2200, 1, 1, tzinfo=UTC)
WITH_REFERRER = (Trigger.REFERRAL, Trigger.REFERRAL_PURCHASE)


def check_promo(
    path: str, promo: Promo, *, settings: Settings, zone: str, assets: Set[str], outlets: Set[str]
) -> Iterator[Problem]:
    """Everything that is wrong with it. `zone` is the promo's own zone or else the programme's, and exists."""
    for index, outlet in enumerate(promo.where.outlets):
        if outlet not in outlets:
            yield Problem(f"{path}.where.outlets[{index}]", f"unknown outlet {outlet!r}{suggest(outlet, outlets)}")
    yield from _check_window(path, promo, zone)
    for index, benefit in enumerate(promo.benefits):
        yield from _check_benefit(f"{path}.benefits[{index}]", benefit, promo.trigger, settings, assets)
    yield from _check_limits(path, promo.limits)


def check_duration(path: str, text: str) -> Iterator[Problem]:
    """An ISO 8601 duration that the calendar can hold."""
    try:
        read_duration(text)
        after(_FAR, text, "UTC")
    except (Invalid, ValueError, OverflowError):
        yield Problem(path, f"{text!r} is not a duration such as P12M, P30D or PT36H")


def _check_window(path: str, promo: Promo, zone: str) -> Iterator[Problem]:
    moments = {}
    for name, text in (
        ("window.from", promo.window.from_),
        ("window.until", promo.window.until),
        ("effective_from", promo.effective_from),
    ):
        if text is None:
            continue
        try:
            moments[name] = read_instant(text, zone)
        except (Invalid, OverflowError):
            yield Problem(f"{path}.{name}", f"{text!r} is not a date and time such as 2026-11-25T00:00")
    if "window.from" in moments and "window.until" in moments and moments["window.from"] >= moments["window.until"]:
        yield Problem(f"{path}.window.until", "the window ends before it begins")


def _check_benefit(
    path: str, benefit: Benefit, trigger: Trigger, settings: Settings, assets: Set[str]
) -> Iterator[Problem]:
    if benefit.asset not in assets:
        yield Problem(f"{path}.asset", f"unknown asset {benefit.asset!r}{suggest(benefit.asset, assets)}")
    kinds = [kind for kind in KINDS if getattr(benefit, kind) is not None]
    if len(kinds) != 1:
        yield Problem(path, f"exactly one of {', '.join(KINDS)} is needed, not {' and '.join(kinds) or 'none'}")
    if benefit.to is Recipient.REFERRER and trigger not in WITH_REFERRER:
        yield Problem(f"{path}.to", f"only {' and '.join(WITH_REFERRER)} have a referrer, {trigger} has none")
    if benefit.points_per is not None:
        try:
            if read_money(benefit.points_per.every, settings) == 0:
                yield Problem(f"{path}.points_per.every", "must be above zero")
        except Invalid as error:
            yield Problem(f"{path}.points_per.every", f"{error.message} Write such as '1000 {settings.currency}'.")
    if benefit.percent is not None:
        try:
            if read_ratio(benefit.percent).numerator == 0:
                yield Problem(f"{path}.percent", "must be above zero")
        except Invalid as error:
            yield Problem(f"{path}.percent", f"{error.message} Write such as 2.5.")
    if benefit.expires is not None and benefit.expires not in ENDS:
        yield from check_duration(f"{path}.expires", benefit.expires)
    if benefit.active_after is not None:
        yield from check_duration(f"{path}.active_after", benefit.active_after)


def _check_limits(path: str, limits: tuple[Limit, ...]) -> Iterator[Problem]:
    seen = set()
    for index, limit in enumerate(limits):
        if (limit.count is None) == (limit.amount is None):
            yield Problem(f"{path}.limits[{index}]", "exactly one of count and amount is needed")
            continue
        kind = (limit.amount is not None, limit.every)
        if kind in seen:
            what = "amount" if limit.amount is not None else "count"
            yield Problem(
                f"{path}.limits[{index}]", f"a second limit of {what} every {limit.every}; keep the lower one"
            )
        seen.add(kind)
