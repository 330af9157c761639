"""The command log in PostgreSQL: append, find, backlog. What a command means never shows here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import asyncpg
from asyncpg.pgproto.pgproto import UUID

from accrual.domain.commands import decode_command
from accrual.domain.errors import Broken
from accrual.domain.log import AppendRow, KeyHome, Known
from accrual.store.bodies import compress_body, open_body
from accrual.store.connection import Connection, Pool, Record
from accrual.store.postgres import mapping_loss
from accrual.store.sql import query

APPEND = query("append")
APPEND_KEYS = query("append_keys")
FIND_TICKETS = query("find_tickets")
FIND_KEYS = query("find_keys")
BACKLOG = query("backlog")
BODY = query("command_body")
DECIDED = query("decided")


def append_arguments(rows: Sequence[AppendRow], recorded_at: datetime) -> tuple[list[Any], dict[int, int]]:
    """The arrays of the append statement, and how many rows each bucket gets. Rows keep their order in a bucket."""
    counts: dict[int, int] = {}
    for row in rows:
        counts[row.bucket] = counts.get(row.bucket, 0) + 1
    buckets = sorted(counts)
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
        bucket,
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


def _placed(rows: Sequence[AppendRow], tails: Sequence[Record], counts: dict[int, int]) -> dict[bytes, Known]:
    next_of = {bucket: (next_position - counts[bucket], recorded_at) for bucket, next_position, recorded_at in tails}
    placed = {}
    for row in rows:
        position, recorded_at = next_of[row.bucket]
        next_of[row.bucket] = (position + 1, recorded_at)
        placed[row.ticket] = Known(row.ticket, row.bucket, position, recorded_at, row.content)
    return placed


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
        arguments, counts = append_arguments(rows, recorded_at)
        bucket, client, digest, ticket, content = zip(*homes, strict=True)
        homes_at = [bucket, client, digest, [UUID(raw) for raw in ticket], content]
        tails = await self._insert(APPEND_KEYS, [*arguments, *homes_at])
        return None if tails is None else _placed(rows, tails, counts)

    async def _insert(self, statement: str, arguments: list[Any]) -> list[Record] | None:
        """None on a key that is there. Raises Broken `row_refused` when PostgreSQL or the driver refuses a value."""
        with mapping_loss():
            try:
                return await self._pool.fetch(statement, *arguments)
            except asyncpg.UniqueViolationError:
                return None
            except (
                asyncpg.DataError,
                asyncpg.IntegrityConstraintViolationError,
                asyncpg.ProgramLimitExceededError,
            ) as error:
                raise Broken(code="row_refused", details={"reason": type(error).__name__}) from error

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
