"""Decides the commands that there are most of: a known member, simple promos, and nothing to remember but balances."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from accrual.domain.commands import LoggedCommand, Reward
from accrual.domain.ids import system_account_id
from accrual.domain.outcomes import Award, Status
from accrual.domain.transfers import Line
from accrual.engine.draft import CommandDraft
from accrual.engine.keeping import Keeper
from accrual.engine.settle import AWARD, CROWDED, ISSUANCE, MEMBER, quick_line, settle
from accrual.engine.state import MemberCell
from accrual.engine.task import Decided, Task
from accrual.rules.compiled import CompiledProgramme
from accrual.rules.plainly import given_plainly

EventOf = Callable[[Reward, LoggedCommand, CompiledProgramme], tuple[str, bytes] | None]
"""The event that goes out when a command is decided, as (kind, payload), if any."""


class PlainDecider(Keeper):
    """The shortest part of deciding a batch, for what it covers the same as the whole."""

    _event_of: EventOf

    def _decide_plainly(
        self,
        task: Task,
        reward: Reward,
        programme: CompiledProgramme,
        cell: MemberCell,
        draft: CommandDraft,
    ) -> Decided | None:
        """What `_decide_one` comes to for a known member of whom nothing but balances changes; None where more may happen."""
        command, row = task.command, cell.row
        if (
            row is None
            or (command.name is not None and command.name != row.name)
            or cell.has_books
            or cell.history is not None
            or cell.earned is not None
            or reward.unique_install
            or task.resumes is not None
            or task.clears is not None
            or task.woken
            or (programme.ladder is not None and programme.ladder.climbs)
        ):
            return None
        given = given_plainly(reward, programme, task.client, command.recorded_at)
        if given is None:
            return None
        bucket, position, recorded_at = command.bucket, command.position, command.recorded_at
        occurred_at = reward.facts[0].occurred_at or recorded_at
        event = self._event_of(reward, command, programme)
        for award in given.awards:
            if cell.accounts[award.asset_id, MEMBER].balance > CROWDED:
                return None
        if len(given.awards) == 1:
            lines = [self._credit(task, cell, given.awards[0], occurred_at, draft)]
        else:
            lines, _, after, system_moves = settle(given.awards, cell, bucket, position, occurred_at, recorded_at)
            self._move_systems(bucket, system_moves, draft)
            self._book_balances(task, cell, after, draft)
            if not lines:
                self._nothing_posted(task, draft)
        return Decided(command, Status.DECIDED, given.payload, lines, [], () if event is None else (event,))

    def _credit(
        self,
        task: Task,
        cell: MemberCell,
        award: Award,
        occurred_at: datetime,
        draft: CommandDraft,
    ) -> Line:
        """The line of a command's only award, booked as `settle` and `_book_balances` do it for several."""
        command = task.command
        asset_id, amount = award.asset_id, award.amount
        account = cell.accounts[asset_id, MEMBER]
        balance = account.balance + amount
        issuance = system_account_id(asset_id, ISSUANCE)
        draft.credit(account, balance, issuance, draft.moved.get(issuance, 0) - amount)
        if not account.exists:
            self._book_balances(task, cell, {(asset_id, MEMBER): (balance, account.held)}, draft)
        return quick_line((
            command.bucket, account.account_id, command.position, 0, issuance, amount, balance, account.held,
            AWARD, award.promo_version_id, None, None, occurred_at, None, None,
        ))  # fmt: skip
