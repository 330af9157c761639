"""Checkpoints as values: the streams of a log, what a checkpoint records of each, and how that becomes leaves."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec

from accrual.domain.commands import LoggedCommand
from accrual.domain.lots import LotUse
from accrual.domain.merkle import CompactRange, leaf_hash, root_of
from accrual.domain.transfers import Line

ROWS = "rows"
"""The stream of row versions: catalogue, clients, audit, draws, referrals."""

SEALS = "seals"
"""The stream of digests over stretches of bucket tables that the chain does not cover, such as counters."""

RECORD_FORMAT = "accrual checkpoint record 1"
AT_FORMAT = "%Y-%m-%dT%H:%M:%S.%fZ"
_BUCKET = re.compile(r"bucket/(\d{1,4})")


class StreamHead(NamedTuple):
    """How long an append-only stream is, and the root of the Merkle tree over its leaves."""

    name: str
    size: int
    root: bytes


class CheckpointRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What one checkpoint covers. `streams` are those that are not empty, by name."""

    number: int
    recorded_at: datetime
    streams: tuple[StreamHead, ...]

    def leaf(self) -> bytes:
        """The bytes that are a leaf of the log's tree."""
        return record_leaf(self.number, self.recorded_at, len(self.streams), streams_root(self.streams))

    def stream(self, name: str) -> StreamHead | None:
        """The stream of this name, None when it is empty."""
        return next((each for each in self.streams if each.name == name), None)


class PublishedCheckpoint(msgspec.Struct, frozen=True, kw_only=True):
    """A signed checkpoint as others see it. `signature` are the 64 bytes of the installation's newest key."""

    number: int
    recorded_at: datetime
    root: bytes
    signature: bytes
    note: str


class StreamState(msgspec.Struct, kw_only=True):
    """A stream while it grows. `head` is the bucket's chain head behind the last leaf, empty for other streams."""

    name: str
    tree: CompactRange
    head: bytes = b""

    def published(self) -> StreamHead:
        """What a checkpoint records of it."""
        return StreamHead(self.name, self.tree.size, self.tree.root())


class JournalLine(msgspec.Struct, frozen=True, kw_only=True):
    """One checkpoint in the journal: what changed since the one before, its leaf hash and the signed note.

    `changes` are (name, size, root in hexadecimal); streams only grow, so applying the lines in order gives each record.
    """

    number: int
    at: str
    leaf: str
    changes: list[tuple[str, int, str]]
    note: str

    @property
    def recorded_at(self) -> datetime:
        """When it was made. Raises ValueError."""
        return datetime.strptime(self.at, AT_FORMAT).replace(tzinfo=UTC)


class RowVersion(NamedTuple):
    """A row of the catalogue as a checkpoint first covered it or found it changed; an empty digest: it is gone."""

    sequence: int
    number: int
    source: str
    key: str
    digest: bytes


class Seal(NamedTuple):
    """What stood in the tables of a bucket for positions `first` up to below `until`: for each table rows and digest."""

    sequence: int
    bucket: int
    first: int
    until: int
    tables: str


class CurrentRow(NamedTuple):
    """A row that the stream of rows covers, as it is now."""

    source: str
    key: str
    digest: bytes


class BookedIdentity(NamedTuple):
    """An identity as stored, and the member that it names."""

    programme_id: int
    kind: str
    value: str
    member_id: bytes


class SealedRow(NamedTuple):
    """A row of a bucket's table that never changes once it is written, as canonical text."""

    source: str
    position: int
    value: str


class DecidedStretch(NamedTuple):
    """Decided commands of one bucket with all that the chain covers, in order."""

    commands: list[DecidedRow]
    lines: list[Line]
    lot_uses: list[LotUse]


class DecidedRow(NamedTuple):
    """A command, and its outcome as stored; None where there is none."""

    command: LoggedCommand
    status: int | None
    chain: bytes | None
    payload: bytes | None


def bucket_stream(bucket: int) -> str:
    """The name of a bucket's stream: a leaf for each decided command."""
    return f"bucket/{bucket}"


def bucket_of_stream(name: str) -> int | None:
    """The bucket whose stream this is, None for others."""
    found = _BUCKET.fullmatch(name)
    return None if found is None else int(found[1])


def stream_leaf(head: StreamHead) -> bytes:
    """A stream's leaf in the tree over all streams of a checkpoint."""
    return f"{head.name} {head.size} {head.root.hex()}\n".encode()


def streams_root(streams: Iterable[StreamHead]) -> bytes:
    """The root over streams, which come by name."""
    return root_of(leaf_hash(stream_leaf(each)) for each in streams)


def record_leaf(number: int, recorded_at: datetime, streams: int, root: bytes) -> bytes:
    """A checkpoint's leaf in the log's tree."""
    return f"{RECORD_FORMAT}\n{number}\n{written_at(recorded_at)}\n{streams}\n{root.hex()}\n".encode()


def written_at(at: datetime) -> str:
    """A time as records and journal write it."""
    return at.astimezone(UTC).strftime(AT_FORMAT)


def row_leaf(version: RowVersion) -> bytes:
    """A row version's leaf in the stream of rows."""
    digest = version.digest.hex() or "gone"
    return f"row {version.sequence} {version.number} {version.source} {digest} {version.key}\n".encode()


def seal_leaf(seal: Seal) -> bytes:
    """A seal's leaf in the stream of seals."""
    return f"seal {seal.sequence} {seal.bucket} {seal.first} {seal.until} {seal.tables}\n".encode()


def tables_text(tables: Iterable[tuple[str, int, bytes]]) -> str:
    """What a seal says: the tables that have rows, by name, each with their number and digest."""
    return ",".join(f"{source}={rows}:{digest.hex()}" for source, rows, digest in tables)
