"""The hash chain over a programme's catalogue changes: one step a changed row. The database computes it; this is the same."""

from __future__ import annotations

import hashlib
from datetime import datetime
from struct import Struct
from typing import NamedTuple

from accrual.domain.chain import micros_of

HEAD_FIRST = bytes(32)
"""The head before the first change of a programme."""

_NUMBERS = Struct(">iqqq").pack
_LENGTH = Struct(">i").pack


class ChainedChange(NamedTuple):
    """One changed row of the catalogue, as the database noted it.

    `programme_id` is 0 for what belongs to no programme; `number` counts from 1 without gaps in each programme.
    `subject` is the table, `subject_key` its key with `/` between columns; the digests (SHA-256) are of the whole row,
    `actor` is who the change was made for as Accrual says, None for a change made past it, which then has `details`.
    """

    programme_id: int
    number: int
    recorded_at: datetime
    transaction: int
    subject: str
    subject_key: str
    operation: str
    before_digest: bytes | None
    after_digest: bytes | None
    session_role: str
    acting_role: str
    actor: str | None
    details: str | None
    chain: bytes


class UnexplainedRow(NamedTuple):
    """A row of the catalogue that is not as the chain says: `stands` False for one that is gone, `number` None for one
    that no entry of the chain tells of.
    """

    programme_id: int
    subject: str
    subject_key: str
    number: int | None
    stands: bool


def advance_audit(head: bytes, change: ChainedChange) -> bytes:
    """The head (32 bytes) after a change: SHA-256 over the head before it and every field, each behind its length."""
    parts = [
        head,
        _NUMBERS(change.programme_id, change.number, micros_of(change.recorded_at), change.transaction),
        *_part(change.subject),
        *_part(change.subject_key),
        *_part(change.operation),
        *_part(change.before_digest),
        *_part(change.after_digest),
        *_part(change.session_role),
        *_part(change.acting_role),
        *_part(change.actor),
        *_part(change.details),
    ]
    return hashlib.sha256(b"".join(parts)).digest()


def _part(content: str | bytes | None) -> tuple[bytes, bytes]:
    if content is None:
        return _LENGTH(-1), b""
    raw = content.encode() if isinstance(content, str) else content
    return _LENGTH(len(raw)), raw
