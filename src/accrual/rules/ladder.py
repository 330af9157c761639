"""The levels of a programme, ready to judge: which one is in force, how far a window goes, where periods end. No state."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import msgspec

from accrual.domain.amounts import Ratio, read_ratio
from accrual.domain.members import LevelStep, MemberProfile
from accrual.domain.programme import Settings
from accrual.domain.promos import Period
from accrual.domain.tiers import Level
from accrual.rules.calendar import after
from accrual.rules.periods import before


class Ladder(msgspec.Struct, frozen=True, kw_only=True):
    """Levels, lowest first; a place is a number of one, from 0. `earns` are their exact factors.

    Days are of the calendar in `zone`, as numbers (date.toordinal). `places` are the places by code, `climbs` whether there
    is more than one level: else nothing that is earned changes any member's.
    """

    asset_id: int
    levels: tuple[Level, ...]
    earns: tuple[Ratio, ...]
    window: str
    period: Period
    grace: str
    zone: ZoneInfo
    places: dict[str | None, int]
    climbs: bool

    def place_of(self, code: str | None) -> int:
        """Where a level stands; the lowest for none, and for one that the programme has no more."""
        return self.places.get(code, 0)

    def place_at(self, profile: MemberProfile, moment: datetime) -> int:
        """The level that was in force at a moment."""
        return self.place_of(tier_at(profile, moment))

    def reached(self, units: int) -> int:
        """The highest level whose threshold so many units reach."""
        reached = 0
        for place, level in enumerate(self.levels):
            if level.threshold <= units:
                reached = place
        return reached

    def day_of(self, moment: datetime) -> int:
        """The day on which a moment lies."""
        return moment.astimezone(self.zone).toordinal()

    def start_of(self, day: int) -> datetime:
        """The first moment of a day."""
        first = date.fromordinal(day)
        return datetime(first.year, first.month, first.day, tzinfo=self.zone).astimezone(UTC)

    def window_before(self, moment: datetime) -> int:
        """The last day before the window that ends with this moment: what was earned on it does not count any more."""
        return _days_before(self.day_of(moment), self.window)

    def days_before(self, day: int) -> int:
        """The last day before the window that ends with this day."""
        return _days_before(day, self.window)

    def period_start(self, moment: datetime) -> datetime:
        """When the period began in which a moment lies, which is when the one before it ended."""
        local = moment.astimezone(self.zone).date()
        if self.period is Period.WEEK:
            local -= timedelta(days=local.weekday())
        elif self.period is Period.MONTH:
            local = local.replace(day=1)
        elif self.period is Period.YEAR:
            local = local.replace(month=1, day=1)
        return self.start_of(local.toordinal())

    def period_after(self, moment: datetime) -> datetime:
        """When the period ends in which a moment lies."""
        start = self.period_start(moment)
        spans = {Period.DAY: "P1D", Period.WEEK: "P1W", Period.MONTH: "P1M", Period.YEAR: "P1Y"}
        return self.period_start(after(start, spans[self.period], self.zone.key) + timedelta(hours=12))

    def due_at(self, period_end: datetime) -> datetime:
        """From when on members are lowered for what a period lacked: its end and the grace."""
        return after(period_end, self.grace, self.zone.key)

    def period_due(self, until: datetime) -> datetime | None:
        """The end of the newest period whose grace is over by a moment; None where levels never fall."""
        if self.period is Period.EVER:
            return None
        end = self.period_start(before(until, self.grace, self.zone.key))
        while (following := self.period_after(end)) <= until and self.due_at(following) <= until:
            end = following
        while self.due_at(end) > until:
            end = self.period_start(end - timedelta(hours=12))
        return end


@lru_cache(maxsize=4_096)
def _days_before(day: int, window: str) -> int:
    """The day that lies a window before another; of months without such a day the last one."""
    noon = datetime.combine(date.fromordinal(day), time(12), UTC)
    return before(noon, window, "UTC").date().toordinal()


def compile_ladder(settings: Settings, assets: Mapping[str, int]) -> Ladder | None:
    """The programme's levels, None where it has none. Raises Invalid, KeyError where the check would have found fault."""
    tiers = settings.tiers
    if tiers is None:
        return None
    return Ladder(
        asset_id=assets[tiers.asset],
        levels=tiers.levels,
        earns=tuple(read_ratio(level.earn) for level in tiers.levels),
        window=tiers.window,
        period=tiers.period,
        grace=tiers.grace,
        zone=ZoneInfo(settings.time_zone),
        places={level.code: place for place, level in enumerate(tiers.levels)},
        climbs=len(tiers.levels) > 1,
    )


def tier_at(profile: MemberProfile, moment: datetime) -> str | None:
    """The tier that a profile had at a moment, as far as its steps go back; without steps the one it has."""
    steps: tuple[LevelStep, ...] = profile.steps
    if not steps:
        return profile.tier
    return next((step.code for step in steps if step.since <= moment), None)
