"""Makes signed checkpoints: reads what was decided since the last one, grows the streams, signs, writes, publishes."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta

import msgspec

from accrual.domain.chain import HEAD_FIRST
from accrual.domain.checkpoints import (
    ROWS,
    SEALS,
    CheckpointRecord,
    JournalLine,
    PublishedCheckpoint,
    RowVersion,
    Seal,
    SealedRow,
    StreamHead,
    StreamState,
    bucket_of_stream,
    bucket_stream,
    row_leaf,
    seal_leaf,
    tables_text,
    written_at,
)
from accrual.domain.errors import Refused
from accrual.domain.merkle import EMPTY_ROOT, CompactRange, leaf_hash
from accrual.domain.notes import NoteSignature, body_of, note_of, read_note
from accrual.engine.checkpoint_leaves import STEP, read_digests
from accrual.engine.ports_checkpoints import CheckpointStore, History, HistoryBooks, Journal, Signer

LOG = "log"
"""The stream of the checkpoints themselves; its root is what is signed. It is in no record."""

GONE = b""
AUDIT = "audit"
GROWING = ("audit", "audit_chain")
"""Sources that only grow: each round reads their newest rows alone."""

AUDIT_LATE = timedelta(hours=1)
"""How much later than it was recorded a row of the audit may be committed."""

SEAL_DIGEST_BYTES = 16
LINES_A_PAGE = 1_000


class CheckpointLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of one checkpoint. What is beyond `commands_max` decided commands waits for the next one.

    Buckets are sealed in turn, at least one a checkpoint, until those sealed hold `seal_commands_max` commands together.
    `keep_max` checkpoints stay in the table.
    """

    commands_max: int
    seal_commands_max: int
    keep_max: int


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """A checkpoint that was made. `damaged`: buckets whose history does not go on as it was covered, with why."""

    published: PublishedCheckpoint
    commands: int
    rows: int
    seals: int
    damaged: dict[int, str]


