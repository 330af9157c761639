"""Reads the history as checkpoints cover it: decided commands with their lines, sealed rows, rows of the catalogue."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from accrual.domain.checkpoints import (
    BookedIdentity,
    CurrentRow,
    DecidedRow,
    DecidedStretch,
    RowVersion,
    Seal,
    SealedRow,
)
from accrual.domain.commands import LoggedCommand
from accrual.domain.lots import LotUse
from accrual.domain.transfers import Line
from accrual.store.connection import Connection, Record
from accrual.store.postgres import ROLE_STAFF, connect, mapping_loss
from accrual.store.sql import query

PAGE_ROWS = 5_000
SYSTEM_ACCOUNT_END = 1 << 24
LONG_AGO = datetime(1900, 1, 1, tzinfo=UTC)

RowT = TypeVar("RowT", Line, LotUse)

_COMMANDS, _ACCOUNTS = query("checkpoint/commands"), query("checkpoint/member_accounts")
_LINES, _LOT_USES = query("checkpoint/lines"), query("checkpoint/lot_uses")
_ALL_LINES, _ALL_LOT_USES = query("checkpoint/all_lines"), query("checkpoint/all_lot_uses")
_SEALED_ROWS, _CURRENT_ROWS = query("checkpoint/sealed_rows"), query("checkpoint/current_rows")
_NEWEST_VERSIONS, _KNOWN_AUDIT = query("checkpoint/newest_versions"), query("checkpoint/known_audit")
_ROW_VERSIONS, _BY_KEY = query("checkpoint/row_versions"), query("checkpoint/row_versions_by_key")
_SEALS, _BUCKET_SEALS = query("checkpoint/seals"), query("checkpoint/bucket_seals")
_LANES = query("checkpoint/lanes")
_POSITION_OF = query("checkpoint/position_of")
_MEMBERS, _IDENTITIES = query("checkpoint/members"), query("checkpoint/identities")


class CheckpointBooks:
    """The history at one moment, over one connection inside a transaction that reads."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def lane(self, bucket: int) -> tuple[int, bytes] | None:
        """(cursor, chain head) of a bucket; None when it has no lane."""
        row = await self._connection.fetchrow(_LANES, [bucket])
        return None if row is None else (row[1], row[2])

    async def with_lines(
        self, bucket: int, first: int, last: int, commands: list[DecidedRow], members: Iterable[bytes]
    ) -> DecidedStretch:
        """These commands with the lines of these members and of system accounts at `first` to `last`, by index probes."""
        found = await self._connection.fetch(_ACCOUNTS, bucket, list(members), SYSTEM_ACCOUNT_END)
        accounts = [row[0] for row in found]
        lines = await self._connection.fetch(_LINES, bucket, accounts, first, last)
        uses = await self._connection.fetch(_LOT_USES, bucket, accounts, first, last)
        return DecidedStretch(commands, [_line(row) for row in lines], [LotUse(*row) for row in uses])

    async def walk(self, bucket: int, first: int, last: int, step: int) -> AsyncIterator[DecidedStretch]:
        """Positions `first` to `last`, `step` at a time, with the lines of every account: a look through all of the bucket."""
        lines = _Ahead(self._pages(_ALL_LINES, bucket, first, last), _line)
        uses = _Ahead(self._pages(_ALL_LOT_USES, bucket, first, last), lambda row: LotUse(*row))
        for start in range(first, last + 1, step):
            end = min(start + step - 1, last)
            yield DecidedStretch(await self.commands(bucket, start, end), await lines.up_to(end), await uses.up_to(end))

    async def commands(self, bucket: int, first: int, last: int) -> list[DecidedRow]:
        """Positions `first` to `last` without lines."""
        return [_decided(row) for row in await self._connection.fetch(_COMMANDS, bucket, first, last)]

    async def position_of(self, bucket: int, ticket: bytes) -> int | None:
        """Where a ticket stands in its bucket's log; None when it is not there."""
        position: int | None = await self._connection.fetchval(_POSITION_OF, bucket, UUID(bytes=ticket))
        return position

    async def members(self, bucket: int) -> list[tuple[bytes, bytes | None]]:
        """(member, merged into) of every member of a bucket."""
        return [(row[0], row[1]) for row in await self._connection.fetch(_MEMBERS, bucket)]

    async def identities(self, bucket: int) -> list[BookedIdentity]:
        """Every identity of a bucket."""
        return [BookedIdentity(*row) for row in await self._connection.fetch(_IDENTITIES, bucket)]

    async def sealed_rows(self, bucket: int, first: int, until: int) -> AsyncIterator[SealedRow]:
        """Rows that never change, written at positions `first` up to below `until`, by table and position."""
        async for page in self._pages(_SEALED_ROWS, bucket, first, until):
            for row in page:
                yield SealedRow(*row)

    async def current_rows(self, audit_since: datetime | None) -> AsyncIterator[CurrentRow]:
        """Rows of catalogue, draws and audit by source and key; audit rows recorded from `audit_since` on (None: all)."""
        async for page in self._pages(_CURRENT_ROWS, audit_since or LONG_AGO):
            for row in page:
                yield CurrentRow(*row)

    async def newest_versions(self) -> dict[tuple[str, str], bytes]:
        """The newest digest of each row that a checkpoint covers, but those of the audit."""
        return {(row[0], row[1]): row[2] for row in await self._connection.fetch(_NEWEST_VERSIONS)}

    async def known_audit(self, places: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
        """Which of these rows (source, key) of the audit and its chain a checkpoint covers."""
        sources, keys = [source for source, _ in places], [key for _, key in places]
        return {(row[0], row[1]) for row in await self._connection.fetch(_KNOWN_AUDIT, sources, keys)}

    async def row_versions(self, *, by_key: bool = False) -> AsyncIterator[RowVersion]:
        """Every row version in the order of the stream, or of its row."""
        async for page in self._pages(_BY_KEY if by_key else _ROW_VERSIONS):
            for row in page:
                yield RowVersion(*row)

    async def seals(self) -> AsyncIterator[Seal]:
        """Every seal in the order of the stream."""
        async for page in self._pages(_SEALS):
            for row in page:
                yield Seal(*row)

    async def bucket_seals(self, bucket: int, size: int) -> list[Seal]:
        """The seals of a bucket among the first `size` of the stream, by position."""
        return [Seal(*row) for row in await self._connection.fetch(_BUCKET_SEALS, bucket, size)]

    async def _pages(self, statement: str, *args: Any) -> AsyncIterator[list[Record]]:
        cursor = await self._connection.cursor(statement, *args)
        while page := await cursor.fetch(PAGE_ROWS):
            yield page


class _Ahead(Generic[RowT]):
    """Rows in the order of their positions, handed out up to a position at a time."""

    def __init__(self, pages: AsyncIterator[list[Record]], make: Callable[[Record], RowT]) -> None:
        self._pages = pages
        self._make: Callable[[Record], RowT] = make
        self._rows: list[RowT] = []

    async def up_to(self, last: int) -> list[RowT]:
        while not self._rows or self._rows[-1].position <= last:
            page = await anext(self._pages, None)
            if page is None:
                break
            self._rows += [self._make(row) for row in page]
        split = bisect_right(self._rows, last, key=lambda row: row.position)
        taken, self._rows = self._rows[:split], self._rows[split:]
        return taken


class CheckpointHistory:
    """Where the history is read from: one session of its own, opened at the first question."""

    def __init__(self, url: str, *, label: str, statement_timeout_s: float = 0) -> None:
        """A statement may take `statement_timeout_s`; 0: as long as it takes."""
        self._url, self._label, self._timeout_s = url, label, statement_timeout_s
        self._connection: Connection | None = None

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[CheckpointBooks]:
        """The history at one moment. Raises DatabaseDown."""
        with mapping_loss():
            if self._connection is None or self._connection.is_closed():
                self._connection = await connect(
                    self._url,
                    label=self._label,
                    statement_timeout_s=self._timeout_s,
                    idle_in_transaction_s=0,
                    role=ROLE_STAFF,
                )
            async with self._connection.transaction(isolation="repeatable_read", readonly=True):
                yield CheckpointBooks(self._connection)

    async def close(self) -> None:
        """End the session."""
        if self._connection is not None:
            await self._connection.close()
            self._connection = None


def _decided(row: Record) -> DecidedRow:
    command = LoggedCommand(
        bucket=row[0],
        position=row[1],
        ticket=row[2].bytes,
        programme_id=row[3],
        client_id=row[4],
        recorded_at=row[5],
        content=row[6],
        seal=row[7],
        facts=row[8],
        name=None,
    )
    return DecidedRow(command, row[9], row[10], row[11])


def _line(row: Record) -> Line:
    written = tuple(row)
    return Line._make((*written[:14], None if written[14] is None else written[14:]))
