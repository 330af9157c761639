"""The days and weeks that check-ins are counted in: numbers of days, their keys, and what is stored of each. No ladder."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from accrual.domain.promos import Period
from accrual.domain.streaks import StreakEvery
from accrual.rules.calendar import period_key

SLOT_DAY = 7
"""The slot of a promo's counters under which its days stand."""

FROZEN = -1
"""The value of a day that was missed and bridged."""

ZONE_SLACK = 2
"""So many days apart the calendars of two zones, and two hours at which the day begins, can be at one moment."""

_WORTH_BITS, _MINUTE_BITS = 31, 14
_MINUTE_BIAS = 1_024
_NUMBER_MAX = 1 << (63 - _WORTH_BITS - _MINUTE_BITS)


class Mark(NamedTuple):
    """What is stored of a day checked in: its number in its run, when in it (minutes from its first UTC midnight), and what
    the ladder said it is worth at best so far. A run's first day is number 1, and any other number says that the day goes on
    from the one before it, whichever calendar said so then.
    """

    number: int
    minute: int
    worth: int

    def packed(self) -> int:
        """As a counter's value, above 0. Raises OverflowError for a number, minute or worth out of bounds."""
        minute = self.minute + _MINUTE_BIAS
        if not (
            0 < self.number < _NUMBER_MAX and 0 <= minute < 1 << _MINUTE_BITS and 0 <= self.worth < 1 << _WORTH_BITS
        ):
            raise OverflowError("a day cannot be stored")
        return (self.number << _MINUTE_BITS | minute) << _WORTH_BITS | self.worth


def unpacked(value: int) -> Mark | None:
    """The mark in a counter's value; None for a day that was not checked in, bridged or not."""
    if value <= 0:
        return None
    head, worth = divmod(value, 1 << _WORTH_BITS)
    number, minute = divmod(head, 1 << _MINUTE_BITS)
    return Mark(number, minute - _MINUTE_BIAS, worth)


@lru_cache(maxsize=65_536)
def day_of(moment: datetime, every: StreakEvery, zone: ZoneInfo, offset: timedelta) -> int:
    """The number of the day, or week, that a moment lies in. Raises OverflowError at the calendar's ends."""
    ordinal = (moment.astimezone(zone).replace(tzinfo=None) - offset).toordinal()
    return ordinal if every is StreakEvery.DAY else (ordinal - 1) // 7


def first_date(day: int, every: StreakEvery) -> date:
    """The date of a day, the Monday of a week. Raises ValueError or OverflowError beyond the calendar's ends."""
    return date.fromordinal(day if every is StreakEvery.DAY else day * 7 + 1)


@lru_cache(maxsize=65_536)
def key_of(day: int, every: StreakEvery) -> int:
    """The period under which a day is stored, as limits' periods are."""
    start = first_date(day, every)
    period = Period.DAY if every is StreakEvery.DAY else Period.WEEK
    return period_key(datetime(start.year, start.month, start.day, tzinfo=UTC), period, _UTC)


def minute_in(moment: datetime, day: int, every: StreakEvery) -> int:
    """Whole minutes from the UTC midnight with which the day's date begins."""
    return (moment - _midnight(day, every)) // _MINUTE


def moment_of(mark: Mark, day: int, every: StreakEvery) -> datetime:
    """When that check-in happened, to the minute."""
    return _midnight(day, every) + mark.minute * _MINUTE


@lru_cache(maxsize=4_096)
def _midnight(day: int, every: StreakEvery) -> datetime:
    start = first_date(day, every)
    return datetime(start.year, start.month, start.day, tzinfo=UTC)


_UTC = ZoneInfo("UTC")
_MINUTE = timedelta(minutes=1)
