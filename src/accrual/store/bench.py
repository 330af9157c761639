"""What benchmarks ask of PostgreSQL: databases of their own, progress, sizes, and whether the books hold. Measures nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple
from urllib.parse import quote, unquote, urlsplit, urlunsplit

import asyncpg

from accrual.domain.errors import Refused
from accrual.domain.transfers import Kind
from accrual.store.connection import Connection
from accrual.store.postgres import connect, mapping_loss
from accrual.store.sql import query

NAME_PREFIX = "accrual_bench_"
WORK_MEMORY = "64MB"
FOUND_MAX = 5
"""How many bad rows of a sort are named."""

LOCK_WAIT_S = 60.0

CREATE, DROP, LEFT = query("bench/database_create"), query("bench/database_drop"), query("bench/databases_left")
SERVER = query("bench/server")
SETTLE_TABLES, SETTLE_LOG = query("bench/settle_tables"), query("bench/settle_log")
PROGRESS, SIZES = query("bench/progress"), query("bench/sizes")
ROWS, BODY_BYTES = query("bench/rows"), query("bench/body_bytes")
POSTED = query("bench/posted")
PLACES, PARKED = query("bench/places"), query("bench/parked")
UNANSWERED, UNBALANCED, MISSTEPS = query("bench/unanswered"), query("bench/unbalanced"), query("bench/missteps")


class ServerFacts(NamedTuple):
    """What a measurement has to say about its server. `backend_pid` is that of the asking session."""

    version: str
    synchronous_commit: str
    fsync: str
    backend_pid: int


class LogProgress(NamedTuple):
    """Commands that wait, and how many buckets each owner has."""

    waiting: int
    shares: tuple[int, ...]


class TableSize(NamedTuple):
    """Bytes of a table and of its indexes."""

    table: int
    indexes: int


class LogPlace(NamedTuple):
    """One bucket: next position, cursor, commands counted, awards counted in its lines."""

    bucket: int
    next: int
    cursor: int
    commands: int
    awards: int


def named(url: str, database: str) -> str:
    """The same address with another database."""
    return urlunsplit(urlsplit(url)._replace(path="/" + quote(database, safe="")))


async def create_database(admin_url: str, name: str, *, owner: str | None = None) -> None:
    """Make an empty database, owned by `owner` (None: by the login). Raises Refused `bench_rights`, DatabaseDown."""
    owner = owner or unquote(urlsplit(admin_url).username or "")
    connection = await connect(admin_url, label="bench", statement_timeout_s=0, lock_timeout_s=LOCK_WAIT_S)
    try:
        with mapping_loss():
            user = owner or str(await connection.fetchval("select current_user"))
            await connection.execute(_filled(CREATE, name=name, owner=user))
    except asyncpg.InsufficientPrivilegeError as error:
        raise Refused(
            "A benchmark works in a database of its own, and this user may not make one. "
            "Let it: alter role <that user> createdb; or leave --database-url out to use the embedded PostgreSQL.",
            code="bench_rights",
        ) from error
    finally:
        await connection.close()


async def drop_database(admin_url: str, name: str) -> None:
    """Remove a benchmark's database, whoever is connected. Raises DatabaseDown."""
    connection = await connect(admin_url, label="bench", statement_timeout_s=0, lock_timeout_s=LOCK_WAIT_S)
    try:
        with mapping_loss():
            await connection.execute(_filled(DROP, name=name))
    finally:
        await connection.close()


async def databases_left(admin_url: str) -> list[str]:
    """Names of databases that an earlier, killed benchmark left behind."""
    connection = await connect(admin_url, label="bench")
    try:
        with mapping_loss():
            return [row[0] for row in await connection.fetch(LEFT, NAME_PREFIX.replace("_", r"\_") + "%")]
    finally:
        await connection.close()


def _filled(statement: str, **names: str) -> str:
    for key, name in names.items():
        quoted = name.replace('"', '""')
        statement = statement.replace(f':"{key}"', f'"{quoted}"')
    return statement


