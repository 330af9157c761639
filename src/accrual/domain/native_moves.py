"""Movements of points without a promo as clients write them in a native command; what they mean is said in engine."""

from __future__ import annotations

from typing import Annotated

import msgspec

from accrual.domain.amounts import INT64_MAX

PARTS_MAX = 1_000
NOTE_CHARACTERS_MAX = 1_000

Identifier = Annotated[
    str, msgspec.Meta(description="trimmed; then 1 to 200 characters, none of them a control character")
]
Units = Annotated[int, msgspec.Meta(ge=1, le=INT64_MAX, description="a whole number of units of the asset, above 0")]
Money = Annotated[
    str | int,
    msgspec.Meta(
        description="money as a plain decimal, a JSON number or its text, with no more decimals than the programme keeps",
        extra_json_schema={"anyOf": [{"type": "string"}, {"type": "number"}]},
    ),
]
Moment = Annotated[str, msgspec.Meta(max_length=40, description="RFC 3339, such as 2026-03-01T12:00:00+07:00")]
TicketText = Annotated[str, msgspec.Meta(max_length=40, description="a ticket as the receipt gave it")]
DurationText = Annotated[
    str, msgspec.Meta(max_length=40, description="`P12M`, or `end_of_day`, `end_of_month`, `end_of_year`")
]


class WrittenMember(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """How the client names another member."""

    kind: Identifier
    value: Identifier


class _Move(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="type"
):
    """Base of all movements. `note` is for people and is shown to them, `reference` is the client's own number of it."""

    note: Annotated[str, msgspec.Meta(max_length=NOTE_CHARACTERS_MAX)] | None = None
    reference: Identifier | None = None
    occurred_at: Moment | None = None
    outlet: Identifier | None = None


class MoveGrant(_Move, frozen=True, tag="grant"):
    """Give units without a promo; needs the right `grant`."""

    asset: Identifier
    amount: Units
    expires: DurationText | None = None
    active_after: DurationText | None = None


class MoveRedeem(_Move, frozen=True, tag="redeem"):
    """Spend units (`amount`), what so much money is worth at the member's level (`value`), or the price of a `reward`."""

    asset: Identifier | None = None
    amount: Units | None = None
    value: Money | None = None
    reward: Identifier | None = None


class _About(_Move, frozen=True):
    """A movement about an earlier command of the same member: by its `ticket`, or by the `key` this client gave it."""

    ticket: TicketText | None = None
    key: Identifier | None = None


class MoveRefund(_About, frozen=True, tag="refund"):
    """Give back what a redemption took: so many units, what so much money is worth, or all that is left of it."""

    amount: Units | None = None
    value: Money | None = None


class WrittenPart(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What comes back of a purchase: a fact by its place from 0, a line of it, so many of that line (absent: all)."""

    fact: Annotated[int, msgspec.Meta(ge=0, le=99)] = 0
    line: Annotated[int, msgspec.Meta(ge=0, le=199)] | None = None
    quantity: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] | None = None


class MoveReverse(_About, frozen=True, tag="reverse"):
    """A return: take back what a command of facts earned, for the `parts` of it that come back, or (none) for all."""

    parts: Annotated[tuple[WrittenPart, ...], msgspec.Meta(max_length=PARTS_MAX)] = ()


class MoveHold(_Move, frozen=True, tag="hold"):
    """Set units aside; they can be captured or released by this command's ticket, and are free again at `expires_at`."""

    asset: Identifier
    amount: Units
    expires_at: Moment | None = None


class MoveCapture(_About, frozen=True, tag="capture"):
    """Spend what a hold set aside, or `amount` of it; the rest is free again."""

    amount: Units | None = None


class MoveConfirm(_About, frozen=True, kw_only=True, tag="confirm"):
    """Complete the redemption of a reward with the `code` that its member was sent."""

    code: Annotated[str, msgspec.Meta(pattern=r"^[0-9]{6}$(?!\n)", description="the six digits that the member says")]


class MoveRelease(_About, frozen=True, tag="release"):
    """Let go of what a hold set aside."""


class MoveTransfer(_Move, frozen=True, tag="transfer"):
    """Send units to another member."""

    asset: Identifier
    amount: Units
    to: WrittenMember


class MoveAdjust(_Move, frozen=True, tag="adjust"):
    """Correct a balance by `amount`, which may be below 0. Needs a `note` and the right `adjust`.

    With `below_zero`, and the right `adjust_below_zero`, what the balance does not have becomes debt.
    """

    asset: Identifier
    amount: Annotated[int, msgspec.Meta(ge=-INT64_MAX, le=INT64_MAX)]
    below_zero: bool = False
    expires: DurationText | None = None


class MoveMerge(_Move, frozen=True, tag="merge"):
    """Make the member part of another one; needs the right `merge`. It cannot be taken back."""

    into: WrittenMember


WrittenMove = (
    MoveGrant
    | MoveRedeem
    | MoveRefund
    | MoveReverse
    | MoveHold
    | MoveCapture
    | MoveConfirm
    | MoveRelease
    | MoveTransfer
    | MoveAdjust
    | MoveMerge
)
