"""How batches are filled, and how a lane that died goes on: smaller bites, then one command by itself, then as before."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from accrual.domain.log import Lease
from accrual.worker.batches import BITE_MAX, bite_max, cleared, fill, stands_alone, suspected


def _lease(bucket: int, cursor: int = 1, suspicion: int = 0) -> Lease:
    return suspected(Lease(bucket, cursor, 1, b"", 1, suspicion))


def test_even_shares_leave_what_they_do_not_need_to_the_others() -> None:
    leases = {bucket: _lease(bucket) for bucket in range(3)}
    assert fill(leases, {0: 11, 1: 5001, 2: 5001}, 5010)[0] == {0: (1, 10), 1: (1, 2500), 2: (1, 2500)}


def test_one_busy_bucket_fills_the_whole_batch() -> None:
    assert fill({bucket: _lease(bucket) for bucket in range(9)}, {4: 5001}, 4096)[0] == {4: (1, 4096)}


def test_suspect_comes_first_and_by_itself() -> None:
    leases = {0: _lease(0), 1: _lease(1, suspicion=3), 2: _lease(2, suspicion=9)}
    tails = {0: 100, 1: 100, 2: 100}
    assert fill(leases, tails, 4096)[0] == {1: (1, 1)}
    assert stands_alone(leases, {1})
    assert not stands_alone(leases, {0})
    # One without work stands in nobody's way.
    assert fill(leases, {0: 100, 1: 1, 2: 1}, 4096)[0] == {0: (1, 99)}


def test_each_death_makes_the_bites_smaller_and_each_good_command_brings_them_nearer_to_whole() -> None:
    lease = _lease(0)
    bites = []
    for _ in range(4):
        bites.append(bite_max(lease.suspicion))
        lease = suspected(lease, 1)
    assert bites == [1 << 31, 64, 8, 1]
    # What killed the last batch is among as many commands as that batch had of this bucket.
    assert [_lease(0, suspicion=n).careful for n in (1, 2, 3, 4)] == [BITE_MAX, 64, 8, 8]
    once = _lease(0, suspicion=2)
    assert cleared(once, 63).suspicion == 2
    assert cleared(once, 64) == cleared(once, 1000) == once._replace(suspicion=0, careful=0)


@given(
    st.dictionaries(
        st.integers(0, 20), st.tuples(st.integers(1, 50), st.integers(0, 600), st.integers(0, 2)), max_size=21
    ),
    st.integers(1, 1000),
    st.integers(0, 21),
)
def test_batch_is_never_over_its_limit_nor_beyond_a_tail_and_never_empty_while_there_is_work(
    lanes: dict[int, tuple[int, int, int]], rows_max: int, turn: int
) -> None:
    leases = {bucket: _lease(bucket, cursor, suspicion) for bucket, (cursor, _, suspicion) in lanes.items()}
    tails = {bucket: cursor + waiting for bucket, (cursor, waiting, _) in lanes.items()}
    taken, _ = fill(leases, tails, rows_max, turn)
    assert sum(count for _, count in taken.values()) <= rows_max
    for bucket, (start, count) in taken.items():
        assert start == leases[bucket].cursor
        assert 0 < count <= min(lanes[bucket][1], bite_max(leases[bucket].suspicion))
    assert bool(taken) == any(waiting for _, waiting, _ in lanes.values())