class BenchProbe:
    """One session of the owner in the benchmark's database, without time limits."""

    def __init__(self, connection: Connection, admin_url: str) -> None:
        self._connection = connection
        self._admin_url = admin_url

    async def server(self) -> ServerFacts:
        """Version, durability and this session's process."""
        with mapping_loss():
            row = await self._connection.fetchrow(SERVER)
        version, commit, fsync = row if row is not None else ("", "", "")
        return ServerFacts(version, commit, fsync, self._connection.get_server_pid())

    async def settle(self) -> bool:
        """Vacuum, analyze and checkpoint; False when this login may not checkpoint."""
        with mapping_loss():
            await self._connection.execute(SETTLE_TABLES)
            admin = await connect(self._admin_url, label="bench", statement_timeout_s=0)
            try:
                await admin.execute(SETTLE_LOG)
            except asyncpg.InsufficientPrivilegeError:
                return False
            finally:
                await admin.close()
        return True

    async def progress(self) -> LogProgress:
        """Where log and lanes stand."""
        with mapping_loss():
            row = await self._connection.fetchrow(PROGRESS)
        return LogProgress(0, ()) if row is None else LogProgress(row[0], tuple(row[1]))

    async def sizes(self) -> dict[str, TableSize]:
        """Bytes by table."""
        with mapping_loss():
            return {row[0]: TableSize(row[1], row[2]) for row in await self._connection.fetch(SIZES)}

    async def rows(self) -> dict[str, int]:
        """Rows by table, of those that every command adds to."""
        with mapping_loss():
            return {row[0]: row[1] for row in await self._connection.fetch(ROWS)}

    async def body_bytes(self, buckets: Sequence[int]) -> tuple[int, int]:
        """(bytes of stored bodies, commands) in these buckets."""
        with mapping_loss():
            row = await self._connection.fetchrow(BODY_BYTES, list(buckets))
        return (0, 0) if row is None else (row[0], row[1])

    async def places(self) -> list[LogPlace]:
        """Every bucket as it is counted."""
        with mapping_loss():
            return [LogPlace(*row) for row in await self._connection.fetch(PLACES, int(Kind.AWARD))]

    async def unanswered(self) -> list[str]:
        """Commands without an outcome, and the other way round; the first few, in words."""
        return await self._found(UNANSWERED, "bucket {0}, position {1}: command and outcome are not one and one")

    async def unbalanced(self) -> list[str]:
        """Assets whose lines do not add up to zero in a bucket; the first few, in words."""
        return await self._found(UNBALANCED, "bucket {0}, asset {1}: the lines add up to {2}")

    async def missteps(self) -> list[str]:
        """Lines whose balance does not follow from the line before; the first few, in words."""
        return await self._found(MISSTEPS, "bucket {0}, account {1}, position {2}: the balance does not follow")

    async def posted(self) -> int:
        """Units that all members together have."""
        with mapping_loss():
            return await self._connection.fetchval(POSTED) or 0

    async def parked(self) -> list[str]:
        """Parked commands; the first few, in words."""
        return await self._found(PARKED, "bucket {0}, position {1}: the command was parked")

    async def _found(self, statement: str, text: str) -> list[str]:
        with mapping_loss():
            return [text.format(*row) for row in await self._connection.fetch(statement, FOUND_MAX)]


@asynccontextmanager
async def open_probe(owner_url: str, admin_url: str) -> AsyncIterator[BenchProbe]:
    """A probe on the benchmark's database. Raises DatabaseDown, Refused."""
    connection = await connect(
        owner_url,
        label="bench",
        statement_timeout_s=0,
        lock_timeout_s=LOCK_WAIT_S,
        idle_in_transaction_s=0,
        settings={"work_mem": WORK_MEMORY},
    )
    try:
        yield BenchProbe(connection, admin_url)
    finally:
        connection.terminate()
