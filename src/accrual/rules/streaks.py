"""Counts a check-in: which day it is, which run it goes on with, what that makes it and later days worth. A pure function."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Set
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from accrual.domain.promos import Benefit
from accrual.domain.streaks import AfterLast, Streak, StreakEvery
from accrual.rules.streak_days import (
    FROZEN,
    SLOT_DAY,
    ZONE_SLACK,
    Mark,
    day_of,
    first_date,
    key_of,
    minute_in,
    moment_of,
    unpacked,
)

DayKey = tuple[int, int, int]
"""(promo_id, SLOT_DAY, period) of a member's day."""


class Rung(msgspec.Struct, frozen=True, kw_only=True):
    """What days are worth by one version of a promo."""

    every: StreakEvery
    steps: tuple[tuple[int, int], ...]
    dates: Mapping[int, int]
    after_last: AfterLast

    def place(self, number: int) -> int:
        """Where the day of this number in its run stands on the ladder, from 1."""
        last = self.steps[-1][0] if self.steps else number
        if number <= last:
            return number
        return last if self.after_last is AfterLast.STAY else (number - 1) % last + 1

    def shown(self, number: int) -> int:
        """The day of the streak as people are told it."""
        return self.place(number) if self.after_last is AfterLast.RESTART else number

    def worth(self, number: int, day: int) -> int:
        """Units for a day of this number in its run."""
        if self.dates:
            return self.dates.get(first_date(day, self.every).day, 0)
        place = self.place(number)
        return next((give for start, give in reversed(self.steps) if start <= place), 0)


class CompiledStreak(msgspec.Struct, frozen=True, kw_only=True):
    """A promo version's streak. `freeze_id` None: nothing bridges a missed day; `offset` is when the day begins."""

    promo_id: int
    rung: Rung
    zone: ZoneInfo
    offset: timedelta
    make_up: int
    freeze_id: int | None
    in_a_row: int

    def day(self, moment: datetime) -> int:
        """The day, or week, of a moment. Raises OverflowError at the calendar's ends."""
        return day_of(moment, self.rung.every, self.zone, self.offset)

    def key(self, day: int) -> DayKey:
        """The counter of a day."""
        return self.promo_id, SLOT_DAY, key_of(day, self.rung.every)

    def keys(self, moment: datetime, now: datetime) -> Iterator[DayKey]:
        """The counters that a check-in of this moment may look at. Raises OverflowError at the calendar's ends."""
        day, today = self.day(moment), self.day(now)
        if today - day > self.make_up:
            return
        for each in range(day - self.in_a_row - 1 - ZONE_SLACK, max(day + self.in_a_row + 1, today) + ZONE_SLACK + 1):
            yield self.key(each)


class Counted(NamedTuple):
    """A check-in that counts. `number` is the day of the streak, `frozen` are missed days that were bridged for it, `raised`
    (day, number, units more) later days that are worth more now; `changes` the counters that it changes.
    """

    day: int
    number: int
    worth: int
    frozen: tuple[int, ...]
    raised: tuple[tuple[int, int, int], ...]
    changes: dict[DayKey, int]

    @property
    def units(self) -> int:
        """For this day and for the later ones together."""
        return self.worth + sum([more for _, _, more in self.raised])


class Days:
    """A member's days in one promo, as far as a check-in looks at them; what it changes is seen at once."""

    def __init__(self, streak: CompiledStreak, value: Callable[[DayKey], int], moment: datetime, now: datetime) -> None:
        self._streak = streak
        self._value = value
        self._moment = moment
        self.day = streak.day(moment)
        self.last = max(self.day + streak.in_a_row + 1, streak.day(now)) + ZONE_SLACK
        self._first = self.day - streak.in_a_row - 1 - ZONE_SLACK
        self.changes: dict[DayKey, int] = {}

    def of(self, day: int) -> int:
        """What is stored of a day."""
        key = self._streak.key(day)
        return self.changes[key] if key in self.changes else self._value(key)

    def put(self, day: int, value: int) -> None:
        """Store it."""
        self.changes[self._streak.key(day)] = value

    def checked(self) -> tuple[frozenset[int], frozenset[int]]:
        """The days that check-ins around this one stand for, and those under which they are stored: a check-in stands for the
        day that it was counted on and, after a change of zone, for all up to the one that it would be counted on today.
        """
        streak = self._streak
        stands: set[int] = set()
        stored: set[int] = set()
        for day in range(self._first, self.day + streak.in_a_row + ZONE_SLACK + 2):
            mark = unpacked(self.of(day))
            if mark is not None:
                today = streak.day(moment_of(mark, day, streak.rung.every))
                stands.update(range(min(day, today), max(day, today) + 1))
                stored.add(day)
        return frozenset(stands), frozenset(stored)

    def gap(self, step: int, stands: Set[int], stored: Set[int]) -> tuple[int, list[int]] | None:
        """The next day checked in before (-1) or behind (1) this one, and the days missed between; None beyond what can be
        bridged. A day bridged before takes its place in the row, and no freeze any more.
        """
        missed: list[int] = []
        day = self.day + step
        for _ in range(self._streak.in_a_row + 1):
            if day in stands:
                beyond = [each for each in stored if (each - self.day) * step > 0]
                return (min(beyond) if step > 0 else max(beyond)), missed
            if self.of(day) != FROZEN:
                missed.append(day)
            day += step
        return None


