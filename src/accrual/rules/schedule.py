"""Days, hours and dates on which a promo is open, in its zone. Pure calendar; the window's ends are judged elsewhere."""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec

from accrual.domain.errors import Invalid
from accrual.domain.promos import WeekDay, Window

MINUTES_A_DAY = 24 * 60
_SPAN = re.compile(r"([0-2]\d):([0-5]\d)-([0-2]\d):([0-5]\d)\Z", re.ASCII)
_FULL = re.compile(r"\d{4}-\d{2}-\d{2}\Z", re.ASCII)
_YEARLY = re.compile(r"(\d{2})-(\d{2})\Z", re.ASCII)
_MONTHLY = re.compile(r"\d{1,2}\Z", re.ASCII)
_WEEK_DAYS = tuple(WeekDay)
_LEAP_YEAR = 2024


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """Compiled days, hours and dates; empty ones bound nothing. Spans are minutes of the day, end exclusive."""

    zone: ZoneInfo
    week_days: frozenset[int]
    spans: tuple[tuple[int, int], ...]
    full: frozenset[str]
    yearly: frozenset[str]
    monthly: frozenset[int]
    last: bool
    birthday: bool

    def closed_by(self, moment: datetime, birthday: str | None) -> str | None:
        """Why the promo is not open at this moment: `wrong_day`, `wrong_hour`, `wrong_date`, or None when it is.

        `birthday` is the member's, `YYYY-MM-DD` or `MM-DD`. One on 29 February is kept on the 28th of other years.
        """
        local = moment.astimezone(self.zone)
        if self.week_days and local.weekday() not in self.week_days:
            return "wrong_day"
        if self.spans and not self._within(local.hour * 60 + local.minute):
            return "wrong_hour"
        dated = self.full or self.yearly or self.monthly or self.last or self.birthday
        if dated and not self._on_date(local, birthday):
            return "wrong_date"
        return None

    def birthdays_on(self, moment: datetime) -> frozenset[str]:
        """The birthdays, `MM-DD`, that are kept on the day of this moment: two on 28 February of most years."""
        local = moment.astimezone(self.zone)
        day = f"{local.month:02}-{local.day:02}"
        if day == "02-28" and monthrange(local.year, 2)[1] == 28:
            return frozenset((day, "02-29"))
        return frozenset((day,))

    def _within(self, minute: int) -> bool:
        return any(
            start <= minute < end if start < end else minute >= start or minute < end for start, end in self.spans
        )

    def _on_date(self, local: datetime, birthday: str | None) -> bool:
        day = f"{local.month:02}-{local.day:02}"  # strftime takes five times as long, for every promo and fact
        if day in self.yearly or local.day in self.monthly or f"{local.year:04}-{day}" in self.full:
            return True
        if self.last and local.day == monthrange(local.year, local.month)[1]:
            return True
        return self.birthday and birthday is not None and birthday[-5:] in self.birthdays_on(local)


def compile_schedule(window: Window, zone: ZoneInfo) -> Schedule | None:
    """The schedule of a window, None when it names neither days, hours nor dates. Raises Invalid `invalid_date`."""
    if not (window.days or window.hours or window.dates):
        return None
    full, yearly, monthly, last, birthday = set(), set(), set(), False, False
    for text in window.dates:
        if text == "birthday":
            birthday = True
        elif text == "last":
            last = True
        elif _FULL.match(text):
            full.add(_real_date(text))
        elif _YEARLY.match(text):
            yearly.add(_real_date(f"{_LEAP_YEAR}-{text}")[5:])
        elif _MONTHLY.match(text) and 1 <= int(text) <= 31:
            monthly.add(int(text))
        else:
            raise Invalid(
                f"{text!r} is none of 2026-11-11, 12-25, 25, last, birthday.",
                code="invalid_date",
                details={"date": text},
            )
    return Schedule(
        zone=zone,
        week_days=frozenset(_WEEK_DAYS.index(day) for day in window.days),
        spans=tuple(read_span(text) for text in window.hours),
        full=frozenset(full),
        yearly=frozenset(yearly),
        monthly=frozenset(monthly),
        last=last,
        birthday=birthday,
    )


def read_span(text: str) -> tuple[int, int]:
    """`10:00-22:00` as minutes of the day, end exclusive; `22:00-02:00` goes past midnight. Raises Invalid."""
    match = _SPAN.match(text.replace(" ", ""))
    if match is None:
        raise Invalid(f"{text!r} is not a span of hours such as 10:00-22:00.", code="invalid_date")
    hour, minute, end_hour, end_minute = map(int, match.groups())
    start, end = hour * 60 + minute, end_hour * 60 + end_minute
    if start >= MINUTES_A_DAY or end > MINUTES_A_DAY or start == end:
        raise Invalid(f"{text!r} is not a span of hours within a day.", code="invalid_date")
    return start, end


def _real_date(text: str) -> str:
    try:
        datetime.fromisoformat(text)
    except ValueError as error:
        raise Invalid(f"{text!r} is not a date.", code="invalid_date") from error
    return text
