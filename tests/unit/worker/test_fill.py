"""Filling a batch: never above its bound, nobody with work left out for long, suspects in small bites and at last alone."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from accrual.domain.log import Lease
from accrual.worker.batches import bite_max, fill, stands_alone, suspected

TRUSTED = st.dictionaries(st.integers(0, 40), st.integers(0, 5_000), max_size=30)
ROWS_MAX = st.integers(1, 3_000)


def lease(bucket: int, suspicion: int = 0, cursor: int = 11) -> Lease:
    return suspected(Lease(bucket, cursor, 1, bytes(32), 1, suspicion))


def leases_of(waiting: dict[int, int], suspicion: dict[int, int] | None = None) -> dict[int, Lease]:
    return {bucket: lease(bucket, (suspicion or {}).get(bucket, 0)) for bucket in waiting}


def tails_of(waiting: dict[int, int]) -> dict[int, int]:
    return {bucket: 11 + count for bucket, count in waiting.items()}


@given(TRUSTED, ROWS_MAX)
def test_batch_is_as_full_as_it_may_be_and_never_fuller(waiting: dict[int, int], rows_max: int) -> None:
    taken = fill(leases_of(waiting), tails_of(waiting), rows_max)
    assert all(start == 11 and 0 < count <= waiting[bucket] for bucket, (start, count) in taken.items())
    assert sum(count for _, count in taken.values()) == min(rows_max, sum(waiting.values()))


@given(TRUSTED, ROWS_MAX)
def test_everybody_gets_an_even_share_or_all_they_have(waiting: dict[int, int], rows_max: int) -> None:
    taken = fill(leases_of(waiting), tails_of(waiting), rows_max)
    having = {bucket: count for bucket, count in waiting.items() if count}
    if having and len(having) <= rows_max:
        share = rows_max // len(having)
        for bucket, count in having.items():
            assert taken[bucket][1] >= min(count, share)


@given(TRUSTED, ROWS_MAX)
def test_nobody_starves_until_all_is_done(waiting: dict[int, int], rows_max: int) -> None:
    leases = leases_of(waiting)
    tails = tails_of(waiting)
    for _ in range(sum(waiting.values()) + 1):
        taken = fill(leases, tails, rows_max)
        if not taken:
            break
        for bucket, (start, count) in taken.items():
            assert start == leases[bucket].cursor, "in order, without a gap"
            leases[bucket] = leases[bucket]._replace(cursor=start + count)
    assert all(leases[bucket].cursor == tails[bucket] for bucket in waiting)


def test_bites_get_smaller_with_each_death_down_to_one() -> None:
    bites = [bite_max(suspicion) for suspicion in range(6)]
    assert bites[0] > 1_000_000
    assert all(later < earlier or later == earlier == 1 for earlier, later in pairwise(bites))
    assert bites[-1] == 1


@given(TRUSTED, st.dictionaries(st.integers(0, 40), st.integers(1, 2), max_size=8), ROWS_MAX)
def test_suspects_take_no_more_than_their_bite(
    waiting: dict[int, int], suspicion: dict[int, int], rows_max: int
) -> None:
    taken = fill(leases_of(waiting, suspicion), tails_of(waiting), rows_max)
    for bucket, (_, count) in taken.items():
        assert count <= bite_max(suspicion.get(bucket, 0))
    assert sum(count for _, count in taken.values()) <= rows_max


@given(TRUSTED, st.integers(0, 40), st.integers(3, 16), ROWS_MAX)
def test_worst_suspect_stands_alone_so_that_nobody_else_is_blamed(
    waiting: dict[int, int], suspect: int, suspicion: int, rows_max: int
) -> None:
    waiting = {**waiting, suspect: waiting.get(suspect, 0) + 1}
    leases = leases_of(waiting, {suspect: suspicion})
    taken = fill(leases, tails_of(waiting), rows_max)
    assert taken == {suspect: (11, 1)}
    assert stands_alone(leases, taken)


@given(TRUSTED, ROWS_MAX)
def test_suspect_without_work_keeps_nobody_waiting(waiting: dict[int, int], rows_max: int) -> None:
    with_suspect = {**waiting, 77: 0}
    leases = leases_of(with_suspect, {77: 9})
    assert fill(leases, tails_of(with_suspect), rows_max) == fill(leases_of(waiting), tails_of(waiting), rows_max)


def test_buckets_whose_tail_is_not_known_yet_wait() -> None:
    assert fill({1: lease(1)}, {}, 10) == {}
