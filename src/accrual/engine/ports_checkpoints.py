"""The ports of checkpoints: reading the history as they cover it, keeping what was signed, and the newest as a public value."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Protocol

from accrual.domain.checkpoints import (
    BookedIdentity,
    CurrentRow,
    DecidedRow,
    DecidedStretch,
    JournalLine,
    PublishedCheckpoint,
    RowVersion,
    Seal,
    SealedRow,
    StreamState,
)


class NewestCheckpoint(Protocol):
    """The newest signed checkpoint: a public value that nobody could know before it was signed."""

    async def newest(self) -> PublishedCheckpoint | None:
        """None before the first checkpoint. Raises DatabaseDown, Broken `checkpoint_damaged`."""

    async def one(self, number: int) -> PublishedCheckpoint | None:
        """One checkpoint, None when it is unknown or no longer kept. Raises as `newest`."""

    async def after(self, number: int, limit: int) -> list[PublishedCheckpoint]:
        """At most `limit` checkpoints with higher numbers, in order. Raises as `newest`."""


class CheckpointStore(NewestCheckpoint, Protocol):
    """Where checkpoints are kept, and how far each stream is covered."""

    async def lines_after(self, number: int, limit: int) -> list[JournalLine]:
        """At most `limit` checkpoints with higher numbers, as lines of the journal."""

    async def streams(self) -> dict[str, StreamState]:
        """How far each stream is covered."""

    async def lanes(self) -> list[tuple[int, int, bytes]]:
        """(bucket, cursor, chain head) of every bucket."""

    async def sealed_until(self) -> dict[int, int]:
        """Up to below which position each bucket is sealed, those sealed longest ago first."""

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
        """Write a checkpoint in one transaction. Raises Conflict `checkpoint_exists`, DatabaseDown."""


class HistoryBooks(Protocol):
    """The history at one moment."""

    async def lane(self, bucket: int) -> tuple[int, bytes] | None:
        """(cursor, chain head) of a bucket; None when it has no lane."""

    async def with_lines(
        self, bucket: int, first: int, last: int, commands: list[DecidedRow], members: Iterable[bytes]
    ) -> DecidedStretch:
        """These commands with the lines of these members and of system accounts at positions `first` to `last`."""

    def walk(self, bucket: int, first: int, last: int, step: int) -> AsyncIterator[DecidedStretch]:
        """Positions `first` to `last`, `step` at a time, with the lines of every account."""

    async def commands(self, bucket: int, first: int, last: int) -> list[DecidedRow]:
        """Positions `first` to `last` without lines."""

    async def position_of(self, bucket: int, ticket: bytes) -> int | None:
        """Where a ticket stands in its bucket's log; None when it is not there."""

    async def members(self, bucket: int) -> list[tuple[bytes, bytes | None]]:
        """(member, merged into) of every member of a bucket."""

    async def identities(self, bucket: int) -> list[BookedIdentity]:
        """Every identity of a bucket."""

    def sealed_rows(self, bucket: int, first: int, until: int) -> AsyncIterator[SealedRow]:
        """Rows that never change, of positions `first` up to below `until`, by table and position."""

    def current_rows(self, audit_since: datetime | None) -> AsyncIterator[CurrentRow]:
        """Rows of catalogue, draws and audit by source and key; audit rows recorded from then on (None: all)."""

    async def newest_versions(self) -> dict[tuple[str, str], bytes]:
        """The newest digest of each row that a checkpoint covers, but those of the audit."""

    async def known_audit(self, places: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
        """Which of these rows (source, key) of the audit and its chain a checkpoint covers."""

    def row_versions(self, *, by_key: bool = False) -> AsyncIterator[RowVersion]:
        """Every row version in the order of the stream, or of its row."""

    def seals(self) -> AsyncIterator[Seal]:
        """Every seal in the order of the stream."""

    async def bucket_seals(self, bucket: int, size: int) -> list[Seal]:
        """The seals of a bucket among the first `size` of the stream, by position."""


class History(Protocol):
    """Where the history is read from."""

    def snapshot(self) -> AbstractAsyncContextManager[HistoryBooks]:
        """The history at one moment. Raises DatabaseDown."""


class Journal(Protocol):
    """The append-only file of all checkpoints, a line each."""

    def last(self) -> JournalLine | None:
        """The newest line, None when there is none. Raises Broken `journal_damaged`."""

    def append(self, line: JournalLine) -> None:
        """Add a line and wait until the disk has it. Raises Broken `journal_unwritable`."""

    def lines(self) -> Iterable[JournalLine]:
        """All lines in order. Raises Broken `journal_damaged`."""


class Signer(Protocol):
    """The keys of the installation; the first is the newest."""

    def sign(self, origin: str, body: bytes) -> list[tuple[str, bytes, bytes]]:
        """(key's name, key id, signature) by each key."""
