"""How identifiers are derived: members, buckets, tickets, accounts. Digests only; nothing here is looked up or drawn."""

from __future__ import annotations

import hashlib
from functools import cache, lru_cache
from typing import NewType

MemberId = NewType("MemberId", bytes)
"""16 bytes: digest of (programme, kind, value) of the member's first identity."""

Ticket = NewType("Ticket", bytes)
"""16 bytes of a UUID version 8 that carries its bucket."""

BUCKETS_MAX = 4096
BUCKETS_DEFAULT = 256
ASSETS_MAX = 1 << 20
_MEMBER_ACCOUNT_BIT = 1 << 62
_SYSTEM_BITS = 24
_ACCOUNT_STRIDE = 0x9E3779B97F4A7C15


_LENGTHS = [length.to_bytes(4, "big") for length in range(256)]


@cache
def _begun(purpose: bytes) -> hashlib.blake2b:
    """A digest with nothing in it yet: to copy one takes a third of the time that making one takes. Purposes are few."""
    return hashlib.blake2b(digest_size=16, person=purpose)


def digest16(purpose: bytes, *parts: bytes) -> bytes:
    """16-byte digest of length-prefixed parts; `purpose` (at most 16 bytes) keeps digests of different things apart."""
    try:
        joined = b"".join([_LENGTHS[len(part)] + part for part in parts])
    except IndexError:
        joined = b"".join([len(part).to_bytes(4, "big") + part for part in parts])
    digest = _begun(purpose).copy()
    digest.update(joined)
    return digest.digest()


def member_id_of(programme_id: int, kind: str, value: str) -> MemberId:
    """The member whose first identity this is. Two first calls at once therefore choose the same member."""
    raw = value.encode()
    digest = _begun_member(programme_id, kind).copy()
    digest.update(len(raw).to_bytes(4, "big") + raw)
    return MemberId(digest.digest())


@lru_cache(maxsize=256)
def _begun_member(programme_id: int, kind: str) -> hashlib.blake2b:
    """The digest of a member's id up to the value, which `digest16` would put in last: programmes and kinds are few."""
    digest = _begun(b"member").copy()
    for part in (b"%d" % programme_id, kind.encode()):
        digest.update(len(part).to_bytes(4, "big") + part)
    return digest


def member_of(programme_id: int, kind: str, value: str) -> MemberId:
    """The member that an identity in the log means: `#` and an id in hexadecimal is that member, which only we write."""
    if kind == "#":
        return MemberId(bytes.fromhex(value))
    return member_id_of(programme_id, kind, value)


def bucket_of(member_id: bytes, buckets: int) -> int:
    """The hash slot of a member (or of any 16-byte digest): 0 .. buckets-1."""
    return int.from_bytes(member_id[:8], "big") % buckets


def ticket_of(programme_id: int, client_id: int, identity: bytes, key: bytes, bucket: int) -> Ticket:
    """The handle of a command: the same programme, client, identity as sent and key always give the same ticket.

    Layout: UUID version 8; the twelve bits after the version are the bucket, the rest is digest.
    """
    raw = bytearray(digest16(b"ticket", b"%d" % programme_id, b"%d" % client_id, identity, key))
    raw[6] = 0x80 | (bucket >> 8)
    raw[7] = bucket & 0xFF
    raw[8] = (raw[8] & 0x3F) | 0x80
    return Ticket(bytes(raw))


def bucket_of_ticket(ticket: bytes) -> int:
    """The bucket a ticket carries; the caller checks that it is below the number of buckets."""
    return ((ticket[6] & 0x0F) << 8) | ticket[7]


def is_ticket(raw: bytes) -> bool:
    """Whether these 16 bytes have the shape of a ticket (version 8, RFC variant)."""
    return len(raw) == 16 and raw[6] >> 4 == 8 and raw[8] >> 6 == 2


def member_account_id(member_id: bytes, asset_id: int, role: int) -> int:
    """Account number of a member's account: 63 bits, bit 62 always set, so that it never meets a system account's.

    The half of the member's digest that does not choose the bucket, moved by an odd stride for each asset and role:
    different for all accounts of a member, and as good as random between members of a bucket.
    """
    moved = int.from_bytes(member_id[8:], "big") + (asset_id * 16 + role) * _ACCOUNT_STRIDE
    return (moved & (_MEMBER_ACCOUNT_BIT - 1)) | _MEMBER_ACCOUNT_BIT


def system_account_id(asset_id: int, role: int) -> int:
    """Account number of a system account in any bucket: asset and role, below 2**24."""
    return asset_id * 16 + role


def carried_account_id(account: int, position: int, number: int) -> int:
    """Account number of what a full system account was carried to: the `number`-th, 0 to 15, at a position of its bucket.

    Between the system accounts' numbers and the members'. Raises OverflowError beyond 2**34 positions or 16 a position.
    """
    if not (0 <= number < 16 and 0 <= position < 1 << 34):
        raise OverflowError("no number is left for a carried balance")
    return (position << 4 | number) + 1 << _SYSTEM_BITS | account


def full_account_of(account: int) -> int:
    """The system account whose balance was carried to this one; any other system account's own number."""
    return account & ((1 << _SYSTEM_BITS) - 1)


def is_member_account(account: int) -> bool:
    """Whether an account number is a member's, and no system account's."""
    return account >= _MEMBER_ACCOUNT_BIT
