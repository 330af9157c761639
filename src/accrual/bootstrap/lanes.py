"""Wires a lane: its session, its catalogue, its bounds and what it tells partners."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from accrual.api.dialects.qoin.forwarded import forwarded_event
from accrual.bootstrap.clocks import SYSTEM_CLOCKS
from accrual.bootstrap.draw_keys import DrawKey
from accrual.bootstrap.faults import FaultyLanes, read_faults, with_faults
from accrual.domain.commands import Dialect, LoggedCommand, Reward
from accrual.engine.catalog import Catalog
from accrual.engine.process import EventOf
from accrual.rules.compiled import CompiledProgramme
from accrual.rules.evaluate import REFERRED
from accrual.settings import Settings
from accrual.store.catalogue import CatalogueStore
from accrual.store.lanes import PostgresLanes
from accrual.store.migrate import count_buckets, read_secret
from accrual.store.postgres import ROLE_WORKER, open_pool
from accrual.worker.lane import Lane, LaneLimits

QOIN = (Dialect.QOIN_TASK, Dialect.QOIN_PROCESSOR)
IDLE_SHARE_OF_LEASE = 0.8
"""A session frozen inside a transaction is ended by the server before its lease is over."""


def events_of(catalog: Catalog) -> EventOf:
    """The events of decided commands: what a Qoin referral passes on for its sharer."""

    def event_of(command: Reward, logged: LoggedCommand, programme: CompiledProgramme) -> tuple[str, bytes] | None:
        if command.dialect not in QOIN or REFERRED.isdisjoint(map(type, command.facts)):
            return None
        client = catalog.client(logged.client_id)
        number = 0 if client is None else client.client.number
        payload = forwarded_event(command, number, settings=programme.settings, recorded_at=logged.recorded_at)
        return None if payload is None else ("referral.forwarded", payload)

    return event_of


async def sleep(pause_s: float) -> None:
    """How an idle lane waits when nobody hints: it looks again after the pause."""
    await asyncio.sleep(pause_s)


@asynccontextmanager
async def open_lane(
    url: str,
    settings: Settings,
    *,
    label: str,
    wait_for_work: Callable[[float], Awaitable[None]] = sleep,
    draw_key: DrawKey | None = None,
) -> AsyncIterator[Lane]:
    """A lane over a database (the runtime role's address), ready to run; `draw_key` is the hosts' part of secrets of draws.

    Raises DatabaseDown, Broken.
    """
    pool = await open_pool(
        url,
        label=f"{label} catalogue",
        size_max=2,
        statement_timeout_s=settings.statement_timeout_s,
        role=ROLE_WORKER,
    )
    try:
        buckets = await count_buckets(pool)
        catalog = Catalog(CatalogueStore(pool, with_secrets=True))
        faults = read_faults()
        idle_s = settings.lease_s * IDLE_SHARE_OF_LEASE
        store = (
            PostgresLanes(url, label=label, buckets=buckets, idle_in_transaction_s=idle_s)
            if faults is None
            else FaultyLanes(url, faults, label=label, buckets=buckets, idle_in_transaction_s=idle_s)
        )
        yield Lane(
            store,
            catalog,
            limits=LaneLimits(
                lease_s=settings.lease_s,
                batch_max=settings.batch_max,
                poll_s=settings.poll_s,
                members_max=settings.members_cached_max,
            ),
            clocks=SYSTEM_CLOCKS,
            label=label,
            buckets=buckets,
            event_of=with_faults(faults, events_of(catalog)),
            secret=await read_secret(pool),
            draw_key=None if draw_key is None else draw_key.key,
            wait_for_work=wait_for_work,
        )
    finally:
        await pool.close()
