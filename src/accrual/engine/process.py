"""Decides a batch in order, in memory: commands and loaded state in, one posting out. Reads and writes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from itertools import groupby
from operator import attrgetter

import msgspec

from accrual.domain.accounts import Role
from accrual.domain.chain import STORED_BYTES, advance
from accrual.domain.commands import Dialect, LoggedCommand, Reward
from accrual.domain.facts import PURCHASES
from accrual.domain.held import Clearance, HeldCommandRow
from accrual.domain.log import (
    Advance,
    AppendRow,
    CounterRow,
    Lease,
    Link,
    OutboxRow,
    OutcomeRow,
    Posting,
    Rename,
)
from accrual.domain.members import EMPTY_PROFILE
from accrual.domain.outcomes import Declined, Outcome, Status, encode_outcome
from accrual.domain.rows import quick
from accrual.domain.stocks import StockKey
from accrual.engine.clearing import judged_row, why_not_cleared
from accrual.engine.code_sending import OUTBOX, CodeSender
from accrual.engine.earlier import ReadAgain
from accrual.engine.entries import NO_DRAWS, costs_told, keep_entries, what_draws_look_at
from accrual.engine.keeping_levels import tier_event
from accrual.engine.linking import rows_of_judgement
from accrual.engine.process_links import LinkDecider
from accrual.engine.process_moves import MovementDecider, credit_awards, wake_up
from accrual.engine.process_plain import EventOf as EventOf
from accrual.engine.process_plain import PlainDecider
from accrual.engine.process_profiles import ProfileDecider
from accrual.engine.purse import Purse
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

_outcome_row = quick(OutcomeRow)


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
        moved: dict[int, int] = {}
        earlier = self._state.earlier
        passed, wanted, awaited = earlier.passed, earlier.wanted, earlier.awaited
        outbox_next = lease.outbox_next
        head = lease.chain
        last: Decided | None = None
        for task in tasks:
            if task.woken or awaited:
                earlier.wake(task, self._state.members.get(task.member_id))
            try:
                answer = self._decide_one(task, moved, posting)
            except StockShort as short:
                # The rest of this bucket waits for the next batch, when more of the stock has been fetched.
                self.shorts.append((lease.bucket, short.key, short.wanted))
                break
            except ReadAgain:
                break  # The rest of this bucket waits for the next batch, which reads what this one has changed.
            except Exception as error:
                answer = self._park(task, self._describe(error), posting)
            if last is not None:
                head = _chained(head, last, posting)
            last = answer
            passed.append(answer.command.ticket)
            if (
                task.move is not None
                or task.asks_for is not None
                or task.clears is not None
                or answer.expired is not None
                or (wanted and task.ticket in wanted)
            ):
                earlier.take_in(task, answer, posting)
            for kind, payload in answer.events:
                command = task.command
                posting.outbox.append(
                    OutboxRow(command.bucket, outbox_next, command.position, command.recorded_at, kind, payload)
                )
                outbox_next += 1
        if last is None:
            return
        at = last.command
        netted = net(moved, self._state.systems, at.bucket, at.position, len(last.lines), lease.cursor, at.recorded_at)
        self._book_netted(netted, last, posting)
        head = _chained(head, last, posting)
        posting.advances.append(Advance(at.bucket, lease.cursor, at.position + 1, lease.epoch, head, outbox_next))

    def _decide_one(self, task: Task, moved: dict[int, int], posting: Posting) -> Decided:
        command, reward, programme = task.command, task.reward, task.programme
        if task.resumes is not None and (command.bucket, task.resumes) in self._state.earlier.resumed:
            return _nothing_parked(command)
        if reward is None and programme is not None and task.error is None:
            answer = self._decide_without_promos(task, programme, moved, posting)
            if answer is not None:
                return answer
        if task.clears is not None and programme is not None and task.error is None:
            declined = why_not_cleared(task, task.clears, self._state.earlier.judged)
            if declined is not None:
                return self._not_cleared(task, task.clears, declined, programme, posting)
        if reward is None or programme is None:
            if task.nothing_parked:
                return _nothing_parked(command)
            return self._park(task, task.error or "not decodable", posting)
        cell = self._state.members[task.member_id]
        if cell.row is not None and cell.row.merged_into is not None:
            if task.clears is not None and task.held is not None:
                posting.held_commands.append(judged_row(task.held, task.clears, command.position))
                reward = msgspec.structs.replace(reward, dialect=Dialect.INTERNAL)  # it was looked at
            return self._forward(task, reward, cell.row.merged_into, posting)
        if task.looks.plain:
            answer = self._decide_plainly(task, reward, programme, cell, moved, posting)
            if answer is not None:
                return answer
        stocks = SeenStocks(self._state, command.bucket)
        purse = self._purse(task, cell, reward.facts[0].occurred_at or command.recorded_at) if cell.has_books else None
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
        totals = self._totals(command.bucket, moved, system_moves)
        # From here on nothing can fail: the overlay and the posting change together.
        moved.update(totals)
        self._remember(task, cell, judgement, after, posting)
        if cell.earned is not None:
            self._note_awards(cell, cell.earned, ladder, judgement)
        if risen is not None:
            self._keep_profile(task, cell, risen.profile, posting)
            events = (*events, tier_event(task, risen.change))
        if purse is not None:
            self._keep_books(task, cell, purse, posting)
        if judgement.taken:
            stocks.take(judgement.taken, self._buckets, posting)
        if judgement.held or task.clears is not None:
            self._note_held(task, judgement, posting)
        if follow_ups:
            posting.follow_ups.extend(follow_ups)
        if not lines and cell.row is not None:
            posting.unposted.append((command.bucket, task.member_id, command.position))
        if task.resumes is not None:
            posting.resumed.append((command.bucket, task.resumes, command.position))
        expired = None if purse is None else purse.expired_origins or None
        return Decided(command, Status.DECIDED, payload, lines, uses, events, expired)

    def _decide_without_promos(
        self, task: Task, programme: CompiledProgramme, moved: dict[int, int], posting: Posting
    ) -> Decided | None:
        """A change of a profile, a movement, or a command to the links; None for anything else."""
        if task.profile is not None:
            known = self._state.members[task.member_id].row
            if known is not None and known.merged_into is not None:
                return self._forward(task, task.profile, known.merged_into, posting)
            return self._change_profile(task, task.profile, programme, posting)
        if task.move is not None:
            return self._move(task, task.move, moved, posting)
        if task.links is not None:
            return self._decide_links(task, task.links, programme, posting)
        return None

    def _note_held(self, task: Task, judgement: Judgement, posting: Posting) -> None:
        """A command that is held for review, or one that was and is judged now."""
        command = task.command
        if task.clears is not None and task.held is not None:
            posting.held_commands.append(judged_row(task.held, task.clears, command.position))
        elif judgement.held:
            # Tried again, it is held as what it was: that is what a verdict will read.
            position = command.position if task.resumes is None else task.resumes
            posting.held_commands.append(HeldCommandRow(command.bucket, task.ticket, position, command.programme_id))

    def _not_cleared(
        self, task: Task, clearance: Clearance, declined: Declined, programme: CompiledProgramme, posting: Posting
    ) -> Decided:
        command = task.command
        outcome = Outcome(status=Status.DECIDED, revision=programme.revision, declines=(declined,))
        if task.held is not None and declined.reason == "held_refused":
            posting.held_commands.append(judged_row(task.held, clearance, command.position))
        cell = self._state.members[task.member_id]
        if cell.row is not None:
            posting.unposted.append((command.bucket, task.member_id, command.position))
        if task.resumes is not None:
            posting.resumed.append((command.bucket, task.resumes, command.position))
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
        try:
            for asset_id in task.looks.costs:
                purse.bring_up_to_date(asset_id)
            return evaluate(reward, snapshot)
        except BaseException:
            purse.undo()
            raise

    def _remember(
        self,
        task: Task,
        cell: MemberCell,
        judgement: Judgement,
        after: dict[tuple[int, int], tuple[int, int | None]],
        posting: Posting,
    ) -> None:
        command, member_id = task.command, task.member_id
        bucket, position = command.bucket, command.position
        if judgement.enrol:
            self._enrol(task, cell, posting)
        elif cell.row is not None and command.name is not None and command.name != cell.row.name:
            cell.row = cell.row._replace(name=command.name)
            posting.renames.append(Rename(bucket, member_id, command.name))
        if task.reward is not None and task.reward.unique_install:
            self._note_install(task, task.reward, cell, posting)
        if judgement.referrer is not None and cell.row is not None:
            cell.row = cell.row._replace(referrer=judgement.referrer)
            cell.link_known = True
            posting.links.append(Link(bucket, member_id, position, judgement.referrer))
        if cell.history is not None and task.reward is not None and task.clears is None:
            made = [fact for fact in task.reward.facts if isinstance(fact, PURCHASES)]
            now = command.recorded_at
            past = tuple(PastPurchase(fact.occurred_at or now, fact.amount_minor or 0) for fact in made)
            cell.history = past + cell.history
        for (promo_id, slot, period), value in judgement.counters.items():
            cell.counters[promo_id, slot, period] = value
            posting.counters.append(CounterRow(bucket, member_id, promo_id, slot, period, position, value))
        if judgement.drawn:
            keep_entries(task, judgement, self._state, posting)
        self._book_balances(task, cell, after, posting)


_bucket = attrgetter("command.bucket")


def _chained(head: bytes, answer: Decided, posting: Posting) -> bytes:
    """The head of the chain after an answer, which is put into the posting with it."""
    command = answer.command
    head = advance(head, command, answer.status, answer.payload, answer.lines, answer.uses)
    row = (command.position, command.bucket, answer.status, head[:STORED_BYTES], answer.payload)
    posting.outcomes.append(_outcome_row(row))
    posting.lines.extend(answer.lines)
    if answer.uses:
        posting.lot_uses.extend(answer.uses)
    return head


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
