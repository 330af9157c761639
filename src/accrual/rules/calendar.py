"""Calendar arithmetic of promos: instants as written, periods of limits, activation and expiry. No clock."""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from whenever import Instant, ItemizedDelta

from accrual.domain.bounds import FIRST_MOMENT, LAST_MOMENT, YEARS_AHEAD_MAX, check_moment, clamp_moment
from accrual.domain.errors import Invalid
from accrual.domain.promos import Period

_PERIOD_STEP = 100_000_000
ENDS = ("end_of_day", "end_of_month", "end_of_year")


def read_instant(text: str, zone: str) -> datetime:
    """An instant in UTC from ISO 8601 text; a time without offset is read in `zone`.

    Raises Invalid `invalid_date` when it is not a time, or is before 1970 or after 2262-01-01.
    """
    try:
        return check_moment(_read(text, zone))
    except OverflowError as error:
        raise Invalid(f"{text!r} is not a date and time that the calendar has.", code="invalid_date") from error


def read_stored_instant(text: str, zone: str) -> datetime:
    """As `read_instant`, of a document that was saved under wider bounds: what lies beyond them is the bound itself."""
    try:
        return clamp_moment(_read(text, zone))
    except OverflowError:
        return LAST_MOMENT if text[:2] == "99" else FIRST_MOMENT


def _read(text: str, zone: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise Invalid(f"{text!r} is not a date and time such as 2026-11-25T00:00.", code="invalid_date") from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=ZoneInfo(zone))
    return moment.astimezone(UTC)


@lru_cache(maxsize=4_096)
def period_key(moment: datetime, every: Period, zone: ZoneInfo) -> int:
    """A number for the stretch of calendar in which `moment` lies, in `zone`; weeks are ISO weeks. Stored, never renumber.

    The first digit is the kind of period, the rest the date: day 1_2024_04_30, week 2_2024_00_18, month 3_2024_04_00.
    """
    if every is Period.EVER:
        return 5 * _PERIOD_STEP
    local = moment.astimezone(zone)
    if every is Period.DAY:
        return _PERIOD_STEP + local.year * 10_000 + local.month * 100 + local.day
    if every is Period.WEEK:
        year, week, _ = local.isocalendar()
        return 2 * _PERIOD_STEP + year * 10_000 + week
    if every is Period.MONTH:
        return 3 * _PERIOD_STEP + local.year * 10_000 + local.month * 100
    return 4 * _PERIOD_STEP + local.year * 10_000


@lru_cache(maxsize=256)
def read_duration(text: str) -> ItemizedDelta:
    """An ISO 8601 duration such as `P12M` or `PT36H`. Raises Invalid `invalid_date` when malformed or negative."""
    try:
        duration = ItemizedDelta.parse_iso(text)
    except ValueError as error:
        raise Invalid(f"{text!r} is not a duration such as P12M or P30D.", code="invalid_date") from error
    if duration.sign() < 0:
        raise Invalid(f"{text!r} is negative.", code="invalid_date")
    return duration


@lru_cache(maxsize=65_536)
def after(moment: datetime, duration: str, zone: str) -> datetime:
    """`moment` plus an ISO duration on the calendar of `zone`: month ends clamp (31 Jan + P1M = 28 or 29 Feb).

    What would lie after LAST_MOMENT is LAST_MOMENT.
    """
    try:
        return min(Instant(moment).to_tz(zone).add(read_duration(duration)).to_instant().to_stdlib(), LAST_MOMENT)
    except (ValueError, OverflowError):  # beyond the calendar's last year
        return LAST_MOMENT


@lru_cache(maxsize=256)
def is_too_long(duration: str) -> bool:
    """Whether an ISO duration is longer than YEARS_AHEAD_MAX years. Raises Invalid `invalid_date` when it is none."""
    read_duration(duration)
    start = datetime(2001, 1, 1, tzinfo=UTC)
    return after(start, duration, "UTC") > start.replace(year=start.year + YEARS_AHEAD_MAX)


def expiry(active_at: datetime, rule: str, zone: str) -> datetime:
    """When a lot activated at `active_at` expires: an ISO duration after, or the end (inclusive) of its day, month, year."""
    if rule not in ENDS:
        return after(active_at, rule, zone)
    local = active_at.astimezone(ZoneInfo(zone))
    if rule == "end_of_day":
        return _day_after(local.year, local.month, local.day, zone)
    return _day_after(local.year, local.month if rule == "end_of_month" else 12, 31, zone)


@lru_cache(maxsize=1_024)
def _day_after(year: int, month: int, day: int, zone: str) -> datetime:
    """When the day after this one begins, in UTC; a 31st that a month has not is its last day."""
    last = datetime(year, month, min(day, monthrange(year, month)[1]), tzinfo=ZoneInfo(zone))
    return (last + timedelta(days=1)).astimezone(UTC)


def last_day(expires_at: datetime, zone: str) -> date:
    """The last day, in `zone`, on which a lot that expires then can be spent: for one that ends with a day, that day."""
    return (expires_at - timedelta(microseconds=1)).astimezone(ZoneInfo(zone)).date()
