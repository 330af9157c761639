"""Checks a bucket's ledger account by account: running balances, floors, holds, lots, and a sum of nothing. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from accrual.domain.accounts import MEMBER_ROLES, Role
from accrual.domain.books import AccountLine, Fault, StoredLots
from accrual.domain.guard import judged
from accrual.domain.lots import decode_lots


def snapshot_faults(stored: StoredLots) -> Iterator[Fault]:
    """A snapshot of open lots must hold what its account has at its position, in lots that were made by then."""
    lots = decode_lots(stored.lots)
    total = sum(lot.left for lot in lots)
    if total != stored.balance_after or any(lot.left <= 0 or lot.position > stored.position for lot in lots):
        text = f"the snapshot holds {total} in open lots, the balance at its position is {stored.balance_after}"
        yield Fault("lots", stored.position, stored.account, text, "lot_snapshot")


class AccountCheck:
    """The state of checking one bucket in account order: one account, and one position of it, are in hand at a time."""

    def __init__(self) -> None:
        self._line: AccountLine | None = None
        self._balance = 0
        self._credits = 0
        self._taken = 0
        self._debits_here = 0
        self._taken_here = 0
        self._sums: dict[int, int] = {}
        self.lines = 0

    def page(self, lines: Sequence[AccountLine], taken: Mapping[tuple[int, int], int]) -> Iterator[Fault]:
        """Faults in the next lines in (account, position, leg) order. `taken`: lot uses by (account, position)."""
        for line in lines:
            yield from judged(self._next(line, taken), line.position, line.account, table="line")
        self.lines += len(lines)

    def _next(self, line: AccountLine, taken: Mapping[tuple[int, int], int]) -> Iterator[Fault]:
        last = self._line
        if last is None or last.account != line.account:
            yield from self._close_account()
            self._balance = self._credits = self._taken = 0
            if line.asset_id is None:
                yield Fault("books", line.position, line.account, "this line's account does not exist")
        elif last.position != line.position:
            yield from self._close_position()
        if last is None or (last.account, last.position) != (line.account, line.position):
            self._debits_here = 0
            self._taken_here = taken.get((line.account, line.position), 0)
            self._taken += self._taken_here
        self._line = line
        yield from self._check(line)

    def end(self) -> Iterator[Fault]:
        """Faults that show only once the whole bucket was seen."""
        yield from judged(self._close_account(), table="line")
        for asset_id, total in sorted(self._sums.items()):
            if total != 0:
                yield Fault("books", None, None, f"the accounts of asset {asset_id} sum to {total:+}, not to zero")

    def _check(self, line: AccountLine) -> Iterator[Fault]:
        self._balance += line.amount
        if line.balance_after != self._balance:
            text = f"the balance after this line is {line.balance_after}, its lines sum to {self._balance}"
            yield Fault("books", line.position, line.account, text)
            self._credits += line.balance_after - self._balance
            self._balance = line.balance_after  # the lines after it are judged by what it says
        if line.amount > 0:
            self._credits += line.amount
        else:
            self._debits_here -= line.amount
        if line.floor is not None and line.balance_after < line.floor:
            text = f"the balance {line.balance_after} is below the account's floor {line.floor}"
            yield Fault("books", line.position, line.account, text)
        if line.held_after is not None and not 0 <= line.held_after <= line.balance_after:
            text = f"{line.held_after} are held of a balance of {line.balance_after}"
            yield Fault("holds", line.position, line.account, text)
        if line.role in MEMBER_ROLES and line.contra >> 4 != line.asset_id:
            text = f"asset {line.asset_id} moved against an account of asset {line.contra >> 4}"
            yield Fault("books", line.position, line.account, text)

    def _close_position(self) -> Iterator[Fault]:
        line = self._line
        if line is not None and line.role == Role.MEMBER and self._debits_here != self._taken_here:
            text = f"{self._debits_here} were debited, {self._taken_here} were taken from lots"
            yield Fault("lots", line.position, line.account, text)

    def _close_account(self) -> Iterator[Fault]:
        line = self._line
        if line is None:
            return
        yield from self._close_position()
        # A line without its account's row still tells its asset: by its contra, or as a system account by itself.
        asset_id = line.asset_id if line.asset_id is not None else (line.contra or line.account) >> 4
        self._sums[asset_id] = self._sums.get(asset_id, 0) + self._balance
        if line.role == Role.MEMBER and self._credits - self._taken != self._balance:
            text = f"open lots sum to {self._credits - self._taken}, the balance is {self._balance}"
            yield Fault("lots", line.position, line.account, text)
