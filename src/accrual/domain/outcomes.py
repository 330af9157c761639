"""The answer to a command: awards, declines with reasons, follow-ups and status. Values only; nothing is judged here."""

from __future__ import annotations

from datetime import datetime
from enum import IntEnum
from typing import Any

import msgspec


class Status(IntEnum):
    """How a command ended. Numbers are stored; never renumber."""

    DECIDED = 1
    PARKED = 2
    FORWARDED = 3


class Award(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What one promo version gives in one outcome.

    `promo_version_id` names the exact version; `amount` is in units of the asset, above 0. `basis` holds the value the
    benefit was computed from (minor units or a count of facts), `reason` the benefit's kind. `shares` attribute the
    amount to the lines of facts that carried any, as (fact, line, units).
    """

    promo_version_id: int
    asset_id: int
    amount: int
    reason: str
    basis: int | None = None
    active_at: datetime | None = None
    expires_at: datetime | None = None
    details: dict[str, Any] | None = None
    shares: tuple[tuple[int, int, int], ...] | None = None


class Declined(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a promo (or, with promo_version_id 0, the programme itself) did not give, and why: a stable code and values."""

    promo_version_id: int
    reason: str
    details: dict[str, Any] | None = None


class Booked(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a command that asks no promo did to a member's points: the kind of movement (transfers.Kind), asset, units.

    `amount` is signed: above 0 the member has so many more. `details` say what it was worth, what it was about.
    """

    kind: int
    asset_id: int
    amount: int
    details: dict[str, Any] | None = None


class TierChange(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A member's level changed: codes before and after, what did it (members.LevelBy), units earned in the window that
    decided, and what the new level asks for."""

    before: str
    after: str
    by: int
    earned: int
    threshold: int


class Outcome(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """The stored answer. `revision` is the catalogue revision that decided; the moment is the command's recorded_at.

    `member_id` is whom it was decided for when that is not the member the identity itself makes; `follow_ups` are
    tickets. `stocks` are the shared stocks looked at, as (promo_id, slot, period, left), so that a replay sees the same.
    `booked` is what was moved without a promo, `tier` how the member's level changed.
    """

    status: Status
    revision: int
    member_id: bytes | None = None
    awards: tuple[Award, ...] = ()
    declines: tuple[Declined, ...] = ()
    follow_ups: tuple[bytes, ...] = ()
    error: str | None = None
    stocks: tuple[tuple[int, int, int, int], ...] = ()
    booked: tuple[Booked, ...] = ()
    tier: TierChange | None = None


_ENCODER = msgspec.msgpack.Encoder()
_DECODER: msgspec.msgpack.Decoder[Outcome] = msgspec.msgpack.Decoder(Outcome)


def encode_outcome(outcome: Outcome) -> bytes:
    """The stored form of an outcome: MessagePack, positional, cut short where an award or all of it has no more to say."""
    if outcome.tier is not None:
        return _ENCODER.encode(outcome)
    if outcome.declines or outcome.follow_ups or outcome.stocks or outcome.error is not None or outcome.booked:
        return _ENCODER.encode(
            (
                *(outcome.status, outcome.revision, outcome.member_id, outcome.awards, outcome.declines),
                *(outcome.follow_ups, outcome.error, outcome.stocks, outcome.booked),
            )
        )
    awards = [
        (award.promo_version_id, award.asset_id, award.amount, award.reason, award.basis)
        if award.shares is None and award.details is None and award.expires_at is None and award.active_at is None
        else award
        for award in outcome.awards
    ]
    return _ENCODER.encode((outcome.status, outcome.revision, outcome.member_id, awards))


def decode_outcome(payload: bytes) -> Outcome:
    """The outcome in a row. Raises msgspec.DecodeError when the bytes are not one."""
    return _DECODER.decode(payload)
