"""The leaves of a bucket's stream: the chain's full digest after each decided command, recomputed from what is stored."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from struct import error as StructError
from typing import NamedTuple, TypeVar

import msgspec

from accrual.domain.chain import HEAD_FIRST, STORED_BYTES, advance
from accrual.domain.checkpoints import DecidedRow, DecidedStretch
from accrual.domain.commands import decode_command
from accrual.domain.ids import member_of
from accrual.domain.lots import LotUse
from accrual.domain.transfers import Line
from accrual.engine.ports_checkpoints import HistoryBooks

STEP = 256
"""Positions at a time: so many take a few milliseconds, for which nobody else runs in this process."""

RowT = TypeVar("RowT", Line, LotUse)


class Digest(NamedTuple):
    """The chain's head after a position. `holds`: what is stored beside the outcome agrees with it."""

    position: int
    head: bytes
    holds: bool


def digests(head: bytes, first: int, last: int, stretch: DecidedStretch) -> Iterator[Digest]:
    """The heads after positions `first` to `last`, from the `head` before them; it ends where a row is missing.

    A row that the chain cannot take in, such as a time out of bounds, ends it as well.
    """
    rows = {row.command.position: row for row in stretch.commands}
    lines, uses = _by_position(stretch.lines), _by_position(stretch.lot_uses)
    for position in range(first, last + 1):
        row = rows.get(position)
        if row is None or row.status is None or row.payload is None:
            return
        try:
            head = advance(head, row.command, row.status, row.payload, lines.get(position, ()), uses.get(position, ()))
        except (ArithmeticError, TypeError, ValueError, StructError):
            return
        yield Digest(position, head, row.chain == head[:STORED_BYTES])


def members_of(commands: Sequence[DecidedRow]) -> set[bytes]:
    """Whom these commands are about; commands that cannot be read are about nobody."""
    found: set[bytes] = set()
    for row in commands:
        try:
            identity = decode_command(row.command.facts).identity
            found.add(member_of(row.command.programme_id, identity.kind, identity.value))
        except (msgspec.DecodeError, ValueError):
            continue
    return found


async def read_digests(books: HistoryBooks, bucket: int, head: bytes, first: int, last: int) -> list[Digest]:
    """The heads after positions `first` to `last`, up to the first that does not hold or is missing.

    It reads the lines of those whom the commands are about. Should that not be all, it reads those of every account.
    """
    found: list[Digest] = []
    for start in range(first, last + 1, STEP):
        end = min(start + STEP - 1, last)
        commands = await books.commands(bucket, start, end)
        stretch = await books.with_lines(bucket, start, end, commands, members_of(commands))
        here = list(_while_holding(digests(head, start, end, stretch)))
        if len(here) < end - start + 1:
            async for whole in books.walk(bucket, start, end, end - start + 1):
                here = list(_while_holding(digests(head, start, end, whole)))
        found += here
        if len(here) < end - start + 1:
            break
        head = here[-1].head
    return found


async def walk_digests(
    books: HistoryBooks, bucket: int, last: int, take: Callable[[DecidedRow], None] | None = None
) -> AsyncIterator[Digest]:
    """The heads after positions 1 to `last`, with the lines of every account, up to the first that is missing.

    `take` is given each command that a head is of.
    """
    head, first = HEAD_FIRST, 1
    async for stretch in books.walk(bucket, 1, last, STEP):
        end = min(first + STEP - 1, last)
        rows = {row.command.position: row for row in stretch.commands}
        position = first - 1
        for digest in digests(head, first, end, stretch):
            position, head = digest.position, digest.head
            if take is not None:
                take(rows[position])
            yield digest
        if position < end:
            return
        first = end + 1


def _while_holding(found: Iterator[Digest]) -> Iterator[Digest]:
    for digest in found:
        if not digest.holds:
            return
        yield digest


def _by_position(rows: Sequence[RowT]) -> dict[int, list[RowT]]:
    found: dict[int, list[RowT]] = {}
    for row in rows:
        found.setdefault(row.position, []).append(row)
    return found
