"""The open lots of one account in memory, in the order in which they are spent. Pure bookkeeping: nothing is read or judged."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

import msgspec

from accrual.domain.lots import LotEvents, LotRow, Origin
from accrual.engine.draft import Draft

NEVER = datetime.max.replace(tzinfo=UTC)
EVENTS_MIN = 64
"""A snapshot is written when more events than this, and than a quarter of the lots, came since the last one."""


class Lot(msgspec.Struct, gc=False):
    """A parcel of points: `left` units of the credit line at (position, leg). `rank` is its place in the order of spending."""

    position: int
    leg: int
    left: int
    expires_at: datetime | None
    active_at: datetime | None
    origin: Origin
    rank: tuple[datetime, int, int, int, int, int]


def lot_of(bucket: int, row: LotRow, *, pending: bool) -> Lot:
    """A lot as it stands in its account's order: by expiry, or on a pending account by activation; then the oldest first."""
    origin = row.origin or (bucket, row.position, row.leg)
    due = row.active_at if pending else row.expires_at
    rank = (due or NEVER, origin[1], origin[0], origin[2], row.position, row.leg)
    return Lot(row.position, row.leg, row.left, row.expires_at, row.active_at, origin, rank)


class LotBook(msgspec.Struct, gc=False):
    """Open lots of one account, changed through a draft.

    `total` is what is left of all lots, `events` how many credits and debits came since the last snapshot.
    """

    bucket: int
    pending: bool
    events: int = 0
    total: int = 0
    _lots: list[Lot] = msgspec.field(default_factory=list)
    _used_up: int = 0

    @classmethod
    def load(cls, bucket: int, events: LotEvents, *, pending: bool) -> LotBook:
        """The book that a snapshot and what came after it make."""
        book = cls(bucket, pending=pending)
        rows = {(row.position, row.leg): row for row in [*events.lots, *events.credits]}
        taken: dict[tuple[int, int], int] = {}
        for position, leg, amount in events.uses:
            taken[position, leg] = taken.get((position, leg), 0) + amount
        for place, row in rows.items():
            left = row.left - taken.get(place, 0)
            if left > 0:
                lot = lot_of(bucket, row, pending=pending)
                lot.left = left
                book._lots.append(lot)
                book.total += left
        book._lots.sort(key=_rank)
        book.events = len(events.credits) + len(events.uses)
        return book

    def __iter__(self) -> Iterator[Lot]:
        """Open lots in the order of spending."""
        return (lot for lot in self._lots if lot.left > 0)

    def __len__(self) -> int:
        return len(self._lots)

    def of(self, origin: Origin) -> list[Lot]:
        """Open lots first made there."""
        return [lot for lot in self._lots if lot.left > 0 and lot.origin == origin]

    def due(self, until: datetime) -> list[Lot]:
        """Open lots that expire (on a pending account: become active) by `until`, soonest first."""
        found = []
        for lot in self._lots:
            if lot.rank[0] > until:
                break
            if lot.left > 0:
                found.append(lot)
        return found

    def add(self, row: LotRow, draft: Draft) -> Lot:
        """Add a lot."""
        lot = lot_of(self.bucket, row, pending=self.pending)
        draft.insert(self._lots, bisect(self._lots, lot.rank, key=_rank), lot)
        book = draft.own(self)
        book.total += lot.left
        book.events += 1
        return lot

    def take(self, lot: Lot, amount: int, draft: Draft) -> None:
        """Take so much (at most what is left) from a lot of this book."""
        if not 0 < amount <= lot.left:
            raise AssertionError("more is taken from a lot than is left of it")
        draft.own(lot).left -= amount
        book = draft.own(self)
        book.total -= amount
        book.events += 1
        if not lot.left:
            book._used_up += 1

    def tidy(self, draft: Draft) -> None:
        """Drop the lots that are used up, once a command has taken all it takes."""
        if self._used_up:
            book = draft.own(self)
            book._lots = [lot for lot in self._lots if lot.left > 0]
            book._used_up = 0

    def snapshot_due(self) -> bool:
        """Whether so much came since the last snapshot that a new one pays."""
        return self.events > max(EVENTS_MIN, len(self._lots) // 4)

    def look_again_after(self) -> int:
        """How many more events may come before somebody who only credits the account looks whether a snapshot is due.

        By then there are as many as lots: whoever debits reads at most twice the lots, and all looks together cost the account
        no more than a few reads of each of its lots, however many it gathers.
        """
        return max(EVENTS_MIN, len(self._lots)) - self.events

    def snapshot(self, draft: Draft) -> list[LotRow]:
        """The open lots as a snapshot stores them; from now on events are counted from it."""
        draft.own(self).events = 0
        return [
            LotRow(
                lot.position,
                lot.leg,
                lot.left,
                lot.expires_at,
                lot.active_at,
                None if lot.origin == (self.bucket, lot.position, lot.leg) else lot.origin,
            )
            for lot in self
        ]


def _rank(lot: Lot) -> tuple[datetime, int, int, int, int, int]:
    return lot.rank


def take_in_order(lots: Iterable[Lot], amount: int) -> list[tuple[Lot, int]]:
    """Which lots a debit of `amount` takes from, and how much of each; fewer units when the lots do not have so many."""
    found: list[tuple[Lot, int]] = []
    for lot in lots:
        if amount <= 0:
            break
        taken = min(lot.left, amount)
        found.append((lot, taken))
        amount -= taken
    return found
