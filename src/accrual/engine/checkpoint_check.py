"""Holds today's history against a checkpoint: it must extend what the checkpoint covers. Names what does not; reads only."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from accrual.domain.books import Fault
from accrual.domain.checkpoints import (
    CheckpointRecord,
    JournalLine,
    StreamHead,
    bucket_of_stream,
)
from accrual.domain.errors import Broken, Missing
from accrual.domain.merkle import CompactRange, leaf_hash
from accrual.domain.notes import Note
from accrual.engine.checkpoint_leaves import walk_digests
from accrual.engine.checkpoint_members import MembersCheck
from accrual.engine.checkpoint_rows import row_faults, seal_stream_faults, sealed_faults
from accrual.engine.ports_checkpoints import History, HistoryBooks

CHECK = "checkpoint"


def find_record(note: Note, lines: Iterable[JournalLine]) -> CheckpointRecord:
    """What the checkpoint of a note covers, out of the journal's lines in order, proved by the note's root.

    Raises Missing `checkpoint_unknown` when the journal does not reach so far, Broken `checkpoint_forked` when its lines
    lead to another root than the one that was signed.
    """
    streams: dict[str, StreamHead] = {}
    tree = CompactRange()
    number, recorded_at = 0, None
    for line in lines:
        if line.number != number + 1:
            break
        number, recorded_at = line.number, line.recorded_at
        for name, size, root in line.changes:
            streams[name] = StreamHead(name, size, bytes.fromhex(root))
        if number == note.size:
            break
        tree.append(bytes.fromhex(line.leaf))
    if number != note.size or recorded_at is None:
        raise Missing(
            f"The journal knows {number} checkpoints, this is number {note.size}: what it covers cannot be looked up. Restore "
            "checkpoints.jsonl, or give the file that `accrual checkpoint export` wrote.",
            code="checkpoint_unknown",
            details={"journal": number, "checkpoint": note.size},
        )
    record = CheckpointRecord(
        number=number, recorded_at=recorded_at, streams=tuple(streams[name] for name in sorted(streams))
    )
    tree.append(leaf_hash(record.leaf()))
    if tree.root() != note.root:
        raise Broken(
            f"The journal's first {number} checkpoints lead to another root than the one that was signed: the journal was "
            "changed, or the installation showed different histories to different people.",
            code="checkpoint_forked",
            details={"checkpoint": number},
        )
    return record


class ExtensionCheck:
    """One run of holding the history against a record."""

    def __init__(
        self,
        history: History,
        record: CheckpointRecord,
        lines: Callable[[], Iterable[JournalLine]],
        *,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> None:
        """`lines` reads the journal once more, to tell from which checkpoint on a bucket differs."""
        self._history, self._record, self._lines = history, record, lines
        self._on_progress = on_progress
        self.commands = 0

    async def run(self) -> list[tuple[int | None, Fault]]:
        """(bucket, fault) of everything that is not as the checkpoint covers it. Raises DatabaseDown."""
        found: list[tuple[int | None, Fault]] = []
        async with self._history.snapshot() as books:
            found += [(None, fault) for fault in await row_faults(books, self._record)]
            unsealed = await seal_stream_faults(books, self._record)
            found += [(None, fault) for fault in unsealed]
        for done, head in enumerate(self._record.streams):
            bucket = bucket_of_stream(head.name)
            if bucket is not None:
                async with self._history.snapshot() as books:
                    faults = await self._bucket(books, bucket, head)
                    if not faults and not unsealed:
                        faults = await sealed_faults(books, bucket, self._record)
                    found += [(bucket, fault) for fault in faults]
            if self._on_progress is not None:
                self._on_progress(done + 1, self.commands)
        return found

    async def _bucket(self, books: HistoryBooks, bucket: int, covered: StreamHead) -> list[Fault]:
        lane = await books.lane(bucket)
        there = 0 if lane is None else max(0, lane[0] - 1)
        if there < covered.size:
            what = "was wiped" if there == 0 else f"was cut: {there} are there"
            text = f"checkpoint {self._record.number} covers {covered.size} commands; the bucket {what}"
            return [_fault(there + 1, text)]
        tree, leaves, members = CompactRange(), 0, MembersCheck()
        # Members are as all decided commands leave them, also those that no checkpoint covers yet.
        async for digest in walk_digests(books, bucket, there, members.take):
            leaves += 1
            if leaves <= covered.size:
                tree.append(leaf_hash(digest.head))
        root = tree.root()
        self.commands += tree.size
        if tree.size < covered.size:
            text = (
                f"checkpoint {self._record.number} covers {covered.size} commands; command or outcome is missing here"
            )
            return [_fault(leaves + 1, text)]
        if root == covered.root:
            return list(members.faults(await books.members(bucket), await books.identities(bucket)))
        first, last, number = await self._where(books, bucket, covered)
        text = (
            f"the history was rewritten: positions {first} to {last} are not those that checkpoint {number} covers "
            f"(recorded {_at(number, self._lines())})"
        )
        return [_fault(first, text)]

    async def _where(self, books: HistoryBooks, bucket: int, covered: StreamHead) -> tuple[int, int, int]:
        """(first, last, checkpoint) of the first stretch between two checkpoints that is not as it was."""
        known = list(_sizes(covered.name, self._record.number, self._lines()))
        tree, position, before = CompactRange(), 0, 0
        places = iter(known)
        size, root, number = next(places)
        async for digest in walk_digests(books, bucket, covered.size):
            tree.append(leaf_hash(digest.head))
            position += 1
            if position == size:
                if tree.root() != root:
                    break
                before = size
                size, root, number = next(places, (covered.size, covered.root, self._record.number))
        return before + 1, size, number


def _sizes(name: str, until: int, lines: Iterable[JournalLine]) -> Iterator[tuple[int, bytes, int]]:
    for line in lines:
        if line.number > until:
            return
        for stream, size, root in line.changes:
            if stream == name:
                yield size, bytes.fromhex(root), line.number


def _at(number: int, lines: Iterable[JournalLine]) -> str:
    return next((line.at for line in lines if line.number == number), "at an unknown time")


def _fault(position: int | None, text: str) -> Fault:
    return Fault(CHECK, position, None, text)
