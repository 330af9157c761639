"""The roles, one a duty: made, joined and given their rights; what those are stands in rights.sql."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterable
from importlib.resources import files

import asyncpg

from accrual.domain.errors import Refused
from accrual.store.audit import act_for
from accrual.store.connection import Connection, Pool
from accrual.store.postgres import DUTIES, ROLE_API, RUNTIME_ROLE, connect, mapping_loss, transact
from accrual.store.sql import query

MADE_BY_ANOTHER = (asyncpg.UniqueViolationError, asyncpg.DuplicateTableError, asyncpg.DuplicateObjectError)
"""Two processes that make the same thing in one moment: the slower one is told so, in one of these ways."""

EVERY_ROLE = [RUNTIME_ROLE, *DUTIES]

_LOCK = query("migration_lock")
_SETTING_READ, _SETTING_WRITE = query("setting_read"), query("setting_write")
_ROLE_KNOWN, _ROLE_CREATE = query("role_known"), query("role_create")
_ROLE_USABLE, _ROLE_JOIN = query("role_usable"), query("role_join")
_BOUNDS = query("role_bounds")


async def prepare_roles(pool: Pool) -> bool | None:
    """Whether sessions of this user may act as a role of Accrual; None when the roles neither exist nor can be made."""
    if await pool.fetchval(_ROLE_KNOWN, EVERY_ROLE) < len(EVERY_ROLE):
        try:
            await pool.execute(_ROLE_CREATE)
        except asyncpg.InsufficientPrivilegeError:
            return None
        except MADE_BY_ANOTHER:
            pass  # which is as good
    if await pool.fetch(_ROLE_USABLE, EVERY_ROLE):
        return True
    try:
        await pool.execute(_ROLE_JOIN)
    except asyncpg.InsufficientPrivilegeError:
        return False
    return bool(await pool.fetch(_ROLE_USABLE, EVERY_ROLE))


async def make_roles(superuser_url: str) -> None:
    """Make the roles that are missing on a server, as its superuser. Raises DatabaseDown."""
    connection = await connect(superuser_url, label="roles")
    try:
        with mapping_loss():
            if await connection.fetchval(_ROLE_KNOWN, EVERY_ROLE) < len(EVERY_ROLE):
                with contextlib.suppress(*MADE_BY_ANOTHER):
                    await connection.execute(_ROLE_CREATE)
    finally:
        await connection.close()


def notice_of(usable: bool | None) -> str:
    """What to tell who runs Accrual over one address that cannot act as the roles; empty when it can."""
    if usable:
        return ""
    missing = "" if usable is not None else "".join(f"create role {role} nologin noinherit; " for role in EVERY_ROLE)
    joined = "" if usable is not None else f"grant {', '.join(DUTIES)} to {RUNTIME_ROLE}; "
    return (
        f"Sessions cannot act as the roles of {RUNTIME_ROLE}, so PostgreSQL itself does not keep the history append-only and "
        f"duties apart. To have it kept, run as an administrator (a role that exists already needs no `create`): "
        f"{missing}{joined}grant {RUNTIME_ROLE} to <the user of the database address>;"
    )


async def grant_rights(pool: Pool, applied: Iterable[str]) -> None:
    """Give the roles their rights, when they or the migrations `applied` changed since they were last given.

    Where the roles of the duties are missing, the one role of earlier releases keeps all of theirs; nothing without that.
    """
    known = await pool.fetchval(_ROLE_KNOWN, EVERY_ROLE) == len(EVERY_ROLE)
    if not known and not await pool.fetchval(_ROLE_KNOWN, [RUNTIME_ROLE]):
        return
    name = "rights.sql" if known else "rights_single.sql"
    text = (files("accrual.store") / name).read_text(encoding="utf-8")
    mark = hashlib.sha256("\n".join([text, *sorted(applied)]).encode()).hexdigest()
    if await pool.fetchval(_SETTING_READ, "rights") == mark:
        return

    async def give(connection: Connection) -> None:
        await connection.execute(_LOCK)
        await act_for(connection, "migrate")
        await connection.execute(text)
        await connection.execute(_SETTING_WRITE, "rights", mark)

    await transact(pool, give, repeatable=True)


async def may_act(url: str, role: str) -> bool:
    """Whether the login of an address may act as a role. Raises DatabaseDown."""
    connection = await connect(url, label="check")
    try:
        with mapping_loss():
            return bool(await connection.fetch(_ROLE_USABLE, [role]))
    finally:
        await connection.close()


async def check_runtime(runtime_url: str) -> str:
    """Whether an address of the runtime's own can do its work: a notice if it can do more, else empty.

    Raises Refused `database_rights` with what to run when it cannot append; DatabaseDown.
    """
    connection = await connect(runtime_url, label="check", role=ROLE_API)
    try:
        with mapping_loss():
            row = await connection.fetchrow(_BOUNDS)
    finally:
        await connection.close()
    appends, changes, user = row if row is not None else (False, False, "")
    if not appends:
        raise Refused(
            f"User {user} may not write to this database. Run as its owner: grant {RUNTIME_ROLE} to {user};",
            code="database_rights",
        )
    if changes:
        return (
            f"User {user} may change ledger lines, so PostgreSQL itself does not keep the history append-only. "
            f"Use a user that has only role {RUNTIME_ROLE}."
        )
    return ""
