"""Makes proofs for others: that a checkpoint covers a ticket, and that one checkpoint extends another."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any, NamedTuple
from uuid import UUID

from accrual.domain.chain import HEAD_FIRST, micros_of
from accrual.domain.checkpoints import (
    ROWS,
    SEALS,
    CheckpointRecord,
    DecidedRow,
    JournalLine,
    StreamHead,
    bucket_of_stream,
    bucket_stream,
    row_leaf,
    seal_leaf,
    stream_leaf,
    streams_root,
    written_at,
)
from accrual.domain.errors import Broken, Invalid, Missing
from accrual.domain.ids import bucket_of_ticket
from accrual.domain.lots import LotUse
from accrual.domain.merkle import SpanRoots, consistency_spans, inclusion_spans, leaf_hash, proof_of
from accrual.domain.transfers import Line
from accrual.engine.checkpoint_leaves import walk_digests
from accrual.engine.ports_checkpoints import History, HistoryBooks

INCLUSION = "accrual checkpoint inclusion 1"
CONSISTENCY = "accrual checkpoint consistency 1"

Lines = Callable[[], Iterable[JournalLine]]


class Recorded(NamedTuple):
    """A checkpoint with what it covers, and the proof that its record is the newest leaf of its tree."""

    record: CheckpointRecord
    note: str
    proof: list[bytes]


def read_recorded(lines: Iterable[JournalLine], number: int) -> Recorded:
    """A checkpoint out of the journal's lines. Raises Missing `checkpoint_unknown` when they do not reach so far."""
    streams: dict[str, StreamHead] = {}
    roots = SpanRoots(inclusion_spans(number - 1, number))
    for line in lines:
        for name, size, root in line.changes:
            streams[name] = StreamHead(name, size, bytes.fromhex(root))
        roots.append(bytes.fromhex(line.leaf))
        if line.number == number:
            ordered = tuple(streams[name] for name in sorted(streams))
            record = CheckpointRecord(number=number, recorded_at=line.recorded_at, streams=ordered)
            return Recorded(record, line.note, roots.proof())
    raise Missing(f"The journal has no checkpoint {number}.", code="checkpoint_unknown")


class Prover:
    """Makes proofs out of the history and the journal; `lines` reads the journal from its beginning."""

    def __init__(self, history: History, lines: Lines) -> None:
        self._history, self._lines = history, lines

    async def inclusion(self, ticket: bytes, number: int) -> dict[str, Any]:
        """A proof that checkpoint `number` covers the command of a ticket, with its outcome and lines.

        Raises Missing for a ticket that is unknown or not covered by it, Broken `history_changed` when the history is no
        longer what the checkpoint covers.
        """
        recorded = read_recorded(self._lines(), number)
        bucket = bucket_of_ticket(ticket)
        async with self._history.snapshot() as books:
            position = await books.position_of(bucket, ticket)
            head = recorded.record.stream(bucket_stream(bucket))
            if position is None or head is None or position > head.size:
                raise Missing(
                    f"Checkpoint {number} does not cover ticket {UUID(bytes=ticket)}. It is unknown, not decided, or newer.",
                    code="ticket_not_covered",
                )
            before, proof = await _leaf_proof(books, bucket, position, head)
            shown = await _shown(books, bucket, position)
        streams = list(recorded.record.streams)
        place = streams.index(head)
        return {
            "format": INCLUSION,
            "note": recorded.note,
            "record": {
                "number": number,
                "at": written_at(recorded.record.recorded_at),
                "streams": len(streams),
                "root": streams_root(streams).hex(),
                "proof": _texts(recorded.proof),
            },
            "stream": {
                "name": head.name,
                "size": head.size,
                "root": head.root.hex(),
                "index": place,
                "proof": _texts(
                    proof_of([leaf_hash(stream_leaf(each)) for each in streams], inclusion_spans(place, len(streams)))
                ),
            },
            "command": {**shown, "before": before.hex(), "proof": _texts(proof)},
        }

    async def consistency(self, old: int, new: int) -> dict[str, Any]:
        """A proof that checkpoint `new` extends checkpoint `old`, each of its streams. Raises Invalid, Missing, Broken."""
        if not 0 < old <= new:
            raise Invalid(
                f"Checkpoint {new} cannot extend checkpoint {old}; name the older one first.", code="invalid_field"
            )
        first, last = read_recorded(self._lines(), old), read_recorded(self._lines(), new)
        leaves = (bytes.fromhex(line.leaf) for line in self._lines() if line.number <= new)
        proof = proof_of(leaves, consistency_spans(old, new))
        paths: dict[str, list[str]] = {}
        for head in first.record.streams:
            later = last.record.stream(head.name)
            if later is None or later.size < head.size:
                raise _changed(head.name, old)
            if later.size > head.size:
                async with self._history.snapshot() as books:
                    paths[head.name] = _texts(await _stream_proof(books, head, later))
        return {
            "format": CONSISTENCY,
            "old": _side(first),
            "new": _side(last),
            "proof": _texts(proof),
            "streams": paths,
        }


