"""Reads and writes checkpoints and how far each stream is covered; signs nothing and judges nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec

from accrual.domain.checkpoints import JournalLine, PublishedCheckpoint, RowVersion, Seal, StreamState
from accrual.domain.errors import Broken, Conflict
from accrual.domain.merkle import HASH_BYTES, CompactRange
from accrual.domain.notes import read_note
from accrual.store.connection import Connection, Pool, Record
from accrual.store.postgres import mapping_loss, open_pool, transact
from accrual.store.sql import query

_NEWEST, _ONE, _PAGE = query("checkpoint/newest"), query("checkpoint/one"), query("checkpoint/page")
_STREAMS, _LANES = query("checkpoint/streams"), query("checkpoint/lanes")
_WRITE, _WRITE_STREAMS = query("checkpoint/write"), query("checkpoint/write_streams")
_WRITE_ROWS, _WRITE_SEALS = query("checkpoint/write_rows"), query("checkpoint/write_seals")
_PRUNE, _SEALED_UNTIL = query("checkpoint/prune"), query("checkpoint/sealed_until")
_BEGIN_ANEW, _AUDIT_WRITE = query("checkpoint/begin_anew"), query("catalogue/audit_write")
_LINE_DECODER = msgspec.json.Decoder(JournalLine)


class CheckpointTable:
    """Checkpoints in a database, over a pool; `buckets` is their number in this database."""

    def __init__(self, pool: Pool, buckets: int) -> None:
        self._pool = pool
        self._all = list(range(buckets))

    async def newest(self) -> PublishedCheckpoint | None:
        """The newest signed checkpoint, None before the first. Raises DatabaseDown, Broken `checkpoint_damaged`."""
        with mapping_loss():
            row = await self._pool.fetchrow(_NEWEST)
        return None if row is None else _published(row)

    async def one(self, number: int) -> PublishedCheckpoint | None:
        """One checkpoint, None when it is unknown or no longer kept. Raises DatabaseDown, Broken `checkpoint_damaged`."""
        with mapping_loss():
            row = await self._pool.fetchrow(_ONE, number)
        return None if row is None else _published(row)

    async def after(self, number: int, limit: int) -> list[PublishedCheckpoint]:
        """At most `limit` checkpoints with higher numbers, in order. Raises DatabaseDown, Broken `checkpoint_damaged`."""
        with mapping_loss():
            return [_published(row) for row in await self._pool.fetch(_PAGE, number, limit)]

    async def lines_after(self, number: int, limit: int) -> list[JournalLine]:
        """The same as lines of the journal. Raises DatabaseDown, Broken `checkpoint_damaged`."""
        with mapping_loss():
            return [_line(row) for row in await self._pool.fetch(_PAGE, number, limit)]

    async def streams(self) -> dict[str, StreamState]:
        """How far each stream is covered. Raises DatabaseDown, Broken `checkpoint_damaged`."""
        with mapping_loss():
            rows = await self._pool.fetch(_STREAMS)
        try:
            return {
                row["name"]: StreamState(
                    name=row["name"], tree=CompactRange(row["size"], _split(row["hashes"])), head=row["head"]
                )
                for row in rows
            }
        except ValueError as error:
            raise Broken(f"A stream of checkpoints is damaged: {error}.", code="checkpoint_damaged") from error

    async def lanes(self) -> list[tuple[int, int, bytes]]:
        """(bucket, cursor, chain head) of every bucket. Raises DatabaseDown."""
        with mapping_loss():
            return [(row[0], row[1], row[2]) for row in await self._pool.fetch(_LANES, self._all)]

    async def sealed_until(self) -> dict[int, int]:
        """Up to below which position each bucket is sealed, those sealed longest ago first. Raises DatabaseDown."""
        with mapping_loss():
            return {row[0]: row[1] for row in await self._pool.fetch(_SEALED_UNTIL, self._all)}

    async def write(
        self,
        line: JournalLine,
        signature: bytes,
        streams: Sequence[StreamState],
        rows: Sequence[RowVersion],
        seals: Sequence[Seal],
        *,
        keep_max: int,
    ) -> None:
        """Write a checkpoint and how far it covers each stream, in one transaction; older ones than `keep_max` leave.

        Raises Conflict `checkpoint_exists` when another process made this number, DatabaseDown.
        """

        async def work(connection: Connection) -> None:
            text = msgspec.json.encode(line).decode()
            await connection.execute(_WRITE, line.number, line.recorded_at, signature, text)
            await connection.execute(
                _WRITE_STREAMS,
                [each.name for each in streams],
                [each.tree.size for each in streams],
                [each.head for each in streams],
                [b"".join(each.tree.hashes) for each in streams],
            )
            if rows:
                columns = list(zip(*rows, strict=True))
                await connection.execute(_WRITE_ROWS, columns[0], line.number, *columns[2:])
            if seals:
                await connection.execute(_WRITE_SEALS, *zip(*seals, strict=True))
            await connection.execute(_PRUNE, line.number - keep_max + 1)

        try:
            with mapping_loss():
                await transact(self._pool, work)
        except asyncpg.UniqueViolationError as error:
            raise Conflict(
                f"Checkpoint {line.number} was made by another process.", code="checkpoint_exists"
            ) from error


async def begin_anew(
    owner_url: str, *, audit_id: bytes, recorded_at: datetime, actor: str, reason: str, last_note: str
) -> None:
    """Forget the checkpoints of a log that cannot go on, and note in the audit why and with which it ended.

    Raises DatabaseDown.
    """
    pool = await open_pool(owner_url, label="checkpoints", size_max=1)
    after = msgspec.json.encode({"reason": reason, "last_checkpoint": last_note}).decode()

    async def work(connection: Connection) -> None:
        await connection.execute(_BEGIN_ANEW)
        said = (UUID(bytes=audit_id), None, recorded_at, actor, "restart", "checkpoints", None, after)
        await connection.execute(_AUDIT_WRITE, *said)

    try:
        with mapping_loss():
            await transact(pool, work)
    finally:
        await pool.close()


def _split(hashes: bytes) -> Iterable[bytes]:
    return [hashes[start : start + HASH_BYTES] for start in range(0, len(hashes), HASH_BYTES)]


def _line(row: Record) -> JournalLine:
    try:
        return _LINE_DECODER.decode(row["line"])
    except msgspec.DecodeError as error:
        raise Broken(f"Checkpoint {row['number']} is damaged: {error}.", code="checkpoint_damaged") from error


def _published(row: Record) -> PublishedCheckpoint:
    line = _line(row)
    return PublishedCheckpoint(
        number=row["number"],
        recorded_at=row["recorded_at"],
        root=read_note(line.note).root,
        signature=row["signature"],
        note=line.note,
    )
