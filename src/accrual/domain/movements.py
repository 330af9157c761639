"""Commands that move points without asking a promo: spend, give back, hold, send, adjust, come due, merge. Nouns only."""

from __future__ import annotations

from datetime import datetime

import msgspec

from accrual.domain.dialects import Dialect
from accrual.domain.facts import Identity

MEMBER_KIND = "#"
"""The kind of an identity that is a member's own id in hexadecimal. Only Accrual itself writes it; clients cannot."""


class _Movement(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """What all of them say. `asset` is a code, empty where the command it is about tells it.

    `note` is for people, `reference` is the caller's own number of it, `occurred_at` None is the moment of recording.
    """

    dialect: Dialect
    action: str
    identity: Identity
    asset: str = ""
    occurred_at: datetime | None = None
    note: str | None = None
    reference: str | None = None
    outlet: str | None = None


class Grant(_Movement, frozen=True, tag=4):
    """Give `amount` units without a promo. `expires` and `active_after` are as in a promo's benefit."""

    amount: int
    expires: str | None = None
    active_after: str | None = None


class Redeem(_Movement, frozen=True, tag=5):
    """Spend points: so many units, or what so much money is worth at the member's level, or the price of a reward.

    Exactly one of `amount` (units), `value_minor` (minor units of money) and `reward` (a code) is set.
    """

    amount: int | None = None
    value_minor: int | None = None
    reward: str | None = None


class Refund(_Movement, frozen=True, tag=6):
    """Give back what a redemption (`target` is its ticket) took: units, their worth in money, or all that is left of it."""

    target: bytes
    amount: int | None = None
    value_minor: int | None = None


class ReturnedPart(msgspec.Struct, frozen=True, array_like=True):
    """Part of a purchase that comes back: a fact by its place, a line of it (None: all of it), so many of that line."""

    fact: int
    line: int | None = None
    quantity: int | None = None


class Reverse(_Movement, frozen=True, tag=7):
    """Take back what a command of facts (`target` is its ticket) earned: for these parts of it, or (none named) for all."""

    target: bytes
    parts: tuple[ReturnedPart, ...] = ()
    parent: bytes | None = None


class Hold(_Movement, frozen=True, tag=8):
    """Set `amount` units aside; the hold's name is this command's ticket. It ends by itself at `expires_at`, if set."""

    amount: int
    expires_at: datetime | None = None


class Capture(_Movement, frozen=True, tag=9):
    """Spend what a hold set aside, or `amount` of it; the rest is free again."""

    target: bytes
    amount: int | None = None


class Confirm(_Movement, frozen=True, tag=21):
    """Complete a redemption that waits for the code its member was sent; `proof` is a digest of the code they said."""

    target: bytes
    proof: bytes


class Release(_Movement, frozen=True, tag=10):
    """Let go of what a hold set aside; `timed_out` when its time was over. What expires by `until` goes with it."""

    target: bytes
    timed_out: bool = False
    until: datetime | None = None


class Transfer(_Movement, frozen=True, tag=11):
    """Send `amount` units to another member; they keep their expiry."""

    amount: int
    to: Identity


class Adjust(_Movement, frozen=True, tag=12):
    """Correct a balance by `amount` (below zero: take), with a reason in `note`.

    What the balance does not have becomes debt if `below_zero`, else nothing is done.
    """

    amount: int
    below_zero: bool = False
    expires: str | None = None


class Activate(_Movement, frozen=True, tag=13):
    """Move to the balance what becomes active by `until`."""

    until: datetime


class Expire(_Movement, frozen=True, tag=14):
    """Take from the balance what expires by `until`."""

    until: datetime


class Merge(_Movement, frozen=True, tag=15):
    """Make this member part of another one: what they have goes there, and so does whatever comes for them later."""

    into: Identity


class Parcel(msgspec.Struct, frozen=True, array_like=True):
    """Units on their way to another member, with the dates that their lot had, and where it was first made.

    `role` is the account's they came from and go to (main, pending or debt); origins are (bucket, position, leg).
    """

    asset_id: int
    amount: int
    role: int = 0
    active_at: datetime | None = None
    expires_at: datetime | None = None
    origin: tuple[int, int, int] | None = None


class Receive(_Movement, frozen=True, tag=16):
    """What another member sent arrives; `returned`: it comes back, since it could not be taken there."""

    parcels: tuple[Parcel, ...]
    sender: Identity
    parent: bytes
    returned: bool = False


class Absorb(_Movement, frozen=True, tag=17):
    """What a merged member had arrives at the member it became part of.

    `earned` are (asset_id, moment, units) that counted towards levels, `tier` the level the merged member was at.
    """

    parcels: tuple[Parcel, ...]
    merged: bytes
    parent: bytes
    earned: tuple[tuple[int, datetime, int], ...] = ()
    tier: str | None = None


class Review(_Movement, frozen=True, tag=18):
    """Look whether the member still belongs to the level they have, as of `until`."""

    until: datetime


class Notice(_Movement, frozen=True, tag=19):
    """Tell through the outbox what expires behind `since` and by `until`, a day of the programme's zone, `days` ahead of it.

    `known_as` is how a client names the member.
    """

    since: datetime
    until: datetime
    days: int
    known_as: Identity | None = None


Movement = (
    Grant
    | Redeem
    | Refund
    | Reverse
    | Hold
    | Capture
    | Confirm
    | Release
    | Transfer
    | Adjust
    | Activate
    | Expire
    | Merge
    | Receive
    | Absorb
    | Review
    | Notice
)
