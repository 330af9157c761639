"""Brings a database to this release's schema, forward only; what the tables are stands in the migrations themselves."""

from __future__ import annotations

import contextlib
import hashlib
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files

import asyncpg

from accrual.domain.errors import Broken, Busy, Refused
from accrual.domain.ids import BUCKETS_DEFAULT, BUCKETS_MAX
from accrual.store.audit import act_for
from accrual.store.connection import Connection, Pool
from accrual.store.postgres import mapping_loss, open_pool, transact
from accrual.store.roles import MADE_BY_ANOTHER, grant_rights, notice_of, prepare_roles
from accrual.store.sql import query

LOCK_TIMEOUT_S = 3.0
CHAIN_START = bytes(32)
SECRET_BYTES = 32
MIGRATE = "migrate"
"""Who the chain of catalogue changes names for what a migration changes."""
_BEFORE_EVERYTHING = datetime(1970, 1, 1, tzinfo=UTC)

_TABLE, _TABLE_KNOWN = query("migration_table"), query("migration_table_known")
_LOCK, _LIST, _RECORD = query("migration_lock"), query("migration_list"), query("migration_record")
_SETTING_READ, _SETTING_WRITE = query("setting_read"), query("setting_write")
_SECRET_READ = query("secret_read")
_TAILS, _LANES = query("bucket_tails"), query("bucket_lanes")


@dataclass(frozen=True, kw_only=True)
class Migration:
    """One migration file. `compat` is the oldest release's newest migration that still runs on the schema after it."""

    number: int
    name: str
    digest: str
    text: str
    compat: int


@dataclass(frozen=True, kw_only=True)
class Migrated:
    """What a run did. `runtime_usable` is False where sessions cannot act as the roles, so that PostgreSQL does
    not keep the history append-only; `notice` then says what to do about it.
    """

    applied: tuple[str, ...]
    runtime_usable: bool
    notice: str = ""


def known_migrations() -> tuple[Migration, ...]:
    """The migrations of this release in order. A line `-- compat: N` in one says that releases up from N still run."""
    found = []
    for entry in sorted((files("accrual.store") / "migrations").iterdir(), key=lambda entry: entry.name):
        if entry.name.endswith(".sql"):
            text = entry.read_text(encoding="utf-8")
            number = int(entry.name.split("_")[0])
            compat = re.search(r"^-- compat: (\d+)$", text, re.MULTILINE)
            found.append(
                Migration(
                    number=number,
                    name=entry.name.removesuffix(".sql"),
                    digest=hashlib.sha256(text.encode()).hexdigest(),
                    text=text,
                    compat=int(compat[1]) if compat else number,
                )
            )
    return tuple(found)


async def migrate(
    owner_url: str,
    *,
    now: datetime,
    buckets: int = BUCKETS_DEFAULT,
    known: Sequence[Migration] | None = None,
) -> Migrated:
    """Apply what is missing, each migration in its own transaction; nothing to apply needs no rights beyond reading.

    `buckets` (1 to 4,096) is fixed when the database is created and ignored later. Raises Refused `database_newer`,
    `migration_changed`, `database_rights`; Busy `migration_blocked`; DatabaseDown; Broken `database_version`.
    """
    if not 1 <= buckets <= BUCKETS_MAX:
        raise Refused(f"A database has 1 to {BUCKETS_MAX} buckets, not {buckets}.", code="buckets_invalid")
    # No limit on a migration's own time: an index over a large table takes what it takes.
    pool = await open_pool(
        owner_url,
        label="migrate",
        size_max=1,
        statement_timeout_s=0,
        lock_timeout_s=LOCK_TIMEOUT_S,
        idle_in_transaction_s=0,
    )
    try:
        with mapping_loss():
            return await _migrate_unblocked(pool, now, buckets, tuple(known or known_migrations()))
    except asyncpg.InsufficientPrivilegeError as error:
        raise Refused(
            f"The owner's role may not make the schema: {error}. Let it: grant create on schema public to <that role>; "
            "or give the owner's address in ACCRUAL_OWNER_DATABASE_URL.",
            code="database_rights",
        ) from error
    finally:
        await pool.close()