def _side(recorded: Recorded) -> dict[str, Any]:
    return {
        "note": recorded.note,
        "at": written_at(recorded.record.recorded_at),
        "streams": [[each.name, each.size, each.root.hex()] for each in recorded.record.streams],
        "proof": _texts(recorded.proof),
    }


async def _leaf_proof(books: HistoryBooks, bucket: int, position: int, head: StreamHead) -> tuple[bytes, list[bytes]]:
    """The chain's head before a position, and the path from its leaf to the stream's root."""
    roots = SpanRoots(inclusion_spans(position - 1, head.size))
    before, tree = HEAD_FIRST, SpanRoots([(0, head.size)])
    async for digest in walk_digests(books, bucket, head.size):
        if digest.position == position - 1:
            before = digest.head
        leaf = leaf_hash(digest.head)
        roots.append(leaf)
        tree.append(leaf)
    try:
        whole = tree.proof()
    except ValueError as error:
        raise _changed(head.name, head.size) from error
    if whole != [head.root]:
        raise _changed(head.name, head.size)
    return before, roots.proof()


async def _stream_proof(books: HistoryBooks, old: StreamHead, new: StreamHead) -> list[bytes]:
    roots, tree = SpanRoots(consistency_spans(old.size, new.size)), SpanRoots([(0, new.size)])
    async for leaf in _leaves(books, new):
        roots.append(leaf)
        tree.append(leaf)
    try:
        if tree.proof() != [new.root]:
            raise _changed(new.name, new.size)
        return roots.proof()
    except ValueError as error:
        raise _changed(new.name, new.size) from error


async def _leaves(books: HistoryBooks, head: StreamHead) -> AsyncIterator[bytes]:
    """The leaf hashes of a stream as it is now, at most as many as `head` says."""
    bucket = bucket_of_stream(head.name)
    if bucket is not None:
        async for digest in walk_digests(books, bucket, head.size):
            yield leaf_hash(digest.head)
    elif head.name == ROWS:
        async for version in books.row_versions():
            yield leaf_hash(row_leaf(version))
    elif head.name == SEALS:
        async for seal in books.seals():
            yield leaf_hash(seal_leaf(seal))


async def _shown(books: HistoryBooks, bucket: int, position: int) -> dict[str, Any]:
    """A command with all that its digest is made of, as the offline verifier reads it."""
    stretches = [stretch async for stretch in books.walk(bucket, position, position, 1)]
    (row,) = stretches[0].commands
    command = row.command
    return {
        "ticket": str(UUID(bytes=command.ticket)),
        "bucket": command.bucket,
        "position": command.position,
        "programme_id": command.programme_id,
        "client_id": command.client_id,
        "recorded_us": micros_of(command.recorded_at),
        "content": command.content.hex(),
        "seal": command.seal.hex(),
        "facts": command.facts.hex(),
        **_outcome(row),
        "lines": [_line(line) for line in stretches[0].lines],
        "lot_uses": [_use(use) for use in stretches[0].lot_uses],
    }


def _outcome(row: DecidedRow) -> dict[str, Any]:
    return {"status": row.status, "outcome": (row.payload or b"").hex()}


def _line(line: Line) -> dict[str, Any]:
    return {
        "account": line.account,
        "leg": line.leg,
        "contra": line.contra,
        "amount": line.amount,
        "balance": line.balance_after,
        "held": line.held_after,
        "kind": int(line.kind),
        "promo_version": line.promo_version_id,
        "active_us": None if line.active_at is None else micros_of(line.active_at),
        "expires_us": None if line.expires_at is None else micros_of(line.expires_at),
        "occurred_us": micros_of(line.occurred_at),
        "covers_from": line.covers_from,
        "origin": None if line.origin is None else list(line.origin),
    }


def _use(use: LotUse) -> list[int]:
    return [use.account, use.lot_position, use.lot_leg, use.amount, int(use.kind)]


def _texts(hashes: Iterable[bytes]) -> list[str]:
    return [each.hex() for each in hashes]


def _changed(name: str, size: int) -> Broken:
    return Broken(
        f"Stream {name} is no longer what checkpoints cover of its first {size} leaves: run accrual verify --against.",
        code="history_changed",
        details={"stream": name},
    )
