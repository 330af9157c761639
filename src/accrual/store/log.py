"""The command log in PostgreSQL: append, find, backlog. What a command means never shows here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from io import BytesIO
from operator import attrgetter
from struct import error as StructError
from typing import Any

import asyncpg
from asyncpg.pgproto.pgproto import UUID

from accrual.domain.commands import decode_command
from accrual.domain.errors import Broken
from accrual.domain.log import AppendRow, KeyHome, Known
from accrual.store.binary_copy import command_stream, key_home_stream
from accrual.store.bodies import compress_body, open_body
from accrual.store.connection import Connection, Pool, Record
from accrual.store.postgres import mapping_loss
from accrual.store.sql import query

APPEND = query("append")
APPEND_KEYS = query("append_keys")
APPEND_TAILS = query("append_tails")
FIND_TICKETS = query("find_tickets")
FIND_KEYS = query("find_keys")
BACKLOG = query("backlog")
BODY = query("command_body")
DECIDED = query("decided")


STREAMED_MIN = 192
"""From so many commands on, rows go as a stream: it costs two round trips more, and a third of an array's time a row."""

COMMAND_COLUMNS = (
    *("position", "recorded_at", "ticket", "bucket", "programme_id", "client_id"),
    *("content", "seal", "facts", "salt", "name", "body"),
)
KEY_HOME_COLUMNS = ("bucket", "client_id", "key_digest", "ticket", "content")


def append_arguments(rows: Sequence[AppendRow], recorded_at: datetime) -> tuple[list[Any], dict[int, int]]:
    """The arrays of the append statement, and how many rows each bucket gets. Rows keep their order in a bucket."""
    counts = _counts(rows)
    buckets = sorted(counts)
    place_of = {bucket: place for place, bucket in enumerate(buckets, 1)}
    left = dict(counts)
    back = []
    for row in rows:
        back.append(left[row.bucket])
        left[row.bucket] -= 1
    bucket, ticket, programme, client, content, seal, facts, salt, name, body = zip(*rows, strict=True)
    arguments: list[Any] = [
        buckets,
        [counts[number] for number in buckets],
        recorded_at,
        [place_of[number] for number in bucket],
        back,
        [UUID(raw) for raw in ticket],
        programme,
        client,
        content,
        seal,
        facts,
        salt,
        [shown or "" for shown in name],
        [None if raw is None else compress_body(raw) for raw in body],
    ]
    return arguments, counts


def _counts(rows: Sequence[AppendRow]) -> dict[int, int]:
    counts: dict[int, int] = {}
    for row in rows:
        counts[row.bucket] = counts.get(row.bucket, 0) + 1
    return counts


def _placed(rows: Sequence[AppendRow], tails: Sequence[Record], counts: dict[int, int]) -> dict[bytes, Known]:
    next_of = {bucket: (next_position - counts[bucket], recorded_at) for bucket, next_position, recorded_at in tails}
    placed = {}
    for row in rows:
        position, recorded_at = next_of[row.bucket]
        next_of[row.bucket] = (position + 1, recorded_at)
        placed[row.ticket] = Known(row.ticket, row.bucket, position, recorded_at, row.content)
    return placed


_bucket = attrgetter("bucket")


@contextmanager
def _mapping_refusals() -> Iterator[None]:
    try:
        yield
    except (
        asyncpg.DataError,
        asyncpg.IntegrityConstraintViolationError,
        asyncpg.ProgramLimitExceededError,
        StructError,
    ) as error:
        raise Broken(code="row_refused", details={"reason": type(error).__name__}) from error