async def _migrate_unblocked(pool: Pool, now: datetime, buckets: int, known: tuple[Migration, ...]) -> Migrated:
    try:
        return await _migrate(pool, now, buckets, known)
    except asyncpg.LockNotAvailableError as error:
        raise Busy(
            "Another session holds a table that a migration changes. Look for it in pg_stat_activity, and start again.",
            code="migration_blocked",
        ) from error


async def _migrate(pool: Pool, now: datetime, buckets: int, known: tuple[Migration, ...]) -> Migrated:
    if not await pool.fetchval(_TABLE_KNOWN):
        with contextlib.suppress(*MADE_BY_ANOTHER):
            await pool.execute(_TABLE)
    await _check(pool, known)
    missing = _missing(known, await _applied(pool))
    applied = [migration.name for migration in missing if await _apply(pool, migration, now, buckets)]
    usable = await prepare_roles(pool)
    await grant_rights(pool, await _applied(pool))
    return Migrated(applied=tuple(applied), runtime_usable=bool(usable), notice=notice_of(usable))


async def _applied(pool: Pool | Connection) -> dict[str, str]:
    return {row["name"]: row["digest"] for row in await pool.fetch(_LIST)}


def _missing(known: tuple[Migration, ...], applied: dict[str, str]) -> list[Migration]:
    for migration in known:
        digest = applied.get(migration.name)
        if digest is not None and digest != migration.digest:
            raise Refused(
                f"Migration {migration.name} was applied to this database with another text. Migrations never change: "
                "use the release that made this database, or a newer one.",
                code="migration_changed",
                details={"migration": migration.name},
            )
    return [migration for migration in known if migration.name not in applied]


async def _check(pool: Pool, known: tuple[Migration, ...]) -> None:
    unknown = sorted(set(await _applied(pool)) - {migration.name for migration in known})
    if not unknown:
        return
    compat = int(await pool.fetchval(_SETTING_READ, "compat") or 0)
    if compat > known[-1].number:
        raise Refused(
            f"This database was migrated by a newer release (its {unknown[-1]}; this release knows up to "
            f"{known[-1].name}). Use that release.",
            code="database_newer",
            details={"database": unknown[-1], "release": known[-1].name},
        )


async def _apply(pool: Pool, migration: Migration, now: datetime, buckets: int) -> bool:
    """Apply one migration and record it; False when another process was faster."""

    async def work(connection: Connection) -> bool:
        await connection.execute(f"set local lock_timeout = {round(LOCK_TIMEOUT_S * 1000)}")
        await connection.execute(_LOCK)
        await act_for(connection, MIGRATE)
        applied = await _applied(connection)
        if migration.name in applied:
            return False
        later = [name for name in applied if name > migration.name]
        if later:
            raise Refused(
                f"Migration {migration.name} is missing below {later[0]}, which was applied. Migrations go forward only.",
                code="migration_out_of_order",
            )
        await connection.execute(migration.text)
        await connection.execute(_RECORD, migration.name, migration.digest, now)
        if not applied:
            await _lay_buckets(connection, buckets)
        await connection.execute(_SETTING_WRITE, "compat", str(migration.compat))
        return True

    return await transact(pool, work, repeatable=True)


async def _lay_buckets(connection: Connection, buckets: int) -> None:
    every = list(range(buckets))
    await connection.execute(_SETTING_WRITE, "buckets", str(buckets))
    await connection.execute(_SETTING_WRITE, "secret", secrets.token_hex(SECRET_BYTES))
    await connection.execute(_TAILS, every, _BEFORE_EVERYTHING)
    await connection.execute(_LANES, every, CHAIN_START)


async def count_buckets(pool: Pool) -> int:
    """The number of buckets of this database. Raises Broken `database_unprepared` before the first migration."""
    with mapping_loss():
        try:
            value = await pool.fetchval(_SETTING_READ, "buckets")
        except asyncpg.UndefinedTableError:
            value = None
    if value is None:
        raise Broken("This database has no schema yet.", code="database_unprepared")
    return int(value)


async def read_secret(pool: Pool) -> bytes:
    """32 bytes that this database was made with and that codes of vouchers are drawn from; never shown or logged."""
    with mapping_loss():
        return bytes(await pool.fetchval(_SECRET_READ, "codes"))
