"""Calendar arithmetic: periods in zones, ISO weeks at year ends, clamped months, inclusive ends, days of 23 and 25 hours."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accrual.domain.errors import Invalid
from accrual.domain.promos import Period
from accrual.rules.calendar import after, expiry, period_key, read_duration, read_instant

JAKARTA = "Asia/Jakarta"
BERLIN = "Europe/Berlin"
MOMENTS = st.integers(0, 4_102_444_800).map(lambda second: datetime.fromtimestamp(second, UTC))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("moment", "every", "zone", "key"),
    [
        ("2024-04-30T16:59:59", Period.DAY, JAKARTA, 1_2024_04_30),
        ("2024-04-30T17:00:00", Period.DAY, JAKARTA, 1_2024_05_01),
        ("2024-04-30T17:00:00", Period.DAY, "UTC", 1_2024_04_30),
        ("2024-04-30T17:00:00", Period.MONTH, JAKARTA, 3_2024_05_00),
        ("2024-12-31T17:00:00", Period.YEAR, JAKARTA, 4_2025_00_00),
        ("2024-12-31T16:59:59", Period.YEAR, JAKARTA, 4_2024_00_00),
        ("2024-12-30T00:00:00", Period.WEEK, "UTC", 2_2025_00_01),  # Monday: already week 1 of 2025
        ("2024-12-29T23:59:59", Period.WEEK, "UTC", 2_2024_00_52),
        ("2021-01-03T12:00:00", Period.WEEK, "UTC", 2_2020_00_53),  # Sunday: still week 53 of 2020
        ("2021-01-03T17:00:00", Period.WEEK, JAKARTA, 2_2021_00_01),
        ("1970-01-01T00:00:00", Period.EVER, JAKARTA, 5_0000_00_00),
        ("2999-01-01T00:00:00", Period.EVER, "UTC", 5_0000_00_00),
    ],
)
def test_period_is_that_of_the_zones_calendar(moment: str, every: Period, zone: str, key: int) -> None:
    assert period_key(utc(moment), every, ZoneInfo(zone)) == key


def test_both_halves_of_a_long_day_are_one_day() -> None:
    """On 27 October 2024 Berlin has 25 hours: 22:00 UTC the day before until 23:00 UTC."""
    zone = ZoneInfo(BERLIN)
    keys = {period_key(utc("2024-10-26T22:00:00") + timedelta(hours=n), Period.DAY, zone) for n in range(25)}
    assert keys == {1_2024_10_27}
    assert period_key(utc("2024-10-27T23:00:00"), Period.DAY, zone) == 1_2024_10_28


@given(
    MOMENTS,
    MOMENTS,
    st.sampled_from([Period.DAY, Period.WEEK, Period.MONTH, Period.YEAR]),
    st.sampled_from([JAKARTA, BERLIN, "America/Sao_Paulo", "Pacific/Kiritimati", "Asia/Kathmandu"]),
)
def test_periods_never_run_backwards_and_fit_their_column(
    one: datetime, two: datetime, every: Period, zone: str
) -> None:
    first, last = sorted((one, two))
    keys = period_key(first, every, ZoneInfo(zone)), period_key(last, every, ZoneInfo(zone))
    assert keys[0] <= keys[1] < 2**31


@pytest.mark.parametrize(
    ("text", "zone", "moment"),
    [
        ("2026-11-25T00:00", JAKARTA, "2026-11-24T17:00:00"),
        ("2026-11-25", JAKARTA, "2026-11-24T17:00:00"),
        ("2026-11-25T00:00Z", JAKARTA, "2026-11-25T00:00:00"),
        ("2026-11-25T00:00+09:00", JAKARTA, "2026-11-24T15:00:00"),
        ("2024-03-31T02:30", BERLIN, "2024-03-31T01:30:00"),  # a time that the clocks jump over
        ("2024-10-27T02:30", BERLIN, "2024-10-27T00:30:00"),  # a time that comes twice: the first
    ],
)
def test_time_without_offset_is_read_in_the_zone(text: str, zone: str, moment: str) -> None:
    assert read_instant(text, zone) == utc(moment)


@pytest.mark.parametrize("text", ["", "tomorrow", "2026-13-01", "2026-02-30", "25/11/2026"])
def test_text_that_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(Invalid) as caught:
        read_instant(text, JAKARTA)
    assert caught.value.code == "invalid_date"


@pytest.mark.parametrize("text", ["", "12 months", "-P1D", "P", "1D"])
def test_text_that_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(Invalid) as caught:
        read_duration(text)
    assert caught.value.code == "invalid_date"


@pytest.mark.parametrize(
    ("moment", "duration", "zone", "expected"),
    [
        ("2023-01-31T05:00:00", "P1M", JAKARTA, "2023-02-28T05:00:00"),
        ("2024-01-31T05:00:00", "P1M", JAKARTA, "2024-02-29T05:00:00"),
        ("2024-02-29T05:00:00", "P12M", JAKARTA, "2025-02-28T05:00:00"),
        ("2024-02-29T05:00:00", "P1Y", JAKARTA, "2025-02-28T05:00:00"),
        # 17:30 UTC on 30 January is 31 January in Jakarta: the month end that clamps is Jakarta's.
        ("2023-01-30T17:30:00", "P1M", JAKARTA, "2023-02-27T17:30:00"),
        ("2023-01-30T17:30:00", "P1M", "UTC", "2023-02-28T17:30:00"),
        # A day on the calendar keeps the wall clock over the change to summer time; 24 hours do not.
        ("2024-03-30T11:00:00", "P1D", BERLIN, "2024-03-31T10:00:00"),
        ("2024-03-30T11:00:00", "PT24H", BERLIN, "2024-03-31T11:00:00"),
        ("2024-03-30T11:00:00", "P0D", BERLIN, "2024-03-30T11:00:00"),
    ],
)
def test_durations_are_counted_on_the_zones_calendar(moment: str, duration: str, zone: str, expected: str) -> None:
    found = after(utc(moment), duration, zone)
    assert found == utc(expected)
    assert found.utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    ("active_at", "rule", "zone", "first_moment_after"),
    [
        ("2026-11-25T05:00:00", "end_of_day", JAKARTA, "2026-11-25T17:00:00"),
        ("2026-11-25T16:59:59.999999", "end_of_day", JAKARTA, "2026-11-25T17:00:00"),
        ("2026-11-25T17:00:00", "end_of_day", JAKARTA, "2026-11-26T17:00:00"),
        ("2026-11-25T05:00:00", "end_of_month", JAKARTA, "2026-11-30T17:00:00"),
        ("2026-12-25T05:00:00", "end_of_month", JAKARTA, "2026-12-31T17:00:00"),
        ("2024-02-01T00:00:00", "end_of_month", "UTC", "2024-03-01T00:00:00"),
        ("2026-12-31T17:00:00", "end_of_year", JAKARTA, "2027-12-31T17:00:00"),
        ("2026-12-31T16:59:59", "end_of_year", JAKARTA, "2026-12-31T17:00:00"),
        ("2024-10-27T05:00:00", "end_of_day", BERLIN, "2024-10-27T23:00:00"),  # the day of 25 hours
        ("2018-11-03T12:00:00", "end_of_day", "America/Sao_Paulo", "2018-11-04T03:00:00"),  # midnight is jumped over
        ("2025-11-25T05:00:00", "P12M", JAKARTA, "2026-11-25T05:00:00"),
    ],
)
def test_ends_are_inclusive_to_the_last_moment(active_at: str, rule: str, zone: str, first_moment_after: str) -> None:
    assert expiry(utc(active_at), rule, zone) == utc(first_moment_after)


@given(
    MOMENTS,
    st.sampled_from(["end_of_day", "end_of_month", "end_of_year"]),
    st.sampled_from([JAKARTA, BERLIN, "America/Sao_Paulo", "America/Havana", "Africa/Cairo"]),
)
def test_last_moment_before_an_end_lies_in_the_same_period(active_at: datetime, rule: str, zone: str) -> None:
    every = {"end_of_day": Period.DAY, "end_of_month": Period.MONTH, "end_of_year": Period.YEAR}[rule]
    end = expiry(active_at, rule, zone)
    assert end > active_at or period_key(end, every, ZoneInfo(zone)) == period_key(active_at, every, ZoneInfo(zone))
    assert period_key(end - timedelta(microseconds=1), every, ZoneInfo(zone)) <= period_key(
        active_at, every, ZoneInfo(zone)
    )