class PostgresLog:
    """CommandLog on a pool of runtime connections."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def find(self, tickets: Sequence[tuple[int, bytes]]) -> dict[bytes, Known]:
        with mapping_loss():
            buckets = [bucket for bucket, _ in tickets]
            rows = await self._pool.fetch(FIND_TICKETS, buckets, [UUID(ticket) for _, ticket in tickets])
        return {row[0].bytes: Known(row[0].bytes, row[1], row[2], row[3], row[4]) for row in rows}

    async def append(self, rows: Sequence[AppendRow], recorded_at: datetime) -> dict[bytes, Known] | None:
        if len(rows) >= STREAMED_MIN:
            return await self._stream(rows, (), recorded_at)
        arguments, counts = append_arguments(rows, recorded_at)
        tails = await self._insert(APPEND, arguments)
        return None if tails is None else _placed(rows, tails, counts)

    async def find_keys(self, keys: Sequence[tuple[int, int, bytes]]) -> dict[tuple[int, bytes], KeyHome]:
        buckets, clients, digests = zip(*keys, strict=True)
        with mapping_loss():
            rows = await self._pool.fetch(FIND_KEYS, buckets, clients, digests)
        return {(row[1], row[2]): KeyHome(row[0], row[1], row[2], row[3].bytes, row[4]) for row in rows}

    async def append_with_keys(
        self, rows: Sequence[AppendRow], homes: Sequence[KeyHome], recorded_at: datetime
    ) -> dict[bytes, Known] | None:
        if len(rows) >= STREAMED_MIN:
            return await self._stream(rows, homes, recorded_at)
        arguments, counts = append_arguments(rows, recorded_at)
        bucket, client, digest, ticket, content = zip(*homes, strict=True)
        homes_at = [bucket, client, digest, [UUID(raw) for raw in ticket], content]
        tails = await self._insert(APPEND_KEYS, [*arguments, *homes_at])
        return None if tails is None else _placed(rows, tails, counts)

    async def _insert(self, statement: str, arguments: list[Any]) -> list[Record] | None:
        """None on a key that is there. Raises Broken `row_refused` when PostgreSQL or the driver refuses a value."""
        with mapping_loss(), _mapping_refusals():
            try:
                return await self._pool.fetch(statement, *arguments)
            except asyncpg.UniqueViolationError:
                return None

    async def _stream(
        self, rows: Sequence[AppendRow], homes: Sequence[KeyHome], recorded_at: datetime
    ) -> dict[bytes, Known] | None:
        """As `_insert`, in a transaction: tails first, whose locks keep others' positions away, then the rows in order."""
        counts = _counts(rows)
        buckets = sorted(counts)
        # Within a bucket commands keep their order, so they stand in the order of their positions.
        ordered = sorted(rows, key=_bucket)
        with mapping_loss(), _mapping_refusals():
            try:
                async with self._pool.acquire() as connection, connection.transaction():
                    tails = await connection.fetch(
                        APPEND_TAILS, buckets, [counts[bucket] for bucket in buckets], recorded_at
                    )
                    firsts = {bucket: (following - counts[bucket], at) for bucket, following, at in tails}
                    stream = command_stream(ordered, firsts)
                    await connection.copy_to_table(
                        "command", source=BytesIO(stream), columns=COMMAND_COLUMNS, format="binary"
                    )
                    if homes:
                        stream = key_home_stream(homes)
                        await connection.copy_to_table(
                            "key_home", source=BytesIO(stream), columns=KEY_HOME_COLUMNS, format="binary"
                        )
            except asyncpg.UniqueViolationError:
                return None
        return _placed(rows, tails, counts)

    async def backlog(self) -> Mapping[int, int]:
        with mapping_loss():
            rows = await self._pool.fetch(BACKLOG)
        return {row[0]: row[1] for row in rows}

    async def decided(self, places: Sequence[tuple[int, int]]) -> set[tuple[int, int]]:
        """Those of the (bucket, position) pairs that have an outcome."""
        buckets, positions = zip(*places, strict=True)
        with mapping_loss():
            rows = await self._pool.fetch(DECIDED, buckets, positions)
        return {(row[0], row[1]) for row in rows}

    async def body_of(self, bucket: int, position: int) -> tuple[int, bytes] | None:
        with mapping_loss():
            row = await self._pool.fetchrow(BODY, bucket, position)
        body = None if row is None else open_body(row[1])
        if row is None or body is None:
            return None
        return int(decode_command(row[0]).dialect), body


async def append_follow_ups(connection: Connection, rows: Sequence[AppendRow], recorded_at: datetime) -> None:
    """Append within the caller's transaction, as its last statement before COMMIT."""
    arguments, _ = append_arguments(rows, recorded_at)
    await connection.fetch(APPEND, *arguments)
