"""Each form of date that a partner's text shows, read into UTC, and what no partner ever meant."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accrual.api.dialects.dates import read_date
from accrual.domain.errors import Invalid

JAKARTA = ZoneInfo("Asia/Jakarta")
BERLIN = ZoneInfo("Europe/Berlin")
EARLY = datetime(1970, 1, 2)  # noqa: DTZ001 - a strategy wants bounds without a zone
LATE = datetime(2261, 12, 30)  # noqa: DTZ001


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        (None, None),
        ("", None),
        ("  ", None),
        ("2025-03-31T11:22:06", datetime(2025, 3, 31, 4, 22, 6, tzinfo=UTC)),
        ("2023-07-12T11:47:26.1333619", datetime(2023, 7, 12, 4, 47, 26, 133361, tzinfo=UTC)),
        ("2024-05-01 10:26:11", datetime(2024, 5, 1, 3, 26, 11, tzinfo=UTC)),
        ("2024-04-30 10-30-00", datetime(2024, 4, 30, 3, 30, tzinfo=UTC)),
        ("2024-04-30T10-30-00", datetime(2024, 4, 30, 3, 30, tzinfo=UTC)),
        ("2024-04-30 15:02:08.670 WIB", datetime(2024, 4, 30, 8, 2, 8, 670000, tzinfo=UTC)),
        ("2024-04-30 15:02:08.670 wib", datetime(2024, 4, 30, 8, 2, 8, 670000, tzinfo=UTC)),
        ("2025-06-01T00:00:00Z", datetime(2025, 6, 1, tzinfo=UTC)),
        ("2025-12-06T06:02:56.120Z", datetime(2025, 12, 6, 6, 2, 56, 120000, tzinfo=UTC)),
        ("2023-07-12T12:02:54.613582+03:00", datetime(2023, 7, 12, 9, 2, 54, 613582, tzinfo=UTC)),
        ("2023-07-12T12:02:54.5791878+03:00", datetime(2023, 7, 12, 9, 2, 54, 579187, tzinfo=UTC)),
        ("2023-07-12T12:02:54-0330", datetime(2023, 7, 12, 15, 32, 54, tzinfo=UTC)),
        ("2019-06-21", datetime(2019, 6, 20, 17, tzinfo=UTC)),
        ("30/06/2019", datetime(2019, 6, 29, 17, tzinfo=UTC)),
        (" 2024-05-01 10:26:11\n", datetime(2024, 5, 1, 3, 26, 11, tzinfo=UTC)),
        ("1970-01-01T07:00:00", datetime(1970, 1, 1, tzinfo=UTC)),
        ("2024-02-29 00:00:00", datetime(2024, 2, 28, 17, tzinfo=UTC)),
    ],
)
def test_form_is_read(text: str | None, moment: datetime | None) -> None:
    assert read_date(text, JAKARTA) == moment


def test_zone_of_the_programme_counts_only_without_one_of_its_own() -> None:
    assert read_date("2024-07-01 12:00:00", BERLIN) == datetime(2024, 7, 1, 10, tzinfo=UTC)
    assert read_date("2024-01-01 12:00:00", BERLIN) == datetime(2024, 1, 1, 11, tzinfo=UTC)
    assert read_date("2024-07-01 12:00:00 WIB", BERLIN) == datetime(2024, 7, 1, 5, tzinfo=UTC)


def test_hour_that_the_clock_skips_or_repeats_is_still_a_moment() -> None:
    assert read_date("2024-03-31 02:30:00", BERLIN) == datetime(2024, 3, 31, 1, 30, tzinfo=UTC)
    assert read_date("2024-10-27 02:30:00", BERLIN) == datetime(2024, 10, 27, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "now",
        "2024-02-30",
        "2023-02-29T10:00:00",
        "2024-04-31 10:00:00",
        "2024-04-30 24:00:01",
        "2024-04-30 10:60:00",
        "2024-04-30 10:00:60",
        "2024-04-30 10:30-00",
        "2024-04-30  10:30:00",
        "2024-04-30 10:30",
        "2024-4-30 10:30:00",
        "24-04-30 10:30:00",
        "30-04-2024 10:30:00",
        "06/30/2019",
        "2024-04-30T10:30:00+15:00",
        "2024-04-30T10:30:00+07:60",
        "2024-04-30T10:30:00 PST",
        "2024-04-30T10:30:00.Z",
        "2024-04-30T10:30:00.1234567890",
        "２０２４-０４-３０",
        "2024-04-30\x00",
        "2024-04-30T10:30:00Z; drop",
        "0000-00-00 00:00:00",
        "0001-01-01T00:00:00",
        "1969-12-31T23:59:59Z",
        "9999-12-31T23:59:59",
        "1970-01-01T06:59:59",
        "2262-01-01T07:00:01",
        "9999-12-31T23:59:59-12:00",
        "0001-01-01T00:00:00+14:00",
        "99999-01-01",
        "1714448000",
        "x" * 100_000,
    ],
)
def test_what_is_no_date_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(Invalid) as caught:
        read_date(text, JAKARTA)
    assert caught.value.code == "invalid_date"
    assert text not in caught.value.message


@settings(deadline=None)
@given(moment=st.datetimes(EARLY, LATE), separator=st.sampled_from("T "))
def test_any_moment_written_out_is_read_back(moment: datetime, separator: str) -> None:
    aware = moment.replace(tzinfo=UTC)
    assert read_date(aware.isoformat(sep=separator), JAKARTA) == aware
    hyphened = aware.astimezone(JAKARTA).strftime(f"%Y-%m-%d{separator}%H-%M-%S")
    assert read_date(hyphened, JAKARTA) == aware.replace(microsecond=0)


@settings(deadline=None)
@given(text=st.text(alphabet="0123456789-: TZ.+WIB/", max_size=30))
def test_any_other_text_is_a_date_or_refused(text: str) -> None:
    try:
        moment = read_date(text, JAKARTA)
    except Invalid as error:
        assert error.code == "invalid_date"
    else:
        assert moment is None or moment.tzinfo is UTC