RungAt = Callable[[datetime], Rung | None]
"""What days of a moment are worth, by the version that holds for it; None where none gives."""


def already_counted(streak: CompiledStreak, moment: datetime, now: datetime, value: Callable[[DayKey], int]) -> bool:
    """Whether the day of this moment has its check-in, or is too long ago to be looked at. Raises OverflowError."""
    days = Days(streak, value, moment, now)
    return streak.day(now) - days.day > streak.make_up or days.day in days.checked()[0]


def count(
    streak: CompiledStreak,
    moment: datetime,
    now: datetime,
    value: Callable[[DayKey], int],
    freezes: Callable[[], int],
    rung_at: RungAt,
) -> Counted | str:
    """What a check-in of this moment counts as, or the code of why it does not; `freezes` are at hand.

    Raises OverflowError at the calendar's ends.
    """
    days = Days(streak, value, moment, now)
    day, every = days.day, streak.rung.every
    if streak.day(now) - day > streak.make_up:
        return "check_in_too_late"
    stands, stored = days.checked()
    if day in stands:
        return "already_checked_in"
    minute = minute_in(moment, day, every)
    frozen: list[int] = []
    after = min([each for each in stored if each > day], default=None)
    following = None if after is None else unpacked(days.of(after))
    shift = 0
    if following is not None and following.number > 1:
        number, shift = following.number, 1  # it stands in the midst of a run that went on without it
    else:
        before, behind = days.gap(-1, stands, stored), days.gap(1, stands, stored)
        number = 1 + _joined(days, before, frozen, freezes)
        if behind is not None and _bridge(behind[1], frozen, freezes):
            shift = number
    for each in frozen:
        days.put(each, FROZEN)
    worth = streak.rung.worth(number, day)
    days.put(day, Mark(number, minute, worth).packed())
    raised = () if not shift or after is None else tuple(_shift(streak, days, after, shift, rung_at))
    return Counted(day, streak.rung.shown(number), worth, tuple(sorted(frozen)), raised, days.changes)


def _joined(days: Days, before: tuple[int, list[int]] | None, frozen: list[int], freezes: Callable[[], int]) -> int:
    """The number of the day that this one goes on from; 0: it begins anew."""
    if before is None or not _bridge(before[1], frozen, freezes):
        return 0
    mark = unpacked(days.of(before[0]))
    return 0 if mark is None else mark.number


def _bridge(missed: list[int], frozen: list[int], freezes: Callable[[], int]) -> bool:
    if missed and freezes() < len(frozen) + len(missed):
        return False
    frozen.extend(missed)
    return True


def _shift(
    streak: CompiledStreak, days: Days, start: int, shift: int, rung_at: RungAt
) -> Iterator[tuple[int, int, int]]:
    """The run that begins, or goes on, with the day `start` comes so many days later in its streak; what that raises."""
    every = streak.rung.every
    for day in range(start, days.last + 1):
        mark = unpacked(days.of(day))
        if mark is None:
            continue
        if day != start and mark.number == 1:
            return
        number, worth = mark.number + shift, mark.worth
        rung = rung_at(moment_of(mark, day, every))
        if rung is not None and rung.every is every and rung.worth(number, day) > worth:
            worth = rung.worth(number, day)
            yield day, rung.shown(number), worth - mark.worth
        days.put(day, Mark(number, mark.minute, worth).packed())


def told(streak: CompiledStreak, counted: Counted) -> dict[str, Any]:
    """What an outcome tells of a check-in that counted."""
    every = streak.rung.every
    said: dict[str, Any] = {"day": _written(counted.day, every), "streak": counted.number, "units": counted.worth}
    if counted.frozen:
        said["frozen"] = [_written(day, every) for day in counted.frozen]
    if counted.raised:
        said["raised"] = [[_written(day, every), number, more] for day, number, more in counted.raised]
    return said


def written_day(streak: CompiledStreak, day: int) -> str:
    """A day as outcomes tell it: `2026-03-02`, of a week `2026-W10`."""
    return _written(day, streak.rung.every)


def _written(day: int, every: StreakEvery) -> str:
    start = first_date(day, every)
    if every is StreakEvery.DAY:
        return start.isoformat()
    year, week, _ = start.isocalendar()
    return f"{year}-W{week:02}"


def compile_streak(benefit: Benefit, promo_id: int, zone: ZoneInfo, assets: Mapping[str, int]) -> CompiledStreak | None:
    """The streak of a benefit of this kind. Raises ValueError for one that the check on saving would have refused."""
    written: Streak | None = benefit.streak
    if written is None:
        return None
    hours, minutes = written.day_offset.split(":")
    freeze = written.freeze
    return CompiledStreak(
        promo_id=promo_id,
        rung=Rung(
            every=written.every,
            steps=tuple(sorted(written.steps.items())),
            dates=dict(written.dates),
            after_last=written.after_last,
        ),
        zone=zone,
        offset=timedelta(hours=int(hours), minutes=int(minutes)),
        make_up=written.make_up,
        freeze_id=None if freeze is None else assets[freeze.asset],
        in_a_row=0 if freeze is None else freeze.in_a_row,
    )
