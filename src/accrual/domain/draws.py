"""Rounds of draws: commitments, secrets, heads, entries, winners. Values only; nothing is drawn here."""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime
from typing import NamedTuple

import msgspec

SECRET_BYTES = 32

DrawKey = tuple[int, int]
"""(promo_id, round): rounds of a promo are numbered from 1; each has a secret of its own."""


SCHEME_BY_TICKET = 1
"""The point of an entry is made of its ticket. Rounds that began under it stay with it."""

SCHEME_BY_PLACE = 2
"""The point of an entry is made of its place in the log of entries and of when the log accepted it. New rounds use it."""


BY_CHECKPOINT = "checkpoint"
"""The beacon of a raffle that the first checkpoint after its entries are complete decides."""


def commitment_of(secret: bytes) -> str:
    """What a round of the first scheme publishes of its secret before anything is drawn: its SHA-256, in hexadecimal."""
    return hashlib.sha256(secret).hexdigest()


def share_of(key: bytes, secret: bytes) -> bytes:
    """The host's part of a round's secret: it follows from the key that the hosts have and the database has not."""
    return hmac.digest(key, b"accrual draw share/" + hashlib.sha256(secret).digest(), "sha256")


def point_key_of(secret: bytes, share: bytes | None) -> bytes:
    """The key that points of a round of the second scheme are made with: of both parts of its secret."""
    return hmac.digest(secret, b"accrual draw 2/" + (share or b""), "sha256")


class RoundTerms(msgspec.Struct, frozen=True, kw_only=True):
    """What a new round is opened with: its commitment, whether hosts have a part of its secret, and which public value
    decides it besides (None: none does).
    """

    commitment: str
    scheme: int = SCHEME_BY_PLACE
    shared: bool = False
    beacon: str | None = None


def terms_of(secret: bytes, key: bytes | None, beacon: str | None = None) -> RoundTerms:
    """The terms of a round with this secret, on hosts that have this key (None: they have none)."""
    share = None if key is None else share_of(key, secret)
    return RoundTerms(commitment=sealed(secret, share, beacon), shared=key is not None, beacon=beacon)


def sealed(secret: bytes, share: bytes | None, beacon: str | None) -> str:
    """The commitment of a round of the second scheme: one digest over all that may not change once it has begun."""
    parts = [hashlib.sha256(secret).hexdigest(), "-" if share is None else hashlib.sha256(share).hexdigest()]
    return hashlib.sha256("\n".join(["accrual draw 2", *parts, beacon or "-", ""]).encode()).hexdigest()


class DrawSecret(msgspec.Struct, frozen=True, kw_only=True):
    """The secret of a promo's round as of a revision, which began at `since`. It never shows itself in logs or errors.

    `committed` is the commitment as it was published, None where it follows from the secret alone. `share` is the hosts'
    part of a `shared` secret, None where this process does not have it.
    """

    promo_id: int
    round: int
    secret: bytes
    since: datetime | None = None
    scheme: int = SCHEME_BY_TICKET
    committed: str | None = None
    shared: bool = False
    share: bytes | None = None
    beacon: str | None = None

    def __repr__(self) -> str:
        return f"DrawSecret(promo_id={self.promo_id}, round={self.round})"

    @property
    def commitment(self) -> str:
        """What was published of it."""
        return commitment_of(self.secret) if self.committed is None else self.committed

    @property
    def point_key(self) -> bytes | None:
        """What points are made with; None where a part of the secret is missing here."""
        if self.scheme == SCHEME_BY_TICKET:
            return self.secret
        return None if self.shared and self.share is None else point_key_of(self.secret, self.share)

    def with_key(self, key: bytes | None) -> DrawSecret:
        """The same with the hosts' part, where this key is the one that the round was opened with."""
        if not self.shared or key is None:
            return self
        share = share_of(key, self.secret)
        if sealed(self.secret, share, self.beacon) != self.commitment:
            return self
        return msgspec.structs.replace(self, share=share)


class DrawHead(msgspec.Struct, frozen=True, gc=False):
    """How many entries of a round a bucket has decided, and the digest over all of them."""

    entries: int
    chain: bytes


class DrawnRow(NamedTuple):
    """One entry of a round, in column order; the newest of a bucket is the head of its chain. `units`: tickets it has."""

    bucket: int
    promo_id: int
    round: int
    number: int
    position: int
    units: int
    member_id: bytes
    chain: bytes


class Round(msgspec.Struct, frozen=True, kw_only=True):
    """One round as published. `secret`, `entries` and `root` are there once it is closed; `drawn_at` for raffles.

    `share` is the hosts' part of a `shared` secret, published with it; `beacon` names the public value that decides a raffle
    besides, and `beacon_value` is that value.
    """

    round: int
    commitment: str
    since: datetime
    closed_at: datetime | None = None
    secret: str | None = None
    entries: int | None = None
    root: str | None = None
    drawn_at: datetime | None = None
    scheme: int = SCHEME_BY_TICKET
    shared: bool = False
    share: str | None = None
    beacon: str | None = None
    beacon_value: str | None = None


class BucketHead(NamedTuple):
    """Where a bucket's entries of a round end."""

    bucket: int
    entries: int
    chain: str


class DrawnEntry(NamedTuple):
    """An entry of a round with its chain, and its command's outcome."""

    number: int
    chain: bytes
    payload: bytes


class Entrant(NamedTuple):
    """An entry as a raffle sees it: where it stands, its tickets, whose it is."""

    bucket: int
    number: int
    units: int
    member_id: bytes
    position: int


class Winner(msgspec.Struct, frozen=True, kw_only=True):
    """A pick of a raffle and what becomes of it: `piece` is which prize of the list, counted piece by piece from 0."""

    pick: int
    piece: int
    prize: str
    asset: str
    amount: int
    bucket: int
    number: int
    ticket: bytes
    member_id: bytes
    drawn_at: datetime
    claim_by: datetime | None = None
    claimed_at: datetime | None = None
    expired_at: datetime | None = None
    granted_at: datetime | None = None


def chain_start(commitment: str, bucket: int) -> bytes:
    """What the chain of a bucket's entries of a round begins with."""
    return hashlib.sha256(f"accrual draw/{commitment}/{bucket}".encode()).digest()


def root_of(heads: list[BucketHead]) -> str:
    """One digest over where all buckets end, in their order: whoever knows it sees that an entry is missing."""
    text = "".join(f"{head.bucket} {head.entries} {head.chain}\n" for head in sorted(heads))
    return hashlib.sha256(text.encode()).hexdigest()
