"""Reads every form of date and time that the partners' texts show, into UTC. What a date may be is judged elsewhere."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

from accrual.domain.bounds import OUT_OF_BOUNDS, is_in_bounds
from accrual.domain.errors import Invalid

_WIB = timezone(timedelta(hours=7))
_FORM = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"(?:[Tt ][0-9]{2}([:-])[0-9]{2}\1[0-9]{2}(?:\.([0-9]{1,9}))?"
    r"(?: ?(?:([Zz])|([Ww][Ii][Bb])|([+-])([0-9]{2}):?([0-9]{2})))?)?\Z",
    re.ASCII,
)
_DAY_FIRST = re.compile(r"([0-9]{2})/([0-9]{2})/([0-9]{4})\Z", re.ASCII)
_KNOWN_CHARACTERS_MAX = 40
_KNOWN_TEXTS_MAX = 8192
_EXPECTED = "expected a date such as 2025-03-31T11:22:06, 2025-03-31 11:22:06 or 2025-03-31T04:22:06Z."


def read_date(text: str | None, zone: ZoneInfo) -> datetime | None:
    """The moment in UTC; None for absent or empty text, which means now.

    A time without zone is read in `zone`, a day without time is its midnight there. Fractions are cut to microseconds.
    Raises Invalid `invalid_date`, whose message does not repeat the text.
    """
    if text is None:
        return None
    # Most calls tell of this minute, so the same texts come again and again.
    return _read_again(text, zone) if len(text) <= _KNOWN_CHARACTERS_MAX else _read(text, zone)


def _read(text: str, zone: ZoneInfo) -> datetime | None:
    form = _FORM.match(text)
    if form is None:
        return _read_rare(text.strip(), zone)
    separator, fraction, utc, wib, sign, ahead, minutes_ahead = form.groups()
    if separator is None:
        return _moment(text, 0, zone)
    where = UTC if utc else _WIB if wib else _offset(sign, ahead, minutes_ahead) if sign else zone
    micro = int(fraction[:6].ljust(6, "0")) if fraction else 0
    return _moment(text[:19] if separator == ":" else text[:11] + text[11:19].replace("-", ":"), micro, where)


_read_again = lru_cache(maxsize=_KNOWN_TEXTS_MAX)(_read)


def _read_rare(text: str, zone: ZoneInfo) -> datetime | None:
    if not text:
        return None
    if form := _DAY_FIRST.match(text):
        day, month, year = form.groups()
        return _moment(f"{year}-{month}-{day}", 0, zone)
    if _FORM.match(text):  # it had white space around it
        return _read(text, zone)
    raise Invalid(_EXPECTED, code="invalid_date")


def _offset(sign: str, hours: str, minutes: str) -> timezone:
    if int(hours) > 14 or int(minutes) > 59:
        raise Invalid("has an offset that no zone has.", code="invalid_date")
    ahead = timedelta(hours=int(hours), minutes=int(minutes))
    return timezone(-ahead if sign == "-" else ahead)


def _moment(iso: str, micro: int, where: tzinfo) -> datetime:
    """`iso` is a day, with or without time, that has passed the pattern: what is left to see is whether it exists."""
    try:
        naive = datetime.fromisoformat(iso)
    except ValueError as error:
        raise Invalid("is no day or time of the calendar.", code="invalid_date") from error
    if micro:
        naive = naive.replace(microsecond=micro)
    try:
        moment = datetime.combine(naive, naive.time(), where).astimezone(
            UTC
        )  # replace(tzinfo=) costs five times as much
    except OverflowError as error:  # the first or last day of the calendar, in a zone
        raise Invalid(OUT_OF_BOUNDS, code="invalid_date") from error
    if not is_in_bounds(moment):
        raise Invalid(OUT_OF_BOUNDS, code="invalid_date")
    return moment
