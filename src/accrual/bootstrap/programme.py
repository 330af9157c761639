"""Plans and applies programme files over an open database: reads file and environment, leaves the deciding to the engine."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from accrual.bootstrap.clocks import fresh_bytes
from accrual.bootstrap.draw_keys import DrawKey
from accrual.domain.errors import Broken, Conflict, Invalid, Refused
from accrual.domain.programme import Programme
from accrual.domain.stored_programme import CatalogueChange, StoredProgramme
from accrual.engine.client_keys import digest_keys
from accrual.engine.known_members import make_known
from accrual.engine.plan import make_plan
from accrual.engine.plan_shape import Plan
from accrual.engine.programme_file import ReadProgramme, located, read_programme
from accrual.engine.submit import SALT_BYTES, row_of
from accrual.store.catalogue import CatalogueStore
from accrual.store.connection import Pool
from accrual.store.log import PostgresLog
from accrual.store.migrate import count_buckets
from accrual.store.postgres import ROLE_ADMIN, open_pool

FILE_BYTES_MAX = 4_000_000
OPEN_API = "api open"
"""How an API that other machines reach labels its sessions, so that every process over the database can see that one is there."""
DECIDING_MAX_S = 60.0
"""So long may the programme's lock be held while a plan is made: one of 20,000 promos takes some ten seconds."""


@dataclass(frozen=True, kw_only=True)
class Applied:
    """What was planned, and the revision that stands now (equal to the plan's when nothing changed)."""

    plan: Plan
    revision: int


@dataclass(frozen=True, kw_only=True)
class ProgrammeFile:
    """A checked file with the digests of its clients' keys."""

    read: ReadProgramme
    key_digests: Mapping[str, bytes]


def read_file(path: Path, environment: Mapping[str, str] | None = None) -> ProgrammeFile:
    """Read and check a programme file; `environment` (the process's own if None) holds the keys of `key_env`.

    Raises Invalid: `file_unreadable`, or `programme_invalid` with every error of the file.
    """
    try:
        raw = path.read_bytes() if path.stat().st_size <= FILE_BYTES_MAX else None
        text = None if raw is None else raw.decode("utf-8-sig")
    except OSError as error:
        raise Invalid(f"{path} cannot be read: {error.strerror or error}.", code="file_unreadable") from error
    except UnicodeDecodeError as error:
        raise Invalid(f"{path} is not UTF-8 text (byte {error.start}).", code="file_unreadable") from error
    if text is None:
        raise Invalid(f"{path} is larger than {FILE_BYTES_MAX} bytes.", code="file_unreadable")
    read = read_programme(text, str(path))
    key_digests, problems = digest_keys(read.programme, os.environ if environment is None else environment)
    if problems:
        raise located(str(path), read.marked, problems)
    return ProgrammeFile(read=read, key_digests=key_digests)


async def plan_file(path: Path | ProgrammeFile, database_url: str, *, prune: bool = False) -> Plan:
    """What applying this file, read already or not, to the database of this address would change. Writes nothing."""
    file = read_file(path) if isinstance(path, Path) else path
    pool = await open_pool(database_url, label="plan", size_max=1, role=ROLE_ADMIN)
    try:
        stored = await CatalogueStore(pool).stored(file.read.programme.programme.code)
        return _plan(file, stored, datetime.now(UTC), prune=prune)
    finally:
        await pool.close()


async def apply_file(
    path: Path | ProgrammeFile,
    database_url: str,
    *,
    actor: str,
    prune: bool = False,
    expected_revision: int | None = None,
    members: bool = True,
    draw_key: DrawKey | None = None,
) -> Applied:
    """Make the programme as this file says, in one transaction; a second time changes nothing. `actor` is for the audit,
    `path` the file, read already or not.

    Raises Refused `demo_on_open_address` for a demo programme while an API that other machines reach is over this database.
    `members` False leaves out the members that a demo programme names. With `expected_revision` (that of a plan somebody
    agreed to) raises Conflict `programme_moved` if it has risen since. `draw_key` is the hosts' part of secrets of draws.
    """
    file = read_file(path) if isinstance(path, Path) else path
    code = file.read.programme.programme.code
    now = datetime.now(UTC)
    plans: list[Plan] = []

    def decide(stored: StoredProgramme | None) -> CatalogueChange | None:
        plan = _plan(file, stored, now, prune=prune)
        if expected_revision is not None and plan.revision != expected_revision:
            raise Conflict(
                f"The programme was changed meanwhile (revision {plan.revision}, planned for {expected_revision}). "
                "Look at the plan again.",
                code="programme_moved",
            )
        plans[:] = [plan]
        return plan.change

    pool = await open_pool(
        database_url, label="apply", size_max=1, idle_in_transaction_s=DECIDING_MAX_S, role=ROLE_ADMIN
    )
    try:
        catalogues = CatalogueStore(pool, draw_key=None if draw_key is None else draw_key.key)
        if file.read.programme.programme.demo and (count := await catalogues.sessions_labelled(OPEN_API)) > 0:
            raise Refused(
                f"Programme {code} is marked `demo: true`, so its keys are public, and an API over this database listens "
                f"beyond loopback ({count} sessions). Start that API with --host 127.0.0.1, or use another database.",
                code="demo_on_open_address",
                details={"sessions": count},
            )
        revision = await catalogues.change(code, decide, actor=actor, now=now)
        if members:
            await _make_known(pool, file.read.programme, now)
    finally:
        await pool.close()
    if not plans:
        raise Broken("The store changed the programme without a plan.")
    return Applied(plan=plans[0], revision=plans[0].revision if revision is None else revision)


async def _make_known(pool: Pool, programme: Programme, now: datetime) -> None:
    """See to it that the members that a demo programme names are on their way into the books."""
    if not programme.members:
        return
    stored = await CatalogueStore(pool).stored(programme.programme.code)
    if stored is None or not stored.clients:
        return
    buckets = await count_buckets(pool)
    rows = [
        row_of(submission, buckets=buckets, salt=fresh_bytes(SALT_BYTES))[0]
        for submission in make_known(programme.members, stored.clients[0], programme.programme)
    ]
    log = PostgresLog(pool)
    known = await log.find([(row.bucket, row.ticket) for row in rows])
    missing = [row for row in rows if row.ticket not in known]
    if missing:
        await log.append(missing, now)


def _plan(file: ProgrammeFile, stored: StoredProgramme | None, now: datetime, *, prune: bool) -> Plan:
    return make_plan(
        file.read.programme,
        stored,
        key_digests=file.key_digests,
        now=now,
        prune=prune,
        status_open=file.read.status_open,
    )
