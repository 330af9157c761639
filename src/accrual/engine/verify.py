"""Goes through the books bucket by bucket and names the rows that break a promise. Reads only; repairs nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import msgspec

from accrual.domain.audit_chain import ChainedChange, UnexplainedRow
from accrual.domain.books import (
    AccountLine,
    AccountRow,
    BookedStep,
    BucketState,
    Fault,
    IdentityRow,
    NamedTicket,
    StoredLots,
)
from accrual.domain.guard import judged
from accrual.engine.verify_accounts import AccountCheck, snapshot_faults
from accrual.engine.verify_catalogue import CatalogueChain, unexplained_faults
from accrual.engine.verify_log import LogCheck
from accrual.engine.verify_members import account_faults, identity_faults

POSITIONS_A_STEP = 2_000
FINDINGS_MAX = 100
HISTORY = frozenset({"command", "outcome", "line", "lot_use", "lane", "tail"})
"""The tables that are log and ledger. What stands in others can be put right by what stands in these."""


class BucketBooks(Protocol):
    """One bucket's books at one moment."""

    def unreadable(self) -> list[Fault]:
        """Rows that could not be read since this was asked last; they are in no other answer."""

    async def state(self) -> BucketState | None:
        """Where log and lane stand; None where there is no tail or no lane."""

    async def step(self, first: int, last: int) -> BookedStep:
        """Positions `first` to `last`, both in; asked in order."""

    def account_lines(self) -> AsyncIterator[tuple[list[AccountLine], dict[tuple[int, int], int]]]:
        """Pages of lines in account order, each with its lot uses by (account, position)."""

    async def known_tickets(self, tickets: Sequence[bytes]) -> set[bytes]:
        """Those of the tickets that are in the log."""

    def identities(self) -> AsyncIterator[tuple[list[IdentityRow], set[bytes]]]:
        """Pages of identities, each with those of the members it names who exist."""

    def accounts(self) -> AsyncIterator[list[AccountRow]]:
        """Pages of accounts."""

    async def merged(self) -> dict[bytes, bytes]:
        """Whom merged members were merged into, by member."""

    def named_tickets(self) -> AsyncIterator[list[tuple[NamedTicket, bool]]]:
        """Pages of rows beside the log that name a command, each with whether that command is in the log as they say."""

    def lot_snapshots(self) -> AsyncIterator[list[StoredLots]]:
        """Pages of snapshots of open lots."""

    async def faults(self, state: BucketState) -> list[Fault]:
        """Rows that break a rule which one statement can tell."""


class BookSource(Protocol):
    """Where the books are read from."""

    buckets: int

    def bucket(self, number: int) -> AbstractAsyncContextManager[BucketBooks]:
        """One bucket at one moment. Raises DatabaseDown."""

    def unreadable(self) -> list[Fault]:
        """Rows outside of buckets that could not be read since this was asked last."""

    async def reward_stocks(self) -> dict[bytes, int]:
        """What was used of each reward's stock, by subject."""

    def catalogue_changes(self) -> AsyncIterator[ChainedChange]:
        """Every chained change of the catalogue, programme after programme, each in the order of its numbers."""

    async def unexplained(self) -> list[UnexplainedRow]:
        """Rows of the catalogue that are not as their newest chained change left them."""

    async def decided(self) -> int:
        """A number that rises with each command decided, in whatever bucket."""

    async def overdrawn_budgets(self) -> list[tuple[int, int, int]]:
        """(promo_id, slot, remaining) of budgets out of their bounds."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One row that is not as it should be. `bucket` None: it belongs to no bucket."""

    check: str
    text: str
    bucket: int | None = None
    position: int | None = None
    account: int | None = None
    table: str | None = None


class VerifyReport(msgspec.Struct, frozen=True, kw_only=True):
    """What was checked and what is wrong. `findings` holds the first FINDINGS_MAX of `findings_total`.

    `history_total` of them are about the log or the ledger, the rest about tables beside them. `erased`: bodies that were
    erased, which is no fault. `undecided`: commands no lane has come to yet.
    """

    buckets: int
    commands: int
    lines: int
    erased: int
    undecided: int
    findings_total: int
    history_total: int
    findings: tuple[Finding, ...]

    @property
    def history_holds(self) -> bool:
        """Whether nothing was found in log and ledger themselves."""
        return not self.history_total

    @property
    def clean(self) -> bool:
        """Whether nothing was found."""
        return self.findings_total == 0


