"""Finds or starts the database that a command means, migrates it, and hands out its addresses; runs no query of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from accrual.bootstrap.database import EmbeddedServer, embedded_release, embedded_start
from accrual.bootstrap.draw_keys import DrawKey, open_draw_key
from accrual.bootstrap.settings import read_settings
from accrual.settings import Settings
from accrual.store.migrate import migrate
from accrual.store.postgres import ROLE_ADMIN, RUNTIME_ROLE, as_runtime, plain
from accrual.store.roles import check_runtime, make_roles, may_act


@dataclass(frozen=True, kw_only=True)
class OpenDatabase:
    """A migrated database. `runtime_url` is for everything but migrations; sessions over it begin as the role of operators'
    commands and act as that of their duty. `staff_url` and `worker_url` are logins of their own for those duties, None where
    there are none. All are secrets.

    `notice` says, for a person, where PostgreSQL itself does not keep the history append-only. `server` is the embedded
    one, None for an external database. `applied` are the migrations that this opening applied.
    """

    owner_url: str = field(repr=False)
    runtime_url: str = field(repr=False)
    applied: tuple[str, ...]
    notice: str = ""
    server: EmbeddedServer | None = None
    draw_key: DrawKey | None = None
    """The hosts' part of the secrets of draws."""
    staff_url: str | None = field(default=None, repr=False)
    worker_url: str | None = field(default=None, repr=False)


@asynccontextmanager
async def open_database(
    data_dir: Path | None = None,
    database_url: str | None = None,
    *,
    settings: Settings | None = None,
    on_progress: Callable[[str], None] | None = None,
) -> AsyncIterator[OpenDatabase]:
    """The database of `database_url`, else of ACCRUAL_DATABASE_URL, else the embedded one of `data_dir`.

    A running embedded server is used; else it is started, and stopped again at the end. Migrations run first, as the
    owner. Raises what `migrate` and the launcher raise, all of them AccrualError.
    """
    settings = settings or read_settings()
    url = database_url or settings.database_url
    if url is not None:
        # An owner's address belongs to the database of the settings, not to one named by hand.
        draw_key = await asyncio.to_thread(open_draw_key, settings, None)
        opened = await _prepare(url, None if database_url else settings.owner_database_url, settings)
        if not database_url:
            opened = replace(opened, staff_url=settings.staff_database_url, worker_url=settings.worker_database_url)
        yield replace(opened, draw_key=draw_key)
        return
    server = await asyncio.to_thread(embedded_start, data_dir or settings.data_dir, on_progress=on_progress)
    try:
        await make_roles(server.url(role="superuser"))
        owner_url, runtime_url = server.url(role="owner"), as_runtime(server.url(role="runtime"))
        migrated = await migrate(owner_url, now=datetime.now(UTC), buckets=settings.buckets)
        draw_key = await asyncio.to_thread(open_draw_key, settings, data_dir or settings.data_dir)
        yield OpenDatabase(
            owner_url=owner_url, runtime_url=runtime_url, applied=migrated.applied, server=server, draw_key=draw_key
        )
    finally:
        await asyncio.to_thread(embedded_release, server, on_progress=on_progress)


async def _prepare(url: str, owner_url: str | None, settings: Settings) -> OpenDatabase:
    url = plain(url)
    migrated = await migrate(owner_url or url, now=datetime.now(UTC), buckets=settings.buckets)
    if owner_url is not None:
        notice = await check_runtime(url)
        return OpenDatabase(
            owner_url=owner_url, runtime_url=await _acting(url), applied=migrated.applied, notice=notice
        )
    runtime_url = await _acting(url) if migrated.runtime_usable else url
    return OpenDatabase(owner_url=url, runtime_url=runtime_url, applied=migrated.applied, notice=migrated.notice)


async def _acting(url: str) -> str:
    """Where sessions begin as the role of the operator's commands, or as the one role of earlier releases, if they may."""
    for role in (ROLE_ADMIN, RUNTIME_ROLE):
        if await may_act(url, role):
            return as_runtime(url, role)
    return url
