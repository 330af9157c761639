"""What the engine shows of tickets and members, for every dialect, page and table. Values only; nothing is computed here."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import msgspec

from accrual.domain.facts import Identity
from accrual.domain.members import EMPTY_PROFILE, MemberProfile
from accrual.domain.outcomes import TierChange


class AwardView(msgspec.Struct, frozen=True, kw_only=True):
    """One award with the names of everything in it. `recipient` is how the client names who got it; `text` says how."""

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
    text: str = ""
    basis: int | None = None
    active_at: datetime | None = None
    expires_at: datetime | None = None
    details: dict[str, Any] | None = None


class DeclineView(msgspec.Struct, frozen=True, kw_only=True):
    """One reason why not. `promo` is None when the programme itself declined; `text` says it in words."""

    reason: str
    text: str
    promo: str | None = None
    promo_version: int | None = None
    details: dict[str, Any] | None = None
    promo_name: str = ""


class BookedView(msgspec.Struct, frozen=True, kw_only=True):
    """What a command without a promo did to a member's points. `amount` is signed: below 0 the member has fewer.

    `kind` is the movement's, such as `redeem`; what `details` hold depends on it.
    """

    kind: str
    asset: int
    code: str
    name: str
    amount: int
    details: dict[str, Any] | None = None


class LineView(msgspec.Struct, frozen=True, kw_only=True):
    """One ledger line of a member's account. `role` is `main`, `pending` or `debt`."""

    code: str
    role: str
    kind: str
    amount: int
    balance_after: int
    leg: int
    active_at: datetime | None = None
    expires_at: datetime | None = None


class RetryView(msgspec.Struct, frozen=True, kw_only=True):
    """A command that tried a parked one again. `status` is as a ticket's."""

    ticket: bytes
    status: str


class TicketView(msgspec.Struct, frozen=True, kw_only=True):
    """Everything about one command. `status`: `waiting`, `decided` or `parked`.

    `complete` is true once the command and all its follow-ups are decided; `awards` then lists every award of the
    ticket, the member's own first, then the referrer's. `fields` are the client's own fields as sent (empty once erased).
    `retries` are the commands that tried a parked one again, `retry_of` is on such a command what it tried.
    `is_profile`: it changed what is known of the member, and no promo was asked. `booked` is what it moved without one,
    `tier` how the member's level changed.
    """

    ticket: bytes
    programme_id: int
    client_id: int
    bucket: int
    position: int
    dialect: int
    action: str
    identity: Identity
    occurred_at: datetime
    recorded_at: datetime
    status: str
    complete: bool
    revision: int | None
    awards: tuple[AwardView, ...]
    declines: tuple[DeclineView, ...]
    lines: tuple[LineView, ...]
    follow_ups: tuple[bytes, ...]
    parent: bytes | None
    fields: dict[str, Any]
    error: str | None = None
    retries: tuple[RetryView, ...] = ()
    retry_of: bytes | None = None
    is_profile: bool = False
    booked: tuple[BookedView, ...] = ()
    tier: TierChange | None = None


class ParkedPage(msgspec.Struct, frozen=True, kw_only=True):
    """Commands that wait put aside, by bucket and position. `next_after` is the ticket to page on from."""

    tickets: tuple[TicketView, ...]
    next_after: bytes | None


class Previewed(msgspec.Struct, frozen=True, kw_only=True):
    """What would come of a command. `payload` is the outcome as it would be stored.

    `repeated`: the command is in the log already and `view` is its own, waiting or decided. `waiting_before` commands of
    the bucket are accepted and not decided yet: what they change is not in here. `followed` are the follow-ups, decided
    as of the same moment.
    """

    view: TicketView
    payload: bytes | None
    repeated: bool = False
    waiting_before: int = 0
    followed: tuple[TicketView, ...] = ()


class DueView(msgspec.Struct, frozen=True, kw_only=True):
    """Units that expire within so many days (of 24 hours): by `until`, those overdue and those held included."""

    days: int
    until: datetime
    amount: int


class NextExpiryView(msgspec.Struct, frozen=True, kw_only=True):
    """What expires next: `date` is the last day, in the programme's zone, on which these units can be spent.

    `expires_at` is when the first of them go.
    """

    date: date
    expires_at: datetime
    amount: int


class BalanceView(msgspec.Struct, frozen=True, kw_only=True):
    """One asset of a member. available = posted - held; `pending` is not active yet; `debt` is owed.

    `due` is what expires within 30, 60 and 90 days, `next_expiry` what goes first, None when nothing ever does.
    """

    asset: int
    code: str
    name: str
    posted: int
    held: int
    pending: int
    available: int
    debt: int
    due: tuple[DueView, ...] = ()
    next_expiry: NextExpiryView | None = None


class StatedAccountView(msgspec.Struct, frozen=True, kw_only=True):
    """One account over a statement: opening + what the lines add up to = closing. `totals` are by kind of line."""

    code: str
    name: str
    role: str
    opening: int
    closing: int
    lines: int
    totals: dict[str, int]


class StatedLineView(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a statement and the command that wrote it. `held_after` is what was set aside with it.

    `reference` and `note` are the caller's own; `promo` is the code of the one that gave it.
    """

    recorded_at: datetime
    occurred_at: datetime
    code: str
    role: str
    kind: str
    amount: int
    balance_after: int
    held_after: int
    ticket: bytes
    action: str
    note: str | None
    reference: str | None
    promo: str | None
    active_at: datetime | None
    expires_at: datetime | None


class StatementView(msgspec.Struct, frozen=True, kw_only=True):
    """A member's lines recorded from `since` (None: the first) up to, and not at, `until`: one page of them, oldest first.

    `accounts` are over the whole time, whichever page it is. `next_after` is what to page on from, as (position, leg).
    """

    member_id: bytes
    since: datetime | None
    until: datetime
    accounts: tuple[StatedAccountView, ...]
    lines: tuple[StatedLineView, ...]
    next_after: tuple[int, int] | None


class LevelView(msgspec.Struct, frozen=True, kw_only=True):
    """A member's level. `earned` is what the window holds that ends now, `missing` what the next level wants beyond it.

    `since` is None where that is not known, `safe_until` None where no review ever lowers: at the lowest level, by hand.
    """

    code: str
    name: str
    earned: int
    by_hand: bool
    since: datetime | None
    safe_until: datetime | None
    following: str | None
    following_name: str | None
    missing: int | None


class MemberView(msgspec.Struct, frozen=True, kw_only=True):
    """A member with balances and one page of history, newest first. `next_before` is the position to page on from.

    `at`: everything is as of that past instant, but for the name, identities, referrer and profile, which are today's.
    `level` is today's too, and None in a programme without levels.
    """

    member_id: bytes
    programme_id: int
    bucket: int
    name: str | None
    enrolled_at: datetime
    identities: tuple[Identity, ...]
    referrer: Identity | None
    balances: tuple[BalanceView, ...]
    history: tuple[TicketView, ...]
    next_before: int | None
    profile: MemberProfile = EMPTY_PROFILE
    at: datetime | None = None
    level: LevelView | None = None
