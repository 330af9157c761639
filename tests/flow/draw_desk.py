"""Draws over a real database: a programme with one, entries, lanes that decide them, receipts. No assertions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from typing import Any, NamedTuple

from accrual.bootstrap.draw_keys import DrawKey
from accrual.bootstrap.engine import RunningEngine, open_engine
from accrual.bootstrap.lanes import open_lane
from accrual.domain.commands import Dialect, Reward, Submission, content_digest
from accrual.domain.facts import DrawEntry, Fact, Identity
from accrual.domain.programme import Asset, Client, Programme, Settings
from accrual.domain.promos import Promo
from accrual.engine.plan import make_plan
from accrual.settings import Settings as ProcessSettings
from accrual.store.catalogue import CatalogueStore
from accrual.store.connection import Pool
from accrual.worker.lane import Lane
from tests.pg_fixtures import Database

SETTINGS = ProcessSettings(batch_max=256, backlog_bulk_max=100_000, backlog_single_max=100_000)


class AtWork(NamedTuple):
    """An engine with its lanes over one database."""

    engine: RunningEngine
    lanes: Sequence[Lane]

    async def enter(self, first: int, count: int, *, members: int, facts: tuple[Fact, ...] | None = None) -> None:
        """So many entries of members in turn, keyed from `first` on."""
        (client,) = self.engine.catalog.clients.values()
        entries = [
            _entry(client.programme_id, client.client_id, first + n, (first + n) % members, facts) for n in range(count)
        ]
        answers = await self.engine.submit_many(entries)
        assert not [answer for answer in answers if isinstance(answer, Exception)]

    async def decide(self) -> None:
        """Let the lanes work one after the other until nothing waits."""
        while any([await lane.step() for lane in self.lanes]):
            pass

    async def decide_at_once(self, count: int) -> None:
        """Let all lanes work at the same time until so many commands are decided."""
        stopping = asyncio.Event()
        running = [asyncio.create_task(lane.run(stopping)) for lane in self.lanes]
        try:
            async with asyncio.timeout(300):
                while sum(lane.decided_total + lane.parked_total for lane in self.lanes) < count:  # noqa: ASYNC110 - lanes count, they tell nobody
                    await asyncio.sleep(0.02)
        finally:
            stopping.set()
            await asyncio.gather(*running)

    async def receipts(self, code: str) -> list[dict[str, Any]]:
        """What is published of a draw, and every receipt."""
        return [line async for line in self.engine.draws.receipts(1, code)]


def _entry(programme_id: int, client_id: int, number: int, member: int, facts: tuple[Fact, ...] | None) -> Submission:
    command = Reward(
        dialect=Dialect.NATIVE,
        action="draw_entry",
        identity=Identity("id", str(member)),
        facts=facts or (DrawEntry(occurred_at=datetime(2026, 3, 1, 5, tzinfo=UTC)),),
    )
    return Submission(
        programme_id=programme_id,
        client_id=client_id,
        command=command,
        key=b"k%d" % number,
        content=content_digest(b"%d" % number),
        body=b"{}",
    )


async def apply_promos(pool: Pool, *promos: Promo, draw_key: DrawKey | None = None) -> None:
    """A programme with these promos; what it had before and is not named stays."""
    now = datetime.now(UTC)
    document = Programme(
        programme=Settings(code="draws", currency="IDR", time_zone="Asia/Jakarta", late_limit=None),
        assets=(Asset(code="PTS"), Asset(code="LD"), Asset(code="GOLD")),
        clients=(Client(code="till", rights=("submit", "read")),),
        promos=promos,
    )
    await CatalogueStore(pool, draw_key=None if draw_key is None else draw_key.key).change(
        "draws", lambda stored: make_plan(document, stored, key_digests={}, now=now).change, actor="test", now=now
    )


@asynccontextmanager
async def at_work(database: Database, lanes: int = 1, *, draw_key: DrawKey | None = None) -> AsyncIterator[AtWork]:
    """An engine and lanes; at the end the lanes give their buckets back."""
    async with AsyncExitStack() as stack:
        engine = await stack.enter_async_context(open_engine(database.runtime_url, SETTINGS, draw_key=draw_key))
        opened = [
            await stack.enter_async_context(
                open_lane(database.runtime_url, SETTINGS, label=f"lane {number}", draw_key=draw_key)
            )
            for number in range(lanes)
        ]
        yield AtWork(engine, opened)
        leaving = asyncio.Event()
        leaving.set()
        for lane in opened:
            await lane.run(leaving)
