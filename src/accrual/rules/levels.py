"""Moving along the ladder: up at once, down at the end of a period, by hand. Values in, values out; nothing is kept."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec

from accrual.domain.members import STEPS_MAX, LevelBy, LevelStep, MemberProfile
from accrual.domain.outcomes import TierChange
from accrual.rules.ladder import Ladder, tier_at

ALWAYS = datetime(1970, 1, 1, tzinfo=UTC)
"""Since when the oldest step that is known was in force: as far back as anybody asks."""


LAST_MOMENT = datetime.resolution
"""How far before the end of a period its last moment lies."""

EarnedUntil = Callable[[datetime], int]
"""What the window holds that ends with a moment."""

PERIODS_AHEAD_MAX = 400


class Moved(NamedTuple):
    """A profile at its new level, and what is told of that."""

    profile: MemberProfile
    change: TierChange


class Standing(NamedTuple):
    """Where a member stands: the place of their level, what the window holds, what the next level asks for.

    `missing` and `following` are None at the top. `safe_until` is before when no review lowers them, None: never one.
    """

    place: int
    earned: int
    following: int | None
    missing: int | None
    by_hand: bool
    since: datetime | None
    safe_until: datetime | None


def stepped(profile: MemberProfile, step: LevelStep) -> MemberProfile:
    """The profile after one more step; what it had before is remembered as its first step where there is none."""
    known = profile.steps
    if not known and profile.tier is not None:
        known = (LevelStep(profile.tier, ALWAYS, LevelBy.HAND),)
    steps = (step, *known)
    if len(steps) > STEPS_MAX:
        last = steps[STEPS_MAX - 1]
        steps = (*steps[: STEPS_MAX - 1], msgspec.structs.replace(last, since=ALWAYS))
    return msgspec.structs.replace(profile, tier=step.code, steps=steps)


def risen(
    ladder: Ladder, profile: MemberProfile, earned: int, now: datetime, by: LevelBy = LevelBy.EARNED
) -> Moved | None:
    """Up at once: to the highest level that the window ending now reaches; None where that is no higher one."""
    reached = ladder.reached(earned)
    return moved(ladder, profile, reached, now, by, earned) if reached > ladder.place_of(profile.tier) else None


def moved(
    ladder: Ladder,
    profile: MemberProfile,
    place: int,
    now: datetime,
    by: LevelBy,
    earned: int,
    period_end: datetime | None = None,
) -> Moved:
    """To another place, from now on."""
    before = ladder.levels[ladder.place_of(profile.tier)].code
    level = ladder.levels[place]
    change = TierChange(before, level.code, by, earned, level.threshold)
    return Moved(stepped(profile, LevelStep(level.code, now, by, period_end)), change)


def reviewed(
    ladder: Ladder, profile: MemberProfile, earned: EarnedUntil, until: datetime, now: datetime
) -> Moved | None:
    """Down by one level where the newest period whose grace is over by `until` asks for it; None where it does not.

    A level set by hand stays. So does one reached within that very period, until its window is over. What the level asks
    for may have been earned in the window that ends with the period, or since, within the grace.
    """
    place = ladder.place_of(profile.tier)
    period_end = ladder.period_due(until)
    if place == 0 or period_end is None or not _may_fall(ladder, profile, period_end):
        return None
    at_end = earned(_last_moment(period_end))
    threshold = ladder.levels[place].threshold
    if max(at_end, earned(max(until, now))) >= threshold:
        return None
    return moved(ladder, profile, place - 1, now, LevelBy.REVIEW, at_end, period_end)


def _may_fall(ladder: Ladder, profile: MemberProfile, period_end: datetime) -> bool:
    """Whether the end of a period can lower this member at all."""
    if not profile.steps:
        return False  # set before levels were kept with their history: by hand
    newest = profile.steps[0]
    if newest.by is LevelBy.HAND:
        return False
    if any(step.by is LevelBy.REVIEW and (step.period_end or ALWAYS) >= period_end for step in profile.steps):
        return False
    if newest.by is LevelBy.REVIEW:
        return True
    if newest.since >= period_end:
        return False
    rose_within = newest.since >= ladder.period_start(_last_moment(period_end))
    return not (rose_within and ladder.window_before(_last_moment(period_end)) < ladder.day_of(newest.since))


def _last_moment(period_end: datetime) -> datetime:
    """A period ends before its end: that moment is the next one's."""
    return period_end - LAST_MOMENT


def standing(ladder: Ladder, profile: MemberProfile, earned: int, now: datetime) -> Standing:
    """Where a member stands now, with what the window that ends now holds."""
    place = ladder.place_of(profile.tier)
    following = place + 1 if place + 1 < len(ladder.levels) else None
    missing = None if following is None else max(0, ladder.levels[following].threshold - earned)
    newest = profile.steps[0] if profile.steps else None
    by_hand = profile.tier is not None and (newest is None or newest.by is LevelBy.HAND)
    since = newest.since if newest is not None and newest.since > ALWAYS else None
    return Standing(place, earned, following, missing, by_hand, since, _safe_until(ladder, profile, place, now))


def _safe_until(ladder: Ladder, profile: MemberProfile, place: int, now: datetime) -> datetime | None:
    """When a review may next lower the level; periods that cannot are passed over."""
    due = ladder.period_due(now)
    if place == 0 or due is None or not profile.steps or profile.steps[0].by is LevelBy.HAND:
        return None
    period_end = ladder.period_after(due)
    for _ in range(PERIODS_AHEAD_MAX):
        if _may_fall(ladder, profile, period_end):
            break
        period_end = ladder.period_after(period_end)
    return ladder.due_at(period_end)


def tier_said(ladder: Ladder | None, profile: MemberProfile, moment: datetime) -> str:
    """The tier at a moment as conditions see it: with levels always one of them, else as it was set, empty for none."""
    if ladder is None:
        return tier_at(profile, moment) or ""
    return ladder.levels[ladder.place_at(profile, moment)].code
