"""The last proof that a server is ours: it knows our password and serves our directory."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import asyncpg

from accrual.domain.errors import Broken, Busy
from accrual.store.embedded.placement import Place
from accrual.store.embedded.ports import LOOPBACK
from accrual.store.embedded.records import ROLES, Passwords
from accrual.store.embedded.sight import is_same_directory
from accrual.store.sql import query

CONNECT_TIMEOUT_S = 30


def shake_hands(place: Place, passwords: Passwords, port: int) -> None:
    """Log in and compare the data directory. May be called from any thread, inside a running event loop as well.

    Raises Broken `database_passwords_wrong`, Broken `database_not_ours`, Busy `database_not_answering`.
    """
    with ThreadPoolExecutor(1) as apart:  # a loop of its own: the calling thread may already run one
        served = apart.submit(asyncio.run, _ask(passwords.superuser, port)).result()
    if not is_same_directory(served, place.cluster):
        raise Broken(
            f"The server on port {port} serves {served}, not {place.cluster}. Stop that server, then try again.",
            code="database_not_ours",
        )


async def _ask(password: str, port: int) -> Path:
    try:
        connection = await asyncpg.connect(
            host=LOOPBACK,
            port=port,
            user=ROLES["superuser"],
            password=password,
            database="postgres",
            ssl=False,
            timeout=CONNECT_TIMEOUT_S,
        )
    except asyncpg.InvalidPasswordError as error:
        raise Broken(
            "The server does not accept the kept passwords. Stop it (accrual db down), remove passwords.json from the "
            "data directory and start again: new passwords are made.",
            code="database_passwords_wrong",
        ) from error
    except (OSError, TimeoutError, asyncpg.PostgresError) as error:
        raise Busy(
            f"The server on port {port} does not answer: {error or type(error).__name__}. Try again in a moment.",
            code="database_not_answering",
        ) from error
    try:
        return Path(await connection.fetchval(query("embedded_prove")))
    finally:
        await connection.close()
