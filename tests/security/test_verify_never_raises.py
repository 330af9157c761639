"""Whatever stands in the tables, verify ends with findings and not with an error; a database that is gone is an error."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest

from accrual.domain.errors import DatabaseDown
from accrual.engine.verify import Verification
from accrual.store.connection import Pool
from accrual.store.verify import Books
from tests.pg_fixtures import Database
from tests.security.tampered_books import PROGRAMME, TamperedBooks, fill
from tests.store.points_desk import PointsDesk, open_desk
from tests.store.wiring import BUCKETS

pytestmark = pytest.mark.security

READ = (
    *("command", "outcome", "line", "lot_use", "account", "member", "identity", "tail", "lane", "hold", "parked"),
    *("held_command", "held_referral", "awaited", "outbox", "draw_entry", "reward_given", "quota", "budget_share"),
)
"""The tables of which verify reads values; of others it reads places only."""

HISTORY = ("command", "outcome", "line", "lot_use")
"""Of these every change is named, whatever it is."""

ODD = {
    "bigint": ("9223372036854775807", "-9223372036854775808", "0"),
    "integer": ("2147483647", "-2147483648", "0"),
    "smallint": ("32767", "-32768", "99"),
    "timestamp with time zone": ("'infinity'", "'-infinity'", "'290000-01-01 00:00+00'", "'4713-01-02 00:00+00 BC'"),
    "bytea": ("''", "'\\xc1'", "'\\xdeadbeef'"),
    "text": ("''", "repeat('x', 5000)", "E'\\u0001\\u202e'"),
    "uuid": ("'ffffffff-ffff-ffff-ffff-ffffffffffff'",),
    "boolean": ("true",),
}


@pytest.fixture
async def books(database: Database, pool: Pool, owner_pool: Pool, tmp_path: Path) -> AsyncIterator[TamperedBooks]:
    async with open_desk(PointsDesk, database, pool, tmp_path, PROGRAMME) as desk:
        await fill(desk)
        async with owner_pool.acquire() as owner:
            opened = TamperedBooks(desk, owner)
            await opened.open_up()
            for table in READ:
                await owner.execute(f"alter table {table} drop constraint if exists {table}_pkey")
                drops = ", ".join(f'alter column "{column}" drop not null' for column in opened.types[table])
                await owner.execute(f"alter table {table} {drops}")
            yield opened


async def test_odd_values_of_every_column_that_is_read_become_findings(books: TamperedBooks) -> None:
    """All odd values of a column in one go, each in a row of its own, as far as there are rows."""
    for table in READ:
        for column, kind in books.types[table].items():
            for odd in _spread(ODD[kind]):
                bucket = await _make_odd(books, table, column, odd)
                is_other = await books.owner.fetchval(
                    f"select exists (select * from {table} except select * from kept.{table})"
                )
                report = await books.verify(bucket)
                await books.restore(table)
                # No name and an empty name mean the same.
                if is_other and table in HISTORY and (column, odd) != ("name", ("null",)):
                    assert report.findings, f"{table}.{column}: {odd}"


def _spread(values: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    """NULL alone, then the others together."""
    return ("null",), values


async def _make_odd(books: TamperedBooks, table: str, column: str, odd: tuple[str, ...]) -> int:
    """Put odd values into rows of one bucket; the bucket."""
    found = await books.row(table)
    assert found is not None
    _, bucket = found
    assert bucket is not None
    rows = await books.owner.fetch(f"select ctid::text from {table} where bucket = $1 order by ctid", bucket)
    for (ctid,), value in zip(rows, odd, strict=False):
        await books.owner.execute(f"update {table} set \"{column}\" = {value} where ctid = '{ctid}'")
    return bucket


@pytest.mark.parametrize("table", ["lot_snapshot", "key_home", "awaited", "line"])
async def test_missing_table_is_a_finding(books: TamperedBooks, table: str) -> None:
    await books.owner.execute(f"alter table {table} rename to gone")
    report = await books.verify(7)
    assert any(each.check == "unreadable" and table in each.text for each in report.findings)


async def test_database_that_does_not_answer_is_an_error_and_no_finding(books: TamperedBooks) -> None:
    gone = urlsplit(books.desk.database.runtime_url)
    away = Books(urlunsplit(gone._replace(netloc="somebody@127.0.0.1:1")), BUCKETS)
    with pytest.raises(DatabaseDown):
        await Verification(away).run((7,))
