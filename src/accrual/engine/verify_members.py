"""Checks who members are: identities and accounts against the digests they derive from, mergers against the log. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from accrual.domain.accounts import FLOOR_ZERO, MEMBER_ROLES, Role
from accrual.domain.books import AccountRow, Fault, IdentityRow
from accrual.domain.commands import Command, LoggedCommand, Resume, decode_command
from accrual.domain.guard import Unreadable, attempt
from accrual.domain.ids import (
    bucket_of,
    full_account_of,
    is_member_account,
    member_account_id,
    member_of,
    system_account_id,
)
from accrual.domain.movements import Absorb, Merge
from accrual.domain.outcomes import Outcome, Status


class _Asked(NamedTuple):
    """A merger or its arrival, and the programme it is of."""

    programme_id: int
    command: Merge | Absorb


class MergerCheck:
    """What the log of one bucket says of mergers, command after command: `into` is whom each merged member became."""

    def __init__(self) -> None:
        self.into: dict[bytes, bytes] = {}
        self._failed: dict[bytes, _Asked] = {}

    def see(self, logged: LoggedCommand, outcome: Outcome) -> None:
        """One decided command. Only mergers, and retries of mergers that failed, are looked at: none of them has awards."""
        if outcome.awards:
            return
        asked = self._asked(logged)
        if asked is None:
            return
        if outcome.status is Status.PARKED:
            self._failed[logged.ticket] = asked
        elif outcome.status is Status.DECIDED and not outcome.declines:
            self._keep(asked)

    def _asked(self, logged: LoggedCommand) -> _Asked | None:
        command: Command | Unreadable = attempt(decode_command, logged.facts)
        if isinstance(command, Resume):
            return self._failed.get(command.ticket)
        return _Asked(logged.programme_id, command) if isinstance(command, Merge | Absorb) else None

    def _keep(self, asked: _Asked) -> None:
        programme_id, command = asked
        member_id = bytes(member_of(programme_id, command.identity.kind, command.identity.value))
        if isinstance(command, Merge):
            self.into[member_id] = bytes(member_of(programme_id, command.into.kind, command.into.value))
        elif command.merged == member_id:
            self.into.pop(member_id, None)

    def faults(self, stored: Mapping[bytes, bytes]) -> Iterator[Fault]:
        """Members whose row says another merger than the log. `stored`: merged_into by member, of those that have one."""
        for member_id in sorted(self.into.keys() | stored.keys()):
            into, said = self.into.get(member_id), stored.get(member_id)
            if into != said:
                text = f"member {member_id.hex()} is merged into {_hex(said)}, the log says {_hex(into)}"
                yield Fault("members", None, None, text, "member")


def identity_faults(rows: list[IdentityRow], known: set[bytes], bucket: int, buckets: int) -> Iterator[Fault]:
    """Identities that name another member than they make, stand in another bucket, or name a member who does not exist."""
    for row in rows:
        made = bytes(member_of(row.programme_id, row.kind, row.value))
        if row.member_id != made or bucket_of(made, buckets) != bucket:
            text = f"an identity of kind {row.kind} names member {row.member_id.hex()}, it makes {made.hex()}"
            yield Fault("members", None, None, text, "identity")
        if row.member_id not in known:
            text = f"an identity of kind {row.kind} names member {row.member_id.hex()}, who does not exist"
            yield Fault("members", None, None, text, "identity")


def account_faults(rows: list[AccountRow], bucket: int, buckets: int) -> Iterator[Fault]:
    """Accounts whose number, bucket or floor does not follow from whose they are and what for."""
    for row in rows:
        if row.member_id is None:
            own = None if is_member_account(row.account_id) else full_account_of(row.account_id)
            right = row.role not in MEMBER_ROLES and own == system_account_id(row.asset_id, row.role)
            floor = None
        else:
            number = member_account_id(row.member_id, row.asset_id, row.role)
            right = (
                row.role in MEMBER_ROLES and row.account_id == number and bucket_of(row.member_id, buckets) == bucket
            )
            floor = None if row.role == Role.DEBT else FLOOR_ZERO
        if not right:
            text = f"its number does not follow from member, asset {row.asset_id} and role {row.role}"
            yield Fault("members", None, row.account_id, text, "account")
        if row.floor != floor:
            yield Fault("members", None, row.account_id, f"its floor is {row.floor}, not {floor}", "account")


def _hex(member_id: bytes | None) -> str:
    return "nobody" if member_id is None else member_id.hex()
