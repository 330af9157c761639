"""One address for everything: its sessions act as the runtime role, and lanes still see and end each other's sessions."""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime

import asyncpg
import pytest

from accrual.domain.log import LaneRow
from accrual.store.doctor import read_books
from accrual.store.lanes import PostgresLanes
from accrual.store.postgres import as_login, as_runtime, connect, open_pool
from accrual.store.reports import PostgresReports
from tests.pg_fixtures import Database, Postgres

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def _lanes(url: str, label: str) -> PostgresLanes:
    return PostgresLanes(url, label=label, buckets=256, idle_in_transaction_s=60)


@pytest.fixture(params=["superuser", "ordinary", "login"])
def address(request: pytest.FixtureRequest, database: Database, postgres: Postgres) -> str:
    """An address whose sessions act as roles: of a superuser, of an ordinary user who may, or of the login made for it."""
    if request.param == "superuser":
        return as_runtime(database.superuser_url)
    if request.param == "login":
        return as_runtime(database.roles_url)
    name = f"plain_{database.name}"
    postgres.administer(f"create role {name} login password 'x' in role accrual_runtime")
    request.addfinalizer(lambda: postgres.administer(f"drop role {name}"))
    return as_runtime(f"postgresql://{name}:x@{database.owner_url.partition('@')[2]}")


async def test_lane_is_known_and_reported(address: str) -> None:
    lanes = _lanes(address, "a")
    await lanes.open()
    worker = uuid.uuid4().bytes
    await lanes.register(worker, NOW, "a")
    assert await lanes.beat(worker, "{}")
    pool = await open_pool(address, label="reports", size_max=1)
    assert await PostgresReports(pool).lanes() == ["{}"]
    await pool.close()
    await lanes.close()


async def test_lanes_see_each_other_as_connected_for_as_long_as_they_are(address: str) -> None:
    one, other = _lanes(address, "one"), _lanes(address, "other")
    await one.open()
    await other.open()
    mine, theirs = uuid.uuid4().bytes, uuid.uuid4().bytes
    await one.register(mine, NOW, "one")
    await other.register(theirs, NOW, "other")
    assert {row.worker_id: row.connected for row in await one.workers()} == {mine: True, theirs: True}
    assert {row.worker_id: row.connected for row in await other.workers()} == {mine: True, theirs: True}
    await other.close()
    for _ in range(100):
        seen = {row.worker_id: row.connected for row in await one.workers()}
        if not seen[theirs]:
            break
        await asyncio.sleep(0.02)
    assert seen == {mine: True, theirs: False}
    await one.close()


async def test_examination_finds_a_lane_that_is_there(address: str) -> None:
    lanes = _lanes(address, "a")
    await lanes.open()
    await lanes.register(uuid.uuid4().bytes, NOW, "a")
    found = await read_books(address, pause_s=0)
    assert [(worker.label, worker.connected) for worker in found.workers] == [("a", True)]
    await lanes.close()


async def test_session_of_a_dead_lane_that_holds_its_row_is_ended(address: str) -> None:
    dead, heir = _lanes(address, "dead"), _lanes(address, "heir")
    await dead.open()
    await heir.open()
    old, new = uuid.uuid4().bytes, uuid.uuid4().bytes
    await dead.register(old, NOW, "dead")
    await heir.register(new, NOW, "heir")
    (lease,) = await dead.take([LaneRow(7, 1, 0, None, True)], old)
    session = dead.connection
    transaction = session.transaction()
    await transaction.start()
    await session.execute("select from lane where bucket = 7 for update")
    seen = [row for row in await heir.lanes() if row.bucket == 7]
    tries = [await heir.take(seen, new) for _ in range(5)]
    assert tries[0] == []
    assert [lease.bucket for won in tries for lease in won] == [7]
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)):
        await session.execute("select 1")
    assert lease.bucket == 7
    dead.cut()
    await heir.close()


async def test_rights_are_the_runtime_roles_again_after_speaking_as_the_login(database: Database) -> None:
    connection = await connect(as_runtime(database.superuser_url), label="test")
    async with as_login(connection):
        assert await connection.fetchval("select current_user::text") == "postgres"
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute("delete from line")
    await connection.close()
