"""What deciding a batch writes down of members and accounts, whoever decides: enrolments, balances, marks, what is parked."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from accrual.domain.accounts import FLOOR_ZERO, Role
from accrual.domain.commands import Command, LoggedCommand, Resume, content_digest, decode_command, encode_command
from accrual.domain.facts import Identity
from accrual.domain.ids import bucket_of, member_of, ticket_of
from accrual.domain.log import AppendRow, Mark, MemberRow, NewAccount, NewMember, ParkedRow, Rename
from accrual.domain.outcomes import Outcome, Status, encode_outcome
from accrual.domain.transfers import Kind, Line
from accrual.engine.draft import CommandDraft
from accrual.engine.state import AccountState, MemberCell, State
from accrual.engine.task import Decided, Task

NO_SEAL = bytes(16)
"""The seal of a command without an erasable part."""


class Keeper:
    """Changes of the State and the rows that say so, through one draft."""

    def __init__(self, state: State, *, buckets: int, describe: Callable[[BaseException], str]) -> None:
        self._state = state
        self._buckets = buckets
        self._describe = describe

    def _move_systems(self, bucket: int, system_moves: dict[int, int], draft: CommandDraft) -> None:
        """Add to what the batch moves on these system accounts; never too much, as `net` books it.

        Raises KeyError when an account was not loaded, so that netting, once all are decided, has nothing to refuse.
        """
        moved = draft.moved
        for account, amount in system_moves.items():
            self._state.systems[bucket, account]
            draft.put(moved, account, moved.get(account, 0) + amount)

    def _book_balances(
        self,
        task: Task,
        cell: MemberCell,
        after: dict[tuple[int, int], tuple[int, int | None]],
        draft: CommandDraft,
    ) -> None:
        command = task.command
        for (asset_id, role), (balance, held) in after.items():
            account = draft.own(cell.accounts[asset_id, role])
            account.balance, account.held = balance, held
            if not account.exists:
                account.exists = True
                # What is owed stands below zero in an account of its own; nothing else of a member's may.
                floor = None if role == Role.DEBT else FLOOR_ZERO
                row = NewAccount(
                    *(command.bucket, account.account_id, command.programme_id, asset_id, role, task.member_id, floor)
                )
                draft.add(draft.posting.accounts, row)

    def _book_carried(self, line: Line, programme_id: int, draft: CommandDraft) -> None:
        """The account that a full system account's balance was carried to; `line` is its only one."""
        asset_id, role = divmod(line.contra, 16)
        row = NewAccount(line.bucket, line.account, programme_id, asset_id, role, None, None)
        draft.add(draft.posting.accounts, row)

    def _book_netted(self, netted: list[Line], programme_id: int, draft: CommandDraft) -> None:
        for line in netted:
            if line.kind == Kind.CARRY and line.contra:
                self._book_carried(line, programme_id, draft)
                continue
            account = draft.own(self._state.systems[line.bucket, line.account])
            account.balance = line.balance_after
            if not account.exists:
                account.exists = True
                row = NewAccount(line.bucket, line.account, programme_id, *divmod(line.account, 16), None, None)
                draft.add(draft.posting.accounts, row)

    def _mark(self, task: Task, cell: MemberCell, mark: int, draft: CommandDraft) -> None:
        row = cell.row
        if row is not None and not row.marks & mark:
            self._change_mark(task, cell, row._replace(marks=row.marks | mark), draft)

    def _change_mark(self, task: Task, cell: MemberCell, row: MemberRow, draft: CommandDraft) -> None:
        bucket = task.command.bucket
        draft.own(cell).row = row
        marked = self._state.marked.get(bucket)
        if marked is not None:
            draft.include(marked, task.member_id)
        draft.add(draft.posting.marks, Mark(bucket, task.member_id, row.marks, row.merged_into))

    def _rename(self, task: Task, cell: MemberCell, draft: CommandDraft) -> None:
        """Keep the name that the command gives, where it is another than the member has."""
        command, row = task.command, cell.row
        if row is not None and command.name is not None and command.name != row.name:
            draft.own(cell).row = row._replace(name=command.name)
            draft.add(draft.posting.renames, Rename(command.bucket, task.member_id, command.name))

    def _enrol(self, task: Task, cell: MemberCell, draft: CommandDraft) -> None:
        command, asked = task.command, task.reward or task.profile or task.move
        if asked is None:
            raise AssertionError("what cannot be read enrols nobody")
        draft.own(cell).row = MemberRow(task.member_id, None, command.name, None, command.recorded_at)
        row = NewMember(
            command.bucket,
            task.member_id,
            command.programme_id,
            command.recorded_at,
            command.position,
            command.name,
            asked.identity,
        )
        draft.add(draft.posting.members, row)

    def _nothing_posted(self, task: Task, draft: CommandDraft) -> None:
        """A command that writes no line stands in its member's history all the same, where there is a member."""
        cell, command = self._state.members.get(task.member_id), task.command
        if cell is not None and cell.row is not None:
            draft.add(draft.posting.unposted, (command.bucket, task.member_id, command.position))

    def _resumed(self, task: Task, draft: CommandDraft) -> None:
        """What this command tried again, if it is a retry, is decided by it."""
        if task.resumes is not None:
            draft.add(draft.posting.resumed, (task.command.bucket, task.resumes, task.command.position))

    def _park(self, task: Task, error: str, draft: CommandDraft) -> Decided:
        command, posting = task.command, draft.posting
        revision = 0 if task.programme is None else task.programme.revision
        outcome = Outcome(status=Status.PARKED, revision=revision, error=error)
        row = ParkedRow(command.bucket, command.position, command.recorded_at, error, command.facts)
        draft.add(posting.parked, row)
        if _is_retry(command):
            # What it tried stays put aside and can be tried again; this one is over.
            draft.add(posting.resumed, (command.bucket, command.position, command.position))
        self._nothing_posted(task, draft)
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