class Checkpointer:
    """Makes one checkpoint after the other for one database and one journal. Only one at a time may run."""

    def __init__(
        self,
        store: CheckpointStore,
        history: History,
        journal: Journal,
        signer: Signer,
        *,
        origin: str,
        limits: CheckpointLimits,
        now: Callable[[], datetime],
    ) -> None:
        """`origin` names the log; a log that has checkpoints keeps the name it has."""
        self._store, self._history, self._journal, self._signer = store, history, journal, signer
        self._origin = origin
        self._limits = limits
        self._now = now

    async def make(self) -> Made:
        """Sign what the database holds now.

        Raises Refused `checkpoint_rolled_back` when the database has fewer checkpoints than the journal or others, Conflict
        when another process was faster, Broken, DatabaseDown.
        """
        newest = await self._store.newest()
        await self._bring_journal_up_to_date(newest)
        streams = await self._store.streams()
        number = 1 if newest is None else newest.number + 1
        log = streams.get(LOG) or StreamState(name=LOG, tree=CompactRange())
        expected = EMPTY_ROOT if newest is None else newest.root
        if log.tree.size != number - 1 or log.tree.root() != expected:
            raise Refused(
                f"The database's tree has {log.tree.size} checkpoints and another root than checkpoint {number - 1}, which "
                "was signed. Its tables of checkpoints were changed: run accrual verify --against a checkpoint.",
                code="checkpoint_rolled_back",
            )
        now = self._now()
        grown = _Grown(streams)
        damaged: dict[int, str] = {}
        commands = await self._decided(grown, damaged, number)
        async with self._history.snapshot() as books:
            rows = await self._rows(books, grown, number, newest)
            seals = await self._seals(books, grown, set(damaged))
        record = CheckpointRecord(number=number, recorded_at=now, streams=grown.published())
        leaf = leaf_hash(record.leaf())
        log.tree.append(leaf)
        origin = self._origin if newest is None else read_note(newest.note).origin
        body = body_of(origin, number, log.tree.root())
        signatures = [NoteSignature(*each) for each in self._signer.sign(origin, body)]
        line = JournalLine(
            number=number,
            at=written_at(now),
            leaf=leaf.hex(),
            changes=[(each.name, each.size, each.root.hex()) for each in grown.changes()],
            note=note_of(body, signatures),
        )
        signature = signatures[0].signature
        await self._store.write(line, signature, [*grown.moved(), log], rows, seals, keep_max=self._limits.keep_max)
        await asyncio.to_thread(self._journal.append, line)
        published = PublishedCheckpoint(
            number=number, recorded_at=now, root=log.tree.root(), signature=signature, note=line.note
        )
        return Made(published=published, commands=commands, rows=len(rows), seals=len(seals), damaged=damaged)

    async def _bring_journal_up_to_date(self, newest: PublishedCheckpoint | None) -> None:
        """What was signed and did not reach the journal, because a process ended in between, is added to it."""
        last = await asyncio.to_thread(self._journal.last)
        known = 0 if newest is None else newest.number
        if last is not None and last.number > known:
            raise Refused(
                f"The journal has checkpoint {last.number}, the database only {known}: it was restored from a backup or "
                "rolled back, and no new checkpoint can follow. See docs/operating/checkpoints.md.",
                code="checkpoint_rolled_back",
                details={"journal": last.number, "database": known},
            )
        if last is not None:
            same = await self._store.one(last.number)
            if same is not None and same.note != last.note:
                raise Refused(
                    f"Checkpoint {last.number} of the database is not the one of the journal: one of them was changed.",
                    code="checkpoint_rolled_back",
                )
        number = 0 if last is None else last.number
        while number < known:
            page = await self._store.lines_after(number, LINES_A_PAGE)
            if not page:
                break
            for line in page:
                await asyncio.to_thread(self._journal.append, line)
            number = page[-1].number

    async def _decided(self, grown: _Grown, damaged: dict[int, str], number: int) -> int:
        """A leaf for each command decided since the last checkpoint; how many there were."""
        left = self._limits.commands_max
        lanes = await self._store.lanes()
        turn = number % max(1, len(lanes))  # where there is more to read than a checkpoint takes, all have their turn
        for bucket, cursor, chain in [*lanes[turn:], *lanes[:turn]]:
            state = grown.get(bucket_stream(bucket))
            covered = state.tree.size
            if cursor - 1 < covered:
                damaged[bucket] = f"checkpoints cover {covered} commands, and {cursor - 1} are there"
                continue
            if cursor - 1 == covered:
                if chain != (state.head or HEAD_FIRST):
                    damaged[bucket] = f"the chain's head is not the one of command {covered}, which a checkpoint covers"
                continue
            last = min(cursor - 1, covered + left)
            left -= await self._grow(grown, bucket, covered + 1, last, damaged)
            if left <= 0:
                break
        return self._limits.commands_max - left

    async def _grow(self, grown: _Grown, bucket: int, first: int, last: int, damaged: dict[int, str]) -> int:
        state = grown.get(bucket_stream(bucket))
        head = state.head or HEAD_FIRST
        for start in range(first, last + 1, STEP):
            end = min(start + STEP - 1, last)
            # A snapshot a step: reading many commands holds nobody up.
            async with self._history.snapshot() as books:
                found = await read_digests(books, bucket, head, start, end)
            for digest in found:
                state.tree.append(leaf_hash(digest.head))
                head = digest.head
            if found:
                state.head = head
                grown.touch(state)
            if len(found) < end - start + 1:
                damaged[bucket] = f"position {start + len(found)} does not follow from the history before it"
                return start + len(found) - first
            await asyncio.sleep(0)
        return last - first + 1

    async def _rows(
        self, books: HistoryBooks, grown: _Grown, number: int, newest: PublishedCheckpoint | None
    ) -> list[RowVersion]:
        """A leaf for each row of catalogue, draws and audit that is new, changed or gone."""
        state = grown.get(ROWS)
        known = await books.newest_versions()
        seen: set[tuple[str, str]] = set()
        found: list[tuple[str, str, bytes]] = []
        audit: list[tuple[str, str, bytes]] = []
        async for row in books.current_rows(None if newest is None else newest.recorded_at - AUDIT_LATE):
            if row.source in GROWING:
                audit.append(row)
                continue
            place = (row.source, row.key)
            seen.add(place)
            if known.get(place) != row.digest:
                found.append((*place, row.digest))
        had = await books.known_audit([(source, key) for source, key, _ in audit])
        found += [row for row in audit if (row[0], row[1]) not in had]
        found += [(*place, GONE) for place, digest in known.items() if place not in seen and digest != GONE]
        rows = [
            RowVersion(sequence, number, *each) for sequence, each in enumerate(sorted(found), start=state.tree.size)
        ]
        for version in rows:
            state.tree.append(leaf_hash(row_leaf(version)))
        if rows:
            grown.touch(state)
        return rows

    async def _seals(self, books: HistoryBooks, grown: _Grown, damaged: set[int]) -> list[Seal]:
        """Digests over what the tables of some buckets have of positions that no seal covers yet."""
        state = grown.get(SEALS)
        sealed = await self._store.sealed_until()
        buckets = [*(each for each in grown.buckets() if each not in sealed), *sealed]
        seals: list[Seal] = []
        scanned = 0
        for bucket in buckets:
            first, until = sealed.get(bucket, 1), grown.get(bucket_stream(bucket)).tree.size + 1
            if first >= until or bucket in damaged:
                continue
            if scanned and scanned + until > self._limits.seal_commands_max:
                break
            scanned += until
            tables = await digest_tables(books.sealed_rows(bucket, first, until))
            seals.append(Seal(state.tree.size + len(seals), bucket, first, until, tables))
        for seal in seals:
            state.tree.append(leaf_hash(seal_leaf(seal)))
        if seals:
            grown.touch(state)
        return seals


