"""Which buckets a lane owns: fair shares, take-overs from the dead, giving back. Liveness is a beat on our own clock."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from accrual.domain.log import LaneRow, Lease, WorkerRow
from accrual.engine.ports_lane import LaneStore
from accrual.worker.batches import suspected


class Leases:
    """The buckets one lane process owns. `monotonic` is this machine's own clock, in seconds; no wall clock decides."""

    def __init__(
        self,
        store: LaneStore,
        worker_id: bytes,
        *,
        lease_s: float,
        monotonic: Callable[[], float],
        former_id: bytes | None = None,
    ) -> None:
        self._store = store
        self.worker_id = worker_id
        self._former_id = former_id
        self._lease_s = lease_s
        self._monotonic = monotonic
        self._seen: dict[bytes, tuple[int, float]] = {}
        self._looked_s = monotonic()
        self.owned: dict[int, Lease] = {}

    async def rebalance(self) -> None:
        """Take buckets that nobody alive owns up to our fair share, and give back what is above it."""
        # Owners first, then who is there: read the other way round, a lane that came in between would own buckets and not
        # be there, and be robbed of all of them as if it were dead. What changes after `rows` is refused by its epoch.
        rows = await self._store.lanes()
        workers = await self._store.workers()
        alive = self._alive(workers)
        alive.add(self.worker_id)
        self._drop_lost(rows)
        share = self._share(alive, len(rows))
        if len(self.owned) > share and self._others_lack(rows, alive, share):
            await self._give_back(len(self.owned) - share)
            return
        free = [row for row in rows if row.bucket not in self.owned and (row.owner is None or row.owner not in alive)]
        lacking = share - len(self.owned)
        if lacking > 0 and free:
            # Lanes that look at once start at different places, so they seldom want the same bucket.
            start = int.from_bytes(self.worker_id[:4], "big") % len(free)
            wanted = (free[start:] + free[:start])[:lacking]
            for lease in await self._store.take(wanted, self.worker_id, self._former_id):
                self.owned[lease.bucket] = suspected(lease)
        await self._forget_dead(workers, alive, rows)

    async def recover(self, buckets: set[int]) -> None:
        """After a posting that was refused or is in doubt: raise the epoch and read cursor and chain of these again."""
        before = {bucket: self.owned.pop(bucket) for bucket in buckets if bucket in self.owned}
        rows = [row for row in await self._store.lanes() if row.bucket in buckets and row.owner == self.worker_id]
        for lease in await self._store.take(rows, self.worker_id):
            # Our own take-over is no death: what was suspected before is suspected still, and no more.
            known = before.get(lease.bucket)
            self.owned[lease.bucket] = suspected(lease if known is None else lease._replace(suspicion=known.suspicion))

    async def release_all(self) -> None:
        """Give everything back in good order and stop being known."""
        await self._store.release(list(self.owned.values()), self.worker_id)
        self.owned.clear()
        await self._store.forget(self.worker_id)

    def suspect(self, buckets: set[int]) -> None:
        """A batch of these failed for no known reason: take smaller bites until the bad command stands alone."""
        for bucket in buckets:
            lease = self.owned.get(bucket)
            if lease is not None:
                self.owned[bucket] = suspected(lease, 1)

    def _alive(self, workers: Sequence[WorkerRow]) -> set[bytes]:
        """Who beat within the lease, as far as this lane was awake to see it.

        A look counts for half a lease at most: where the whole machine stood still, whoever wakes first finds everybody
        silent for as long as it slept, and has to see them silent once more.
        """
        now_s = self._monotonic()
        passed_s = min(now_s - self._looked_s, self._lease_s / 2)
        self._looked_s = now_s
        alive = set()
        seen_now = {}
        for worker in workers:
            beat, silent_s = self._seen.get(worker.worker_id, (worker.beat, -passed_s))
            silent_s = silent_s + passed_s if beat == worker.beat else 0.0
            seen_now[worker.worker_id] = (worker.beat, silent_s)
            # A worker whose session is gone cannot post with it; should it come back, the epoch refuses it.
            if worker.connected and silent_s < self._lease_s:
                alive.add(worker.worker_id)
        self._seen = seen_now
        return alive

    def _drop_lost(self, rows: Sequence[LaneRow]) -> None:
        for row in rows:
            lease = self.owned.get(row.bucket)
            if lease is not None and (row.owner != self.worker_id or row.epoch != lease.epoch):
                del self.owned[row.bucket]

    def _share(self, alive: set[bytes], buckets: int) -> int:
        """Even shares; the first few in the order of their ids get one more, so that shares add up to all buckets."""
        ordered = sorted(alive)
        whole, rest = divmod(buckets, len(ordered))
        return whole + (1 if ordered.index(self.worker_id) < rest else 0)

    def _others_lack(self, rows: Sequence[LaneRow], alive: set[bytes], share: int) -> bool:
        owned_by: dict[bytes, int] = dict.fromkeys(alive, 0)
        for row in rows:
            if row.owner in owned_by:
                owned_by[row.owner] += 1
        return any(count < share for worker_id, count in owned_by.items() if worker_id != self.worker_id)

    async def _give_back(self, count: int) -> None:
        given = [self.owned.pop(bucket) for bucket in sorted(self.owned, reverse=True)[:count]]
        await self._store.release(given, self.worker_id)

    async def _forget_dead(self, workers: Sequence[WorkerRow], alive: set[bytes], rows: Sequence[LaneRow]) -> None:
        owners = {row.owner for row in rows} | {self.worker_id}
        for worker in workers:
            if worker.worker_id not in alive and worker.worker_id not in owners:
                await self._store.forget(worker.worker_id)
