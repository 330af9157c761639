"""What deciding a batch writes down of members and accounts, whoever decides: enrolments, balances, marks, what is parked."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from accrual.domain.accounts import FLOOR_ZERO, Role
from accrual.domain.commands import Command, LoggedCommand, Resume, content_digest, decode_command, encode_command
from accrual.domain.facts import Identity
from accrual.domain.ids import bucket_of, member_of, ticket_of
from accrual.domain.log import AppendRow, Mark, MemberRow, NewAccount, NewMember, ParkedRow, Posting
from accrual.domain.outcomes import Outcome, Status, encode_outcome
from accrual.domain.transfers import Kind, Line
from accrual.engine.state import AccountState, MemberCell, State
from accrual.engine.task import Decided, Task

NO_SEAL = bytes(16)
"""The seal of a command without an erasable part."""


class Keeper:
    """The overlay and the posting of a batch, changed together."""

    def __init__(self, state: State, *, buckets: int, describe: Callable[[BaseException], str]) -> None:
        self._state = state
        self._buckets = buckets
        self._describe = describe

    def _totals(self, bucket: int, moved: dict[int, int], system_moves: dict[int, int]) -> dict[int, int]:
        """What the batch moves on these system accounts, this command included; never too much, as `net` books it.

        Raises KeyError when an account was not loaded.
        """
        totals = {}
        for account, amount in system_moves.items():
            totals[account] = moved.get(account, 0) + amount
            self._state.systems[bucket, account]
        return totals

    def _book_balances(
        self,
        task: Task,
        cell: MemberCell,
        after: dict[tuple[int, int], tuple[int, int | None]],
        posting: Posting,
    ) -> None:
        command = task.command
        for (asset_id, role), (balance, held) in after.items():
            account = cell.accounts[asset_id, role]
            account.balance, account.held = balance, held
            if not account.exists:
                account.exists = True
                # What is owed stands below zero in an account of its own; nothing else of a member's may.
                floor = None if role == Role.DEBT else FLOOR_ZERO
                row = NewAccount(
                    *(command.bucket, account.account_id, command.programme_id, asset_id, role, task.member_id, floor)
                )
                posting.accounts.append(row)

    def _book_carried(self, line: Line, programme_id: int, posting: Posting) -> None:
        """The account that a full system account's balance was carried to; `line` is its only one."""
        asset_id, role = divmod(line.contra, 16)
        posting.accounts.append(NewAccount(line.bucket, line.account, programme_id, asset_id, role, None, None))

    def _book_netted(self, netted: list[Line], last: Decided, posting: Posting) -> None:
        for line in netted:
            if line.kind == Kind.CARRY and line.contra:
                self._book_carried(line, last.command.programme_id, posting)
                continue
            account = self._state.systems[line.bucket, line.account]
            if not account.exists:
                account.exists = True
                asset_id, role = divmod(line.account, 16)
                programme_id = last.command.programme_id
                posting.accounts.append(NewAccount(line.bucket, line.account, programme_id, asset_id, role, None, None))
            account.balance = line.balance_after
        last.lines.extend(netted)

    def _mark(self, task: Task, cell: MemberCell, mark: int, posting: Posting) -> None:
        row = cell.row
        if row is not None and not row.marks & mark:
            cell.row = row = row._replace(marks=row.marks | mark)
            self._note_mark(task, row, posting)

    def _note_mark(self, task: Task, row: MemberRow, posting: Posting) -> None:
        bucket = task.command.bucket
        marked = self._state.marked.get(bucket)
        if marked is not None:
            marked.add(task.member_id)
        posting.marks.append(Mark(bucket, task.member_id, row.marks, row.merged_into))

    def _enrol(self, task: Task, cell: MemberCell, posting: Posting) -> None:
        command, asked = task.command, task.reward or task.profile or task.move
        if asked is None:
            raise AssertionError("what cannot be read enrols nobody")
        cell.row = MemberRow(task.member_id, None, command.name, None, command.recorded_at)
        posting.members.append(
            NewMember(
                command.bucket,
                task.member_id,
                command.programme_id,
                command.recorded_at,
                command.position,
                command.name,
                asked.identity,
            )
        )

    def _park(self, task: Task, error: str, posting: Posting) -> Decided:
        command = task.command
        revision = 0 if task.programme is None else task.programme.revision
        outcome = Outcome(status=Status.PARKED, revision=revision, error=error)
        posting.parked.append(ParkedRow(command.bucket, command.position, command.recorded_at, error, command.facts))
        if _is_retry(command):
            # What it tried stays put aside and can be tried again; this one is over.
            posting.resumed.append((command.bucket, command.position, command.position))
        cell = self._state.members.get(task.member_id)
        if cell is not None and cell.row is not None:
            posting.unposted.append((command.bucket, task.member_id, command.position))
        return Decided(command, Status.PARKED, encode_outcome(outcome), [], [])


def _is_retry(command: LoggedCommand) -> bool:
    try:
        return isinstance(decode_command(command.facts), Resume)
    except msgspec.DecodeError:
        return False


def follow_up_row(command: LoggedCommand, asked: Command, number: int, buckets: int) -> AppendRow:
    """A follow-up as a row of the log: its ticket derives from the parent's and its number, so a replay makes the same."""
    identity: Identity = asked.identity
    member_id = member_of(command.programme_id, identity.kind, identity.value)
    bucket = bucket_of(member_id, buckets)
    key = b"f" + command.ticket + number.to_bytes(2, "big")
    ticket = ticket_of(command.programme_id, command.client_id, member_id, key, bucket)
    facts = encode_command(asked)
    return AppendRow(
        bucket, ticket, command.programme_id, command.client_id, content_digest(facts), NO_SEAL, facts, None, None, None
    )


def fresh_account(account_id: int) -> AccountState:
    """An account without any line."""
    return AccountState(account_id, 0, None, False)
