"""Each change of each column of a table that only a checkpoint protects is named against one, whatever column comes next."""

from __future__ import annotations

from pathlib import Path

import pytest

from accrual.store.connection import Pool
from tests.pg_fixtures import Database
from tests.security.checkpointing import HERE, log_of, play, tables_named
from tests.security.test_checkpoint_tables import DRAW_ROUND, SEALED, WINNER
from tests.security.test_tampering import NEEDS_CHECKPOINT, UNPROTECTED
from tests.store.wiring import apply_example

pytestmark = pytest.mark.security

TABLES = (
    "asset", "audit", "audit_chain", "client", "programme", "programme_revision", "promo", "promo_version", "reward",
    "point_reward", "draw_round", "draw_winner", "migration",
)  # fmt: skip

POINT_REWARD = (
    "insert into point_reward (programme_id, point_reward_id, client_id, owner, outlet, number, name_folded, terms, sent, "
    "is_active, promos, created_at) values (1, 1, 1, 'o', 'l', 1, 'n', '{}', '{}', true, '{a}', '2026-01-01')"
)
REWARD = "insert into reward (programme_id, reward_id, code) values (1, 1, 'MUG')"
CLOSE = (
    "update draw_round set closed_at = recorded_at, entries = 1, root = 'r', drawn_at = recorded_at, beacon_value = 'b', "
    "secret = 'y'"
)
CLAIM = "update draw_winner set claimed_at = drawn_at, expired_at = drawn_at, granted_at = drawn_at"

CHANGES = {
    "integer": "{0} + 1000",
    "smallint": "{0} + 1000",
    "bigint": "{0} + 1000",
    "text": "{0} || 'x'",
    "boolean": "not {0}",
    "bytea": "{0} || 'x'",
    "jsonb": "'{{\"other\": 1}}'",
    "uuid": "'00000000-0000-8007-8000-00000000000f'",
    "timestamp with time zone": "{0} + interval '1 microsecond'",
    "ARRAY": "{0} || '{{x}}'",
}
FIRST = {
    "integer": "7",
    "smallint": "7",
    "bigint": "7",
    "text": "'x'",
    "boolean": "true",
    "bytea": "'x'",
    "jsonb": "'{\"other\": 1}'",
    "uuid": "'00000000-0000-8007-8000-00000000000f'",
    "timestamp with time zone": "'2026-01-01'",
    "ARRAY": "'{x}'",
}
"""What a column without a value gets."""


async def test_each_changed_column_and_each_deleted_row_is_named(
    database: Database, pool: Pool, owner_pool: Pool, tmp_path: Path
) -> None:
    await apply_example(database)
    await play(database, pool, HERE, 0, 2)
    for statement in (DRAW_ROUND, WINNER, POINT_REWARD, REWARD, CLOSE, CLAIM):
        await owner_pool.execute(statement)
    log = log_of(database, tmp_path)
    note = (await log.make()).published.note
    unnamed = []
    for table in TABLES:
        columns = await owner_pool.fetch(
            "select column_name, data_type from information_schema.columns where table_schema = 'public' and table_name = $1",
            table,
        )
        row = await owner_pool.fetchval(f"select ctid::text from {table} order by ctid desc limit 1")
        assert row is not None, f"{table} has no row to change"
        statements = [f"delete from {table} where ctid = '{row}'"]
        for name, kind in columns:
            here = await owner_pool.fetchval(f"select {name} is null from {table} where ctid = '{row}'")
            value = FIRST[kind] if here else CHANGES[kind].format(name)
            statements.append(f"update {table} set {name} = {value} where ctid = '{row}'")
        unnamed += [each for each in statements if table not in await tables_named(log, owner_pool, note, each)]
    assert unnamed == []


DERIVED = "follows from outcomes that are covered; no one figure is recomputed from them yet"
OPEN = {
    "budget": DERIVED,
    "budget_share": DERIVED,
    "quota": DERIVED,
    "reward_given": DERIVED,
    "link_node": DERIVED,
    "sighting": "which device was seen with whom; nothing else says so",
    "reward_code": "voucher codes that nobody was given; not read by those who sign",
    "draw_secret": "its commitment is covered, and its disclosure shows whether it is the one",
    "setting": "of the installation; the secret among them is not read by those who sign",
    "tail": "when the newest command was recorded, which the command says too",
}
"""Tables that neither verify nor a checkpoint protects whole, and why; docs/operating/checkpoints.md says so too."""


def test_what_verify_does_not_protect_a_checkpoint_does_or_a_reason_is_given() -> None:
    needed = {table for table, reasons in UNPROTECTED.items() if NEEDS_CHECKPOINT in reasons.values()}
    covered = {*TABLES, *SEALED, "member"}
    assert needed - covered - OPEN.keys() == set()
    assert OPEN.keys() & covered == set()
