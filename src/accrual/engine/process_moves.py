"""Decides movements of a batch: carries them out, forwards those of merged members, keeps lots, holds and what was undone."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime

import msgspec

from accrual.domain.accounts import Role
from accrual.domain.commands import Dialect, LoggedCommand, Profile, Resume, Reward, decode_command
from accrual.domain.facts import Identity
from accrual.domain.ids import system_account_id
from accrual.domain.log import AppendRow, CounterRow, NewAccount, SnapshotRow
from accrual.domain.lots import encode_lots
from accrual.domain.members import MARK_AWAITED, MARK_DEBT
from accrual.domain.movements import MEMBER_KIND, Absorb, Confirm, Movement, Refund, Reverse
from accrual.domain.outcomes import Outcome, Status, encode_outcome
from accrual.domain.stocks import StockKey
from accrual.domain.transfers import Kind
from accrual.domain.undoing import HoldRow, UndoneRow
from accrual.engine.code_sending import CodeSender
from accrual.engine.draft import CommandDraft
from accrual.engine.keeping import follow_up_row
from accrual.engine.keeping_levels import LevelKeeper, tier_event
from accrual.engine.moves.prizes_back import keep_records, record_returns
from accrual.engine.moves.scene import Scene
from accrual.engine.moving import carry_out
from accrual.engine.notices import notice_event
from accrual.engine.purse import Purse
from accrual.engine.reward_desk import RewardDesk
from accrual.engine.state import AccountState, MemberCell
from accrual.engine.stocks import give_back
from accrual.engine.task import Decided, Task
from accrual.rules.limits import Key
from accrual.rules.snapshot import Judgement

WAITS = "waits for its purchase"
"""Why a return is put aside whose purchase is not in the log yet."""


class MovementDecider(LevelKeeper):
    """The part of deciding a batch that asks no promo."""

    _secret: bytes | None
    _sender: CodeSender

    def _seed_of(self, ticket: bytes) -> bytes:
        """What is drawn for a command is drawn from this: nobody can tell it without the installation's secret.

        Empty where that is not known, in a preview.
        """
        if self._secret is None:
            return b""
        return hashlib.blake2b(ticket, key=self._secret, digest_size=16, person=b"seed").digest()

    def _purse(self, task: Task, cell: MemberCell, occurred_at: datetime, draft: CommandDraft) -> Purse:
        command = task.command
        return Purse(
            cell,
            self._transit_of(command.bucket, task),
            draft,
            bucket=command.bucket,
            position=command.position,
            now=command.recorded_at,
            occurred_at=occurred_at,
        )

    def _transit_of(self, bucket: int, task: Task) -> dict[int, AccountState]:
        programme = task.programme
        assets = () if programme is None else programme.assets.values()
        found = {}
        for asset_id in assets:
            system = self._state.systems.get((bucket, system_account_id(asset_id, Role.TRANSIT)))
            if system is not None:
                found[asset_id] = system
        return found

    def _keep_books(self, task: Task, cell: MemberCell, purse: Purse, draft: CommandDraft) -> None:
        """What is on its way between members, debt, and snapshots of lots, which spare reading many events."""
        command, posting = task.command, draft.posting
        for asset_id, balance in purse.transit_after.items():
            account = draft.own(self._state.systems[command.bucket, system_account_id(asset_id, Role.TRANSIT)])
            account.balance = balance
            if not account.exists:
                account.exists = True
                row = NewAccount(
                    *(command.bucket, account.account_id, command.programme_id, asset_id, Role.TRANSIT, None, None)
                )
                draft.add(posting.accounts, row)
        for line in purse.lines:
            if line.kind == Kind.CARRY and line.contra:
                self._book_carried(line, command.programme_id, draft)
        for place in purse.after:
            account = cell.accounts[place]
            if account.lots is not None and account.lots.snapshot_due():
                lots = encode_lots(account.lots.snapshot(draft))
                draft.add(posting.snapshots, SnapshotRow(command.bucket, account.account_id, command.position, lots))
        if any(role == Role.DEBT and balance < 0 for (_, role), (balance, _) in purse.after.items()):
            self._mark(task, cell, MARK_DEBT, draft)
        if task.lottery:
            books = [account.lots for account in cell.accounts.values() if account.lots is not None]
            # All are read together, so the one that costs most decides.
            rest = max([book.look_again_after() for book in books], default=0)
            draft.own(cell).books_rest = command.position + rest
            self._close_books(cell, draft)

    def _close_books(self, cell: MemberCell, draft: CommandDraft) -> None:
        """Forget the open lots; they are read again when something asks for them."""
        draft.own(cell).has_books = False
        for account in cell.accounts.values():
            if account.lots is not None:
                draft.own(account).lots = None

    def _forward(self, task: Task, asked: Reward | Profile | Movement, into: bytes, draft: CommandDraft) -> Decided:
        """A merged member's command goes to the member they became, in that one's lane."""
        command = task.command
        identity = Identity(MEMBER_KIND, into.hex())
        if isinstance(asked, Reward | Reverse):
            asked = msgspec.structs.replace(asked, identity=identity, parent=command.ticket)
        else:
            asked = msgspec.structs.replace(asked, identity=identity)
        follow_up = follow_up_row(command, asked, 0, self._buckets)
        revision = 0 if task.programme is None else task.programme.revision
        woken = wake_up(command, task.woken, 1, self._buckets) if task.woken else []
        tickets = (follow_up.ticket, *[row.ticket for row in woken])
        outcome = Outcome(status=Status.FORWARDED, revision=revision, follow_ups=tickets)
        draft.extend(draft.posting.follow_ups, [follow_up, *woken])
        self._nothing_posted(task, draft)
        self._resumed(task, draft)
        return Decided(command, Status.FORWARDED, encode_outcome(outcome), [], [])

    def _move(self, task: Task, asked: Movement, draft: CommandDraft) -> Decided:
        """A command that moves points without a promo."""
        command, programme = task.command, task.programme
        if programme is None:
            raise AssertionError("a movement is decided by a programme")
        cell = self._state.members[task.member_id]
        merged_into = None if cell.row is None else cell.row.merged_into
        if merged_into is not None and not (isinstance(asked, Absorb) and asked.merged == task.member_id):
            return self._forward(task, asked, merged_into, draft)
        task.known = self._state.earlier.known(task, asked, cell)
        desk = RewardDesk(self._state, cell, command.bucket, seed_of=self._seed_of, sender=self._sender)
        scene = carry_out(task, cell, self._transit_of(command.bucket, task), draft, desk)
        purse = scene.purse
        follow_ups = [
            follow_up_row(command, follow_up, number, self._buckets)
            for number, follow_up in enumerate(scene.follow_ups)
        ]
        records = record_returns(task, scene, self._state) if scene.prizes else []
        outcome = Outcome(
            status=Status.DECIDED,
            revision=programme.revision,
            declines=tuple(scene.declines),
            follow_ups=tuple([follow_up.ticket for follow_up in follow_ups]),
            booked=tuple(scene.booked),
            stocks=desk.seen(),
            tier=None if scene.new_level is None else scene.new_level.change,
        )
        payload = encode_outcome(outcome)
        self._move_systems(command.bucket, purse.moved, draft)
        if (scene.enrol or purse.lines) and cell.row is None:
            self._enrol(task, cell, draft)
        self._book_balances(task, cell, purse.after, draft)
        self._keep_books(task, cell, purse, draft)
        if scene.waits_for is not None and task.resumes is None:
            return self._wait(task, cell, scene.waits_for, draft)
        if scene.waits_for is not None:
            return self._park(task, WAITS, draft)
        self._write_down(task, cell, scene, draft)
        if scene.prizes:
            for prize in scene.prizes:
                give_back(prize.stock, 1, self._state, command.bucket, self._buckets, draft)
            keep_records(task, records, self._state, draft)
        desk.keep(command, task.member_id, self._buckets, draft)
        draft.extend(draft.posting.follow_ups, follow_ups)
        if not purse.after:
            self._nothing_posted(task, draft)
        self._resumed(task, draft)
        notice = notice_event(task, scene.booked)
        events = () if notice is None else (notice,)
        if scene.new_level is not None:
            events = (*events, tier_event(task, scene.new_level.change))
        if desk.event is not None:
            events = (*events, desk.event)
        return Decided(command, Status.DECIDED, payload, purse.lines, purse.uses, events, purse.expired_origins or None)

    def _write_down(self, task: Task, cell: MemberCell, scene: Scene, draft: CommandDraft) -> None:
        """What a movement leaves behind besides lines: holds, what was undone of what, mergers, levels."""
        command, posting = task.command, draft.posting
        if scene.earnings:
            self._note_earnings(task, cell, scene.earnings, draft)
        if scene.new_level is not None:
            self._keep_profile(task, cell, scene.new_level.profile, draft)
        bucket, position = command.bucket, command.position
        for key, units in scene.uses_back.items():
            self._give_use_back(task, cell, key, units, draft)
        for key, value in scene.days.items():
            draft.put(cell.counters, key, value)
            draft.add(posting.counters, CounterRow(bucket, task.member_id, *key, position, value))
        if scene.hold is not None:
            asset_id, amount, expires_at = scene.hold
            account_id = cell.accounts[asset_id, Role.MEMBER].account_id
            draft.add(posting.holds, HoldRow(bucket, command.ticket, account_id, position, amount, expires_at))
        if scene.released is not None:
            draft.add(posting.released, (bucket, scene.released.hold_id, position))
        if scene.undone and scene.known.target is not None and isinstance(task.move, Refund | Reverse | Confirm):
            target = scene.known.target.ticket  # the one that decided it, by whichever ticket it was named
            rows = [UndoneRow(bucket, target, *part, position, units) for part, units in scene.undone.items()]
            draft.extend(posting.undone, rows)
        if cell.row is not None and (scene.merged_into is not None or scene.unmerged):
            self._change_mark(task, cell, cell.row._replace(merged_into=scene.merged_into), draft)

    def _give_use_back(self, task: Task, cell: MemberCell, key: Key, units: int, draft: CommandDraft) -> None:
        """A counter or stock stands as if so much had not been used. A counter stays with the member it counted."""
        command = task.command
        if isinstance(key, StockKey):
            give_back(key, units, self._state, command.bucket, self._buckets, draft)
        elif cell.counters.get(key, 0) > 0:
            value = max(0, cell.counters[key] - units)
            draft.put(cell.counters, key, value)
            row = CounterRow(command.bucket, task.member_id, *key, command.position, value)
            draft.add(draft.posting.counters, row)

    def _wait(self, task: Task, cell: MemberCell, target: bytes, draft: CommandDraft) -> Decided:
        """A return whose purchase is not there yet is put aside until it comes."""
        self._mark(task, cell, MARK_AWAITED, draft)
        draft.add(draft.posting.awaited, (task.command.bucket, target, task.command.position))
        return self._park(task, WAITS, draft)


def wake_up(command: LoggedCommand, woken: Sequence[bytes], first: int, buckets: int) -> list[AppendRow]:
    """The returns that waited for this command are tried again."""
    identity = decode_command(command.facts).identity
    return [
        follow_up_row(
            command,
            Resume(dialect=Dialect.INTERNAL, action="resume", identity=identity, ticket=ticket),
            first + number,
            buckets,
        )
        for number, ticket in enumerate(woken)
    ]


def credit_awards(judgement: Judgement, purse: Purse) -> None:
    """Awards to a member whose lots are known: as `settle` writes them, debt paid and lots kept besides; entries paid first."""
    for cost in judgement.spent:
        purse.debit(cost.asset_id, cost.amount, kind=Kind.REDEEM, contra=Role.REDEMPTION)
    for award in judgement.awards:
        purse.credit(
            award.asset_id,
            award.amount,
            kind=Kind.AWARD,
            contra=Role.ISSUANCE,
            expires_at=award.expires_at,
            active_at=award.active_at,
            promo_version_id=award.promo_version_id,
        )
    purse.close()
