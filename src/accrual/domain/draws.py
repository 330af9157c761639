"""Rounds of draws: commitments, secrets, heads, entries, winners. Values only; nothing is drawn here."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import NamedTuple

import msgspec

SECRET_BYTES = 32

DrawKey = tuple[int, int]
"""(promo_id, round): rounds of a promo are numbered from 1; each has a secret of its own."""


def commitment_of(secret: bytes) -> str:
    """What is published of a secret before anything is drawn with it: its SHA-256, in hexadecimal."""
    return hashlib.sha256(secret).hexdigest()


class DrawSecret(msgspec.Struct, frozen=True, kw_only=True):
    """The secret of a promo's round as of a revision, which began at `since`. It never shows itself in logs or errors."""

    promo_id: int
    round: int
    secret: bytes
    since: datetime | None = None

    def __repr__(self) -> str:
        return f"DrawSecret(promo_id={self.promo_id}, round={self.round})"

    @property
    def commitment(self) -> str:
        """What was published of it."""
        return commitment_of(self.secret)


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
    """One round as published. `secret`, `entries` and `root` are there once it is closed; `drawn_at` for raffles."""

    round: int
    commitment: str
    since: datetime
    closed_at: datetime | None = None
    secret: str | None = None
    entries: int | None = None
    root: str | None = None
    drawn_at: datetime | None = None


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