class Verification:
    """One run over the books; memory does not grow with them."""

    def __init__(self, source: BookSource, *, on_progress: Callable[[int, int], None] | None = None) -> None:
        """`on_progress` is told (buckets done, commands seen so far), now and then."""
        self._source = source
        self._on_progress = on_progress
        self._findings: list[Finding] = []
        self._findings_total = self._history_total = 0
        self._stocks: Counter[bytes] = Counter()
        self._commands = self._lines = self._erased = self._undecided = 0

    async def run(self, buckets: Iterable[int] | None = None, *, whole: bool | None = None) -> VerifyReport:
        """Check these buckets (None: all) in order, and what spans them if `whole` (None: if all). Raises DatabaseDown."""
        numbers = list(range(self._source.buckets) if buckets is None else buckets)
        decided = await self._source.decided()
        for done, number in enumerate(numbers):
            async with self._source.bucket(number) as books:
                await self._bucket(number, books, done)
                self._note(number, books.unreadable())
            self._progress(done + 1)
        if buckets is None if whole is None else whole:
            for promo_id, slot, remaining in await self._source.overdrawn_budgets():
                text = f"the budget of promo {promo_id} (slot {slot}) has {remaining} left"
                self._note(None, [Fault("stocks", None, None, text, "budget")])
            await self._check_rewards(decided)
            await self._check_catalogue()
            self._note(None, self._source.unreadable())
        return VerifyReport(
            buckets=len(numbers),
            commands=self._commands,
            lines=self._lines,
            erased=self._erased,
            undecided=self._undecided,
            findings_total=self._findings_total,
            history_total=self._history_total,
            findings=tuple(self._findings),
        )

    async def _check_rewards(self, decided_before: int) -> None:
        """Stocks of rewards against what the outcomes took of them; only where nothing was decided since the first look."""
        used = await self._source.reward_stocks()
        if await self._source.decided() != decided_before:
            return
        for subject in sorted(used.keys() | self._stocks.keys()):
            if used.get(subject, 0) != self._stocks[subject]:
                text = f"the outcomes took {self._stocks[subject]} of the stock {subject.hex()}, it says {used.get(subject, 0)}"
                self._note(None, [Fault("stocks", None, None, text, "quota")])

    async def _check_catalogue(self) -> None:
        chains: dict[int, CatalogueChain] = {}
        async for change in self._source.catalogue_changes():
            chain = chains.setdefault(change.programme_id, CatalogueChain(change.programme_id))
            self._note(None, judged(chain.see(change), table="audit_chain"))
        self._note(None, unexplained_faults(await self._source.unexplained()))

    async def _bucket(self, number: int, books: BucketBooks, done: int) -> None:
        state = await books.state()
        self._note(number, books.unreadable())
        if state is None:
            self._note(number, [Fault("log", None, None, "the bucket has no tail or no lane")])
            return
        if not 1 <= state.cursor <= state.next:
            text = f"the lane's cursor is {state.cursor}, the log's next position {state.next}"
            self._note(number, [Fault("log", None, None, text)])
        self._undecided += max(0, state.next - state.cursor)
        await self._history(number, books, state, done)
        accounts = AccountCheck()
        async for lines, taken in books.account_lines():
            self._note(number, accounts.page(lines, taken))
        self._note(number, accounts.end())
        self._lines += accounts.lines
        self._note(number, await books.faults(state))
        await self._beside(number, books)

    async def _beside(self, number: int, books: BucketBooks) -> None:
        async for identities, known in books.identities():
            self._note(
                number, judged(identity_faults(identities, known, number, self._source.buckets), table="identity")
            )
        async for accounts in books.accounts():
            self._note(number, judged(account_faults(accounts, number, self._source.buckets), table="account"))
        async for named in books.named_tickets():
            for row, is_there in named:
                if not is_there:
                    text = f"it names the command {row.ticket.hex()}, which the log does not have, or not like this"
                    self._note(number, [Fault("tickets", None, None, text, row.table)])
        async for snapshots in books.lot_snapshots():
            for stored in snapshots:
                self._note(
                    number, judged(snapshot_faults(stored), stored.position, stored.account, table="lot_snapshot")
                )

    async def _history(self, number: int, books: BucketBooks, state: BucketState, done: int) -> None:
        log = LogCheck(number, state)
        for first in range(1, state.next, POSITIONS_A_STEP):
            last = min(first + POSITIONS_A_STEP, state.next) - 1
            step = await books.step(first, last)
            self._note(number, books.unreadable())
            if not step.commands:  # one fault, not one a position: a tail may be wrong by any number
                self._note(number, [Fault("log", first, None, f"no command stands from {first} to {last}")])
                break
            self._note(number, log.step(first, last, step))
            if log.follow_ups:
                known = await books.known_tickets([ticket for _, ticket in log.follow_ups])
                self._note(
                    number,
                    [
                        Fault("follow_ups", position, None, f"follow-up {ticket.hex()} is not in the log")
                        for position, ticket in log.follow_ups
                        if ticket not in known
                    ],
                )
            self._commands += len(step.commands)
            self._progress(done)
        self._note(number, log.end())
        self._note(number, judged(log.mergers.faults(await books.merged()), table="member"))
        self._erased += log.erased
        self._stocks.update(log.stocks)

    def _note(self, bucket: int | None, faults: Iterable[Fault]) -> None:
        for fault in faults:
            self._findings_total += 1
            self._history_total += fault.table is None or fault.table in HISTORY
            if len(self._findings) < FINDINGS_MAX:
                self._findings.append(
                    Finding(
                        check=fault.check,
                        text=fault.text,
                        bucket=bucket,
                        position=fault.position,
                        account=fault.account,
                        table=fault.table,
                    )
                )

    def _progress(self, done: int) -> None:
        if self._on_progress is not None:
            self._on_progress(done, self._commands)
