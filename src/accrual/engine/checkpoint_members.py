"""Holds identities and mergers against the log: what the commands of a bucket say of its members, and what its tables say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from accrual.domain.books import Fault
from accrual.domain.checkpoints import BookedIdentity, DecidedRow
from accrual.domain.commands import Command, Resume, decode_command
from accrual.domain.ids import member_id_of, member_of
from accrual.domain.movements import MEMBER_KIND, Absorb, Merge
from accrual.domain.outcomes import Outcome, Status, decode_outcome

CHECK = "members"


class MembersCheck:
    """What the log of one bucket says of its members. Rows come in the order of their positions."""

    def __init__(self) -> None:
        self._named: dict[bytes, tuple[int, str, str]] = {}
        self._merged: dict[bytes, bytes] = {}
        self._failed: dict[bytes, Command] = {}

    def take(self, row: DecidedRow) -> None:
        """Take in one decided command; one that cannot be read says nothing here."""
        try:
            asked = decode_command(row.command.facts)
            outcome = decode_outcome(row.payload or b"")
            kind, value = asked.identity.kind, asked.identity.value
            member_id = member_of(row.command.programme_id, kind, value)
        except (msgspec.DecodeError, ValueError):
            return
        if kind != MEMBER_KIND:
            self._named.setdefault(member_id, (row.command.programme_id, kind, value))
        if outcome.status is Status.PARKED:
            self._failed[row.command.ticket] = asked
            return
        if isinstance(asked, Resume):
            tried = self._failed.get(asked.ticket)
            if tried is None:
                return
            asked = tried
        self._take_merger(asked, outcome, row.command.programme_id)

    def _take_merger(self, asked: Command, outcome: Outcome, programme_id: int) -> None:
        if outcome.status is not Status.DECIDED or outcome.declines:
            return
        member_id = member_of(programme_id, asked.identity.kind, asked.identity.value)
        if isinstance(asked, Merge) and outcome.follow_ups:
            self._merged[member_id] = member_of(programme_id, asked.into.kind, asked.into.value)
        elif isinstance(asked, Absorb) and asked.merged == member_id:
            self._merged.pop(member_id, None)

    def faults(
        self, members: Iterable[tuple[bytes, bytes | None]], identities: Iterable[BookedIdentity]
    ) -> Iterator[Fault]:
        """Where tables and log differ. `members` are (member, merged into)."""
        stands = set()
        for each in identities:
            own = member_id_of(each.programme_id, each.kind, each.value)
            stands.add(own)
            if each.member_id != own:
                text = f"an identity of kind {each.kind} names member {each.member_id.hex()}; its own is {own.hex()}"
                yield Fault(CHECK, None, None, text, "identity")
        for member_id, merged_into in members:
            expected = self._merged.get(member_id)
            if merged_into != expected:
                text = (
                    f"member {member_id.hex()} is merged into {_name(merged_into)}; by the log it is {_name(expected)}"
                )
                yield Fault(CHECK, None, None, text, "member")
            if member_id in self._named and member_id not in stands:
                kind = self._named[member_id][1]
                text = f"member {member_id.hex()} is named by kind {kind} in the log, and the identity is gone"
                yield Fault(CHECK, None, None, text, "identity")


def _name(member_id: bytes | None) -> str:
    return "nobody" if member_id is None else member_id.hex()