class _Grown:
    """The streams of a database while a checkpoint is made, and which of them it moved."""

    def __init__(self, streams: dict[str, StreamState]) -> None:
        self._streams = {name: state for name, state in streams.items() if name != LOG}
        self._moved: dict[str, StreamState] = {}

    def get(self, name: str) -> StreamState:
        """A stream; an empty one where there is none yet."""
        return self._streams.get(name) or self._moved.get(name) or StreamState(name=name, tree=CompactRange())

    def touch(self, state: StreamState) -> None:
        """Note that this stream grew."""
        self._streams[state.name] = self._moved[state.name] = state

    def buckets(self) -> list[int]:
        """Buckets with decided commands."""
        found = [bucket_of_stream(name) for name in self._streams]
        return sorted(each for each in found if each is not None)

    def moved(self) -> list[StreamState]:
        """Streams that grew, by name."""
        return [self._moved[name] for name in sorted(self._moved)]

    def changes(self) -> list[StreamHead]:
        """The same as a checkpoint records them."""
        return [state.published() for state in self.moved()]

    def published(self) -> tuple[StreamHead, ...]:
        """All streams that are not empty, by name."""
        return tuple(self._streams[name].published() for name in sorted(self._streams))


async def digest_tables(rows: AsyncIterator[SealedRow]) -> str:
    """What a seal says of rows that come by table and position."""
    tables: list[tuple[str, int, bytes]] = []
    source, count, hashed = "", 0, hashlib.sha256()
    async for row in rows:
        if row.source != source:
            if count:
                tables.append((source, count, hashed.digest()[:SEAL_DIGEST_BYTES]))
            source, count, hashed = row.source, 0, hashlib.sha256()
        count += 1
        hashed.update(f"{row.position} {row.value}\n".encode())
    if count:
        tables.append((source, count, hashed.digest()[:SEAL_DIGEST_BYTES]))
    return tables_text(tables)
