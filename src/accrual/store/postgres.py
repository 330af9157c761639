"""Connections and pools with their time limits and roles, and transactions that are replayed. Asks nothing of the books."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import TypeVar
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from accrual.domain.errors import Broken, DatabaseDown, Refused
from accrual.store.connection import Connection, Pool, Transaction
from accrual.store.sql import query

RUNTIME_ROLE = "accrual_runtime"
"""The login that may act as each of the following; by itself it reads next to nothing."""

ROLE_API, ROLE_STAFF = "accrual_api", "accrual_staff"
ROLE_WORKER, ROLE_ADMIN = "accrual_worker", "accrual_admin"
DUTIES = (ROLE_API, ROLE_STAFF, ROLE_WORKER, ROLE_ADMIN)
"""One a duty: serves callers; changes promos and draws while serving; decides and posts; applies programme files."""

_ACT = query("role_act")
CONNECT_TIMEOUT_S = 10.0
STATEMENT_TIMEOUT_S = 30.0
LOCK_TIMEOUT_S = 5.0
IDLE_IN_TRANSACTION_TIMEOUT_S = 2.5
"""Below the default lease of 3 s, so that a session frozen between two statements gives its locks back in time."""

ATTEMPTS_MAX = 8
PAUSE_FIRST_S = 0.01
PAUSE_MAX_S = 1.0
CACHED_STATEMENTS_MAX = 500
MAJOR_MIN = 15
MAJOR_MAX = 18

T = TypeVar("T")

_LOST: tuple[type[Exception], ...] = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.IdleSessionTimeoutError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InternalClientError,  # what the driver says on a session that was ended between two of its statements
)
_GONE = ("closed", "closing", "released back to the pool")
"""How the driver names a session that is no more; one that the server ended leaves the pool while it is still in use."""
_CONTENTION: tuple[type[Exception], ...] = (
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
    asyncpg.LockNotAvailableError,
)
_UNABLE: tuple[type[Exception], ...] = (
    *_CONTENTION,
    asyncpg.InsufficientResourcesError,  # disk full, out of memory
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.QueryCanceledError,  # the statement's time limit
    asyncpg.PostgresSystemError,  # reading or writing a file failed
    asyncpg.PostgresIOError,
)
"""The database answers that it cannot, for reasons that are not in what was asked: the same may go well later."""
FROM_DRIVER: tuple[type[Exception], ...] = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
)
"""Everything that the driver raises; `is_lost` and `is_contention` tell what it means."""
_NO_LOGIN: tuple[type[Exception], ...] = (
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
)


PROBES = {
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "plan_cache_mode": "force_generic_plan",
}
"""Settings of sessions whose every statement is index probes: the planner, which cannot know array sizes, is kept to them.

