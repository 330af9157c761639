"""Wires upkeep: what finds due things, the log, the catalogue, its bounds; beside the API, or by hand up to an instant."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from pathlib import Path

import msgspec

from accrual.bootstrap.clocks import utc_now
from accrual.bootstrap.engine import RunningEngine, open_engine
from accrual.bootstrap.opening import open_database
from accrual.bootstrap.settings import read_settings
from accrual.bootstrap.submitting import lane_at_work
from accrual.domain.commands import Receipt, Submission
from accrual.domain.errors import AccrualError, Busy, Invalid
from accrual.engine.ports import CommandLog
from accrual.engine.submit import row_of
from accrual.engine.upkeep import Tally, Upkeep, UpkeepLimits
from accrual.engine.waiting import OutcomeWaiter
from accrual.rules.calendar import read_instant
from accrual.settings import Settings
from accrual.store.log import PostgresLog
from accrual.store.postgres import ROLE_API, open_pool
from accrual.store.upkeep import UpkeepStore
from accrual.worker.upkeep import UpkeepLoop

PATIENCE_S = 60.0
"""How long a round waits for lanes that do not get on; the next one takes it up."""

NO_SALT = b""
Tell = Callable[[str], None]


class _Log:
    """The log as upkeep uses it."""

    def __init__(self, engine: RunningEngine, log: CommandLog) -> None:
        self._engine = engine
        self._log = log

    async def submit_many(self, submissions: Sequence[Submission]) -> list[Receipt | AccrualError]:
        return await self._engine.submit_many(submissions)

    async def waiting(self) -> int:
        return sum((await self._log.backlog()).values())


class OpenUpkeep(msgspec.Struct, frozen=True, kw_only=True):
    """Upkeep over an open engine, and the log it writes to."""

    upkeep: Upkeep
    log: CommandLog
    buckets: int

    async def known(self, page: Sequence[Submission]) -> int:
        """How many of these commands are in the log already."""
        rows = [row_of(each, buckets=self.buckets, salt=NO_SALT)[0] for each in page]
        return len(await self.log.find([(row.bucket, row.ticket) for row in rows]))


@asynccontextmanager
async def open_upkeep(url: str, settings: Settings, engine: RunningEngine) -> AsyncIterator[OpenUpkeep]:
    """Upkeep over the engine's database (the runtime role's address). Raises DatabaseDown."""
    pool = await open_pool(
        url, label="upkeep", size_max=2, statement_timeout_s=settings.statement_timeout_s, role=ROLE_API
    )
    try:
        log = PostgresLog(pool)
        upkeep = Upkeep(
            UpkeepStore(pool, engine.buckets),
            _Log(engine, log),
            engine.catalog,
            limits=UpkeepLimits(
                page_max=settings.upkeep_page_max, backlog_max=settings.upkeep_backlog_max, patience_s=PATIENCE_S
            ),
            monotonic_s=time.monotonic,
        )
        yield OpenUpkeep(upkeep=upkeep, log=log, buckets=engine.buckets)
    finally:
        await pool.close()


@asynccontextmanager
async def upkeep_beside(url: str, settings: Settings, engine: RunningEngine) -> AsyncIterator[None]:
    """Upkeep runs every so often for this while; not at all where the settings say 0."""
    if not settings.upkeep_every_s:
        yield
        return
    stopping = asyncio.Event()
    async with open_upkeep(url, settings, engine) as opened:
        loop = UpkeepLoop(opened.upkeep, every_s=settings.upkeep_every_s, now=utc_now, raffles=engine.raffles)
        task = asyncio.create_task(loop.run(stopping))
        try:
            yield
        finally:
            stopping.set()
            task.cancel()  # what it was about to append is found again by whoever runs next
            with suppress(asyncio.CancelledError):
                await task


async def run_upkeep(
    data_dir: Path | None,
    database_url: str | None,
    *,
    until: str | None,
    ahead: bool,
    dry_run: bool,
    quiet_s: float,
    tell: Tell,
) -> tuple[Tally, datetime]:
    """Do all that falls due by `until` (None: now), and wait until it is decided; what was done and up to when.

    An instant without offset is read in the zone of the programmes, if they agree on one. Raises Invalid for an instant
    that lies ahead where that is not allowed, Busy when nothing was decided for `quiet_s`, DatabaseDown.
    """
    settings = read_settings()
    async with (
        open_database(data_dir, database_url, settings=settings, on_progress=tell) as database,
        open_engine(database.runtime_url, settings, label="upkeep", draw_key=database.draw_key) as engine,
        open_upkeep(database.runtime_url, settings, engine) as opened,
    ):
        now = utc_now()
        at = now if until is None else _read_until(until, engine)
        if at > now:
            _allow_ahead(engine, allowed=ahead or dry_run)
        if dry_run:
            return await opened.upkeep.plan(at, now, opened.known), at
        waiter = OutcomeWaiter(opened.log)

        async def settled(tally: Tally, day: datetime) -> None:
            # On a test clock the next day is found in what this one has left.
            if day > now:
                await _decided(waiter, tally, quiet_s)
            if sum(tally.new.values()):
                tell(f"up to {day:%Y-%m-%d %H:%M:%SZ}: {sum(tally.new.values()):,} commands")

        async with lane_at_work(engine, database.runtime_url, settings, tell, database.draw_key):
            tally = await opened.upkeep.run(at, now, after_day=settled)
            await _decided(waiter, tally, quiet_s)
            if (given := await engine.raffles.run_due()) > 0:
                tell(f"raffles: {given:,} prizes on their way")
        return tally, at


async def _decided(waiter: OutcomeWaiter, tally: Tally, quiet_s: float) -> None:
    """Wait for the newest command of each bucket: those before it are decided before it."""
    for receipt in tally.last.values():
        if not await waiter.decided(receipt.bucket, receipt.position, deadline_s=quiet_s):
            raise Busy("The commands are in the log, and no lane decides them.", details={"bucket": receipt.bucket})
    tally.last.clear()


def _read_until(text: str, engine: RunningEngine) -> datetime:
    zones = {catalogue.settings.time_zone for catalogue in engine.catalog.programmes.values()}
    return read_instant(text, zones.pop() if len(zones) == 1 else "UTC")


def _allow_ahead(engine: RunningEngine, *, allowed: bool) -> None:
    """Whoever runs ahead of the clock takes points from members before their time, and nothing gives them back."""
    real = [each.settings.code for each in engine.catalog.programmes.values() if not each.settings.demo]
    if real and not allowed:
        raise Invalid(
            f"That lies ahead: points of {', '.join(sorted(real))} would expire before their time, for good. "
            "Say --ahead if this database is for trying things out.",
            code="upkeep_ahead",
        )
