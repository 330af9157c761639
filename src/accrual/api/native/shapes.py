"""The native API's answers as types, for its published description alone; engine/render makes the answers themselves."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

import msgspec


class _Shape(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of every answer: all fields are always there."""


class Identity(_Shape, frozen=True):
    """How a client names a member."""

    kind: str
    value: str


class Award(_Shape, frozen=True):
    """What one promo gave; `asset` is the asset's number, `code` its identity, `amount` whole units of it."""

    asset: int
    code: str
    name: str
    amount: int
    promo: str
    promo_name: str
    promo_number: int
    promo_version: int
    reason: str
    recipient: Identity
    basis: int | None
    active_at: datetime | None
    expires_at: datetime | None
    details: dict[str, Any] | None


class Decline(_Shape, frozen=True):
    """One reason why not; `promo` is null when the programme itself declined."""

    reason: str
    text: str
    promo: str | None
    promo_version: int | None
    details: dict[str, Any] | None


class Booked(_Shape, frozen=True):
    """What was moved without a promo, such as `redeem`; `amount` is signed: below 0 the member has fewer units."""

    kind: str
    asset: int
    code: str
    name: str
    amount: int
    details: dict[str, Any] | None


class Line(_Shape, frozen=True):
    """One ledger line of the member's account."""

    code: str
    role: str
    kind: str
    amount: int
    balance_after: int
    leg: int
    active_at: datetime | None
    expires_at: datetime | None


class TierChanged(_Shape, frozen=True):
    """How the member's level changed: what did it, what the window held then, what the new level asks for."""

    before: str = msgspec.field(name="from")
    to: str
    by: Literal["earned", "hand", "review", "merger"]
    earned: int
    threshold: int


class Retry(_Shape, frozen=True):
    """A command that tried a parked one again."""

    ticket: str
    status: Literal["waiting", "decided", "parked"]


class Ticket(_Shape, frozen=True):
    """Everything about one command; `complete` once its follow-ups are decided too."""

    ticket: str
    dialect: str
    action: str
    identity: Identity
    occurred_at: datetime
    recorded_at: datetime
    status: Literal["waiting", "decided", "parked"]
    complete: bool
    revision: int | None
    awards: tuple[Award, ...]
    declines: tuple[Decline, ...]
    booked: tuple[Booked, ...]
    tier: TierChanged | None
    lines: tuple[Line, ...]
    follow_ups: tuple[str, ...]
    parent: str | None
    retries: tuple[Retry, ...]
    retry_of: str | None
    fields: dict[str, Any]
    error: str | None
    bucket: int
    position: int


class Parked(_Shape, frozen=True):
    """Commands that wait put aside, by bucket and position; page on with `next_after`."""

    parked: tuple[Ticket, ...]
    next_after: str | None


class Due(_Shape, frozen=True):
    """Units that expire within so many days, by `until`; each window includes the one before it."""

    days: int
    until: datetime
    amount: int


class NextExpiry(_Shape, frozen=True):
    """What expires next: `date` is the last day, in the programme's zone, to spend it; the first goes at `expires_at`."""

    date: date
    expires_at: datetime
    amount: int


class Balance(_Shape, frozen=True):
    """One asset of a member; available = posted - held."""

    asset: int
    code: str
    name: str
    posted: int
    held: int
    pending: int
    available: int
    debt: int
    due: tuple[Due, ...]
    next_expiry: NextExpiry | None


class Profile(_Shape, frozen=True):
    """What is known of a member beside points; `birthday` is `1990-12-25` or `12-25`."""

    tier: str | None
    birthday: str | None
    segments: tuple[str, ...]
    lists: tuple[str, ...]
    attributes: dict[str, str | int | bool]


class NextLevel(_Shape, frozen=True):
    """The level above, and how many more units the window would have to hold."""

    code: str
    name: str
    missing: int


class MemberLevel(_Shape, frozen=True):
    """A member's level and what the window of the levels holds; `safe_until` null: no review ever lowers it."""

    code: str
    name: str
    earned: int
    by_hand: bool
    since: datetime | None
    safe_until: datetime | None
    next: NextLevel | None


class MemberItself(_Shape, frozen=True):
    """Who a member is; `level` is null in a programme without levels."""

    id: str
    name: str | None
    enrolled_at: datetime
    identities: tuple[Identity, ...]
    referrer: Identity | None
    profile: Profile
    level: MemberLevel | None


class Member(_Shape, frozen=True):
    """A member with balances and one page of history, newest first; `at` is the past instant asked for, else null."""

    member: MemberItself
    at: datetime | None
    balances: tuple[Balance, ...]
    history: tuple[Ticket, ...]
    next_before: int | None


class StatedAccount(_Shape, frozen=True):
    """One account over the whole statement: opening + lines = closing; `totals` of amounts by kind of line."""

    code: str
    name: str
    role: Literal["main", "pending", "debt"]
    opening: int
    closing: int
    lines: int
    totals: dict[str, int]


class StatedLine(_Shape, frozen=True):
    """One line of a statement and the command that wrote it."""

    recorded_at: datetime
    occurred_at: datetime
    code: str
    role: Literal["main", "pending", "debt"]
    kind: str
    amount: int
    balance_after: int
    held_after: int
    ticket: str
    action: str
    note: str | None
    reference: str | None
    promo: str | None
    active_at: datetime | None
    expires_at: datetime | None


class Statement(_Shape, frozen=True):
    """Lines recorded from `from` (null: the first) up to, and not at, `until`; one page of them, oldest first."""

    member: str
    since: datetime | None = msgspec.field(name="from")
    until: datetime
    accounts: tuple[StatedAccount, ...]
    lines: tuple[StatedLine, ...]
    next_after: str | None


class Receipt(_Shape, frozen=True):
    """The command is in the log for good. `repeated`: it already was."""

    ticket: str
    recorded_at: datetime
    repeated: bool


class Answer(Receipt, frozen=True):
    """A receipt with the outcome that was waited for."""

    outcome: Ticket


class Preview(_Shape, frozen=True):
    """What would come of a command; nothing was written.

    `repeated`: it is in the log already, and `outcome` is its own. `waiting_before` commands of its bucket are accepted and
    not decided yet; what they change is not in here. `followed` are the follow-ups in other members' names.
    """

    repeated: bool
    waiting_before: int
    outcome: Ticket
    followed: tuple[Ticket, ...]


class ErrorItself(_Shape, frozen=True):
    """`code` is stable, `message` is for people, `details` hold values such as the path of a field."""

    code: str
    message: str
    details: dict[str, Any]


class LoggedError(ErrorItself, frozen=True):
    """An error with the id under which it stands in the log."""

    request_id: str


class Error(_Shape, frozen=True):
    """Nothing was changed."""

    error: LoggedError


class Refusal(_Shape, frozen=True):
    """One command of many that was not accepted."""

    error: ErrorItself


class Receipts(_Shape, frozen=True):
    """One receipt or error for each command, in the order sent."""

    accepted: int
    refused: int
    commands: tuple[dict[str, Any], ...]
