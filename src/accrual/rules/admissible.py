"""Whether a moment that a client names may be taken at all: not too old, not ahead of now. No promo is looked at."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from functools import lru_cache

from whenever import Instant

from accrual.domain.bounds import FIRST_MOMENT
from accrual.domain.errors import Invalid
from accrual.rules.calendar import read_duration

AHEAD_MAX = timedelta(minutes=5)
"""How far a client's clock may be ahead of ours."""


def check_occurred_at(occurred_at: datetime | None, now: datetime, late_limit: str | None) -> None:
    """Raises Invalid `date_out_of_range` when `occurred_at` is over 5 minutes ahead of `now` or older than `late_limit`.

    Both times are aware. `late_limit` is an ISO 8601 duration, counted back on the calendar in UTC (31 March less P1M
    is 28 or 29 February); None sets no limit. `occurred_at` None is now, and always good.
    """
    if occurred_at is None:
        return
    earliest, latest = admissible_span(now, late_limit)
    if occurred_at > latest:
        raise Invalid("The date is more than 5 minutes ahead.", code="date_out_of_range")
    if occurred_at < earliest:
        limit = "1970-01-01" if late_limit is None else late_limit
        raise Invalid(f"The date is older than {limit}.", code="date_out_of_range")


def admissible_span(now: datetime, late_limit: str | None) -> tuple[datetime, datetime]:
    """The first and the last moment that `check_occurred_at` lets pass, for callers with many moments to look at."""
    latest = now + AHEAD_MAX
    if late_limit is None:
        return FIRST_MOMENT, latest
    now = now.astimezone(UTC)
    midnight = datetime.combine(now, time.min, UTC)
    # UTC has no hour that is skipped or repeated: what is counted back is the same all day long.
    return max(_earliest(midnight, late_limit) + (now - midnight), FIRST_MOMENT), latest


@lru_cache(maxsize=64)
def _earliest(midnight: datetime, late_limit: str) -> datetime:
    try:
        return Instant(midnight).to_tz("UTC").subtract(read_duration(late_limit)).to_stdlib().astimezone(UTC)
    except (ValueError, OverflowError):  # a limit that reaches back before the calendar's first day
        return FIRST_MOMENT - timedelta(days=1)
