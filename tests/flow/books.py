"""What the flow tests look up in a database, and the verification of all books. No assertions but that they hold."""

from __future__ import annotations

import asyncio
from typing import Any

from accrual.bootstrap.asking import verify_books
from accrual.store.connection import Record
from accrual.store.postgres import connect
from tests.pg_fixtures import Database, run_apart


def rows(url: str, query: str, *arguments: Any) -> list[Record]:
    """The rows of a query, on a connection of its own."""

    async def work() -> list[Record]:
        connection = await connect(url, label="test")
        try:
            return await connection.fetch(query, *arguments)
        finally:
            await connection.close()

    return run_apart(work())


def value(url: str, query: str, *arguments: Any) -> Any:
    """The first value of a query."""
    return rows(url, query, *arguments)[0][0]


def waiting(url: str) -> int:
    """How many commands are not decided."""
    return int(value(url, "select coalesce(sum(t.next - l.cursor), 0) from tail t join lane l using (bucket)"))


def owned(url: str) -> dict[str, int]:
    """How many buckets each lane owns, by its label."""
    found = rows(
        url, "select w.label, count(l.bucket) from worker w left join lane l on l.owner = w.worker_id group by 1"
    )
    return {row[0]: row[1] for row in found}


def assert_books_hold(database: Database) -> None:
    """Everything is decided, and verification finds nothing."""
    report = asyncio.run(verify_books(None, database.owner_url))
    assert report.clean, report.findings
    assert report.undecided == 0
    assert value(database.owner_url, "select coalesce(sum(amount), 0) from line") == 0
