"""Which moments a client may name: the late limit on the calendar, and five minutes ahead."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from accrual.domain.errors import Invalid
from accrual.rules.admissible import check_occurred_at

NOW = datetime(2026, 3, 31, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("occurred_at", "late_limit"),
    [
        (None, "P1D"),
        (NOW, "P1D"),
        (NOW + timedelta(minutes=5), "P1D"),
        (NOW - timedelta(days=1), "P1D"),
        (NOW - timedelta(hours=36), "PT36H"),
        (datetime(2026, 2, 28, 12, 0, tzinfo=UTC), "P1M"),
        (datetime(1970, 1, 1, tzinfo=UTC), None),
        (datetime(1970, 1, 1, tzinfo=UTC), "P9000Y"),
    ],
)
def test_moment_within_the_limits_is_taken(occurred_at: datetime | None, late_limit: str | None) -> None:
    check_occurred_at(occurred_at, NOW, late_limit)


@pytest.mark.parametrize(
    ("occurred_at", "late_limit"),
    [
        (NOW + timedelta(minutes=5, microseconds=1), None),
        (NOW - timedelta(days=1, microseconds=1), "P1D"),
        (NOW - timedelta(hours=36, microseconds=1), "PT36H"),
        (datetime(2026, 2, 28, 11, 59, 59, tzinfo=UTC), "P1M"),
    ],
)
def test_moment_beyond_a_limit_is_refused(occurred_at: datetime, late_limit: str | None) -> None:
    with pytest.raises(Invalid) as caught:
        check_occurred_at(occurred_at, NOW, late_limit)
    assert caught.value.code == "date_out_of_range"
