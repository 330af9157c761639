"""Reads the health of an installation from database and host, for `accrual doctor`; what it means is judged in the engine."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from accrual.bootstrap.clocks import utc_now
from accrual.bootstrap.opening import OpenDatabase, open_database
from accrual.bootstrap.settings import read_settings
from accrual.domain.errors import AccrualError, Missing
from accrual.domain.health import HostHealth
from accrual.engine.doctor import Finding, Level, diagnose
from accrual.store.doctor import read_books, read_server


async def examine(
    data_dir: Path | None,
    database_url: str | None,
    *,
    programme: str | None = None,
    tell: Callable[[str], None] | None = None,
) -> tuple[Finding, ...]:
    """Every finding; of clients and keys only those of `programme` where one is named.

    A database that cannot be opened or read is a finding itself. Raises Missing for a programme that does not exist.
    """
    settings = read_settings()
    try:
        async with open_database(data_dir, database_url, settings=settings, on_progress=tell) as database:
            # A superuser sees every session; where there is none to be had, the owner sees its own.
            seer = database.server.url(role="superuser") if database.server else database.owner_url
            server = await read_server(seer)
            clock = utc_now()
            books = await read_books(database.runtime_url, pause_s=settings.lease_s, programme=programme)
            host = await asyncio.to_thread(_host, database, data_dir or settings.data_dir, clock)
            return diagnose(server, books, host)
    except Missing:
        raise
    except AccrualError as error:
        return (
            Finding(
                check="database", level=Level.PROBLEM, text=error.message, advice=f"The error's code is {error.code}."
            ),
        )


def _host(database: OpenDatabase, data_dir: Path, clock: datetime) -> HostHealth:
    disk = shutil.disk_usage(data_dir) if database.server is not None else None
    return HostHealth(
        clock=clock,
        data_dir=str(data_dir),
        disk_free_bytes=None if disk is None else disk.free,
        disk_total_bytes=None if disk is None else disk.total,
        migrations_applied=database.applied,
        notice=database.notice,
    )
