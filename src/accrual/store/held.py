"""Reads and writes commands held for review. No decisions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from accrual.domain.documents import encode_document
from accrual.domain.held import HeldCommand, HeldCommandRow
from accrual.store.connection import Connection, Pool, Record
from accrual.store.postgres import mapping_loss
from accrual.store.sql import query

_FOUND = query("held/found")
_PAGE = query("held/page")
_WRITE = query("held/write")
_AUDIT = query("link/audit")


async def read_held_commands(connection: Connection, bucket: int, tickets: Sequence[bytes]) -> dict[bytes, HeldCommand]:
    """Those of these that are or were held for review."""
    rows = await connection.fetch(_FOUND, bucket, [UUID(bytes=ticket) for ticket in tickets])
    return {each.row.ticket: each for each in map(_held, rows)}


async def write_held_commands(connection: Connection, held: Sequence[HeldCommandRow]) -> None:
    """Write what a batch held or judged, within its posting; the newest of each."""
    latest = {(row.bucket, row.ticket): row for row in held}
    written = [(row.bucket, UUID(bytes=row.ticket), *row[2:]) for _, row in sorted(latest.items())]
    await connection.execute(_WRITE, *zip(*written, strict=True))


class HeldCommands:
    """What people look through. It writes nothing but the audit."""

    def __init__(self, pool: Pool, buckets: int) -> None:
        self._pool = pool
        self._buckets = buckets

    async def page(
        self, programme_id: int, *, open_only: bool, after: tuple[int, int], limit: int
    ) -> list[HeldCommand]:
        """At most `limit` of a programme's held commands behind (bucket, position), in that order. Raises DatabaseDown."""
        buckets = list(range(self._buckets))
        with mapping_loss():
            async with self._pool.acquire() as connection:
                rows = await connection.fetch(_PAGE, buckets, programme_id, open_only, *after, limit)
        return [_held(row) for row in rows]

    async def one(self, bucket: int, ticket: bytes) -> HeldCommand | None:
        """One held command. Raises DatabaseDown."""
        if bucket >= self._buckets:
            return None
        with mapping_loss():
            async with self._pool.acquire() as connection:
                return (await read_held_commands(connection, bucket, [ticket])).get(ticket)

    async def note_verdict(
        self, audit_id: bytes, programme_id: int, recorded_at: datetime, actor: str, action: str, after: Any
    ) -> None:
        """Write down who judged a held command and why; a second time with the same id changes nothing."""
        row = (UUID(bytes=audit_id), programme_id, recorded_at, actor, action, f"held {after['id']}")
        with mapping_loss():
            async with self._pool.acquire() as connection:
                await connection.execute(_AUDIT, *row, encode_document(after))


def _held(row: Record) -> HeldCommand:
    return HeldCommand(HeldCommandRow(row[0], row[1].bytes, *tuple(row)[2:6]), row[6], row[7], row[8])
