"""Rows of log and ledger as they are read back, for whoever shows or checks them. Nothing here is written or judged."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from accrual.domain.commands import LoggedCommand
from accrual.domain.log import OutcomeRow
from accrual.domain.lots import LotUse
from accrual.domain.transfers import Line


class BookedCommand(NamedTuple):
    """A command and its outcome. `body` is as the client sent it, None once erased; no `status`: not decided yet."""

    command: LoggedCommand
    body: bytes | None
    status: int | None
    payload: bytes | None


class DecidedCommand(NamedTuple):
    """A command of the log and its stored outcome. `command` has no content, seal or name: nothing here looks at them."""

    command: LoggedCommand
    status: int
    payload: bytes


class BookedLine(NamedTuple):
    """A ledger line of a member's account, with what the account is for."""

    position: int
    asset_id: int
    role: int
    leg: int
    kind: int
    amount: int
    balance_after: int
    active_at: datetime | None
    expires_at: datetime | None


class StatedAccount(NamedTuple):
    """One of a member's accounts over a stretch of positions: its balance before it and at its end."""

    asset_id: int
    role: int
    opening: int
    closing: int


class StatedTotal(NamedTuple):
    """How many lines of a kind there are in a stretch of an account, and what they add up to."""

    asset_id: int
    role: int
    kind: int
    lines: int
    amount: int


class StatedLine(NamedTuple):
    """A line of a member's account as a statement reads it."""

    position: int
    leg: int
    asset_id: int
    role: int
    kind: int
    amount: int
    balance_after: int
    held_after: int | None
    promo_version_id: int | None
    occurred_at: datetime
    active_at: datetime | None
    expires_at: datetime | None


class BookedBalance(NamedTuple):
    """What the newest line of a member's account says. `held_after` None is nothing held."""

    asset_id: int
    role: int
    balance_after: int
    held_after: int | None


class BookedMember(NamedTuple):
    """A member's row. `referrer` is the identity (kind, value) of who referred it."""

    member_id: bytes
    programme_id: int
    enrolled_at: datetime
    merged_into: bytes | None
    name: str | None
    referrer: tuple[str, str] | None


class BucketState(NamedTuple):
    """Where a bucket's log and lane stand: positions 1 .. next-1 are in the log, those below `cursor` are decided."""

    next: int
    cursor: int
    chain: bytes
    outbox_next: int


class SealedCommand(NamedTuple):
    """A command with its erasable part. `salt` None: there is none (any more); `damaged`: the body cannot be opened."""

    command: LoggedCommand
    salt: bytes | None
    body: bytes | None
    damaged: bool


class BookedStep(NamedTuple):
    """Everything the books have about a stretch of positions of one bucket, each in position order."""

    commands: list[SealedCommand]
    outcomes: list[OutcomeRow]
    lines: list[Line]
    lot_uses: list[LotUse]


class AccountLine(NamedTuple):
    """A line in its account's order, with the account's own row; `asset_id` None where there is no such row."""

    account: int
    position: int
    leg: int
    contra: int
    amount: int
    balance_after: int
    held_after: int | None
    covers_from: int | None
    asset_id: int | None
    role: int | None
    floor: int | None
    member_id: bytes | None


class IdentityRow(NamedTuple):
    """How a client names a member, as stored."""

    programme_id: int
    kind: str
    value: str
    member_id: bytes


class AccountRow(NamedTuple):
    """An account as stored. System accounts have no member."""

    account_id: int
    asset_id: int
    role: int
    member_id: bytes | None
    floor: int | None


class NamedTicket(NamedTuple):
    """A row beside the log that names a command: by its ticket, and where it says so by client and content."""

    table: str
    ticket: bytes
    client_id: int | None
    content: bytes | None


class StoredLots(NamedTuple):
    """A snapshot of open lots, and the balance after the newest line of its account at its position, if there is one."""

    account: int
    position: int
    lots: bytes
    balance_after: int | None


class Fault(NamedTuple):
    """A row that breaks a rule: which check found it, where, and in words. `table` None: the log, the ledger or several."""

    check: str
    position: int | None
    account: int | None
    text: str
    table: str | None = None
