"""Stretches of time that end at a moment: the last 30 days as of then. No clock, no history."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache

from whenever import Instant

from accrual.rules.calendar import read_duration


@lru_cache(maxsize=65_536)
def before(moment: datetime, duration: str, zone: str) -> datetime:
    """`moment` less an ISO duration on the calendar of `zone`, in UTC: 31 March less P1M is 28 or 29 February.

    Raises Invalid `invalid_date` for what is no duration, ValueError or OverflowError beyond the calendar's first day.
    """
    return Instant(moment).to_tz(zone).subtract(read_duration(duration)).to_stdlib().astimezone(UTC)
