"""Reads the health of server, rights, lanes and clients, in short statements. Judges nothing and changes nothing."""

from __future__ import annotations

import asyncio

import msgspec

from accrual.domain.errors import Missing
from accrual.domain.health import BooksHealth, ClientHealth, HotTable, ServerHealth, WorkerHealth
from accrual.domain.programme import Client, Settings
from accrual.store.connection import Connection, Record
from accrual.store.postgres import as_login, connect, mapping_loss
from accrual.store.roles import EVERY_ROLE
from accrual.store.sql import query

HISTORY_TABLES = (
    "command",
    "outcome",
    "line",
    "lot_use",
    "audit",
    "audit_chain",
    "key_home",
    "programme_revision",
    "promo_version",
)
HOT_TABLES = ("tail", "lane", "worker")
SETTINGS = ("fsync", "full_page_writes", "synchronous_commit", "autovacuum", "max_connections", "data_checksums")
PARKED_SHOWN_MAX = 5

_SETTINGS = query("doctor/settings")
_SERVER = query("doctor/server")
_SNAPSHOTS = query("doctor/snapshots")
_HIDDEN = query("doctor/hidden")
_SLOTS = query("doctor/slots")
_RIGHTS = query("doctor/rights")
_ROLE = query("doctor/role")
_LANES = query("doctor/lanes")
_WORKERS = query("doctor/workers")
_PARKED = query("doctor/parked")
_CLIENTS = query("doctor/clients")
_PROGRAMMES = query("doctor/programmes")
_HOT_TABLES = query("doctor/hot_tables")
_UPKEEP = query("doctor/upkeep")
_CHECKPOINT = query("doctor/checkpoint")


async def read_server(url: str) -> ServerHealth:
    """The server as the role of this address sees it; a superuser sees every session. Raises DatabaseDown, Broken."""
    connection = await connect(url, label="doctor")
    try:
        with mapping_loss():
            settings = {row[0]: row[1] for row in await connection.fetch(_SETTINGS, list(SETTINGS))}
            server = await connection.fetchrow(_SERVER)
            oldest = await connection.fetchrow(_SNAPSHOTS)
            hidden = await connection.fetchval(_HIDDEN)
            slots = await connection.fetchval(_SLOTS)
    finally:
        await connection.close()
    version = connection.get_server_version()
    assert server is not None  # noqa: S101 - a session always finds itself
    return ServerHealth(
        version=f"{version.major}.{version.micro}",
        settings=settings,
        asked_at=server[0],
        database_bytes=server[1],
        oldest_snapshot_at=None if oldest is None else oldest[0],
        oldest_snapshot_label="" if oldest is None else oldest[1],
        hidden_sessions=hidden,
        slots_holding_back=slots,
    )


async def read_books(url: str, *, pause_s: float, programme: str | None = None) -> BooksHealth:
    """Rights, lanes, clients and tables as the runtime session finds them; beats are looked at twice, `pause_s` apart.

    With `programme` only its clients and settings count. Raises DatabaseDown, Missing.
    """
    connection = await connect(url, label="doctor")
    try:
        with mapping_loss():
            first = await _fetch_workers(connection)
            if first:
                await asyncio.sleep(pause_s)
            second = {row[0]: row[2] for row in await _fetch_workers(connection)} if first else {}
            return await _books(connection, [_worker(row, second) for row in first], programme)
    finally:
        await connection.close()


async def _fetch_workers(connection: Connection) -> list[Record]:
    # To the runtime role another login's session has no start to compare.
    async with as_login(connection):
        return await connection.fetch(_WORKERS)


async def _books(connection: Connection, workers: list[WorkerHealth], only: str | None) -> BooksHealth:
    role = await connection.fetchrow(_ROLE)
    lanes = await connection.fetchrow(_LANES)
    assert role is not None and lanes is not None  # noqa: S101 - a role is somebody, a sum is a row
    parked = await connection.fetch(_PARKED, PARKED_SHOWN_MAX)
    programmes = [(row[0], msgspec.json.decode(row[1], type=Settings)) for row in await connection.fetch(_PROGRAMMES)]
    programmes = [(code, settings) for code, settings in programmes if only in (None, code)]
    if only is not None and not programmes:
        raise Missing(f"There is no programme {only!r}.")
    upkeep = await connection.fetchrow(_UPKEEP)
    clients = [_client(row) for row in await connection.fetch(_CLIENTS)]
    return BooksHealth(
        role=role[0],
        is_superuser=role[1],
        changeable=tuple(row[0] for row in await connection.fetch(_RIGHTS, list(HISTORY_TABLES), EVERY_ROLE)),
        buckets=lanes[0],
        owned=lanes[1],
        backlog=lanes[2],
        backlog_bucket_max=lanes[3],
        parked=parked[0][0] if parked else 0,
        parked_sample=tuple((row[1].bytes, row[2]) for row in parked),
        workers=tuple(workers),
        clients=tuple(client for client in clients if only in (None, client.programme)),
        demo_programmes=tuple(code for code, settings in programmes if settings.demo),
        programmes=len(programmes),
        hot_tables=tuple(HotTable(*row) for row in await connection.fetch(_HOT_TABLES, list(HOT_TABLES))),
        upkeep_oldest=None if upkeep is None else upkeep[0],
        upkeep_buckets=0 if upkeep is None else upkeep[1],
        checkpoint_at=await connection.fetchval(_CHECKPOINT),
    )


def _worker(row: Record, second: dict[object, int]) -> WorkerHealth:
    return WorkerHealth(row[1], row[2], second.get(row[0]), row[3], row[4])


def _client(row: Record) -> ClientHealth:
    client = msgspec.json.decode(row[3], type=Client)
    return ClientHealth(row[0], row[1], row[2], client.signature.policy.value)
