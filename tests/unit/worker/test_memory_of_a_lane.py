"""What a lane remembers of a bucket is worth nothing once the bucket was somebody else's, even if it is its own again."""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast

from accrual.domain.log import LaneRow
from accrual.engine.catalog import Catalog
from accrual.engine.state import AccountState, MemberCell
from accrual.worker.lane import Clocks, Lane, LaneLimits
from tests.desk import START, no_event
from tests.unit.worker.lanes import LEASE_S, Lanes

LIMITS = LaneLimits(lease_s=LEASE_S, batch_max=10, poll_s=1, members_max=100)


class Store(Lanes):
    """The tables of leases, with what else a lane asks for before it decides anything."""

    async def open(self) -> None:
        return

    async def register(self, worker_id: bytes, started_at: datetime, label: str) -> None:
        self.beats[worker_id] = 0

    async def beat(self, worker_id: bytes, report: str) -> bool:
        self.beats[worker_id] += 1
        return True


async def _never() -> None:
    raise AssertionError("nobody waits here")


def lane_over(store: Store) -> Lane:
    return Lane(
        cast(Any, store),
        cast(Catalog, None),
        limits=LIMITS,
        clocks=Clocks(now=lambda: START, monotonic=lambda: store.clock_s, new_id=lambda: b"l" * 16),
        label="lane",
        buckets=store.buckets,
        event_of=no_event,
        secret=b"",
        wait_for_work=cast(Any, _never),
    )


async def test_bucket_that_was_anothers_meanwhile_is_read_again() -> None:
    """Another lane posts and leaves while this one stands still; its balances are not what they were."""
    store = Store(buckets=4)
    lane = lane_over(store)
    await lane._join()
    await lane._keep_alive()
    for bucket in range(4):
        lane._state.members[b"%d" % bucket] = MemberCell(bucket, None, {}, {})
        lane._state.systems[bucket, 24] = AccountState(24, -10, None, True)
    stolen = store.rows[2]
    (lease,) = await store.take([stolen], b"other")
    store.rows[2] = LaneRow(2, 9, lease.epoch, b"other", False)
    await store.release([lease], b"other")
    await lane._keep_alive()
    assert set(lane._leases.owned) == {0, 1, 2, 3}
    assert lane._leases.owned[2].cursor == 9
    assert sorted(cell.bucket for cell in lane._state.members.values()) == [0, 1, 3]
    assert sorted(bucket for bucket, _ in lane._state.systems) == [0, 1, 3]
