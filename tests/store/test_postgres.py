"""Transactions are replayed whole, limits end what hangs, and a lost database is said to be down."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from accrual.domain.errors import DatabaseDown, Refused
from accrual.store.connection import Connection, Pool
from accrual.store.postgres import as_runtime, connect, open_pool, transact
from accrual.store.sql import QUERIES, query
from tests.pg_fixtures import Database


@pytest.fixture
async def tally(owner_pool: Pool) -> Pool:
    await owner_pool.execute("create table tally (id integer primary key, count integer not null)")
    await owner_pool.execute("insert into tally values (1, 0), (2, 0)")
    return owner_pool


async def _raise_count(connection: Connection, row: int = 1) -> None:
    await connection.execute("update tally set count = count + 1 where id = $1", row)


async def test_serialization_failures_are_replayed_until_each_counts_once(tally: Pool, database: Database) -> None:
    pool = await open_pool(database.owner_url, label="test", size_max=6)

    async def work(connection: Connection) -> None:
        count = await connection.fetchval("select count from tally where id = 1")
        await connection.execute("update tally set count = $1 where id = 1", count + 1)

    await asyncio.gather(*(transact(pool, work, isolation="serializable", attempts_max=40) for _ in range(12)))
    assert await tally.fetchval("select count from tally where id = 1") == 12
    await pool.close()


async def test_deadlock_is_replayed(tally: Pool) -> None:
    both = asyncio.Barrier(2)
    tries = 0

    async def work(connection: Connection, first: int, second: int) -> None:
        nonlocal tries
        tries += 1
        await _raise_count(connection, first)
        if tries <= 2:
            await both.wait()
        await _raise_count(connection, second)

    await asyncio.gather(transact(tally, lambda c: work(c, 1, 2)), transact(tally, lambda c: work(c, 2, 1)))
    assert [row["count"] for row in await tally.fetch("select count from tally order by id")] == [2, 2]
    assert tries == 3


async def test_error_of_the_work_rolls_back_and_is_not_replayed(tally: Pool) -> None:
    tries = 0

    async def work(connection: Connection) -> None:
        nonlocal tries
        tries += 1
        await _raise_count(connection)
        raise Refused("no")

    with pytest.raises(Refused):
        await transact(tally, work)
    assert tries == 1
    assert await tally.fetchval("select count from tally where id = 1") == 0


@pytest.mark.parametrize("pause_s", [0, 0.001, 0.01, 0.05])
async def test_session_killed_before_commit_is_replayed_on_another(
    tally: Pool, database: Database, pause_s: float
) -> None:
    killer = await connect(database.superuser_url, label="killer")
    kills = 5

    async def work(connection: Connection) -> None:
        nonlocal kills
        await _raise_count(connection)
        if kills:
            kills -= 1
            await killer.execute("select pg_terminate_backend($1)", connection.get_server_pid())
            await asyncio.sleep(pause_s)  # the driver notices before, while or after the next statement is sent
        await connection.fetchval("select 1")

    await transact(tally, work)
    assert kills == 0
    assert await tally.fetchval("select count from tally where id = 1") == 1
    await killer.close()


@pytest.mark.parametrize("repeatable", [False, True])
async def test_commit_whose_answer_is_lost_is_replayed_only_where_that_does_no_harm(
    tally: Pool, repeatable: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = asyncpg.transaction.Transaction.commit
    lost = 0

    async def commit_and_lose(self: asyncpg.transaction.Transaction) -> None:
        nonlocal lost
        await real(self)
        if lost == 0:
            lost += 1
            raise ConnectionResetError("the answer was lost")

    monkeypatch.setattr(asyncpg.transaction.Transaction, "commit", commit_and_lose)
    if repeatable:
        await transact(tally, _raise_count, repeatable=True)
    else:
        with pytest.raises(DatabaseDown) as down:
            await transact(tally, _raise_count)
        assert down.value.details == {"committed": "unknown"}
    assert await tally.fetchval("select count from tally where id = 1") == (2 if repeatable else 1)


async def test_contention_that_does_not_end_is_told_after_the_last_try(tally: Pool, database: Database) -> None:
    pool = await open_pool(database.owner_url, label="test", size_max=1, lock_timeout_s=0.02)
    tries = 0

    async def work(connection: Connection) -> None:
        nonlocal tries
        tries += 1
        await _raise_count(connection)

    async with tally.acquire() as holder, holder.transaction():
        await _raise_count(holder)
        with pytest.raises(asyncpg.LockNotAvailableError):
            await transact(pool, work, attempts_max=3)
    assert tries == 3
    await pool.close()


async def test_address_without_a_server_is_database_down() -> None:
    with pytest.raises(DatabaseDown):
        await connect("postgresql://nobody@127.0.0.1:1/none", label="test")
    with pytest.raises(DatabaseDown):
        await open_pool("postgresql://nobody@127.0.0.1:1/none", label="test", size_max=1)


async def test_wrong_password_and_unknown_database_are_refused_with_the_servers_words(database: Database) -> None:
    head, _, tail = database.owner_url.partition("@")
    for url in (f"{head}wrong@{tail}", database.owner_url.replace(database.name, "no_such_database")):
        with pytest.raises(Refused) as refused:
            await connect(url, label="test")
        assert refused.value.code == "database_login_refused"


async def test_session_has_its_limits_and_its_name(database: Database) -> None:
    connection = await connect(database.owner_url, label="lane 1", statement_timeout_s=0.05)
    try:
        assert await connection.fetchval("show idle_in_transaction_session_timeout") == "2500ms"
        assert await connection.fetchval("show lock_timeout") == "5s"
        assert await connection.fetchval("show application_name") == "accrual lane 1"
        assert await connection.fetchval("show synchronous_commit") == "on"
        with pytest.raises(asyncpg.QueryCanceledError):
            await connection.execute("select pg_sleep(5)")
    finally:
        await connection.close()


async def test_acting_as_the_runtime_role_takes_the_rights_away(database: Database) -> None:
    connection = await connect(as_runtime(database.superuser_url), label="test")
    assert await connection.fetchval("select current_user::text") == "accrual_admin"
    await connection.close()


def test_every_query_is_found_by_name_and_keeps_it() -> None:
    assert query("setting_read").startswith("/* setting_read */ select")
    assert "catalogue/settings" in QUERIES
    with pytest.raises(KeyError):
        query("no_such_query")
