"""Commands to the one bucket in which all referral links of a programme are decided, and what is kept there. Nouns only."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import msgspec

from accrual.domain.dialects import Dialect
from accrual.domain.facts import Fact, Identity
from accrual.domain.ids import digest16
from accrual.domain.movements import MEMBER_KIND

LEVELS_MAX = 5
"""How far up a chain of referrers a promo may give."""


class _ToLinks(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """What all of them say. `identity` is the programme's links themselves (`links_of`), not a member."""

    dialect: Dialect
    action: str
    identity: Identity


class Claim(_ToLinks, frozen=True, tag=40):
    """A member's referral that passed what its own lane can tell, and purchases whose referrer only the links know.

    `facts` are as the member's command had them, with their moment filled in; `member` is how the client names who
    came. What else that command said goes with them to both sides. `install` is the digest of an install id that its
    client vouches is one device's.
    """

    member: Identity
    member_id: bytes
    facts: tuple[Fact, ...]
    parent: bytes
    install: bytes | None = None
    install_id: str | None = None
    device_type: str | None = None
    promo_codes: tuple[str, ...] = ()
    payment: str | None = None


class Verdict(_ToLinks, frozen=True, tag=41):
    """What somebody decided about a referral that is held for review; `target` is the claim's ticket."""

    target: bytes
    approved: bool
    actor: str
    note: str


class Join(_ToLinks, frozen=True, tag=42):
    """Two members are one from now on: whoever is above or below the one is above or below the other."""

    merged: bytes
    into: bytes
    parent: bytes


ToLinks = Claim | Verdict | Join


def links_of(programme_id: int) -> Identity:
    """Where a programme's links are decided, as an identity of the log."""
    return Identity(MEMBER_KIND, digest16(b"links", b"%d" % programme_id).hex())


def install_digest(programme_id: int, install_id: str) -> bytes:
    """What an install id is known by; it chooses the bucket of its sightings."""
    return digest16(b"install", b"%d" % programme_id, install_id.encode())


class LinkNode(NamedTuple):
    """One member among the links, in column order: a node of a forest in which each tree holds whoever hangs together.

    `above` is the node above it in the tree (None: it is a root) and `size` how many a root's tree holds: that is for
    telling cycles, not who referred whom. `linked`: the member was referred, by `referrer` unless nobody was named.
    """

    bucket: int
    member_id: bytes
    above: bytes | None = None
    size: int = 1
    linked: bool = False
    referrer: Identity | None = None


class HeldRow(NamedTuple):
    """A referral held for review, in column order. `verdict` 0: still open, 1: approved, 2: refused."""

    bucket: int
    claim: bytes
    position: int
    programme_id: int
    verdict: int = 0
    verdict_position: int | None = None


OPEN, APPROVED, REFUSED = 0, 1, 2


class HeldClaim(NamedTuple):
    """A held referral as read back: its row, the client that told of it, when, and the claim itself as stored."""

    row: HeldRow
    client_id: int
    recorded_at: datetime
    facts: bytes


class Sighting(NamedTuple):
    """A member was seen with an install id, in column order; the bucket is that of the install's digest."""

    bucket: int
    install: bytes
    member_id: bytes
