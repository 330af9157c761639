"""Whether a streak can be counted: a ladder or a calendar, an asset for its freezes, nothing beside it that has no meaning."""

from __future__ import annotations

from collections.abc import Iterator, Set

from accrual.domain.facts import Trigger
from accrual.domain.promos import Benefit, Promo, Recipient
from accrual.domain.streaks import AfterLast, StreakEvery
from accrual.rules.problems import Problem, suggest


def check_streak(path: str, benefit: Benefit, promo: Promo, assets: Set[str]) -> Iterator[Problem]:
    """Everything that is wrong with the streak of a benefit."""
    streak = benefit.streak
    if streak is None:
        return
    if promo.trigger is not Trigger.CHECK_IN:
        yield Problem(f"{path}.streak", f"only the trigger check_in has streaks, {promo.trigger} has none")
    if benefit.to is Recipient.REFERRER:
        yield Problem(f"{path}.to", "a streak is the member's own")
    if [each.streak is not None for each in promo.benefits].count(True) > 1 and benefit is _first(promo):
        yield Problem(f"{path}.streak", "a promo counts one streak; write a second promo for another ladder")
    for name in ("per_fact", "by_level"):
        if getattr(benefit, name):
            yield Problem(f"{path}.{name}", "has no meaning for a streak")
    if benefit.rounding is not None:
        yield Problem(f"{path}.rounding", "has no meaning for a streak")
    if bool(streak.steps) == bool(streak.dates):
        named = "both" if streak.steps else "none"
        yield Problem(f"{path}.streak", f"exactly one of steps and dates is needed, not {named}")
    elif not any((streak.steps or streak.dates).values()):
        yield Problem(f"{path}.streak", "gives nothing on any day")
    if streak.dates and streak.every is StreakEvery.WEEK:
        yield Problem(f"{path}.streak.dates", "weeks have no day of the month; use steps")
    if streak.dates and streak.after_last is not AfterLast.STAY:
        yield Problem(f"{path}.streak.after_last", "a calendar of dates has no last step")
    if streak.freeze is not None and streak.freeze.asset not in assets:
        code = streak.freeze.asset
        yield Problem(f"{path}.streak.freeze.asset", f"unknown asset {code!r}{suggest(code, assets)}")


def _first(promo: Promo) -> Benefit:
    return next(each for each in promo.benefits if each.streak is not None)
