"""Decides a batch in order, in memory: commands and loaded state in, one posting out. Reads and writes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from itertools import groupby
from operator import attrgetter

import msgspec

from accrual.domain.accounts import Role
from accrual.domain.commands import Dialect, LoggedCommand, Reward
from accrual.domain.facts import PURCHASES
from accrual.domain.held import Clearance, HeldCommandRow
from accrual.domain.log import Advance, AppendRow, CounterRow, Lease, Link, OutcomeRow, Posting
from accrual.domain.members import EMPTY_PROFILE
from accrual.domain.outcomes import Declined, Outcome, Status, encode_outcome
from accrual.domain.stocks import StockKey
from accrual.engine.chaining import LEG_MAX, NETTED_LEGS_MAX, chained, event_rows
from accrual.engine.clearing import judged_row, why_not_cleared
from accrual.engine.code_sending import OUTBOX, CodeSender
from accrual.engine.draft import CommandDraft
from accrual.engine.earlier import ReadAgain
from accrual.engine.entries import NO_DRAWS, costs_told, keep_entries, what_draws_look_at
from accrual.engine.keeping_levels import tier_event
from accrual.engine.linking import rows_of_judgement
from accrual.engine.process_links import LinkDecider
from accrual.engine.process_moves import MovementDecider, credit_awards, wake_up
from accrual.engine.process_plain import EventOf as EventOf
from accrual.engine.process_plain import PlainDecider
from accrual.engine.process_profiles import ProfileDecider
from accrual.engine.purse import Purse, TooManyLegs
from accrual.engine.settle import net, settle, without_crowded
from accrual.engine.state import MemberCell, State
from accrual.engine.stocks import SeenStocks
from accrual.engine.task import Decided, Task
from accrual.rules.compiled import CompiledProgramme
from accrual.rules.evaluate import evaluate
from accrual.rules.snapshot import (
    PROGRAMME_ITSELF,
    Judgement,
    MemberState,
    PastPurchase,
    Snapshot,
    StockShort,
)


def empty_posting(recorded_at: datetime) -> Posting:
    """A posting that writes nothing yet; follow-ups of it are recorded at `recorded_at`."""
    return Posting(
        *([], [], [], [], [], [], [], [], [], [], [], [], [], []),
        *(recorded_at, [], [], [], [], [], [], [], [], [], [], []),
        *([], [], [], [], []),
    )


class Processor(LinkDecider, MovementDecider, PlainDecider, ProfileDecider):
    """Decides batches over one lane's State, which it changes as it goes: command n+1 sees n.

    After `decide`, `shorts` says of which stocks more has to be fetched, as (bucket, key, wanted); the commands that
    wanted them, and those behind them in their buckets, are not in the posting.

    Whoever calls it drops the State of the buckets concerned unless the posting is confirmed.
    """

    def __init__(
        self,
        state: State,
        *,
        buckets: int,
        event_of: EventOf,
        describe: Callable[[BaseException], str],
        secret: bytes | None = b"",
        sender: CodeSender = OUTBOX,
    ) -> None:
        self.shorts: list[tuple[int, StockKey, int]] = []
        super().__init__(state, buckets=buckets, describe=describe)
        self._secret = secret
        self._sender = sender
        self._event_of = event_of

    def decide(self, tasks: Iterable[Task], leases: dict[int, Lease], recorded_at: datetime) -> Posting:
        """The posting of tasks in bucket and position order; every bucket among them must be leased."""
        posting = self.begin(recorded_at)
        self.decide_more(tasks, leases, posting)
        return posting

    def begin(self, recorded_at: datetime) -> Posting:
        """The posting of a new batch, still without a command. What was decided before must be posted, or forgotten."""
        self.shorts = []
        return empty_posting(recorded_at)

    def decide_more(self, tasks: Iterable[Task], leases: dict[int, Lease], posting: Posting) -> None:
        """Add these tasks to the batch, in bucket and position order, of buckets that are not in it yet.

        No task is kept once it is decided: whoever gives them away one by one has their memory back while it is still in the
        processor's caches.
        """
        for bucket, group in groupby(tasks, key=_bucket):
            self._decide_bucket(leases[bucket], group, posting)

    def _decide_bucket(self, lease: Lease, tasks: Iterator[Task], posting: Posting) -> None:
        """Each command is a draft, and so is what closes the bucket: nothing stands of what is broken off."""
        with CommandDraft(posting) as draft:
            self._decide_in_turn(lease, tasks, draft)

    def _decide_in_turn(self, lease: Lease, tasks: Iterator[Task], draft: CommandDraft) -> None:
        posting, earlier = draft.posting, self._state.earlier
        passed, awaited = earlier.passed, earlier.awaited
        first_event = lease.outbox_next - len(posting.outbox)
        before = head = lease.chain
        last: Decided | None = None
        for task in tasks:
            if task.woken or awaited:
                earlier.wake(task, self._state.members.get(task.member_id))
            try:
                answer = self._decide_one(task, draft)
                after, outcome = self._written(task, answer, head, first_event, draft)
            except StockShort as short:
                # The rest of this bucket waits for the next batch, when more of the stock has been fetched.
                draft.roll_back()
                self.shorts.append((lease.bucket, short.key, short.wanted))
                break
            except ReadAgain:
                draft.roll_back()
                break  # The rest of this bucket waits for the next batch, which reads what this one has changed.
            except Exception as error:
                draft.roll_back()
                answer = self._park(task, self._describe(error), draft)
                after, outcome = self._written(task, answer, head, first_event, draft)
            # The last step. All rows are made, so nothing here can fail.
            before, head, last = head, after, answer
            posting.outcomes.append(outcome)
            posting.lines.extend(answer.lines)
            if answer.uses:
                posting.lot_uses.extend(answer.uses)
            passed.append(answer.command.ticket)
            draft.commit()
        if last is not None:
            head = self._close(lease, last, before, draft) or head
            end, outbox_next = last.command.position + 1, first_event + len(posting.outbox)
            posting.advances.append(Advance(lease.bucket, lease.cursor, end, lease.epoch, head, outbox_next))
            draft.commit()

    def _written(
        self, task: Task, answer: Decided, head: bytes, first_event: int, draft: CommandDraft
    ) -> tuple[bytes, OutcomeRow]:
        """The head of the chain after a command that began at `head`, and the row of its outcome.

        Whatever of it cannot be stored shows here, before anything stands. Raises TooManyLegs where the lines that net the
        bucket would find no numbers behind the command's own.
        """
        if len(answer.lines) + NETTED_LEGS_MAX * len(draft.moved) > LEG_MAX:
            raise TooManyLegs
        if answer.events:
            outbox = draft.posting.outbox
            draft.extend(outbox, event_rows(answer, first_event + len(outbox)))
        earlier = self._state.earlier
        if (
            task.move is not None
            or task.asks_for is not None
            or task.clears is not None
            or answer.expired is not None
            or (earlier.wanted and task.ticket in earlier.wanted)
        ):
            earlier.take_in(task, answer, draft)
        return chained(head, answer)

    def _close(self, lease: Lease, last: Decided, head: bytes, draft: CommandDraft) -> bytes | None:
        """Net what the commands moved, and put that into the last one's step of the chain, which began at `head`.

        Answers the head after it, None where nothing was netted. There is nothing left to refuse: full accounts are
        carried, and each command has seen that its accounts are loaded and that there are numbers left for the legs.
        """
        at, posting, systems = last.command, draft.posting, self._state.systems
        netted = net(draft.moved, systems, at.bucket, at.position, len(last.lines), lease.cursor, at.recorded_at)
        if not netted:
            return None
        self._book_netted(netted, at.programme_id, draft)
        draft.extend(posting.lines, netted)
        last.lines.extend(netted)
        head, outcome = chained(head, last)
        draft.replace_last(posting.outcomes, outcome)
        return head

    def _decide_one(self, task: Task, draft: CommandDraft) -> Decided:
        command, reward, programme, posting = task.command, task.reward, task.programme, draft.posting
        if task.resumes is not None and (command.bucket, task.resumes) in self._state.earlier.resumed:
            return _nothing_parked(command)
        if reward is None and programme is not None and task.error is None:
            answer = self._decide_without_promos(task, programme, draft)
            if answer is not None:
                return answer
        if task.clears is not None and programme is not None and task.error is None:
            declined = why_not_cleared(task, task.clears, self._state.earlier.judged)
            if declined is not None:
                return self._not_cleared(task, task.clears, declined, programme, draft)
        if reward is None or programme is None:
            if task.nothing_parked:
                return _nothing_parked(command)
            return self._park(task, task.error or "not decodable", draft)
        cell = self._state.members[task.member_id]
        if cell.row is not None and cell.row.merged_into is not None:
            if task.clears is not None and task.held is not None:
                draft.add(posting.held_commands, judged_row(task.held, task.clears, command.position))
                reward = msgspec.structs.replace(reward, dialect=Dialect.INTERNAL)  # it was looked at
            return self._forward(task, reward, cell.row.merged_into, draft)
        if task.looks.plain:
            answer = self._decide_plainly(task, reward, programme, cell, draft)
            if answer is not None:
                return answer
        stocks = SeenStocks(self._state, command.bucket)
        occurred_at = reward.facts[0].occurred_at or command.recorded_at
        purse = self._purse(task, cell, occurred_at, draft) if cell.has_books else None
        snapshot = self._snapshot(task, reward, programme, cell, stocks, purse)
        judgement = without_crowded(self._judge(task, reward, snapshot, purse), cell)
        if purse is not None:
            credit_awards(judgement, purse)
            lines, uses, after, system_moves = purse.lines, purse.uses, purse.after, purse.moved
        else:
            lines, uses, after, system_moves = settle(
                judgement.awards, cell, command.bucket, command.position, judgement.occurred_at, command.recorded_at
            )
        follow_ups: list[AppendRow] = []
        if judgement.follow_ups or judgement.claimed:
            follow_ups = rows_of_judgement(command, reward, task.member_id, judgement, self._buckets)
        if task.woken:
            follow_ups += wake_up(command, task.woken, len(follow_ups), self._buckets)
        ladder = programme.ladder
        risen = None if ladder is None or not ladder.climbs else self._risen(task, cell, ladder, judgement)
        outcome = Outcome(
            status=Status.DECIDED,
            revision=programme.revision,
            awards=judgement.awards,
            declines=judgement.declines,
            follow_ups=tuple([follow_up.ticket for follow_up in follow_ups]) if follow_ups else (),
            stocks=stocks.seen(),
            booked=costs_told(judgement) if judgement.spent else (),
            tier=None if risen is None else risen.change,
        )
        payload = encode_outcome(outcome)
        event = self._event_of(reward, command, programme)
        events = () if event is None else (event,)
        self._move_systems(command.bucket, system_moves, draft)
        self._remember(task, cell, judgement, after, draft)
        if cell.earned is not None:
            self._note_awards(cell, cell.earned, ladder, judgement, draft)
        if risen is not None:
            self._keep_profile(task, cell, risen.profile, draft)
            events = (*events, tier_event(task, risen.change))
        if purse is not None:
            self._keep_books(task, cell, purse, draft)
        if judgement.taken:
            stocks.take(judgement.taken, self._buckets, draft)
        if judgement.held or task.clears is not None:
            self._note_held(task, judgement, draft)
        if follow_ups:
            draft.extend(posting.follow_ups, follow_ups)
        if not lines:
            self._nothing_posted(task, draft)
        self._resumed(task, draft)
        expired = None if purse is None else purse.expired_origins or None
        return Decided(command, Status.DECIDED, payload, lines, uses, events, expired)

    def _decide_without_promos(self, task: Task, programme: CompiledProgramme, draft: CommandDraft) -> Decided | None:
        """A change of a profile, a movement, or a command to the links; None for anything else."""
        if task.profile is not None:
            known = self._state.members[task.member_id].row
            if known is not None and known.merged_into is not None:
                return self._forward(task, task.profile, known.merged_into, draft)
            return self._change_profile(task, task.profile, programme, draft)
        if task.move is not None:
            return self._move(task, task.move, draft)
        if task.links is not None:
            return self._decide_links(task, task.links, programme, draft)
        return None

    def _note_held(self, task: Task, judgement: Judgement, draft: CommandDraft) -> None:
        """A command that is held for review, or one that was and is judged now."""
        command = task.command
        if task.clears is not None and task.held is not None:
            draft.add(draft.posting.held_commands, judged_row(task.held, task.clears, command.position))
        elif judgement.held:
            # Tried again, it is held as what it was: that is what a verdict will read.
            position = command.position if task.resumes is None else task.resumes
            row = HeldCommandRow(command.bucket, task.ticket, position, command.programme_id)
            draft.add(draft.posting.held_commands, row)

    def _not_cleared(
        self, task: Task, clearance: Clearance, declined: Declined, programme: CompiledProgramme, draft: CommandDraft
    ) -> Decided:
        command = task.command
        outcome = Outcome(status=Status.DECIDED, revision=programme.revision, declines=(declined,))
        if task.held is not None and declined.reason == "held_refused":
            draft.add(draft.posting.held_commands, judged_row(task.held, clearance, command.position))
        self._nothing_posted(task, draft)
        self._resumed(task, draft)
        return Decided(command, Status.DECIDED, encode_outcome(outcome), [], [])

    def _snapshot(
        self,
        task: Task,
        reward: Reward,
        programme: CompiledProgramme,
        cell: MemberCell,
        stocks: SeenStocks,
        purse: Purse | None,
    ) -> Snapshot:
        command, row, looks = task.command, cell.row, task.looks
        member = None
        if row is not None:
            member = MemberState(task.member_id, row.referrer, row.enrolled_at, cell.profile or EMPTY_PROFILE)
        return Snapshot(
            programme,
            member,
            task.member_id,
            reward.identity,
            command.recorded_at,
            cell.counters.__getitem__,
            stocks.left,
            task.client,
            (lambda: _balances(cell, programme)) if looks.balance else dict,
            (lambda: cell.history or ()) if looks.history_days else tuple,
            self._seed_of(command.ticket) if looks.codes else b"",
            *(what_draws_look_at(task, self._state, purse, self._secret) if looks.rounds or looks.costs else NO_DRAWS),
            task.clears is not None,
        )

    def _judge(self, task: Task, reward: Reward, snapshot: Snapshot, purse: Purse | None) -> Judgement:
        """What entries of draws may cost is what the member has after what is due by now has come and gone."""
        if purse is None or not (task.looks.rounds or task.looks.costs):
            return evaluate(reward, snapshot)
        for asset_id in task.looks.costs:
            purse.bring_up_to_date(asset_id)
        return evaluate(reward, snapshot)

    def _remember(
        self,
        task: Task,
        cell: MemberCell,
        judgement: Judgement,
        after: dict[tuple[int, int], tuple[int, int | None]],
        draft: CommandDraft,
    ) -> None:
        command, member_id, posting = task.command, task.member_id, draft.posting
        bucket, position = command.bucket, command.position
        if judgement.enrol:
            self._enrol(task, cell, draft)
        else:
            self._rename(task, cell, draft)
        if task.reward is not None and task.reward.unique_install:
            self._note_install(task, task.reward, cell, draft)
        if judgement.referrer is not None and cell.row is not None:
            known = draft.own(cell)
            known.row = cell.row._replace(referrer=judgement.referrer)
            known.link_known = True
            draft.add(posting.links, Link(bucket, member_id, position, judgement.referrer))
        if cell.history is not None and task.reward is not None and task.clears is None:
            made = [fact for fact in task.reward.facts if isinstance(fact, PURCHASES)]
            now = command.recorded_at
            past = tuple(PastPurchase(fact.occurred_at or now, fact.amount_minor or 0) for fact in made)
            draft.own(cell).history = past + cell.history
        for (promo_id, slot, period), value in judgement.counters.items():
            draft.put(cell.counters, (promo_id, slot, period), value)
            draft.add(posting.counters, CounterRow(bucket, member_id, promo_id, slot, period, position, value))
        if judgement.drawn:
            keep_entries(task, judgement, self._state, draft)
        self._book_balances(task, cell, after, draft)


_bucket = attrgetter("command.bucket")


def _balances(cell: MemberCell, programme: CompiledProgramme) -> dict[str, int]:
    """Available units by asset code, of the accounts that were loaded."""
    found = {}
    for code, asset_id in programme.assets.items():
        account = cell.accounts.get((asset_id, Role.MEMBER))
        if account is not None:
            found[code] = account.balance - (account.held or 0)
    return found


def _nothing_parked(command: LoggedCommand) -> Decided:
    """A second Resume of the same ticket: the first one has answered it."""
    outcome = Outcome(status=Status.DECIDED, revision=0, declines=(Declined(PROGRAMME_ITSELF, "nothing_parked"),))
    return Decided(command, Status.DECIDED, encode_outcome(outcome), [], [])
