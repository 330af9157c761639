"""Each change of one row of any table is named by verify, or stands in a table here with the reason why it is not.

A table or column that is new in the schema fails until a change of it is named, or its reason is written down.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import asyncpg
import pytest

from accrual.store.connection import Pool
from tests.pg_fixtures import Database
from tests.security.tampered_books import PROGRAMME, TamperedBooks, changed, fill
from tests.store.points_desk import PointsDesk, open_desk

pytestmark = pytest.mark.security

NEEDS_CHECKPOINT = "needs_checkpoint"
"""Nothing inside of the database says otherwise: only what was kept outside of it can tell."""
OPERATION = "says who works now and since when, and no history hangs on it"
PERSONAL = "personal and may be erased at any time"
EMPTY = "has no row in these books"
CATALOGUE = "is in the chain of catalogue changes as one digest a row; test_audit_chain.py changes each"
CHECKPOINTS = "is signed, or made again from what is signed; verify --against checks it"

ROWS = ("delete newest", "delete middle", "insert")
WHOLE = ("*",)
UNPROTECTED: Mapping[str, Mapping[str, str]] = {
    **{
        table: {"*": CATALOGUE}
        for table in (
            *("asset", "audit", "audit_chain", "client", "programme", "programme_revision", "promo", "promo_version"),
            *("reward", "point_reward", "draw_round", "draw_secret", "installation_secret", "draw_winner", "setting"),
        )
    },
    "migration": {"*": NEEDS_CHECKPOINT},
    "worker": {"*": OPERATION},
    "upkeep": {"*": OPERATION},
    "prize_stock": {"*": EMPTY},
    "awaited": dict.fromkeys(("target", "delete newest", "delete middle"), NEEDS_CHECKPOINT),
    "budget": dict.fromkeys(
        ("promo_id", "slot", "period", "cap", "remaining", "delete newest", "delete middle", "insert"), NEEDS_CHECKPOINT
    ),
    "budget_share": dict.fromkeys(
        ("bucket", "promo_id", "slot", "period", "remaining", "delete newest", "delete middle", "insert"),
        NEEDS_CHECKPOINT,
    ),
    "checkpoint": {"*": CHECKPOINTS},
    "checkpoint_row": {"*": CHECKPOINTS},
    "checkpoint_seal": {"*": CHECKPOINTS},
    "checkpoint_stream": {"*": CHECKPOINTS},
    "counter": dict.fromkeys(
        (
            "member_id",
            "promo_id",
            "slot",
            "period",
            "position",
            "value_after",
            "delete newest",
            "delete middle",
            "insert",
        ),
        NEEDS_CHECKPOINT,
    ),
    "draw_entry": dict.fromkeys(
        ("position", "units", "chain", "delete newest", "delete middle", "insert"), NEEDS_CHECKPOINT
    ),
    "earning": dict.fromkeys(
        ("account", "position", "occurred_at", "units", "delete newest", "delete middle", "insert"), NEEDS_CHECKPOINT
    ),
    "held_command": dict.fromkeys(("delete newest", "delete middle"), NEEDS_CHECKPOINT),
    "held_referral": dict.fromkeys(("delete newest", "delete middle"), NEEDS_CHECKPOINT),
    "hold": dict.fromkeys(("expires_at",), NEEDS_CHECKPOINT),
    "key_home": {"*": EMPTY},
    "lane": dict.fromkeys(("prior_cursor", "epoch", "owner", "clean", "suspicion"), OPERATION),
    "link_node": dict.fromkeys(
        (
            "bucket",
            "member_id",
            "above",
            "size",
            "linked",
            "referrer_kind",
            "referrer_value",
            "delete newest",
            "delete middle",
            "insert",
        ),
        NEEDS_CHECKPOINT,
    ),
    "lot_snapshot": {"*": EMPTY},
    "member": dict.fromkeys(("enrolled_position",), NEEDS_CHECKPOINT) | dict.fromkeys(("name",), PERSONAL),
    "outbox": dict.fromkeys(("position", "kind"), NEEDS_CHECKPOINT) | dict.fromkeys(("payload",), PERSONAL),
    "parked": dict.fromkeys(("error",), NEEDS_CHECKPOINT) | dict.fromkeys(("tries",), OPERATION),
    "profile": dict.fromkeys(("position", "document", "delete newest", "delete middle", "insert"), NEEDS_CHECKPOINT),
    "quota": dict.fromkeys(
        (
            "bucket",
            "subject",
            "promo_id",
            "slot",
            "period",
            "cap",
            "remaining",
            "delete newest",
            "delete middle",
            "insert",
        ),
        NEEDS_CHECKPOINT,
    ),
    "referral": dict.fromkeys(
        ("position", "referrer_kind", "referrer_value", "delete newest", "delete middle"), NEEDS_CHECKPOINT
    ),
    "reward_code": dict.fromkeys(("code", "delete newest"), NEEDS_CHECKPOINT),
    "reward_given": dict.fromkeys(("delete newest", "delete middle"), NEEDS_CHECKPOINT),
    "sighting": dict.fromkeys(
        ("bucket", "install", "member_id", "delete newest", "delete middle", "insert"), NEEDS_CHECKPOINT
    ),
    "tail": dict.fromkeys(("recorded_at",), NEEDS_CHECKPOINT),
    "undone": dict.fromkeys(
        ("target", "fact", "line", "position", "units_after", "delete newest", "delete middle", "insert"),
        NEEDS_CHECKPOINT,
    ),
    "unposted": dict.fromkeys(("position", "delete newest", "delete middle", "insert"), NEEDS_CHECKPOINT),
}

SPANS_BUCKETS = ("budget", "quota")
"""Tables whose changes show in what spans buckets only."""


@pytest.fixture
async def books(database: Database, pool: Pool, owner_pool: Pool, tmp_path: Path) -> AsyncIterator[TamperedBooks]:
    async with open_desk(PointsDesk, database, pool, tmp_path, PROGRAMME) as desk:
        await fill(desk)
        async with owner_pool.acquire() as owner:
            opened = TamperedBooks(desk, owner)
            await opened.open_up()
            yield opened


async def test_each_changed_row_is_named_or_has_its_reason(books: TamperedBooks) -> None:
    report = await books.verify()
    assert report.findings == ()
    missing, stale = [], []
    for table, columns in books.types.items():
        reasons = UNPROTECTED.get(table, {})
        assert set(reasons) <= {*columns, *ROWS, *WHOLE}, f"{table}: a reason for what is not there"
        row = await books.row(table)
        if row is None:
            if set(reasons) != set(WHOLE):
                missing.append(f"{table}: no row to change")
            continue
        if set(reasons) == set(WHOLE):
            continue
        named = {what: await _is_named(books, table, what) for what in (*columns, *ROWS) if what not in reasons}
        missing += [f"{table}: {what}" for what, is_named in named.items() if not is_named]
        stale += [f"{table}: {what}" for what in reasons if await _is_named(books, table, what)]
    assert "\n".join(["not named:", *missing, "named by now:", *stale]) == "not named:\nnamed by now:"


async def _is_named(books: TamperedBooks, table: str, what: str) -> bool:
    """Whether verify names the table, or the row's place, once this was done to a row of it. Leaves the table as it was."""
    row = await books.row(table, newest=what == "delete newest")
    assert row is not None
    ctid, bucket = row
    columns = books.types[table]
    if what in ("delete newest", "delete middle"):
        statement = f"delete from {table} where ctid = '{ctid}'"
    elif what == "insert":
        key = await _key_column(books, table)
        values = ", ".join(changed(kind, each) if each == key else f'"{each}"' for each, kind in columns.items())
        statement = f"insert into {table} select {values} from {table} where ctid = '{ctid}'"
    else:
        statement = f"update {table} set \"{what}\" = {changed(columns[what], what)} where ctid = '{ctid}'"
    try:
        done = await books.owner.execute(statement)
    except asyncpg.UniqueViolationError:
        return True  # the key refuses it
    assert not done.endswith(" 0")
    try:
        report = await (
            books.verify() if bucket is None or table in SPANS_BUCKETS else books.verify(bucket, bucket ^ 1)
        )
    finally:
        await books.restore(table)
    return any(each.table == table or each.position is not None or each.bucket == bucket for each in report.findings)


async def _key_column(books: TamperedBooks, table: str) -> str:
    """The last column of the table's key, but for the bucket."""
    found = await books.owner.fetchval(
        "select attname from pg_index i join pg_attribute a on attrelid = indrelid and attnum = any (indkey)"
        f" where indrelid = '{table}'::regclass and indisprimary and attname <> 'bucket' order by attnum desc limit 1"
    )
    return str(found or "bucket")
