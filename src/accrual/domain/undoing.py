"""What is read back of an earlier command to undo it: itself, its lines, what was undone of it before. Values only."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

Part = tuple[int, int, int]
"""(award, fact, line) of which something was undone; -1 stands for the whole."""

WHOLE: Part = (-1, -1, -1)
WRONG_CODES: Part = (-2, -1, -1)
"""Stands for how often a wrong validation code was presented for a redemption."""


class AwardedLine(NamedTuple):
    """A line that credited an award: where it stands, and how much of what it made has expired since."""

    account: int
    leg: int
    amount: int
    active_at: datetime | None
    expired: int


class TargetRow(NamedTuple):
    """A decided command that another one is about, as the books have it; `awarded` are its award lines in leg order.

    `member_id` is whose it is today, after mergers, and `homes` are the buckets of all whose it was; `follow_ups` are
    (ticket, facts) of what came of it.
    """

    ticket: bytes
    bucket: int
    position: int
    programme_id: int
    recorded_at: datetime
    facts: bytes
    status: int
    payload: bytes
    member_id: bytes
    awarded: tuple[AwardedLine, ...] = ()
    follow_ups: tuple[tuple[bytes, bytes], ...] = ()
    homes: tuple[int, ...] = ()


class UndoneRow(NamedTuple):
    """How much of a part of a command was undone after a position, in column order; the newest holds."""

    bucket: int
    target: bytes
    award: int
    fact: int
    line: int
    position: int
    units_after: int


class HoldRow(NamedTuple):
    """Units set aside, in column order. `resolved_position` is where that ended, None while it is open."""

    bucket: int
    hold_id: bytes
    account: int
    position: int
    amount: int
    expires_at: datetime | None
    resolved_position: int | None = None
