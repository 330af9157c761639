"""What is read back of an earlier command to undo it: itself, its lines, what was undone of it before. Values only."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import msgspec

from accrual.domain.commands import Command, decode_command
from accrual.domain.outcomes import Outcome, decode_outcome

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


class TargetRow(msgspec.Struct, kw_only=True, gc=False):
    """A decided command that another one is about, as the books have it; `awarded` are its award lines in leg order.

    `owners` are the member whose it was and all that they became by mergers, today's last, and `homes` the buckets of all
    of them; `follow_ups` are (ticket, facts) of what came of it. What is decoded of it is kept, since many commands of a
    batch may be about the same.
    """

    ticket: bytes
    bucket: int
    position: int
    programme_id: int
    recorded_at: datetime
    facts: bytes
    status: int
    payload: bytes
    owners: tuple[bytes, ...]
    awarded: tuple[AwardedLine, ...] = ()
    follow_ups: tuple[tuple[bytes, bytes], ...] = ()
    homes: tuple[int, ...] = ()
    _command: Command | None = None
    _outcome: Outcome | None = None

    def command(self) -> Command:
        """The stored command. Raises msgspec.DecodeError."""
        if self._command is None:
            self._command = decode_command(self.facts)
        return self._command

    def outcome(self) -> Outcome:
        """The stored outcome. Raises msgspec.DecodeError."""
        if self._outcome is None:
            self._outcome = decode_outcome(self.payload)
        return self._outcome


class FoundTarget(NamedTuple):
    """Where the search for a decided command ended: the ticket that it was last forwarded as, and the command, None while
    that is not decided."""

    ticket: bytes
    row: TargetRow | None


class ParkedFacts(NamedTuple):
    """A parked command that was not resumed yet."""

    position: int
    recorded_at: datetime
    facts: bytes


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
