"""A lane with more to do than a batch holds fetches the next batch while one is posted; whatever goes wrong, each counts once."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any

import pytest_asyncio

from accrual.domain.errors import DatabaseDown
from accrual.domain.outcomes import Status
from accrual.store.connection import Pool
from accrual.store.lanes import PostgresLanes
from accrual.worker.lane import Lane
from tests.pg_fixtures import Database
from tests.store.wiring import BUCKETS, apply_example, log_of, purchase, submitter, users_in, whole_lane

BATCH = 4
COUNT = 24


class Counting(PostgresLanes):
    """Counts what is fetched which way."""

    fetched = 0
    ahead = 0

    async def fetch(self, wanted: Any) -> Any:
        self.fetched += 1
        return await super().fetch(wanted)

    async def fetch_ahead(self, wanted: Any) -> Any:
        self.ahead += 1
        return await super().fetch_ahead(wanted)


@pytest_asyncio.fixture
async def backlog(database: Database, pool: Pool) -> None:
    """Six commands each of four members in one bucket."""
    await apply_example(database)
    users = users_in(40, 4)
    rows = [purchase(user, f"{number}") for number in range(COUNT // 4) for user in users]
    for answer in await submitter(log_of(pool)).submit_many(rows):
        assert not isinstance(answer, Exception), answer


@pytest_asyncio.fixture
async def store(database: Database) -> AsyncIterator[Counting]:
    opened = Counting(database.runtime_url, label="counting", buckets=BUCKETS, idle_in_transaction_s=1)
    yield opened
    opened.cut()


async def steps(lane: Lane, pool: Pool) -> int:
    """Step as `run` does until all is decided; how often it had to start over."""
    deadline_s = time.monotonic() + 20
    lost = 0
    while await pool.fetchval("select cursor from lane where bucket = 40") <= COUNT:
        assert time.monotonic() < deadline_s
        try:
            await lane.step()
        except DatabaseDown:
            lost += 1
            lane._start_over()
    return lost


async def check_books(pool: Pool) -> None:
    assert await pool.fetchval("select count(*) from outcome where status = $1", Status.DECIDED) == COUNT
    assert await pool.fetchval("select sum(amount) from line where covers_from is null") == COUNT
    newest = (
        "select distinct on (account) balance_after from line where covers_from is null order by account, position desc"
    )
    assert [row[0] for row in await pool.fetch(newest)] == [COUNT // 4] * 4


async def test_all_batches_but_the_first_are_fetched_ahead(
    database: Database, pool: Pool, backlog: None, store: Counting
) -> None:
    assert await steps(whole_lane(database, pool, "lane", batch_max=BATCH, store=store), pool) == 0
    await check_books(pool)
    assert (store.fetched, store.ahead) == (1, COUNT // BATCH - 1)
    sessions = "select count(*) from pg_stat_activity where datname = current_database() and application_name like $1"
    assert await pool.fetchval(sessions, "accrual counting%") == 2
    await store.close()


async def test_what_was_fetched_ahead_is_dropped_when_the_posting_is_refused(
    database: Database, pool: Pool, backlog: None, store: Counting
) -> None:
    lane = whole_lane(database, pool, "lane", batch_max=BATCH, store=store)
    await lane.step()
    await pool.execute("update lane set epoch = epoch + 1, owner = null, clean = true where bucket = 40")
    await lane.step()
    assert lane.fence_refused_total == 1
    await steps(lane, pool)
    await check_books(pool)


async def test_lane_starts_over_when_the_session_that_reads_ahead_is_lost(
    database: Database, pool: Pool, backlog: None, store: Counting
) -> None:
    lane = whole_lane(database, pool, "lane", batch_max=BATCH, store=store)
    await lane.step()
    await lane.step()
    ended = "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'accrual counting ahead'"
    assert [row[0] for row in await pool.fetch(ended + " and datname = current_database()")] == [True]
    assert await steps(lane, pool) <= 1
    await check_books(pool)
    assert store.ahead > 2
