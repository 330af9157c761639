"""A database with a written history, checkpoints of it, and what an owner can do to both. No assertions."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from accrual.bootstrap.checkpoint_journal import JournalFile
from accrual.bootstrap.checkpoints import OpenCheckpoints, open_checkpoints
from accrual.domain.chain import HEAD_FIRST, STORED_BYTES
from accrual.domain.notes import read_note
from accrual.engine.checkpoint_check import ExtensionCheck, find_record
from accrual.engine.checkpoint_leaves import digests
from accrual.engine.checkpoints import Made
from accrual.settings import Settings
from accrual.store.checkpoint_books import CheckpointBooks
from accrual.store.connection import Connection, Pool
from tests.pg_fixtures import Database
from tests.store.wiring import lane_parts, purchase, submitter, users_in
from tests.store.wiring import log_of as log_of_commands

HERE, THERE = 7, 200


@dataclass
class Log:
    """An installation of its own: database, data directory, settings."""

    database: Database
    home: Path
    settings: Settings

    @asynccontextmanager
    async def opened(self, *, create_key: bool = True) -> AsyncIterator[OpenCheckpoints]:
        async with open_checkpoints(
            self.database.runtime_url, self.settings, self.home, create_key=create_key
        ) as checkpoints:
            yield checkpoints

    async def make(self) -> Made:
        """Sign what the database holds now."""
        async with self.opened() as checkpoints:
            assert checkpoints.checkpointer is not None
            return await checkpoints.checkpointer.make()

    async def against(self, note: str) -> list[tuple[int | None, int | None, str]]:
        """(bucket, position, text) of everything that does not extend this checkpoint."""
        journal = JournalFile(self.home / "checkpoints.jsonl")
        record = find_record(read_note(note), journal.lines())
        async with self.opened(create_key=False) as checkpoints:
            found = await ExtensionCheck(checkpoints.history, record, journal.lines).run()
        return [(bucket, fault.position, fault.text) for bucket, fault in found]


class _Within:
    """A history as one open transaction sees it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[CheckpointBooks]:
        yield CheckpointBooks(self._connection)


class _Undone(Exception):
    """Ends a transaction without its changes."""


_CONSTRAINTS = (
    "select conrelid::regclass::text, conname from pg_constraint "
    "where contype in ('f', 'c') and $1::text::regclass in (conrelid, confrelid)"
)
"""What would refuse a change; an owner drops it."""


async def tables_named(log: Log, owner: Pool, note: str, statement: str) -> set[str]:
    """The tables that are named after one statement of the owner, triggers off; it is undone after that."""
    journal = JournalFile(log.home / "checkpoints.jsonl")
    record = find_record(read_note(note), journal.lines())
    table = statement.replace("delete from", "update").replace("insert into", "update").split()[1]
    named: set[str] = set()
    with suppress(_Undone):
        async with owner.acquire() as connection, connection.transaction():
            await connection.execute(f"alter table {table} disable trigger user")
            for name in await connection.fetch(_CONSTRAINTS, table):
                await connection.execute(f'alter table {name[0]} drop constraint "{name[1]}" cascade')
            done = await connection.execute(statement)
            assert not done.endswith(" 0"), f"nothing was changed: {statement}"
            found = await ExtensionCheck(_Within(connection), record, journal.lines).run()
            named = {fault.table or "" for _, fault in found}
            raise _Undone
    return named


def log_of(database: Database, home: Path) -> Log:
    """An installation over a test's database."""
    return Log(database, home, Settings(checkpoint_origin="loyalty.example/log"))


async def play(database: Database, pool: Pool, bucket: int, start: int, count: int) -> None:
    """So many purchases of one member of a bucket, decided in one batch."""
    user = users_in(bucket, 1)[0]
    await submitter(log_of_commands(pool)).submit_many(
        [purchase(user, f"{bucket}-{number}", name="Ann") for number in range(start, start + count)]
    )
    async with lane_parts(database, pool) as parts:
        leases = await parts.take({bucket})
        await parts.store.post(await parts.decide(leases))


async def forge(owner: Pool, bucket: int, cursor: int) -> None:
    """What `tail_cut.py` does at last: chain whatever stands in a bucket anew, up to below `cursor`."""
    async with owner.acquire() as connection, connection.transaction():
        books = CheckpointBooks(connection)
        head = HEAD_FIRST
        async for stretch in books.walk(bucket, 1, cursor - 1, 500):
            first, last = stretch.commands[0].command.position, stretch.commands[-1].command.position
            for digest in digests(head, first, last, stretch):
                head = digest.head
                await connection.execute(
                    "update outcome set chain = $3 where bucket = $1 and position = $2",
                    *(bucket, digest.position, head[:STORED_BYTES]),
                )
        await connection.execute("update lane set chain = $2, cursor = $3 where bucket = $1", bucket, head, cursor)
        await connection.execute("update tail set next = $2 where bucket = $1", bucket, cursor)
