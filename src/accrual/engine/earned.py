"""What one member earned, by day, as far back as somebody asked: what levels are decided by. Nothing is judged here."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import msgspec

from accrual.domain.amounts import INT64_MAX
from accrual.engine.draft import Draft
from accrual.rules.ladder import Ladder


class EarnedDays(msgspec.Struct, gc=False):
    """Units of one asset by day of the calendar in one zone, from the day `since` on; earlier ones may be missing.

    The sum of the window asked for last is kept, so that a member who earns often is not summed up each time.
    """

    asset_id: int
    zone: str
    since: int
    _days: dict[int, int] = msgspec.field(default_factory=dict)
    _outside: int = 0
    _last: int = 0
    _sum: int = 0

    def __len__(self) -> int:
        return len(self._days)

    def serves(self, ladder: Ladder, since: int) -> bool:
        """Whether it is about what these levels count, and goes back to this day."""
        return self.asset_id == ladder.asset_id and self.zone == ladder.zone.key and self.since <= since

    def add(self, day: int, units: int, draft: Draft) -> None:
        """So many units more (below 0: fewer) on a day."""
        draft.put(self._days, day, self._days.get(day, 0) + units)
        if self._outside < day <= self._last:
            draft.own(self)._sum += units

    def put(self, days: Iterable[tuple[int, int]]) -> None:
        """Add what was read, as (day, units), outside of any draft."""
        for day, units in days:
            self._days[day] = self._days.get(day, 0) + units
        self._outside = self._last = self._sum = 0

    def within(self, ladder: Ladder, moment: datetime) -> int:
        """What the window that ends with a moment holds, that moment's own day included: 0 .. int64."""
        self._look_at(ladder, ladder.day_of(moment))
        return min(max(0, self._sum), INT64_MAX)

    def with_more(self, ladder: Ladder, moment: datetime, day: int, units: int) -> int:
        """What it would hold with so many units more on a day. Nothing is added."""
        self._look_at(ladder, ladder.day_of(moment))
        counted = units if self._outside < day <= self._last else 0
        return min(max(0, self._sum + counted), INT64_MAX)

    def _look_at(self, ladder: Ladder, last: int) -> None:
        outside = ladder.days_before(last)
        if outside != self._outside or last != self._last:
            held = sum([units for day, units in self._days.items() if outside < day <= last])
            self._outside, self._last, self._sum = outside, last, held

    def items(self, outside: int) -> list[tuple[int, int]]:
        """(day, units) of the days after this one, in order."""
        return sorted((day, units) for day, units in self._days.items() if day > outside and units)
