"""The native command as clients write it, with its limits; what it means for the log is said in engine/translate_native."""

from __future__ import annotations

from typing import Annotated

import msgspec

from accrual.domain.facts import Scalar, Trigger
from accrual.domain.native_moves import WrittenMove

IDENTIFIER_CHARACTERS_MAX = 200
FACTS_MAX = 100
LINES_MAX = 200
ATTRIBUTES_MAX = 200
PROMO_CODES_MAX = 20
MEMBERSHIPS_MAX = 200

Identifier = Annotated[
    str,
    msgspec.Meta(description="trimmed; then 1 to 200 characters, none of them a control character"),
]
Instant = Annotated[
    str,
    msgspec.Meta(
        max_length=40,
        description="RFC 3339, such as 2026-03-01T12:00:00+07:00; without an offset it is read in the programme's zone",
    ),
]
Attribute = Annotated[Scalar, msgspec.Meta(description="a text of up to 200 characters, a whole number, true or false")]
Attributes = Annotated[
    dict[str, Attribute],
    msgspec.Meta(
        max_length=ATTRIBUTES_MAX, description="by names of 1 to 64 printable characters without space around"
    ),
]
Names = Annotated[tuple[str, ...], msgspec.Meta(max_length=MEMBERSHIPS_MAX, description="names of 1 to 64 characters")]
Amount = Annotated[
    str | int,
    msgspec.Meta(
        description="money as a plain decimal, a JSON number or its text, with no more decimals than the programme keeps",
        extra_json_schema={"anyOf": [{"type": "string"}, {"type": "number"}]},
    ),
]


class _Written(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Base of everything in a native command: unknown fields are errors."""


class WrittenIdentity(_Written, frozen=True):
    """How the client names a member: a kind such as `msisdn` or `qoin.user_id`, and the value in it."""

    kind: Identifier
    value: Identifier


class WrittenLine(_Written, frozen=True):
    """One line of a purchase: what, how many, and what the line cost."""

    product: Identifier | None = None
    category: Identifier | None = None
    quantity: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 1
    amount: Amount | None = None


class WrittenFact(_Written, frozen=True):
    """Something the member did. `type` says what; `occurred_at` absent or null means now.

    A `purchase` needs its `amount`; only `referral` and `referral_purchase` may name a `referrer`. An `event` needs its
    `name`, and only events have `attributes`.
    """

    type: Trigger
    occurred_at: Instant | None = None
    amount: Amount | None = None
    currency: Annotated[str, msgspec.Meta(pattern="^[A-Z]{3}$")] | None = None
    product: Identifier | None = None
    outlet: Identifier | None = None
    referrer: WrittenIdentity | None = None
    lines: Annotated[tuple[WrittenLine, ...], msgspec.Meta(max_length=LINES_MAX)] | None = None
    name: Identifier | None = None
    attributes: Attributes | None = None


class WrittenMemberships(_Written, frozen=True):
    """Which segments, or lists, a member is put into and taken out of; those not named stay as they are."""

    add: Names = ()
    remove: Names = ()


class WrittenProfile(_Written, frozen=True):
    """What changes of what is known of a member; what is not named stays.

    `tier` and `birthday` are taken away by an empty text, an attribute by null. `birthday` is `1990-12-25` or `12-25`.
    """

    tier: str | None = None
    birthday: str | None = None
    attributes: Annotated[dict[str, Attribute | None], msgspec.Meta(max_length=ATTRIBUTES_MAX)] | None = None
    segments: WrittenMemberships = WrittenMemberships()
    lists: WrittenMemberships = WrittenMemberships()


class ProfileChange(WrittenProfile, frozen=True):
    """A profile as it is sent to the member's own address, with the idempotency key of the change."""

    key: Identifier | None = None


class NativeCommand(_Written, frozen=True):
    """Facts about one member, to be judged together, in order; or a change of the member's `profile`; or a `move` of points.

    The same `key` for the same member is the same command for ever: sending it again returns the first ticket, sending
    it with other content is refused. Without a key every call is a new command. `action` is the client's own word for
    the call, the first fact's type where it is absent, the move's, or `profile`. `promo_codes` are what the member typed in,
    `payment` is how was paid, such as `qris`.
    """

    member: WrittenIdentity
    facts: Annotated[tuple[WrittenFact, ...], msgspec.Meta(max_length=FACTS_MAX)] = ()
    profile: WrittenProfile | None = None
    move: WrittenMove | None = None
    key: Identifier | None = None
    member_name: Identifier | None = None
    install_id: Identifier | None = None
    device_type: Identifier | None = None
    action: Identifier | None = None
    promo_codes: Annotated[tuple[Identifier, ...], msgspec.Meta(max_length=PROMO_CODES_MAX)] = ()
    payment: Identifier | None = None
