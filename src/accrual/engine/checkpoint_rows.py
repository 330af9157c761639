"""Holds rows of catalogue, audit and draws, and sealed tables of buckets, against what a checkpoint covers of them."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from typing import NamedTuple

from accrual.domain.books import Fault
from accrual.domain.checkpoints import (
    ROWS,
    SEALS,
    CheckpointRecord,
    CurrentRow,
    RowVersion,
    Seal,
    SealedRow,
    row_leaf,
    seal_leaf,
)
from accrual.domain.merkle import CompactRange, leaf_hash
from accrual.engine.checkpoints import AUDIT, GONE, SEAL_DIGEST_BYTES
from accrual.engine.ports_checkpoints import HistoryBooks

CHECK = "checkpoint"
CHANGING = frozenset({"programme", "asset", "client", "promo", "point_reward"})
"""Sources whose rows may change in place. Each change comes with a row of the audit, in one transaction. All other sources
only grow: a row of theirs never changes."""


class _Change(NamedTuple):
    source: str
    key: str
    number: int | None


async def row_faults(books: HistoryBooks, record: CheckpointRecord) -> list[Fault]:
    """Rows that are not as the checkpoint covers them, but for changes that an audit row made with them explains."""
    covered = record.stream(ROWS)
    size = 0 if covered is None else covered.size
    tree, audited = CompactRange(), set[int]()
    faults: list[Fault] = []
    async for version in books.row_versions():
        if version.source == AUDIT:
            audited.add(version.number)
        if tree.size < size:
            tree.append(leaf_hash(row_leaf(version)))
    if covered is not None and (tree.size < size or tree.root() != covered.root):
        text = f"the stream of rows is not as checkpoint {record.number} covers it: rows cannot be held against it"
        return [Fault(CHECK, None, None, text, "checkpoint_row")]
    changes: list[_Change] = []
    audit_waits = False
    async for versions, now in _merged(books.row_versions(by_key=True), books.current_rows(None)):
        source = now.source if now is not None else versions[0].source
        if source == AUDIT and not versions:
            audit_waits = True
        known = [each for each in versions if each.sequence < size]
        if not known:
            continue
        later = [(each.number, each.digest) for each in versions if each.sequence >= size]
        faults += _row_faults(record, versions[0], known[-1].digest, later, now, changes)
    for change in changes:
        explained = audit_waits if change.number is None else change.number in audited
        if not explained:
            when = "since the newest checkpoint" if change.number is None else f"before checkpoint {change.number}"
            text = f"{change.source} {change.key} was changed {when}, and no audit row says so"
            faults.append(Fault(CHECK, None, None, text, change.source))
    return faults


def _row_faults(
    record: CheckpointRecord,
    row: RowVersion,
    covered: bytes,
    later: Sequence[tuple[int, bytes]],
    now: CurrentRow | None,
    changes: list[_Change],
) -> Iterator[Fault]:
    """What is wrong with one row that the checkpoint covers; changes to be explained are added to `changes`."""
    steps: list[tuple[int | None, bytes]] = [(number, digest) for number, digest in later]
    current = GONE if now is None else now.digest
    if current != (later[-1][1] if later else covered):
        steps.append((None, current))
    table = row.source.partition(".")[0]
    for number, digest in steps:
        if digest == GONE:
            text = f"{row.source} {row.key} is gone; checkpoint {record.number} covers it"
            yield Fault(CHECK, None, None, text, table)
            return
        if row.source in CHANGING:
            changes.append(_Change(row.source, row.key, number))
        else:
            text = f"{row.source} {row.key} was changed; checkpoint {record.number} covers it as it was"
            yield Fault(CHECK, None, None, text, table)
            return


async def _merged(
    versions: AsyncIterator[RowVersion], current: AsyncIterator[CurrentRow]
) -> AsyncIterator[tuple[list[RowVersion], CurrentRow | None]]:
    """Every row with its versions and how it is now, from two streams in the order of (source, key)."""
    version, now = await anext(versions, None), await anext(current, None)
    while version is not None or now is not None:
        places = [_place(each) for each in (version, now) if each is not None]
        place = min(places)
        here: list[RowVersion] = []
        while version is not None and _place(version) == place:
            here.append(version)
            version = await anext(versions, None)
        if now is not None and _place(now) == place:
            yield here, now
            now = await anext(current, None)
        else:
            yield here, None


def _place(row: RowVersion | CurrentRow) -> tuple[bytes, bytes]:
    return row.source.encode(), row.key.encode()


async def seal_stream_faults(books: HistoryBooks, record: CheckpointRecord) -> list[Fault]:
    """Whether the table of seals is as the checkpoint covers it."""
    covered = record.stream(SEALS)
    if covered is None:
        return []
    tree = CompactRange()
    async for seal in books.seals():
        if tree.size == covered.size:
            break
        tree.append(leaf_hash(seal_leaf(seal)))
    if tree.size == covered.size and tree.root() == covered.root:
        return []
    text = f"the stream of seals is not as checkpoint {record.number} covers it: tables cannot be held against it"
    return [Fault(CHECK, None, None, text, "checkpoint_seal")]


async def sealed_faults(books: HistoryBooks, bucket: int, record: CheckpointRecord) -> list[Fault]:
    """Tables of a bucket in which sealed rows are gone, changed or joined by others; one fault a table and stretch."""
    covered = record.stream(SEALS)
    seals = [] if covered is None else await books.bucket_seals(bucket, covered.size)
    if not seals:
        return []
    found = await _digests(books.sealed_rows(bucket, seals[0].first, seals[-1].until), seals)
    faults = []
    for place, seal in enumerate(seals):
        expected, here = _tables(seal.tables), found[place]
        for source in sorted(expected.keys() | here.keys()):
            if expected.get(source) == here.get(source):
                continue
            rows, there = expected.get(source, (0, ""))[0], here.get(source, (0, ""))[0]
            what = (
                f"{rows} rows were sealed, {there} are there" if rows != there else f"of {rows} rows some were changed"
            )
            where = f"{source}: positions {seal.first} to {seal.until - 1}"
            text = f"{where} are not as checkpoint {record.number} covers them: {what}"
            faults.append(Fault(CHECK, seal.first, None, text, source.partition(".")[0]))
    return faults


async def _digests(rows: AsyncIterator[SealedRow], seals: Sequence[Seal]) -> list[dict[str, tuple[int, str]]]:
    found: list[dict[str, tuple[int, str]]] = [{} for _ in seals]
    place, source, count, hashed = 0, "", 0, hashlib.sha256()

    def keep() -> None:
        if count:
            found[place][source] = (count, hashed.digest()[:SEAL_DIGEST_BYTES].hex())

    async for row in rows:
        at = place if row.source == source else 0
        while at < len(seals) - 1 and row.position >= seals[at].until:
            at += 1
        if (row.source, at) != (source, place):
            keep()
            place, source, count, hashed = at, row.source, 0, hashlib.sha256()
        count += 1
        hashed.update(f"{row.position} {row.value}\n".encode())
    keep()
    return found


def _tables(text: str) -> dict[str, tuple[int, str]]:
    """What a seal says, by table. What cannot be read is not there."""
    found = {}
    for source, rows in _pairs(text.split(",")):
        count, _, digest = rows.partition(":")
        found[source] = (int(count) if count.isdigit() else 0, digest)
    return found


def _pairs(parts: Iterable[str]) -> Iterator[tuple[str, str]]:
    for part in parts:
        source, equals, rest = part.partition("=")
        if equals:
            yield source, rest
