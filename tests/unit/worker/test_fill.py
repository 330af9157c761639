"""Filling a batch: never above its bound, nobody with work left out for long, suspects in small bites and at last alone."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from accrual.domain.log import Lease
from accrual.worker.batches import MOUTHFUL, bite_max, fill, stands_alone, suspected

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
    taken, _ = fill(leases_of(waiting), tails_of(waiting), rows_max)
    assert all(start == 11 and 0 < count <= waiting[bucket] for bucket, (start, count) in taken.items())
    assert sum(count for _, count in taken.values()) == min(rows_max, sum(waiting.values()))


@given(TRUSTED, ROWS_MAX, st.integers(0, 41))
def test_everybody_gets_an_even_share_or_all_they_have(waiting: dict[int, int], rows_max: int, turn: int) -> None:
    taken, _ = fill(leases_of(waiting), tails_of(waiting), rows_max, turn)
    having = {bucket: count for bucket, count in waiting.items() if count}
    if not having:
        return
    share = rows_max // len(having)
    for bucket, count in having.items():
        if count <= share or share >= MOUTHFUL:
            assert taken[bucket][1] >= min(count, share), "small backlogs wait for nobody, nor does a batch with room"


@given(TRUSTED, ROWS_MAX)
def test_nobody_starves_until_all_is_done(waiting: dict[int, int], rows_max: int) -> None:
    leases = leases_of(waiting)
    tails = tails_of(waiting)
    turn = 0
    passed_over: dict[int, int] = dict.fromkeys(waiting, 0)
    mouthfuls = max(1, rows_max // MOUTHFUL)
    for _ in range(sum(waiting.values()) + 1):
        taken, turn = fill(leases, tails, rows_max, turn)
        if not taken:
            break
        for bucket in waiting:
            passed_over[bucket] = 0 if bucket in taken else passed_over[bucket] + 1
            if leases[bucket].cursor < tails[bucket]:
                assert passed_over[bucket] <= 1 + 2 * len(waiting) // mouthfuls, "its turn comes"
        for bucket, (start, count) in taken.items():
            assert start == leases[bucket].cursor, "in order, without a gap"
            leases[bucket] = leases[bucket]._replace(cursor=start + count)
    assert all(leases[bucket].cursor == tails[bucket] for bucket in waiting)


def test_deep_backlogs_take_turns_in_mouthfuls_and_small_ones_never_wait() -> None:
    leases = {bucket: lease(bucket) for bucket in range(128)}
    tails = dict.fromkeys(leases, 10_011) | {100: 13}
    turn = 0
    seen: list[int] = []
    batch = 2 * MOUTHFUL
    for _ in range(64):
        taken, turn = fill(leases, tails, batch, turn)
        assert taken.pop(100) == (11, 2)
        assert sum(count for _, count in taken.values()) == batch - 2
        assert len(taken) == 2
        seen += taken
    # 127 deep buckets: everyone had its turn before the first has another.
    assert sorted(seen[:127]) == [bucket for bucket in leases if bucket != 100]
    assert seen[127] == seen[0]


def test_turns_go_round_where_a_batch_holds_less_than_a_mouthful() -> None:
    leases = {bucket: lease(bucket) for bucket in range(3)}
    tails = dict.fromkeys(leases, 10_011)
    turn = 0
    order: list[int] = []
    for _ in range(6):
        taken, turn = fill(leases, tails, MOUTHFUL // 2, turn)
        assert list(taken.values()) == [(11, MOUTHFUL // 2)]
        order += taken
    assert order == [0, 1, 2, 0, 1, 2]


def test_bites_get_smaller_with_each_death_down_to_one() -> None:
    bites = [bite_max(suspicion) for suspicion in range(6)]
    assert bites[0] > 1_000_000
    assert all(later < earlier or later == earlier == 1 for earlier, later in pairwise(bites))
    assert bites[-1] == 1


@given(TRUSTED, st.dictionaries(st.integers(0, 40), st.integers(1, 2), max_size=8), ROWS_MAX)
def test_suspects_take_no_more_than_their_bite(
    waiting: dict[int, int], suspicion: dict[int, int], rows_max: int
) -> None:
    taken, _ = fill(leases_of(waiting, suspicion), tails_of(waiting), rows_max)
    for bucket, (_, count) in taken.items():
        assert count <= bite_max(suspicion.get(bucket, 0))
    assert sum(count for _, count in taken.values()) <= rows_max


@given(TRUSTED, st.integers(0, 40), st.integers(3, 16), ROWS_MAX)
def test_worst_suspect_stands_alone_so_that_nobody_else_is_blamed(
    waiting: dict[int, int], suspect: int, suspicion: int, rows_max: int
) -> None:
    waiting = {**waiting, suspect: waiting.get(suspect, 0) + 1}
    leases = leases_of(waiting, {suspect: suspicion})
    taken, _ = fill(leases, tails_of(waiting), rows_max)
    assert taken == {suspect: (11, 1)}
    assert stands_alone(leases, taken)


@given(TRUSTED, ROWS_MAX)
def test_suspect_without_work_keeps_nobody_waiting(waiting: dict[int, int], rows_max: int) -> None:
    with_suspect = {**waiting, 77: 0}
    leases = leases_of(with_suspect, {77: 9})
    assert fill(leases, tails_of(with_suspect), rows_max) == fill(leases_of(waiting), tails_of(waiting), rows_max)


def test_buckets_whose_tail_is_not_known_yet_wait() -> None:
    assert fill({1: lease(1)}, {}, 10) == ({}, 0)
