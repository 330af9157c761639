"""Migrations go forward only, once, and leave the runtime role unable to change the history."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import asyncpg
import pytest

from accrual.domain.errors import Busy, Refused
from accrual.store.connection import Pool
from accrual.store.migrate import Migration, count_buckets, known_migrations, migrate
from accrual.store.postgres import as_runtime, connect, open_pool
from tests.pg_fixtures import Database, Postgres

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def _later(number: int, text: str, compat: int | None = None) -> Migration:
    return Migration(
        number=number, name=f"{number:04}_later", digest=f"digest of {text}", text=text, compat=compat or number
    )


async def test_second_run_applies_nothing(empty_database: Database) -> None:
    first = await migrate(empty_database.owner_url, now=NOW)
    assert first.applied == tuple(migration.name for migration in known_migrations())
    assert (await migrate(empty_database.owner_url, now=NOW)).applied == ()


async def test_two_processes_at_once_apply_each_migration_once(empty_database: Database) -> None:
    runs = await asyncio.gather(*(migrate(empty_database.owner_url, now=NOW) for _ in range(3)))
    assert sorted(name for run in runs for name in run.applied) == [m.name for m in known_migrations()]


async def test_every_bucket_gets_a_tail_and_a_lane(empty_database: Database) -> None:
    await migrate(empty_database.owner_url, now=NOW, buckets=8)
    pool = await open_pool(empty_database.owner_url, label="test", size_max=1)
    try:
        assert await count_buckets(pool) == 8
        tails = await pool.fetch("select bucket, next from tail order by bucket")
        assert [tuple(row) for row in tails] == [(bucket, 1) for bucket in range(8)]
        lanes = await pool.fetch(
            "select bucket, cursor, prior_cursor, epoch, owner, clean, chain, outbox_next from lane order by bucket"
        )
        assert [tuple(row) for row in lanes] == [(b, 1, 1, 0, None, True, bytes(32), 1) for b in range(8)]
    finally:
        await pool.close()


async def test_number_of_buckets_stays_as_first_chosen(empty_database: Database) -> None:
    await migrate(empty_database.owner_url, now=NOW, buckets=8)
    await migrate(empty_database.owner_url, now=NOW, buckets=16)
    connection = await connect(empty_database.owner_url, label="test")
    assert await connection.fetchval("select count(*) from lane") == 8
    await connection.close()


async def test_changed_migration_is_refused(empty_database: Database) -> None:
    await migrate(empty_database.owner_url, now=NOW)
    known = known_migrations()
    with pytest.raises(Refused) as refused:
        await migrate(empty_database.owner_url, now=NOW, known=[replace(known[0], digest="other"), *known[1:]])
    assert refused.value.code == "migration_changed"


async def test_database_of_a_newer_release_is_refused(empty_database: Database) -> None:
    newer = _later(9000, "create table newer (id integer)")
    await migrate(empty_database.owner_url, now=NOW, known=[*known_migrations(), newer])
    with pytest.raises(Refused) as refused:
        await migrate(empty_database.owner_url, now=NOW)
    assert refused.value.code == "database_newer"


async def test_newer_database_that_stays_compatible_is_used(empty_database: Database) -> None:
    newer = _later(9000, "create table newer (id integer)", compat=known_migrations()[-1].number)
    await migrate(empty_database.owner_url, now=NOW, known=[*known_migrations(), newer])
    assert (await migrate(empty_database.owner_url, now=NOW)).applied == ()


async def test_failing_migration_leaves_nothing_behind(empty_database: Database) -> None:
    await migrate(empty_database.owner_url, now=NOW)
    broken = _later(9000, "create table half (id integer); select 1 / 0")
    with pytest.raises(asyncpg.DivisionByZeroError):
        await migrate(empty_database.owner_url, now=NOW, known=[*known_migrations(), broken])
    connection = await connect(empty_database.owner_url, label="test")
    assert await connection.fetchval("select to_regclass('half')") is None
    assert await connection.fetchval("select count(*) from migration") == len(known_migrations())
    await connection.close()


async def test_migration_waits_only_its_lock_timeout_for_a_busy_table(
    empty_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("accrual.store.migrate.LOCK_TIMEOUT_S", 0.05)
    monkeypatch.setattr("accrual.store.postgres.PAUSE_MAX_S", 0.01)
    await migrate(empty_database.owner_url, now=NOW)
    reader = await connect(empty_database.owner_url, label="reader", idle_in_transaction_s=0)
    try:
        async with reader.transaction():
            await reader.fetchval("select count(*) from asset")
            change = _later(9000, "alter table asset add column extra integer")
            with pytest.raises(Busy) as caught:
                await migrate(empty_database.owner_url, now=NOW, known=[*known_migrations(), change])
            assert caught.value.code == "migration_blocked"
    finally:
        await reader.close()


@pytest.mark.parametrize("table", ["command", "outcome", "line", "lot_use", "audit", "promo_version", "migration"])
@pytest.mark.parametrize("change", ["update {} set {} = {}", "delete from {}", "truncate {}"])
async def test_runtime_role_cannot_change_the_history(pool: Pool, table: str, change: str) -> None:
    column = await pool.fetchval(
        "select attname from pg_attribute where attrelid = $1::text::regclass and attnum = 1", table
    )
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await pool.execute(change.format(table, column, column))


async def test_owner_can_change_what_the_runtime_role_cannot(owner_pool: Pool) -> None:
    assert await owner_pool.execute("update line set amount = amount") == "UPDATE 0"


async def test_owner_address_made_runtime_is_bound_like_the_runtime_role(
    empty_database: Database, postgres: Postgres
) -> None:
    migrated = await migrate(empty_database.superuser_url, now=NOW)
    assert migrated.runtime_usable
    assert migrated.notice == ""
    bound = await connect(as_runtime(empty_database.superuser_url), label="test")
    try:
        assert await bound.fetchval("select count(*) from line") == 0
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await bound.execute("delete from line")
    finally:
        await bound.close()


async def test_user_who_cannot_act_as_runtime_role_is_told_what_to_run(
    empty_database: Database, postgres: Postgres
) -> None:
    migrated = await migrate(empty_database.owner_url, now=NOW)
    assert not migrated.runtime_usable
    assert "grant accrual_runtime to" in migrated.notice


async def test_user_who_may_not_make_tables_is_refused_with_what_to_grant(empty_database: Database) -> None:
    with pytest.raises(Refused) as refused:
        await migrate(empty_database.runtime_url, now=NOW)
    assert refused.value.code == "database_rights"
    assert "grant create on schema public" in refused.value.message


async def test_runtime_user_passes_a_database_that_needs_nothing(database: Database) -> None:
    assert (await migrate(database.runtime_url, now=NOW)).applied == ()
