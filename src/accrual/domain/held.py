"""Commands held for review because they were too much too fast, and what somebody decides about them. Nouns only."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import msgspec

from accrual.domain.dialects import Dialect
from accrual.domain.facts import Identity

OPEN, APPROVED, REFUSED = 0, 1, 2


class Clearance(msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag=43):
    """What somebody decided about a held command; `target` is its ticket, `identity` its member's.

    Approved, its facts are judged now, in this command's place, by what held when they happened.
    """

    dialect: Dialect
    action: str
    identity: Identity
    target: bytes
    approved: bool
    actor: str
    note: str


class HeldCommandRow(NamedTuple):
    """A held command, in column order. `verdict` 0: still open, 1: approved, 2: refused."""

    bucket: int
    ticket: bytes
    position: int
    programme_id: int
    verdict: int = OPEN
    verdict_position: int | None = None


class HeldCommand(NamedTuple):
    """A held command as read back: its row, the client that sent it, when, and the command itself as stored."""

    row: HeldCommandRow
    client_id: int
    recorded_at: datetime
    facts: bytes
