"""One member's accounts while a command is decided: credits, debits and holds become balanced lines. Judges nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from accrual.domain.accounts import Role
from accrual.domain.amounts import INT64_MAX
from accrual.domain.ids import system_account_id
from accrual.domain.lots import LotRow, LotUse, Origin
from accrual.domain.transfers import Kind, Line
from accrual.engine.draft import Draft
from accrual.engine.lot_book import Lot, LotBook, take_in_order
from accrual.engine.settle import FULL, carry
from accrual.engine.state import AccountState, MemberCell

Taken = tuple[Lot, int]
"""A lot and how much was taken from it."""

LEGS_MAX = 32_000
"""Of one command; legs are stored as 16-bit numbers."""


class TooManyLegs(Exception):
    """A command would write more lines than one position can have."""


class Purse:
    """The accounts of one member during one command. Lots change at once, through the draft; balances by what is in `after`.

    Movements between the member's own accounts have each other as contra and balance by themselves; those against system
    accounts are summed in `moved`, for netting, except for transit, whose lines stand by themselves in `lines`.
    """

    def __init__(
        self,
        cell: MemberCell,
        transit: dict[int, AccountState],
        draft: Draft,
        *,
        bucket: int,
        position: int,
        now: datetime,
        occurred_at: datetime,
    ) -> None:
        """`transit` are the bucket's transit accounts by asset_id; `occurred_at` is what lines carry."""
        self.now = now
        self.lines: list[Line] = []
        self.uses: list[LotUse] = []
        self.moved: dict[int, int] = {}
        self.after: dict[tuple[int, int], tuple[int, int | None]] = {}
        self.transit_after: dict[int, int] = {}
        self.expired: dict[int, int] = {}
        self.expired_origins: dict[Origin, int] = {}
        self.activated: dict[int, int] = {}
        self.settled: dict[int, int] = {}
        self._in_transit: dict[int, int] = {}
        self._places: dict[tuple[int, int, int, Kind], int] = {}
        self._cell = cell
        self._transit = transit
        self._draft = draft
        self._bucket = bucket
        self._position = position
        self._occurred_at = occurred_at

    def posted(self, asset_id: int) -> int:
        """What the member has, held points included."""
        return self._balance(asset_id, Role.MEMBER)[0]

    def held(self, asset_id: int) -> int:
        """What is set aside of it."""
        return self._balance(asset_id, Role.MEMBER)[1] or 0

    def available(self, asset_id: int) -> int:
        """What can be spent."""
        return self.posted(asset_id) - self.held(asset_id)

    def debt(self, asset_id: int) -> int:
        """What the member owes, as a plain amount."""
        return -self._balance(asset_id, Role.DEBT)[0]

    def lots(self, asset_id: int, role: Role = Role.MEMBER) -> LotBook:
        """The open lots of an account. Raises KeyError when they were not loaded."""
        book = self._cell.accounts[asset_id, role].lots
        if book is None:
            raise KeyError((asset_id, role))
        return book

    def account_id(self, asset_id: int, role: Role) -> int:
        """The number of one of the member's accounts."""
        return self._cell.accounts[asset_id, role].account_id

    def credit(
        self,
        asset_id: int,
        amount: int,
        *,
        kind: Kind,
        contra: Role,
        expires_at: datetime | None = None,
        active_at: datetime | None = None,
        origin: Origin | None = None,
        promo_version_id: int | None = None,
    ) -> None:
        """A new lot, pending until `active_at` where that lies ahead. One that is due expires at once, others pay debt first."""
        role = Role.MEMBER if active_at is None or active_at <= self.now else Role.PENDING
        pending_until = active_at if role is Role.PENDING else None
        line = self._line(
            asset_id, role, amount, kind, contra, pending_until, expires_at, origin, promo_version_id=promo_version_id
        )
        row = LotRow(line.position, line.leg, amount, expires_at, pending_until, origin)
        lot = self.lots(asset_id, role).add(row, self._draft)
        if role is Role.PENDING:
            return
        if expires_at is not None and expires_at <= self.now:
            self._expire(asset_id, [(lot, amount)])
        else:
            self.settle_debt(asset_id, [lot])

    def settle_debt(self, asset_id: int, lots: Iterable[Lot] | None = None) -> None:
        """Pay what is owed out of these lots (None: of all, in order), as far as they and what is not held go."""
        owed = min(self.debt(asset_id), self.available(asset_id))
        if owed <= 0:
            return
        taken = take_in_order(self.lots(asset_id) if lots is None else lots, owed)
        paid = sum(amount for _, amount in taken)
        self._take(asset_id, Role.MEMBER, taken, Kind.DEBT, Role.DEBT)
        self._line(asset_id, Role.DEBT, paid, Kind.DEBT, Role.MEMBER)
        self.settled[asset_id] = self.settled.get(asset_id, 0) + paid

    def debit(self, asset_id: int, amount: int, *, kind: Kind, contra: Role) -> list[Taken]:
        """Take so much, soonest to expire first. The caller has seen that it is there."""
        taken = take_in_order(self.lots(asset_id), amount)
        self._take(asset_id, Role.MEMBER, taken, kind, contra)
        return taken

    def take(self, asset_id: int, role: Role, taken: Sequence[Taken], *, kind: Kind, contra: Role) -> None:
        """Take these amounts of these lots."""
        self._take(asset_id, role, taken, kind, contra)

    def owe(self, asset_id: int, amount: int, *, kind: Kind, contra: Role) -> None:
        """The member owes so much more."""
        self._line(asset_id, Role.DEBT, -amount, kind, contra)

    def forgive(self, asset_id: int, amount: int, *, kind: Kind, contra: Role) -> None:
        """The member owes so much less, without having paid it."""
        self._line(asset_id, Role.DEBT, amount, kind, contra)

    def hold(self, asset_id: int, amount: int, kind: Kind = Kind.HOLD) -> None:
        """Set so much more (below zero: less) aside."""
        self._line(asset_id, Role.MEMBER, 0, kind, Role.MEMBER, held=self.held(asset_id) + amount)

    def activate(self, asset_id: int, until: datetime) -> None:
        """Move to the balance what is active by then, in order; each parcel settles debt first. Nothing expires here."""
        for lot in self.lots(asset_id, Role.PENDING).due(until):
            amount = lot.left
            self._take(asset_id, Role.PENDING, [(lot, amount)], Kind.ACTIVATE, Role.MEMBER)
            line = self._line(
                asset_id, Role.MEMBER, amount, Kind.ACTIVATE, Role.PENDING, None, lot.expires_at, lot.origin
            )
            row = LotRow(line.position, line.leg, amount, lot.expires_at, None, lot.origin)
            made = self.lots(asset_id).add(row, self._draft)
            self.activated[asset_id] = self.activated.get(asset_id, 0) + amount
            if lot.expires_at is None or lot.expires_at > until:
                self.settle_debt(asset_id, [made])

    def expire(self, asset_id: int, until: datetime) -> None:
        """Take what expires by then, soonest first, at most what is not held; the rest goes when it is free again."""
        taken = take_in_order(self.lots(asset_id).due(until), self.available(asset_id))
        self._expire(asset_id, taken)

    def bring_up_to_date(self, asset_id: int, until: datetime | None = None) -> None:
        """Activate, then expire, what is due by now (or by then), whether or not upkeep has come to it yet."""
        moment = self.now if until is None else max(self.now, until)
        self.activate(asset_id, moment)
        self.expire(asset_id, moment)

    def _expire(self, asset_id: int, taken: Sequence[Taken]) -> None:
        amount = sum(units for _, units in taken)
        if amount:
            self._take(asset_id, Role.MEMBER, taken, Kind.EXPIRE, Role.BREAKAGE)
            self.expired[asset_id] = self.expired.get(asset_id, 0) + amount
            for lot, units in taken:
                self.expired_origins[lot.origin] = self.expired_origins.get(lot.origin, 0) + units

    def _take(self, asset_id: int, role: Role, taken: Sequence[Taken], kind: Kind, contra: Role) -> None:
        amount = sum(units for _, units in taken)
        if not amount:
            return
        line = self._line(asset_id, role, -amount, kind, contra)
        book = self.lots(asset_id, role)
        for lot, units in taken:
            book.take(lot, units, self._draft)
            self._note_use(line.account, lot, units, kind)

    def _note_use(self, account: int, lot: Lot, units: int, kind: Kind) -> None:
        """One row a lot and reason: a command may come to the same lot twice, such as before and after it frees a hold."""
        place = (account, lot.position, lot.leg, kind)
        number = self._places.setdefault(place, len(self.uses))
        if number < len(self.uses):
            known = self.uses[number]
            self.uses[number] = known._replace(amount=known.amount + units)
        else:
            self.uses.append(LotUse(self._bucket, account, self._position, lot.position, lot.leg, units, kind))

    def _balance(self, asset_id: int, role: Role) -> tuple[int, int | None]:
        known = self.after.get((asset_id, role))
        if known is not None:
            return known
        account = self._cell.accounts[asset_id, role]
        return account.balance, account.held

    def _line(
        self,
        asset_id: int,
        role: Role,
        amount: int,
        kind: Kind,
        contra: Role,
        active_at: datetime | None = None,
        expires_at: datetime | None = None,
        origin: Origin | None = None,
        held: int | None = None,
        promo_version_id: int | None = None,
    ) -> Line:
        """One leg of a movement, and what it does to balances."""
        if len(self.lines) >= LEGS_MAX:
            raise TooManyLegs
        before, held_before = self._balance(asset_id, role)
        balance = before + amount
        if abs(balance) > INT64_MAX:
            raise OverflowError("the balance would be beyond int64")
        if held is None:
            held = held_before
        account = self._cell.accounts[asset_id, role]
        against = system_account_id(asset_id, contra)
        line = Line(
            self._bucket,
            account.account_id,
            self._position,
            len(self.lines),
            against,
            amount,
            balance,
            held,
            kind,
            promo_version_id,
            active_at,
            expires_at,
            self._occurred_at,
            None,
            origin,
        )
        self.lines.append(line)
        self.after[asset_id, int(role)] = (balance, held)
        if contra is Role.TRANSIT:
            self._in_transit[asset_id] = self._in_transit.get(asset_id, 0) - amount
        elif contra >= Role.ISSUANCE:
            self.moved[against] = self.moved.get(against, 0) - amount
        return line

    def close(self) -> None:
        """End the command: nothing more is taken or given.

        What is on its way between members is never netted: one line an asset, beside the command that sent it.
        """
        for asset_id, amount in self._in_transit.items():
            number = system_account_id(asset_id, Role.TRANSIT)
            balance = self._transit[asset_id].balance
            if abs(balance) > FULL:
                self.lines.extend(
                    carry(self._bucket, number, self._position, len(self.lines), balance, self._occurred_at)
                )
                balance = 0
            balance += amount
            if abs(balance) > INT64_MAX:
                raise OverflowError("the transit account would be beyond int64")
            self.transit_after[asset_id] = balance
            self.lines.append(
                Line(
                    *(self._bucket, number, self._position, len(self.lines), 0, amount, balance),
                    *(None, Kind.TRANSFER, None, None, None, self._occurred_at, None),
                )
            )
        for place in self.after:
            book = self._cell.accounts[place].lots
            if book is not None:
                book.tidy(self._draft)
        self._check()

    def _check(self) -> None:
        totals: dict[int, int] = {}
        for line in self.lines:
            asset_id = (line.contra or line.account) >> 4
            totals[asset_id] = totals.get(asset_id, 0) + line.amount
        for account, amount in self.moved.items():
            totals[account >> 4] = totals.get(account >> 4, 0) + amount
        if any(totals.values()):
            raise AssertionError("transfers of a command do not balance")
