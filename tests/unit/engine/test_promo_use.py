"""How a promo's use is counted: all of few commands, evenly spread ones of many, and since when; and the rate's time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from accrual.domain.outcomes import Award, Outcome, Status
from accrual.engine import promo_use
from accrual.engine.promo_use import count_given, rate_time

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
PROMO, OTHER = 7, 8
ASSETS = {1: "PTS", 2: "LD"}


class Books:
    """Decided commands of some buckets, one a minute in each; every second one was given 3 PTS by the promo."""

    def __init__(self, counts: Mapping[int, int]) -> None:
        self.counts = counts
        self.looked: list[tuple[int, int]] = []
        self.rounds = 0

    async def decided(self) -> Mapping[int, int]:
        return self.counts

    async def recorded(self, places: Sequence[tuple[int, int]]) -> dict[tuple[int, int], datetime]:
        self.rounds += 1
        assert all(1 <= position <= self.counts[bucket] for bucket, position in places)
        return {place: NOW - timedelta(minutes=self.counts[place[0]] - place[1]) for place in places}

    async def outcomes(self, places: Sequence[tuple[int, int]]) -> list[Outcome]:
        assert all(1 <= position <= self.counts[bucket] for bucket, position in places)
        self.looked += places
        return [
            Outcome(
                status=Status.DECIDED,
                revision=1,
                awards=(Award(OTHER, 2, 1, "fixed"), *([Award(PROMO, 1, 3, "fixed")] if position % 2 else [])),
            )
            for _, position in places
        ]


async def test_few_commands_are_all_looked_at_once() -> None:
    books = Books({3: 10, 9: 4})
    given = await count_given(books, {PROMO}, ASSETS, since=None, is_exact=False)  # type: ignore[arg-type]
    assert (given.awards, given.units, given.commands, given.looked_at) == (7, {"PTS": 21}, 14, 14)
    assert sorted(books.looked) == [(3, n) for n in range(1, 11)] + [(9, n) for n in range(1, 5)]


@pytest.mark.parametrize(("minutes", "commands"), [(0, 2), (3, 8), (100, 14), (-1, 0)])
async def test_only_commands_recorded_since_then_count(minutes: int, commands: int) -> None:
    books = Books({3: 10, 9: 4})
    since = NOW - timedelta(minutes=minutes)
    given = await count_given(books, {PROMO}, ASSETS, since=since, is_exact=False)  # type: ignore[arg-type]
    assert given.commands == commands
    assert books.rounds <= 4


async def test_of_many_commands_evenly_spread_ones_are_looked_at_and_the_figure_is_scaled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(promo_use, "LOOKED_AT_MAX", 100)
    monkeypatch.setattr(promo_use, "OUTCOMES_A_READ", 7)
    books = Books(dict.fromkeys(range(9), 111))
    given = await count_given(books, {PROMO}, ASSETS, since=None, is_exact=False)  # type: ignore[arg-type]
    assert (given.commands, given.looked_at, len(set(books.looked))) == (999, 100, 100)
    assert {bucket for bucket, _ in books.looked} == set(range(9))
    assert 400 <= given.awards <= 600
    exact = await count_given(books, {PROMO}, ASSETS, since=None, is_exact=True)  # type: ignore[arg-type]
    assert (exact.awards, exact.units, exact.looked_at) == (504, {"PTS": 1512}, 999)


async def test_nothing_decided_is_nothing_given() -> None:
    given = await count_given(Books({}), {PROMO}, ASSETS, since=None, is_exact=False)  # type: ignore[arg-type]
    assert (given.awards, given.units, given.commands) == (0, {}, 0)


@pytest.mark.parametrize(
    ("first_live_at", "expected"),
    [
        (None, timedelta(days=7)),
        (NOW - timedelta(days=90), timedelta(days=7)),
        (NOW - timedelta(days=2), timedelta(days=2)),
        (NOW - timedelta(minutes=5), timedelta(hours=1)),
    ],
)
def test_rate_is_taken_over_a_week_or_since_the_promo_went_live(
    first_live_at: datetime | None, expected: timedelta
) -> None:
    assert rate_time(first_live_at, NOW) == expected