A statement is planned once a session; planning it anew for each call takes longer than running it.
"""


class _Session(asyncpg.Connection):  # type: ignore[misc]  # the driver ships no types
    """A session that is handed on as it is: nobody sets session state, so resetting it would be a wasted round trip."""

    __slots__ = ()

    def get_reset_query(self) -> str:
        return ""


def is_lost(error: BaseException) -> bool:
    """Whether this error means that the database does not answer, or that the session is gone."""
    if isinstance(error, asyncpg.InterfaceError):
        return any(sign in str(error) for sign in _GONE)
    return isinstance(error, _LOST)


def is_contention(error: BaseException) -> bool:
    """Whether replaying the whole transaction may help: serialization failure, deadlock, lock timeout."""
    return isinstance(error, _CONTENTION)


@contextmanager
def mapping_loss() -> Iterator[None]:
    """Turns a database that does not answer, or cannot, into DatabaseDown and a refused login into Refused.

    What is wrong with the question itself travels on.
    """
    try:
        yield
    except FROM_DRIVER as error:
        if is_lost(error) or isinstance(error, _UNABLE):
            raise DatabaseDown(details={"reason": type(error).__name__}) from error
        if isinstance(error, _NO_LOGIN):
            raise Refused(f"The database refuses this login: {error}", code="database_login_refused") from error
        raise


def as_runtime(url: str, role: str = ROLE_ADMIN) -> str:
    """The same URL, for sessions that begin as a role: what it may not do, PostgreSQL refuses them.

    To PostgreSQL such a session still belongs to who logged in: what concerns sessions themselves needs `as_login`. A
    session can change its role to any other of its login's: only logins of their own keep duties apart for good.
    """
    parts = urlsplit(plain(url))
    extra = f"role={role}"
    return urlunsplit(parts._replace(query=f"{parts.query}&{extra}" if parts.query else extra))


def plain(url: str) -> str:
    """The URL without a role that `as_runtime` put there."""
    parts = urlsplit(url)
    kept = [pair for pair in parts.query.split("&") if pair and not pair.startswith("role=")]
    return urlunsplit(parts._replace(query="&".join(kept)))


async def act_as(connection: Connection, role: str) -> None:
    """Let the session act as a role from now on, where its login may; elsewhere it stays what it is."""
    await connection.fetchrow(_ACT, role)


@asynccontextmanager
async def as_login(connection: Connection) -> AsyncIterator[None]:
    """A transaction as who logged in, not as the runtime role: only so may a session see and end those of its own login.

    Where the login is the runtime role itself, that is the same.
    """
    async with connection.transaction():
        await connection.execute("set local role none")
        yield


def _server_settings(
    label: str, statement_timeout_s: float, lock_timeout_s: float, idle_s: float, extra: Mapping[str, str] | None
) -> dict[str, str]:
    return {
        "application_name": f"accrual {label}"[:63],
        "statement_timeout": f"{round(statement_timeout_s * 1000)}ms",
        "lock_timeout": f"{round(lock_timeout_s * 1000)}ms",
        "idle_in_transaction_session_timeout": f"{round(idle_s * 1000)}ms",
        "timezone": "UTC",
        "search_path": "public",
        "jit": "off",
        **(extra or {}),
    }


async def connect(
    url: str,
    *,
    label: str,
    statement_timeout_s: float = STATEMENT_TIMEOUT_S,
    lock_timeout_s: float = LOCK_TIMEOUT_S,
    idle_in_transaction_s: float = IDLE_IN_TRANSACTION_TIMEOUT_S,
    settings: Mapping[str, str] | None = None,
    role: str | None = None,
) -> Connection:
    """One connection of its own; the caller closes it. `label` shows in pg_stat_activity. A timeout of 0 sets none.
    It acts as `role` where its login may.

    Raises DatabaseDown, Refused `database_login_refused`, Broken `database_version`.
    """
    with mapping_loss():
        connection: Connection = await asyncpg.connect(
            url,
            timeout=CONNECT_TIMEOUT_S,
            connection_class=_Session,
            statement_cache_size=CACHED_STATEMENTS_MAX,
            max_cached_statement_lifetime=0,
            server_settings=_server_settings(
                label, statement_timeout_s, lock_timeout_s, idle_in_transaction_s, settings
            ),
        )
    major = connection.get_server_version().major
    if not MAJOR_MIN <= major <= MAJOR_MAX:
        await connection.close()
        raise Broken(
            f"This is PostgreSQL {major}; Accrual runs on {MAJOR_MIN} to {MAJOR_MAX}.",
            code="database_version",
            details={"major": major},
        )
    if role is not None:
        with mapping_loss():
            await act_as(connection, role)
    return connection


async def open_pool(
    url: str,
    *,
    label: str,
    size_max: int,
    size_min: int = 1,
    statement_timeout_s: float = STATEMENT_TIMEOUT_S,
    lock_timeout_s: float = LOCK_TIMEOUT_S,
    idle_in_transaction_s: float = IDLE_IN_TRANSACTION_TIMEOUT_S,
    settings: Mapping[str, str] | None = None,
    role: str | None = None,
) -> Pool:
    """A pool of `size_min` to `size_max` connections; the caller closes it. Values of jsonb are text both ways.
    Sessions act as `role` where their login may.

    A statement that the client has waited for `statement_timeout_s` plus CONNECT_TIMEOUT_S is given up as lost: the
    server may be frozen. Raises DatabaseDown, Refused `database_login_refused`.
    """

    async def begin(connection: Connection) -> None:
        if role is not None:
            await act_as(connection, role)

    with mapping_loss():
        pool: Pool = await asyncpg.create_pool(
            url,
            init=begin,
            min_size=size_min,
            max_size=size_max,
            timeout=CONNECT_TIMEOUT_S,
            command_timeout=statement_timeout_s + CONNECT_TIMEOUT_S if statement_timeout_s else None,
            connection_class=_Session,
            statement_cache_size=CACHED_STATEMENTS_MAX,
            max_cached_statement_lifetime=0,
            server_settings=_server_settings(
                label, statement_timeout_s, lock_timeout_s, idle_in_transaction_s, settings
            ),
        )
    return pool


async def transact(
    pool: Pool,
    work: Callable[[Connection], Awaitable[T]],
    *,
    repeatable: bool = False,
    isolation: str | None = None,
    attempts_max: int = ATTEMPTS_MAX,
) -> T:
    """Run `work` in one transaction; the whole of it again on contention or a lost session, at most `attempts_max` times.

    A session lost while COMMIT was under way may have committed. Such a transaction is replayed only if `repeatable`
    says that doing it twice is the same as once; else DatabaseDown is raised with details `{"committed": "unknown"}`.
    Raises DatabaseDown when the database stays away, and the driver's own error when contention does not end.
    """
    pause_s = PAUSE_FIRST_S
    for attempt in range(1, attempts_max + 1):
        committing = False
        try:
            async with pool.acquire(timeout=CONNECT_TIMEOUT_S) as connection:
                transaction = connection.transaction(isolation=isolation)
                await transaction.start()
                try:
                    result = await work(connection)
                except BaseException as error:
                    await _undo(connection, transaction, lost=is_lost(error))
                    raise
                committing = True
                await transaction.commit()
                return result
        except FROM_DRIVER as error:
            lost = is_lost(error)
            if committing and lost and not repeatable:
                raise DatabaseDown(details={"committed": "unknown"}) from error
            if not lost and not is_contention(error):
                raise
            if attempt == attempts_max:
                if lost:
                    raise DatabaseDown(details={"attempts": attempt}) from error
                raise
        await asyncio.sleep(random.uniform(pause_s / 2, pause_s))  # noqa: S311 - keeps replays apart, guards nothing
        pause_s = min(pause_s * 2, PAUSE_MAX_S)
    raise AssertionError("attempts_max must be at least 1")


async def _undo(connection: Connection, transaction: Transaction, *, lost: bool) -> None:
    """Roll back, or drop a session that cannot: the error that made us do so is the one to tell, none from here."""
    try:
        if not lost:
            await transaction.rollback()
            return
    except FROM_DRIVER:
        pass  # the session is of no more use either
    with suppress(asyncpg.InterfaceError):  # a session that PostgreSQL ended has left the pool by itself
        connection.terminate()
