"""What is known of a member beyond points: tier, segments, lists, attributes. Changed by commands only; no judgement."""

from __future__ import annotations

from datetime import datetime
from enum import IntEnum
from typing import NamedTuple

import msgspec

from accrual.domain.facts import Scalar


class LevelBy(IntEnum):
    """What put a member at a level. Numbers are stored; never renumber."""

    EARNED = 1
    HAND = 2
    REVIEW = 3
    MERGER = 4


class LevelStep(msgspec.Struct, frozen=True, array_like=True):
    """A level (None: taken away) and since when it was in force. `period_end` is of the period that a review looked at."""

    code: str | None
    since: datetime
    by: LevelBy
    period_end: datetime | None = None


STEPS_MAX = 24
"""Steps of one member's level that are kept; the oldest kept one then stands for all before it."""


class MemberProfile(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """A member's profile after some command; the newest holds. `birthday` is `YYYY-MM-DD` or `MM-DD`.

    `steps` are how `tier` came about, newest first, so that a fact that comes late meets the level then in force.
    """

    tier: str | None = None
    birthday: str | None = None
    segments: frozenset[str] = frozenset()
    lists: frozenset[str] = frozenset()
    attributes: dict[str, Scalar] = msgspec.field(default_factory=dict)
    steps: tuple[LevelStep, ...] = ()


EMPTY_PROFILE = MemberProfile()


MARK_DEBT = 1
"""The member owes, or once owed, something: whoever credits looks for a debt first."""

MARK_AWAITED = 2
"""A return came before its purchase: whoever decides a purchase looks whether it is that one."""


class PurchaseRow(NamedTuple):
    """A purchase a member made, as the log has it. `amount_minor` is 0 when no amount was sent."""

    occurred_at: datetime
    recorded_at: datetime
    position: int
    amount_minor: int


_ENCODER = msgspec.msgpack.Encoder(order="deterministic")
_DECODER = msgspec.msgpack.Decoder(MemberProfile)


def encode_profile(profile: MemberProfile) -> bytes:
    """The stored form of a profile: MessagePack, positional, sets and attributes in order of their names."""
    return _ENCODER.encode(profile)


def decode_profile(document: bytes) -> MemberProfile:
    """The profile in a row. Raises msgspec.DecodeError when the bytes are not one."""
    return _DECODER.decode(document)
