"""Checks a bucket's history position by position: outcomes, chain, awards against lines, netted system lines. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TypeVar

from accrual.domain.accounts import Role
from accrual.domain.books import BookedStep, BucketState, Fault, SealedCommand
from accrual.domain.chain import HEAD_FIRST, STORED_BYTES, advance
from accrual.domain.commands import Dialect, LoggedCommand, decode_command, seal_of
from accrual.domain.guard import Unreadable, attempt, judged
from accrual.domain.ids import bucket_of_ticket
from accrual.domain.log import OutcomeRow
from accrual.domain.lots import LotUse
from accrual.domain.movements import MEMBER_KIND
from accrual.domain.outcomes import Outcome, Status, decode_outcome
from accrual.domain.rewards import subject_of
from accrual.domain.transfers import Kind, Line
from accrual.engine.moves.reward_books import stock_moved
from accrual.engine.verify_members import MergerCheck

RowT = TypeVar("RowT", Line, LotUse)

SYSTEM_ACCOUNT_END = 1 << 24
"""System accounts are numbered below this: asset times 16 plus role; members' accounts far above."""


class LogCheck:
    """The state of checking one bucket in position order. `erased` counts bodies that are gone, as they may be.

    `stocks` are what its outcomes took of rewards' stocks, less what came back, by subject.
    """

    def __init__(self, bucket: int, state: BucketState) -> None:
        self._bucket = bucket
        self._state = state
        self._head = HEAD_FIRST
        self._chain_holds = True
        self._last_recorded: datetime | None = None
        self._uncovered: dict[int, tuple[int, int]] = {}
        self.erased = 0
        self.follow_ups: list[tuple[int, bytes]] = []
        self.stocks: Counter[bytes] = Counter()
        self.mergers = MergerCheck()

    def step(self, first: int, last: int, step: BookedStep) -> Iterator[Fault]:
        """Faults in positions `first` to `last`. `follow_ups` then holds (position, ticket) still to be looked up."""
        commands = {sealed.command.position: sealed for sealed in step.commands}
        outcomes = {outcome.position: outcome for outcome in step.outcomes}
        lines = _by_position(step.lines)
        lot_uses = _by_position(step.lot_uses)
        self.follow_ups = []
        for position in range(first, last + 1):
            here, used = lines.pop(position, []), lot_uses.pop(position, [])
            sealed = commands.get(position)
            if sealed is None:
                yield self._fault("log", position, "the command is missing")
                self._chain_holds = False
                continue
            yield from judged(self._check_command(sealed), position, table="command")
            if position < self._state.cursor:
                faults = self._check_outcome(sealed, outcomes.get(position), here, used)
                yield from judged(faults, position, otherwise=self._lose_chain)
            elif here or used:
                yield self._fault("log", position, "there are lines of a command that is not decided yet")
        for position in sorted({*lines, *lot_uses}):
            yield self._fault("log", position, "there are lines of a position outside of the log")

    def end(self) -> Iterator[Fault]:
        """Faults that show only once the whole bucket was seen."""
        if self._chain_holds and self._head != self._state.chain:
            text = "the lane's chain head is not the head of what was decided"
            yield self._fault("chain", self._state.cursor - 1, text)
        for account, (position, amount) in sorted(self._uncovered.items()):
            if amount:
                text = f"{amount:+} units from here on are on no netted line of this system account"
                yield self._fault("netting", position, text, account)

    def _lose_chain(self) -> None:
        self._chain_holds = False

    def _check_command(self, sealed: SealedCommand) -> Iterator[Fault]:
        command = sealed.command
        if bucket_of_ticket(command.ticket) != self._bucket:
            yield self._fault("log", command.position, "the ticket belongs to another bucket")
        if self._last_recorded is not None and command.recorded_at < self._last_recorded:
            yield self._fault("log", command.position, "recorded earlier than the command before it")
        self._last_recorded = command.recorded_at
        if sealed.damaged:
            yield self._fault("seal", command.position, "the body cannot be opened")
        elif sealed.salt is not None:
            if seal_of(sealed.salt, command.name, sealed.body or b"") != command.seal:
                yield self._fault("seal", command.position, "name or body are not what was sealed")
        elif sealed.body is not None or command.name is not None:
            yield self._fault("seal", command.position, "name or body stand without the salt of their seal")
        elif not _is_internal(command.facts):
            self.erased += 1

    def _check_outcome(
        self, sealed: SealedCommand, row: OutcomeRow | None, lines: list[Line], lot_uses: list[LotUse]
    ) -> Iterator[Fault]:
        command = sealed.command
        if row is None:
            yield self._fault("log", command.position, "the outcome is missing")
            self._chain_holds = False
            return
        if self._chain_holds:
            self._head = advance(self._head, command, row.status, row.payload, lines, lot_uses)
            if self._head[:STORED_BYTES] != row.chain:
                self._chain_holds = False  # every later head differs too; only the first says anything
                text = "the chain does not hold: this command, its outcome or its lines were changed"
                yield self._fault("chain", command.position, text)
        yield from self._check_netting(command.position, lines)
        outcome = attempt(decode_outcome, row.payload)
        if isinstance(outcome, Unreadable):
            yield self._fault("outcome", command.position, f"the outcome cannot be read: {outcome.why}")
            return
        if outcome.status != row.status:
            yield self._fault("outcome", command.position, "the outcome's two statuses differ")
        yield from self._check_awards(command.position, outcome, lines)
        self._count_stocks(command, outcome)
        self.mergers.see(command, outcome)
        self.follow_ups.extend((command.position, ticket) for ticket in outcome.follow_ups)

    def _count_stocks(self, command: LoggedCommand, outcome: Outcome) -> None:
        for booked in outcome.booked:
            if booked.details is not None and "reward" in booked.details:
                moved = stock_moved(attempt(decode_command, command.facts), booked)
                if moved is not None:
                    self.stocks[subject_of(command.programme_id, moved[0])] += moved[1]

    def _check_awards(self, position: int, outcome: Outcome, lines: list[Line]) -> Iterator[Fault]:
        # What a batch moved on system accounts stands at its last command, which may be one that failed.
        own = [line for line in lines if line.kind != Kind.NETTED]
        if outcome.status is Status.PARKED and (outcome.awards or own):
            yield self._fault("awards", position, "a failed command has awards or lines")
        awarded: Counter[tuple[int | None, int]] = Counter()
        for award in outcome.awards:
            awarded[award.promo_version_id, award.asset_id] += award.amount
        booked: Counter[tuple[int | None, int]] = Counter()
        for line in lines:
            if line.kind == Kind.AWARD and line.account >= SYSTEM_ACCOUNT_END:
                booked[line.promo_version_id, line.contra >> 4] += line.amount
        for version, asset in sorted({*awarded, *booked}, key=str):
            if awarded[version, asset] != booked[version, asset]:
                text = (
                    f"promo version {version} awarded {awarded[version, asset]} of asset {asset}, "
                    f"the lines say {booked[version, asset]}"
                )
                yield self._fault("awards", position, text)

    def _check_netting(self, position: int, lines: list[Line]) -> Iterator[Fault]:
        """Every member line is met by a line of its contra account: netted over a stretch, or its own (transit)."""
        own: Counter[int] = Counter()
        for line in lines:
            if line.kind == Kind.CARRY:
                continue
            if line.account >= SYSTEM_ACCOUNT_END and (line.contra & 15) < Role.ISSUANCE:
                own[line.contra >> 4] += line.amount
            elif line.account >= SYSTEM_ACCOUNT_END:
                since, amount = self._uncovered.get(line.contra, (position, 0))
                # Movements that cancel out within a batch have no netted line, so a sum of nothing starts anew.
                self._uncovered[line.contra] = (since if amount else position, amount + line.amount)
        for asset, amount in sorted(own.items()):
            if amount:
                text = f"what moved between the member's own accounts of asset {asset} sums to {amount:+}, not to zero"
                yield self._fault("netting", position, text)
        for line in _summed(lines):
            if line.account >= SYSTEM_ACCOUNT_END or line.kind == Kind.CARRY:
                continue
            since, amount = self._uncovered.pop(line.account, (position, 0))
            covers_from = line.position if line.covers_from is None else line.covers_from
            if amount + line.amount != 0:
                text = f"this system line is {line.amount:+}, the members' lines it covers are {amount:+}"
                yield self._fault("netting", position, text, line.account)
            elif since < covers_from:
                text = f"position {since} has a member's line before the {covers_from} that this line covers from"
                yield self._fault("netting", position, text, line.account)

    def _fault(self, check: str, position: int, text: str, account: int | None = None) -> Fault:
        return Fault(check, position, account, text)


def _summed(lines: list[Line]) -> list[Line]:
    """The lines, those of one system account as one: more than an amount can hold is written as several."""
    found: dict[tuple[int, int], Line] = {}
    for line in lines:
        known = found.get((line.account, line.kind))
        found[line.account, line.kind] = line if known is None else known._replace(amount=known.amount + line.amount)
    return list(found.values())


def _by_position(rows: Sequence[RowT]) -> dict[int, list[RowT]]:
    found: dict[int, list[RowT]] = {}
    for row in rows:
        found.setdefault(row.position, []).append(row)
    return found


def _is_internal(facts: bytes) -> bool:
    """Whether the command never had a body: a follow-up, a resumption, or something that fell due."""
    command = attempt(decode_command, facts)
    if isinstance(command, Unreadable):
        return False
    followed = getattr(command, "parent", None) is not None or command.identity.kind == MEMBER_KIND
    return followed or command.dialect is Dialect.INTERNAL
