"""The tables of leases in memory, shared by several lane processes on one clock that tests move. No test here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from accrual.domain.log import LaneRow, Lease, WorkerRow
from accrual.worker.leases import Leases

LEASE_S = 3.0


@dataclass
class Lanes:
    """What leases read and write, as the store's statements do it: every change checks the epoch it was seen at."""

    buckets: int = 16
    clock_s: float = 100.0
    rows: dict[int, LaneRow] = field(default_factory=dict)
    suspicion: dict[int, int] = field(default_factory=dict)
    beats: dict[bytes, int] = field(default_factory=dict)
    gone: set[bytes] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.rows = {bucket: LaneRow(bucket, 1, 1, None, True) for bucket in range(self.buckets)}

    async def workers(self) -> list[WorkerRow]:
        return [WorkerRow(w, beat, 1, w not in self.gone, "lane") for w, beat in sorted(self.beats.items())]

    async def lanes(self) -> list[LaneRow]:
        return list(self.rows.values())

    async def take(self, rows: Sequence[LaneRow], worker_id: bytes, former_id: bytes | None = None) -> list[Lease]:
        won = []
        for row in sorted(rows):
            now = self.rows[row.bucket]
            if now.epoch != row.epoch:
                continue
            if not now.clean and now.owner not in (worker_id, former_id):
                self.suspicion[row.bucket] = self.suspicion.get(row.bucket, 0) + 1
            self.rows[row.bucket] = LaneRow(row.bucket, now.cursor, now.epoch + 1, worker_id, False)
            won.append(Lease(row.bucket, now.cursor, now.epoch + 1, bytes(32), 1, self.suspicion.get(row.bucket, 0)))
        return won

    async def release(self, leases: Iterable[Lease], worker_id: bytes) -> None:
        for lease in leases:
            now = self.rows[lease.bucket]
            if now.epoch == lease.epoch and now.owner == worker_id:
                self.rows[lease.bucket] = LaneRow(lease.bucket, now.cursor, now.epoch + 1, None, True)

    async def forget(self, worker_id: bytes) -> None:
        self.beats.pop(worker_id, None)

    def join(self, name: str) -> Leases:
        """A lane process that is known from now on."""
        worker_id = name.encode().ljust(16, b"-")
        self.beats[worker_id] = 0
        return Leases(cast(Any, self), worker_id, lease_s=LEASE_S, monotonic=lambda: self.clock_s)

    async def turn(self, *lanes: Leases, seconds: float = 0.5) -> None:
        """Time passes; these lanes are alive: they beat and look around. The others do nothing."""
        self.clock_s += seconds
        for lane in lanes:
            if lane.worker_id in self.beats:
                self.beats[lane.worker_id] += 1
            await lane.rebalance()

    def check(self, *lanes: Leases) -> None:
        """At its newest epoch a bucket is owned by one lane at most, and the tables agree."""
        for lane in lanes:
            for bucket, lease in lane.owned.items():
                row = self.rows[bucket]
                if row.epoch == lease.epoch:
                    assert row.owner == lane.worker_id
