"""What commands of a batch look back on, as it was read before the batch and as the batch has changed it since.

The rows that a command puts into the posting are what later commands of the batch see: they are taken in with it, by way of
its draft.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec

from accrual.domain.commands import Reward
from accrual.domain.held import OPEN
from accrual.domain.ids import bucket_of_ticket
from accrual.domain.lots import Origin
from accrual.domain.members import MARK_AWAITED
from accrual.domain.movements import Capture, Confirm, Merge, Movement, Refund, Release, Reverse
from accrual.domain.outcomes import Status
from accrual.domain.stocks import StockKey
from accrual.domain.transfers import Kind
from accrual.domain.undoing import AwardedLine, FoundTarget, HoldRow, Part, TargetRow
from accrual.engine.draft import CommandDraft
from accrual.engine.moves.limits_back import keys_of
from accrual.engine.moves.reward_books import made_of
from accrual.rules.streak_undo import keys_to_undo

if TYPE_CHECKING:  # these hold what is kept here
    from accrual.engine.state import MemberCell
    from accrual.engine.task import Decided, Task


class ReadAgain(Exception):
    """A command needs something that this batch has changed and does not keep: the next batch reads it."""


class Known(msgspec.Struct, gc=False):
    """What is known for one movement: the command it undoes and how much of that was undone, the hold it ends.

    `of_another`: the target is there, and is not this member's. `holds_open`: whether the member has anything set aside.
    `expired` is what has expired in this batch of what was first credited anywhere, beside what stands in `target`.
    """

    target: TargetRow | None = None
    of_another: bool = False
    undone: Mapping[Part, int] = msgspec.field(default_factory=dict)
    hold: HoldRow | None = None
    holds_open: bool = False
    expired: Mapping[Origin, int] = msgspec.field(default_factory=dict)


class Earlier(msgspec.Struct):
    """Targets, holds, returns and mergers that the commands of one batch are about.

    `found` are targets by the ticket that they are named by, `undone` how much of each part of a target was undone, by
    the ticket that decided it, `holds` by (bucket, ticket). `wanted` are targets that were not decided when they were
    read. `passed` are the tickets of all commands that the batch has decided. `resumed` are the places of parked
    commands that it has tried again, `judged` the held commands that it has judged, and `awaited` the returns that it has
    put aside, by what they wait for.
    """

    found: dict[bytes, FoundTarget] = msgspec.field(default_factory=dict)
    undone: dict[bytes, dict[Part, int]] = msgspec.field(default_factory=dict)
    holds: dict[tuple[int, bytes], HoldRow] = msgspec.field(default_factory=dict)
    wanted: set[bytes] = msgspec.field(default_factory=set)
    passed: list[bytes] = msgspec.field(default_factory=list)
    resumed: set[tuple[int, int]] = msgspec.field(default_factory=set)
    judged: set[bytes] = msgspec.field(default_factory=set)
    awaited: dict[bytes, list[bytes]] = msgspec.field(default_factory=dict)
    expired: dict[Origin, int] = msgspec.field(default_factory=dict)
    _decided: dict[bytes, TargetRow] = msgspec.field(default_factory=dict)
    _answered: set[bytes] = msgspec.field(default_factory=set)
    _merged: set[bytes] = msgspec.field(default_factory=set)
    _passed: set[bytes] = msgspec.field(default_factory=set)
    _seen: tuple[int, ...] = (0, 0, 0, 0, 0, 0, 0)

    def known(self, task: Task, move: Movement, cell: MemberCell) -> Known:
        """What is known of what a movement is about, at this point of the batch. Raises ReadAgain."""
        known = Known(expired=self.expired)
        if isinstance(move, Refund | Reverse):
            ticket, row = self._target(move.target, task)
            if row is None or self._is_theirs(row, task):
                known.target = row
                known.undone = self.undone.get(ticket, {})
            else:
                known.of_another = True
        elif isinstance(move, Capture | Confirm | Release):
            # Who set it aside may have been merged: it then stands under the command that theirs was forwarded as. What was
            # set aside for a reward is known by that command, too.
            ticket, row = self._target(move.target, task)
            bucket = task.command.bucket
            known.target = row
            known.hold = self.holds.get((bucket, move.target))
            if row is not None:
                known.hold = known.hold or self.holds.get((bucket, ticket))
                known.undone = self.undone.get(ticket, {})
        elif isinstance(move, Merge):
            known.holds_open = any((account.held or 0) > 0 for account in cell.accounts.values())
        if known.target is not None and known.target.ticket in self._decided:
            _see_that_it_is_loaded(task, move, known.target, cell)
        return known

    def _target(self, named: bytes, task: Task) -> tuple[bytes, TargetRow | None]:
        """The ticket of a target and the target, None while it is not decided."""
        found = self.found.get(named)
        if found is None:
            return named, None
        ticket, row = found
        decided = self._decided.get(ticket)
        if decided is not None:
            if decided.status == Status.FORWARDED or decided.programme_id != task.command.programme_id:
                return ticket, None
            return ticket, decided
        if row is None and bucket_of_ticket(ticket) != task.command.bucket and self._has_passed(ticket):
            raise ReadAgain
        return ticket, row

    def _has_passed(self, ticket: bytes) -> bool:
        if len(self._passed) < len(self.passed):
            self._passed.update(self.passed)
        return ticket in self._passed

    def _is_theirs(self, row: TargetRow, task: Task) -> bool:
        """Whoever decides a command now is merged with nobody, so they are the last of any chain that they are in."""
        if task.member_id in row.owners:
            return True
        if not self._merged.isdisjoint(row.owners):
            raise ReadAgain
        return False

    def wake(self, task: Task, cell: MemberCell | None) -> None:
        """Which returns wait for a command, at this point of the batch: none unless its member has had one wait."""
        if task.reward is None:
            return
        row = None if cell is None else cell.row
        if row is None or not row.marks & MARK_AWAITED:
            task.woken = None
            return
        woken = [ticket for ticket in task.woken or () if ticket not in self._answered]
        task.woken = (*woken, *self.awaited.get(task.ticket, ()))

    def take_in(self, task: Task, answer: Decided, draft: CommandDraft) -> None:
        """What a command wrote is what later ones see. Plain rewards that nobody wants write nothing of this."""
        posting = draft.posting
        undone, holds, released, awaited, resumed, held, marks = self._seen
        for row in posting.undone[undone:]:
            if row.target not in self.undone:
                draft.put(self.undone, row.target, {})
            draft.put(self.undone[row.target], (row.award, row.fact, row.line), row.units_after)
        for hold in posting.holds[holds:]:
            draft.put(self.holds, (hold.bucket, hold.hold_id), hold)
        for bucket, hold_id, position in posting.released[released:]:
            resolved = self.holds[bucket, hold_id]._replace(resolved_position=position)
            draft.put(self.holds, (bucket, hold_id), resolved)
        for _, target, _ in posting.awaited[awaited:]:
            if target not in self.awaited:
                draft.put(self.awaited, target, [])
            draft.add(self.awaited[target], task.command.ticket)
        for bucket, position, _ in posting.resumed[resumed:]:
            draft.include(self.resumed, (bucket, position))
            if position == task.resumes:
                draft.include(self._answered, task.ticket)
        for verdict in posting.held_commands[held:]:
            if verdict.verdict != OPEN:
                draft.include(self.judged, verdict.ticket)
        for mark in posting.marks[marks:]:
            if mark.merged_into is not None:
                draft.include(self._merged, mark.member_id)
        draft.own(self)._seen = (
            *(len(posting.undone), len(posting.holds), len(posting.released), len(posting.awaited)),
            *(len(posting.resumed), len(posting.held_commands), len(posting.marks)),
        )
        for origin, units in (answer.expired or {}).items():
            draft.put(self.expired, origin, self.expired.get(origin, 0) + units)
        if task.asks_for is not None:
            draft.add(self.passed, task.ticket)
        if task.ticket in self.wanted:
            draft.put(self._decided, task.ticket, self._row_of(task, answer, draft))

    def _row_of(self, task: Task, answer: Decided, draft: CommandDraft) -> TargetRow:
        """A command that was just decided, as it would be read after the batch."""
        command = answer.command
        bucket, position = command.bucket, command.position
        for use in answer.uses:
            origin = (bucket, position, use.lot_leg)
            if use.kind == Kind.EXPIRE and use.lot_position == position and origin not in self.expired:
                draft.put(self.expired, origin, use.amount)
        row = TargetRow(
            ticket=task.ticket,
            bucket=bucket,
            position=position,
            programme_id=command.programme_id,
            recorded_at=command.recorded_at if task.parked is None else task.parked.recorded_at,
            facts=command.facts if task.parked is None else task.parked.facts,
            status=answer.status,
            payload=answer.payload,
            owners=(task.member_id,),
            # What of these has expired stands in `expired`.
            awarded=tuple(
                [
                    AwardedLine(line.account, line.leg, line.amount, line.active_at, 0)
                    for line in answer.lines
                    if line.kind == Kind.AWARD
                ]
            ),
            homes=(bucket,),
        )
        tickets = row.outcome().follow_ups
        if tickets:
            facts = {each.ticket: each.facts for each in draft.posting.follow_ups[-len(tickets) :]}
            row.follow_ups = tuple([(ticket, facts[ticket]) for ticket in tickets if ticket in facts])
        return row


def _see_that_it_is_loaded(task: Task, move: Movement, row: TargetRow, cell: MemberCell) -> None:
    """Counters that undoing a command of this very batch looks at: nearly always they were read for the command itself."""
    counters = cell.counters
    if isinstance(move, Reverse):
        bought, programme = row.command(), task.programme
        if programme is None or not isinstance(bought, Reward) or row.status != Status.DECIDED:
            return
        keys = keys_of(programme, bought, row.outcome(), row.recorded_at)
        keys += keys_to_undo(programme, bought.facts, row.recorded_at, task.command.recorded_at)
        if any(not isinstance(key, StockKey) and key not in counters for key in keys):
            raise ReadAgain
    else:
        made = made_of(row)
        if made is not None and made.counter is not None and made.counter not in counters:
            raise ReadAgain
