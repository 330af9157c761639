"""The lane: takes batches of its buckets in order, has them decided, posts them behind the fence. Wall clocks decide nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from datetime import datetime

import msgspec
import structlog

from accrual.domain.commands import LoggedCommand
from accrual.domain.errors import AccrualError, DatabaseDown, LaneLost, StockMoved
from accrual.domain.log import Lease, Posting
from accrual.domain.stocks import StockKey
from accrual.engine.catalog import Catalog
from accrual.engine.entries import with_key
from accrual.engine.load import fetch_shares, load_in_groups
from accrual.engine.portion import HEAVY_START, Portion, next_heavy_max
from accrual.engine.ports_lane import LaneStore
from accrual.engine.process import EventOf, Processor
from accrual.engine.programmes import Programmes
from accrual.engine.report import POSTING_US_BOUNDS, ROWS_BOUNDS, LaneReport, Tally
from accrual.engine.state import State
from accrual.engine.task import Task
from accrual.worker.ahead import Ahead
from accrual.worker.batches import cleared, fill, next_portions, stands_alone
from accrual.worker.leases import Leases
from accrual.worker.time_slice import SLICE_S, given_away

TRIES_MAX = 3
"""How often a command may fail (or kill the process) alone before it is parked without another try."""

GIVEN_UP = "it failed or ended the process each time it was tried"

IDLE_SHARES_EVERY_S = 5.0
LOOK_AGAIN_MIN_S = 0.002
LOOK_AGAIN_GROWTH = 1.15
"""Slow enough that whoever calls again within half a second is not kept waiting for a lane that dozes."""
PAUSE_MIN_S = 0.05
PAUSE_MAX_S = 2.0


class LaneLimits(msgspec.Struct, frozen=True, kw_only=True):
    """The bounds of a lane. Times are seconds, sizes commands or members."""

    lease_s: float
    batch_max: int
    poll_s: float
    members_max: int


class Clocks(msgspec.Struct, frozen=True, kw_only=True):
    """Time and ids as arguments: wall clock (for what is recorded), own steady clock in seconds, 16 fresh bytes."""

    now: Callable[[], datetime]
    monotonic: Callable[[], float]
    new_id: Callable[[], bytes]


class Lane:
    """One lane process. Everything it knows is dropped when a posting is refused or in doubt."""

    def __init__(
        self,
        store: LaneStore,
        catalog: Catalog,
        *,
        limits: LaneLimits,
        clocks: Clocks,
        label: str,
        buckets: int,
        event_of: EventOf,
        secret: bytes,
        draw_key: bytes | None = None,
        wait_for_work: Callable[[float], Awaitable[None]],
    ) -> None:
        self._store = store
        self._catalog = catalog
        self._programmes = Programmes(catalog, change=lambda catalogue: with_key(catalogue, draw_key))
        self._limits = limits
        self._clocks = clocks
        self._label = label
        self._wait_for_work = wait_for_work
        self._state = State(members_max=limits.members_max)
        self._processor = Processor(self._state, buckets=buckets, event_of=event_of, describe=describe, secret=secret)
        self._leases = self._new_leases()
        self._registered = False
        self._tails: dict[int, int] = {}
        self._turn = 0
        self._heavy_max = HEAVY_START
        self._portions: dict[int, int] = {}
        self._units_asked: dict[tuple[int, StockKey], int] = {}
        self._ahead = Ahead(store)
        self._newest_known = False
        self._alone: dict[tuple[int, int], int] = {}
        self._batch_now = limits.batch_max
        self._next_beat_s = 0.0
        self._next_idle_look_s = 0.0
        self._log = structlog.get_logger("lane").bind(lane=label)
        self.idle = False
        self.decided_total = 0
        self.parked_total = 0
        self.awards_total = 0
        self.fence_refused_total = 0
        self.stock_moved_total = 0
        self._batch_rows = Tally(ROWS_BOUNDS)
        self._posting_us = Tally(POSTING_US_BOUNDS)

    def _new_leases(self, former_id: bytes | None = None) -> Leases:
        return Leases(
            self._store,
            self._clocks.new_id(),
            lease_s=self._limits.lease_s,
            monotonic=self._clocks.monotonic,
            former_id=former_id,
        )

    async def run(self, stopping: asyncio.Event) -> None:
        """Work until `stopping` is set, then give every bucket back. The batch under way is finished first."""
        pause_s = PAUSE_MIN_S
        look_again_s = LOOK_AGAIN_MIN_S
        while not stopping.is_set():
            try:
                worked = await self.step()
                pause_s = PAUSE_MIN_S
                if worked:
                    look_again_s = LOOK_AGAIN_MIN_S
                else:
                    # Work tends to follow work: look often just after some, and ever more rarely when none comes.
                    await self._wait_for_work(look_again_s)
                    look_again_s = min(look_again_s * LOOK_AGAIN_GROWTH, self._limits.poll_s)
            except DatabaseDown as error:
                self._log.warning("database_down", reason=error.details.get("reason"), pause_s=pause_s)
                self._start_over()
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, PAUSE_MAX_S)
        await self._leave()

    async def _leave(self) -> None:
        self._ahead.drop()
        try:
            if self._registered:
                await self._leases.release_all()
            await self._store.close()
        except DatabaseDown:
            self._store.cut()

    def _start_over(self) -> None:
        """The session is gone, and with it every certainty: nothing known is kept, not even our name."""
        self._ahead.drop()
        self._store.cut()
        self._state.forget()
        self._tails.clear()
        self._leases = self._new_leases(self._leases.worker_id)
        self._registered = False

    async def step(self) -> bool:
        """At most one batch; False when there was nothing to do. Raises DatabaseDown."""
        if not self._registered:
            await self._join()
        if self._clocks.monotonic() >= self._next_beat_s:
            await self._keep_alive()
        wanted = await self._choose()
        self.idle = not wanted
        if not wanted:
            return False
        buckets = set(wanted)
        try:
            await self._work(wanted)
        except DatabaseDown:
            raise
        except StockMoved:
            # Rolled back before the commit, so nothing is in doubt: forget what was decided and look again.
            self._state.forget(buckets)
            self.stock_moved_total += 1
        except LaneLost as error:
            self.fence_refused_total += 1
            self._log.warning("posting_refused", code=error.code, **error.details)
            await self._recover(buckets)
        except Exception as error:
            self._log.error("batch_failed", error=describe(error), buckets=len(buckets))
            self._alone.clear()
            self._leases.suspect(buckets)
            await self._recover(buckets)
        return True

    async def _join(self) -> None:
        await self._store.open()
        await self._store.register(self._leases.worker_id, self._clocks.now(), self._label)
        self._registered = True
        self._next_beat_s = 0.0

    async def _keep_alive(self) -> None:
        if not await self._store.beat(self._leases.worker_id, self._report_text()):
            self._log.warning("given_up_for_dead")
            self.fence_refused_total += 1
            self._start_over()
            await self._join()
        held = dict(self._leases.owned)
        await self._leases.rebalance()
        owned = self._leases.owned
        # At another epoch a bucket was somebody else's in between, even when it is ours again.
        lost = {bucket for bucket, was in held.items() if bucket not in owned or owned[bucket].epoch != was.epoch}
        if lost:
            self._state.forget(lost)
        now_s = self._clocks.monotonic()
        if self._state.shares and now_s >= self._next_idle_look_s:
            await self._return_idle_shares()
            self._next_idle_look_s = now_s + IDLE_SHARES_EVERY_S
        self._next_beat_s = now_s + self._limits.lease_s / 4

    async def _choose(self) -> dict[int, tuple[int, int]]:
        leases = self._leases.owned
        if not leases:
            return {}
        self._newest_known = False
        wanted, turn = fill(leases, self._tails, self._batch_now, self._turn, self._portions)
        if sum([count for _, count in wanted.values()]) < self._batch_now:
            self._tails, changes = await self._store.tails(list(leases))
            # Read in one glance with the tails: a command behind a change is seen with the change, or later.
            self._newest_known = changes == self._catalog.changes
            wanted, turn = fill(leases, self._tails, self._batch_now, self._turn, self._portions)
        self._turn = turn
        return wanted

    async def _work(self, wanted: dict[int, tuple[int, int]]) -> None:
        started_s = self._clocks.monotonic()
        self._state.make_room()
        if not self._newest_known:
            await self._catalog.refresh()
        commands = await self._ahead.take(wanted) or await self._store.fetch(wanted)
        if not commands:
            self._tails.clear()
            return
        leases = self._leases.owned
        posting = self._processor.begin(self._clocks.now())
        portion = Portion(self._heavy_max, len(wanted))
        if stands_alone(leases, wanted):
            self._processor.decide_more([await self._try_alone(commands[0])], leases, posting)
        else:
            async with aclosing(self._load(commands, portion)) as groups:
                async for tasks in groups:
                    until_s = started_s + SLICE_S
                    self._processor.decide_more(given_away(tasks, self._clocks.monotonic, until_s), leases, posting)
        posting.advances[:] = [
            advance._replace(suspicion=cleared(leases[advance.bucket], advance.cursor - advance.prior_cursor).suspicion)
            if leases[advance.bucket].suspicion
            else advance
            for advance in posting.advances
        ]
        if self._clocks.monotonic() >= self._next_beat_s:
            # A batch that took long to decide must not look like death while it is posted; the fence decides all the same.
            await self._store.beat(self._leases.worker_id, self._report_text())
        decided = {advance.bucket: advance.cursor - advance.prior_cursor for advance in posting.advances}
        self._portions = next_portions(self._portions, wanted, decided)
        if posting.advances:
            after = self._leases_after(posting)
            self._fetch_ahead({**leases, **after})
            posting_s = self._clocks.monotonic()
            await self._store.post(posting)
            self._leases.owned.update(after)
            self._count(posting, self._clocks.monotonic() - posting_s)
        if self._processor.shorts:
            await fetch_shares(self._more_of_stocks(), self._state, self._store)
        elapsed_s = self._clocks.monotonic() - started_s
        self._heavy_max = next_heavy_max(self._heavy_max, portion, elapsed_s)
        self._pace(elapsed_s)

    def _more_of_stocks(self) -> dict[tuple[int, StockKey], int]:
        """What to fetch of stocks that were short: each time twice as much, so that a backlog is short of a stock a few times and
        not with each command. No more is fetched ahead of need than was used before."""
        wanted = {}
        for bucket, key, units in self._processor.shorts:
            lease = self._leases.owned.get(bucket)
            waiting = 1 if lease is None else max(1, self._tails.get(bucket, 0) - lease.cursor)
            # Never more than the commands that wait could use: a single one gets what it is short of.
            wanted[bucket, key] = max(units, min(2 * self._units_asked.get((bucket, key), 0), units * waiting))
        self._units_asked.update(wanted)
        return wanted

    async def _try_alone(self, command: LoggedCommand) -> Task:
        """A command that its lane may have died of: counted before it is touched, given up after too many tries.

        Loading what a given-up command is about is tried once more, for the member's history, and then left as well. A
        try that ended for a reason of its own (the database went, a stock was short) is not counted again.
        """
        place = (command.bucket, command.position)
        tries = self._alone.get(place) or await self._store.count_try(self._leases.owned[command.bucket])
        self._alone = {place: tries}
        if tries > TRIES_MAX + 1:
            task = Task(command)
        else:
            async with aclosing(self._load([command])) as groups:
                ((task,),) = [tasks async for tasks in groups]
        if tries > TRIES_MAX:
            task.reward, task.error = None, GIVEN_UP
        return task

    def _load(self, commands: list[LoggedCommand], portion: Portion | None = None) -> AsyncGenerator[list[Task], None]:
        return load_in_groups(commands, self._state, self._store, self._programmes.of, self._client_code, portion)

    def _client_code(self, client_id: int) -> str | None:
        client = self._catalog.client(client_id)
        return None if client is None else client.client.code

    async def _return_idle_shares(self) -> None:
        """What a bucket has of a stock and did not use lately goes back; what seemed used up is asked for again."""
        idle = []
        self._units_asked.clear()
        for place, share in list(self._state.shares.items()):
            if share.used and not share.final:
                share.used = False
                continue
            del self._state.shares[place]
            if share.left > 0:
                idle.append(place)
        if idle:
            await self._store.return_shares(idle)

    def _leases_after(self, posting: Posting) -> dict[int, Lease]:
        """The leases of a posting's buckets once it is confirmed."""
        after = {}
        for advance in posting.advances:
            lease = cleared(self._leases.owned[advance.bucket], advance.cursor - advance.prior_cursor)
            after[advance.bucket] = lease._replace(
                cursor=advance.cursor, chain=advance.chain, outbox_next=advance.outbox_next
            )
        return after

    def _fetch_ahead(self, leases: dict[int, Lease]) -> None:
        """While the database posts, have it fetch the next batch, where as many as it takes are known to wait."""
        wanted, _ = fill(leases, self._tails, self._batch_now, self._turn, self._portions)
        if sum([count for _, count in wanted.values()]) == self._batch_now > 1:
            self._ahead.start(wanted)

    def _count(self, posting: Posting, posting_s: float) -> None:
        parked = len(posting.parked)
        self.parked_total += parked
        self.decided_total += len(posting.outcomes) - parked
        self.awards_total += sum([1 for line in posting.lines if line.covers_from is None and line.amount > 0])
        self._batch_rows.observe(len(posting.outcomes))
        self._posting_us.observe(round(posting_s * 1_000_000))
        for row in posting.parked:
            self._log.error("command_parked", bucket=row.bucket, position=row.position, error=row.error)

    def _pace(self, elapsed_s: float) -> None:
        """Batches that take a large part of the lease are made smaller, so that a slow disk never looks like death."""
        if elapsed_s > self._limits.lease_s / 4:
            self._batch_now = max(1, self._batch_now // 2)
        elif self._batch_now < self._limits.batch_max:
            self._batch_now = min(self._limits.batch_max, self._batch_now * 2)

    async def _recover(self, buckets: set[int]) -> None:
        self._state.forget(buckets)
        self._tails.clear()
        await self._leases.recover(buckets)

    def _report_text(self) -> str:
        return msgspec.json.encode(self.report()).decode()

    def report(self) -> LaneReport:
        """What this lane did since it started, and what waits for it."""
        leases = self._leases.owned
        lag = sum([max(0, self._tails.get(bucket, 0) - lease.cursor) for bucket, lease in leases.items()])
        return LaneReport(
            worker_id=self._leases.worker_id.hex(),
            label=self._label,
            buckets=len(leases),
            lag=lag,
            decided_total=self.decided_total,
            parked_total=self.parked_total,
            awards_total=self.awards_total,
            fence_refused_total=self.fence_refused_total,
            batch_rows=self._batch_rows.histogram(),
            posting_us=self._posting_us.histogram(),
        )


def describe(error: BaseException) -> str:
    """An error as it may be stored and logged: its kind and code, never values that may be personal."""
    if isinstance(error, AccrualError):
        return f"{type(error).__name__} {error.code}"
    return type(error).__name__
