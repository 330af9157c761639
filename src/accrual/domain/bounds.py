"""The earliest and latest moment, and how far ahead anything may lie. Pure arithmetic; every edge asks here."""

from __future__ import annotations

from datetime import UTC, datetime

from accrual.domain.errors import Invalid

FIRST_MOMENT = datetime(1970, 1, 1, tzinfo=UTC)
LAST_MOMENT = datetime(2262, 1, 1, tzinfo=UTC)
"""Nothing happens, begins or ends before the first or after the last; microseconds, nanoseconds and zones all fit."""

YEARS_AHEAD_MAX = 100
"""The longest duration that a client or a programme file may name."""

OUT_OF_BOUNDS = "is before 1970-01-01 or after 2262-01-01 (UTC); send a time between the two."


def is_in_bounds(moment: datetime) -> bool:
    """Whether an aware moment lies between FIRST_MOMENT and LAST_MOMENT, both included."""
    return FIRST_MOMENT <= moment <= LAST_MOMENT


def check_moment(moment: datetime) -> datetime:
    """The aware moment itself. Raises Invalid `invalid_date` when it is out of bounds."""
    if is_in_bounds(moment):
        return moment
    raise Invalid(f"The date {OUT_OF_BOUNDS}", code="invalid_date")


def clamp_moment(moment: datetime) -> datetime:
    """The aware moment, or the bound beyond which it lies."""
    return min(max(moment, FIRST_MOMENT), LAST_MOMENT)
