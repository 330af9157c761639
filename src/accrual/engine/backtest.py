"""Runs commands through a programme in memory and compares with what really happened. It reads; it never posts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import msgspec

from accrual.domain.books import DecidedCommand
from accrual.domain.commands import Command, LoggedCommand, Resume, Reward, decode_command
from accrual.domain.facts import Identity
from accrual.domain.ids import member_id_of
from accrual.domain.log import AppendRow
from accrual.domain.outcomes import Outcome, Status, decode_outcome, encode_outcome
from accrual.domain.referrals import Claim, Join
from accrual.engine.backtest_report import Difference
from accrual.engine.backtest_tally import Side
from accrual.engine.simulate import NOBODY, Simulated, Simulator
from accrual.rules.compiled import CompiledProgramme

DIFFERENCES_MAX = 10
DEPTH_MAX = 16
"""How far follow-ups of follow-ups are followed."""

SHOWN_CHARACTERS_MAX = 2_000
FOLLOW_UPS = (Reward, Claim, Join)

CompiledAt = Callable[[int], Awaitable[CompiledProgramme]]
"""The programme compiled at a stored revision."""


class Span(NamedTuple):
    """Which commands are counted, by when they were recorded; `until` is not in it any more."""

    since: datetime | None = None
    until: datetime | None = None

    def has(self, moment: datetime) -> bool:
        """Whether a moment lies in it."""
        return (self.since is None or moment >= self.since) and (self.until is None or moment < self.until)


class Backtest:
    """One run. Commands before the span are decided too, so that limits stand as they would, and are not counted.

    `proposed` is the programme to try, None: run each command under the revision that decided it (`compiled_at`).
    `simulated` and `really` are told what differs, `both` what is the same on either side. `given_up` is the error of
    commands that lanes died of: they are not tried here.
    """

    def __init__(
        self,
        simulator: Simulator,
        *,
        programme_id: int,
        proposed: CompiledProgramme | None,
        compiled_at: CompiledAt | None,
        client_of: Callable[[int], str | None],
        simulated: Side,
        really: Side | None,
        both: Side,
        span: Span,
        given_up: str,
    ) -> None:
        self._simulator = simulator
        self._programme_id = programme_id
        self._proposed = proposed
        self._compiled_at = compiled_at
        self._client_of = client_of
        self._clients: dict[int, str | None] = {}
        self._simulated = simulated
        self._really = really
        self._both = both
        self._span = span
        self._all_counted = span == Span()
        self._given_up = given_up
        self._revision = 0
        self._as_was: CompiledProgramme | None = None
        self.commands = 0
        self.equal = 0
        self.different: list[Difference] = []

    async def run(
        self, slices: AsyncIterator[Iterable[DecidedCommand]], on_progress: Callable[[int], None] = lambda done: None
    ) -> None:
        """Run the log, slice by slice. Raises DatabaseDown, TooLarge."""
        done = 0
        until = self._span.until
        async for part in slices:
            rows = list(part)
            if until is not None and rows and all(row.command.recorded_at >= until for row in rows):
                return
            for row in rows:
                if row.command.programme_id != self._programme_id:
                    continue
                stored = decode_outcome(row.payload)
                if self._proposed is not None:
                    self._run_proposed(row, stored, self._proposed)
                    continue
                if stored.revision != self._revision and stored.revision and self._compiled_at is not None:
                    self._as_was, self._revision = await self._compiled_at(stored.revision), stored.revision
                # Before the first revision nothing was judged, so there is nothing to judge again.
                if self._as_was is not None:
                    self._run_as_was(row, stored, self._as_was)
            done += len(rows)
            on_progress(done)

    def run_new(self, command: LoggedCommand, asked: Command) -> None:
        """Run a command that never happened, such as a row of a file."""
        if self._proposed is None:
            raise ValueError("what never happened has no revision that decided it")
        self._simulate(command, asked, self._proposed, counted=self._span.has(command.recorded_at))

    def _run_proposed(self, row: DecidedCommand, stored: Outcome, proposed: CompiledProgramme) -> None:
        command = row.command
        asked = read(command)
        counted = self._all_counted or self._span.has(command.recorded_at)
        # The simulation makes the follow-ups of its own outcomes, and what lanes died of is not tried here.
        is_follow_up = isinstance(asked, FOLLOW_UPS) and asked.parent is not None
        if is_follow_up or (stored.status is Status.PARKED and stored.error == self._given_up):
            whose = (*_whose(command, asked), _occurred_at(command, asked))
        else:
            result = self._simulate(command, asked, proposed, counted=counted, stored=stored)
            whose = (result.member_id, result.identity, result.occurred_at)
        if counted and self._really is not None:
            self._really.add(stored, *whose)

    def _simulate(
        self,
        command: LoggedCommand,
        asked: Command | str,
        proposed: CompiledProgramme,
        *,
        counted: bool,
        depth: int = 0,
        stored: Outcome | None = None,
    ) -> Simulated:
        result = self._simulator.decide(command, asked, proposed, self._client(command.client_id), None, stored)
        if counted:
            self._count(result)
        if result.follow_ups and depth < DEPTH_MAX:
            for follow_up in result.follow_ups:
                logged = _as_logged(follow_up, command)
                self._simulate(logged, read(logged), proposed, counted=counted, depth=depth + 1)
        return result

    def _run_as_was(self, row: DecidedCommand, stored: Outcome, programme: CompiledProgramme) -> None:
        command = row.command
        if stored.status is Status.PARKED and stored.error == self._given_up:
            return
        result = self._simulator.decide(
            command, read(command), programme, self._client(command.client_id), stored.stocks, stored
        )
        if not (self._all_counted or self._span.has(command.recorded_at)):
            return
        self.commands += 1
        whose = (result.member_id, result.identity, result.occurred_at)
        if encode_outcome(result.outcome) == row.payload:
            self.equal += 1
            self._both.add(stored, *whose)
            return
        self._simulated.add(result.outcome, *whose)
        if self._really is not None:
            self._really.add(stored, *whose)
        if len(self.different) < DIFFERENCES_MAX:
            self.different.append(_difference(row, result.outcome, stored))

    def _count(self, result: Simulated) -> None:
        self.commands += 1
        self._simulated.add(result.outcome, result.member_id, result.identity, result.occurred_at)

    def _client(self, client_id: int) -> str | None:
        try:
            return self._clients[client_id]
        except KeyError:
            found = self._clients[client_id] = self._client_of(client_id)
            return found


def read(command: LoggedCommand) -> Command | str:
    """What a command asks, or the error when its bytes are none, in the words in which a lane parks it."""
    try:
        return decode_command(command.facts)
    except msgspec.DecodeError as error:
        return f"{type(error).__name__}: {error}"


def _whose(command: LoggedCommand, asked: Command | str) -> tuple[bytes, Identity]:
    identity = NOBODY if isinstance(asked, str) else asked.identity
    return member_id_of(command.programme_id, identity.kind, identity.value), identity


def _occurred_at(command: LoggedCommand, asked: Command | str) -> datetime:
    if isinstance(asked, Reward) and asked.facts and not isinstance(asked, Resume):
        return asked.facts[0].occurred_at or command.recorded_at
    return command.recorded_at


def _as_logged(row: AppendRow, parent: LoggedCommand) -> LoggedCommand:
    return LoggedCommand(
        bucket=row.bucket,
        position=parent.position,
        ticket=row.ticket,
        programme_id=row.programme_id,
        client_id=row.client_id,
        recorded_at=parent.recorded_at,
        content=row.content,
        seal=row.seal,
        facts=row.facts,
        name=None,
    )


def _difference(row: DecidedCommand, simulated: Outcome, stored: Outcome) -> Difference:
    return Difference(
        ticket=str(UUID(bytes=row.command.ticket)),
        bucket=row.command.bucket,
        position=row.command.position,
        simulated=repr(simulated)[:SHOWN_CHARACTERS_MAX],
        stored=repr(stored)[:SHOWN_CHARACTERS_MAX],
    )
