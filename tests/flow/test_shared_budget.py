"""A budget shared by many lanes at once is given out whole, and never more than whole."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from datetime import UTC, datetime

from accrual.bootstrap.engine import open_engine
from accrual.bootstrap.lanes import open_lane
from accrual.domain.commands import Dialect, Reward, Submission, content_digest
from accrual.domain.facts import Identity, Purchase
from accrual.domain.programme import Asset, Client, Programme, Settings
from accrual.domain.promos import Benefit, Budget, Limit, LimitPer, OnLimit, Promo, Trigger
from accrual.engine.plan import make_plan
from accrual.settings import Settings as ProcessSettings
from accrual.store.catalogue import CatalogueStore
from accrual.store.connection import Pool
from tests.flow.sharing import share_buckets
from tests.pg_fixtures import Database

LANES = 8
CLAIMS = 20_000
BUDGET = 1_000


def _programme(promo: Promo) -> Programme:
    return Programme(
        programme=Settings(code="shared", currency="IDR", time_zone="Asia/Jakarta"),
        assets=(Asset(code="PTS"),),
        clients=(Client(code="till", rights=("submit", "read")),),
        promos=(promo,),
    )


async def _apply(pool: Pool, promo: Promo) -> None:
    now = datetime.now(UTC)
    document = _programme(promo)
    await CatalogueStore(pool).change(
        "shared",
        lambda stored: make_plan(document, stored, key_digests={}, now=now).change,
        actor="test",
        now=now,
    )


def _claim(programme_id: int, client_id: int, number: int) -> Submission:
    fact = Purchase(occurred_at=datetime(2026, 3, 1, 5, tzinfo=UTC), amount_minor=100_000, outlet="OTL-1")
    command = Reward(dialect=Dialect.NATIVE, action="purchase", identity=Identity("id", str(number)), facts=(fact,))
    return Submission(
        programme_id=programme_id,
        client_id=client_id,
        command=command,
        key=b"k%d" % number,
        content=content_digest(b"%d" % number),
        body=b"{}",
    )


async def _claim_all(database: Database, pool: Pool, promo: Promo) -> int:
    """Units granted of CLAIMS claims by as many members, decided by LANES lanes at once; the books are verified."""
    await _apply(pool, promo)
    settings = ProcessSettings(batch_max=256, backlog_bulk_max=100_000, backlog_single_max=100_000)
    async with AsyncExitStack() as stack:
        engine = await stack.enter_async_context(open_engine(database.runtime_url, settings))
        lanes = [
            await stack.enter_async_context(open_lane(database.runtime_url, settings, label=f"lane {number}"))
            for number in range(LANES)
        ]
        (client,) = engine.catalog.clients.values()
        await share_buckets(lanes)
        stopping = asyncio.Event()
        running = [asyncio.create_task(lane.run(stopping)) for lane in lanes]
        try:
            for start in range(0, CLAIMS, 2_000):
                claims = [_claim(client.programme_id, client.client_id, start + n) for n in range(2_000)]
                answers = await engine.submit_many(claims)
                assert not [answer for answer in answers if isinstance(answer, Exception)]
            async with asyncio.timeout(120):
                while sum(lane.decided_total + lane.parked_total for lane in lanes) < CLAIMS:  # noqa: ASYNC110 - lanes count, they tell nobody
                    await asyncio.sleep(0.05)
        finally:
            stopping.set()
            await asyncio.gather(*running)
        assert sum(lane.parked_total for lane in lanes) == 0
        assert sum(1 for lane in lanes if lane.decided_total) == LANES
    granted = await pool.fetchval("select coalesce(sum(amount), 0) from line where covers_from is null")
    return int(granted)


async def test_eight_lanes_give_a_budget_out_whole_and_no_more(database: Database, pool: Pool) -> None:
    promo = Promo(
        code="FLASH",
        trigger=Trigger.PURCHASE,
        benefits=(Benefit(asset="PTS", fixed=1),),
        budget=Budget(asset="PTS", amount=BUDGET),
    )
    granted = await _claim_all(database, pool, promo)
    assert BUDGET * 99 // 100 <= granted <= BUDGET


async def test_eight_lanes_keep_to_an_outlets_cap(database: Database, pool: Pool) -> None:
    promo = Promo(
        code="OUTLET",
        trigger=Trigger.PURCHASE,
        benefits=(Benefit(asset="PTS", fixed=1),),
        limits=(Limit(per=LimitPer.OUTLET, count=BUDGET, on_limit=OnLimit.DECLINE),),
    )
    assert await _claim_all(database, pool, promo) == BUDGET
