"""schema.sql is what all migrations together make; ACCRUAL_TEST_REWRITE=1 (make schema) writes it anew."""

from __future__ import annotations

import os
from pathlib import Path

from accrual.store.connection import Pool
from accrual.store.schema import print_schema

SCHEMA = Path("src/accrual/store/schema.sql")


def _written(printed: str) -> str:
    if os.environ.get("ACCRUAL_TEST_REWRITE"):
        SCHEMA.write_text(printed, encoding="utf-8")
    return SCHEMA.read_text(encoding="utf-8")


async def test_sum_of_migrations_equals_schema_sql(owner_pool: Pool) -> None:
    async with owner_pool.acquire() as connection:
        printed = await print_schema(connection)
    assert printed == _written(printed)


async def test_print_shows_a_changed_column_index_storage_and_right(owner_pool: Pool) -> None:
    async with owner_pool.acquire() as connection:
        before = set((await print_schema(connection)).splitlines())
        await connection.execute(
            "alter table asset add column extra integer not null; create index asset_extra on asset (extra);"
            "alter table command alter column content set storage main; grant delete on line to accrual_runtime;"
            "alter table lane set (fillfactor = 20)"
        )
        added = sorted(set((await print_schema(connection)).splitlines()) - before)
    assert added == [
        "    extra integer not null,",
        ") with (fillfactor=20);",
        "CREATE INDEX asset_extra ON public.asset USING btree (extra);",
        "alter table command alter column content set storage main;",
        "grant delete on line to accrual_runtime;",
    ]
