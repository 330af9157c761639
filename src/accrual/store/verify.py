"""Reads the books for checking, bucket by bucket, each at one moment and in bounded pages. Judges nothing itself."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID

from accrual.domain.audit_chain import ChainedChange, UnexplainedRow
from accrual.domain.books import (
    AccountLine,
    AccountRow,
    BookedStep,
    BucketState,
    Fault,
    IdentityRow,
    NamedTicket,
    SealedCommand,
    StoredLots,
)
from accrual.domain.commands import LoggedCommand
from accrual.domain.errors import Broken
from accrual.domain.ids import bucket_of, bucket_of_ticket, is_ticket
from accrual.domain.log import OutcomeRow
from accrual.domain.lots import LotUse
from accrual.domain.transfers import Line
from accrual.store.audit import chained_changes, chained_programmes, unexplained_rows
from accrual.store.bodies import open_body
from accrual.store.connection import Connection, Record
from accrual.store.postgres import connect, mapping_loss
from accrual.store.sql import query
from accrual.store.verify_rows import Rows

PAGE_ROWS = 5_000
FAULTS_MAX = 10

_STATE = query("verify/state")
_COMMANDS = query("verify/commands")
_OUTCOMES = query("verify/outcomes")
_LINES_BY_POSITION = query("verify/lines_by_position")
_LOT_USES_BY_POSITION = query("verify/lot_uses_by_position")
_LINES_BY_ACCOUNT = query("verify/lines_by_account")
_LOT_USES_BY_ACCOUNT = query("verify/lot_uses_by_account")
_KNOWN_TICKETS = query("verify/known_tickets")
_IDENTITIES = query("verify/identities")
_KNOWN_MEMBERS = query("verify/known_members")
_FAULTS_LOG = query("verify/faults_log")
_FAULTS_LOTS = query("verify/faults_lots")
_FAULTS_MEMBERS = query("verify/faults_members")
_FAULTS_HOLDS = query("verify/faults_holds")
_FAULTS_WAITING = query("verify/faults_waiting")
_FAULTS_PLACES = query("verify/faults_places")
_ACCOUNTS = query("verify/accounts")
_MERGED = query("verify/merged")
_KEY_HOMES = query("verify/key_homes")
_GIVEN = query("verify/given")
_NAMED_COMMANDS = query("verify/named_commands")
_SNAPSHOTS = query("verify/snapshots")
_FAULTS_OUTBOX = query("verify/faults_outbox")
_FAULTS_STOCKS = query("verify/faults_stocks")
_BUDGETS = query("verify/budgets")
_REWARDS = query("verify/rewards")
_CURSORS = query("verify/cursors")


class _Placed(Protocol):
    """A row that belongs to a position."""

    @property
    def position(self) -> int: ...


RowT = TypeVar("RowT", bound=_Placed)


class _Stream(Generic[RowT]):
    """A server-side cursor in position order, handed out up to a position at a time."""

    def __init__(self, pages: AsyncIterator[list[Record]], make: Callable[[list[Record]], list[RowT]]) -> None:
        self._pages = pages
        self._make = make
        self._ahead: list[RowT] = []

    async def take(self, last: int) -> list[RowT]:
        """Every row not handed out yet whose position is at most `last`."""
        taken: list[RowT] = []
        while True:
            if self._ahead and self._ahead[-1].position > last:
                split = next(number for number, row in enumerate(self._ahead) if row.position > last)
                taken += self._ahead[:split]
                self._ahead = self._ahead[split:]
                return taken
            taken += self._ahead
            self._ahead = []
            page = await anext(self._pages, None)
            if page is None:
                return taken
            self._ahead = self._make(page)


class BucketBooks:
    """One bucket's books at one moment, and what they name in other buckets at the same moment.

    Rows that cannot be read are left out of every answer, and named by `unreadable`.
    """

    def __init__(self, connection: Connection, rows: Rows, bucket: int, buckets: int) -> None:
        self._connection = connection
        self._rows = rows
        self._bucket = bucket
        self._buckets = buckets
        self._lines = _Stream(
            _pages(connection, _LINES_BY_POSITION, bucket),
            lambda page: rows.made("line", page, _line, position="position", account="account"),
        )
        self._lot_uses = _Stream(
            _pages(connection, _LOT_USES_BY_POSITION, bucket),
            lambda page: rows.made("lot_use", page, _lot_use, position="position", account="account"),
        )

    def unreadable(self) -> list[Fault]:
        """Rows that could not be read since this was asked last."""
        return self._rows.taken()

    async def state(self) -> BucketState | None:
        """Where log and lane stand; None when the bucket has no tail or no lane, or they cannot be read."""
        states: list[BucketState] = []
        async with self._rows.guarding(self._connection, "tail or lane"):
            states += self._rows.made("lane", await self._connection.fetch(_STATE, self._bucket), _state)
        return states[0] if states else None

    async def step(self, first: int, last: int) -> BookedStep:
        """Positions `first` to `last`, both in; to be asked in order, so that the lines are read once."""
        step = BookedStep([], [], [], [])
        async with self._rows.guarding(self._connection, f"the log from {first} to {last}"):
            found = await self._connection.fetch(_COMMANDS, self._bucket, first, last)
            step.commands.extend(self._rows.made("command", found, _sealed, position="position"))
            found = await self._connection.fetch(_OUTCOMES, self._bucket, first, last)
            step.outcomes.extend(self._rows.made("outcome", found, _outcome, position="position"))
            step.lines.extend(await self._lines.take(last))
            step.lot_uses.extend(await self._lot_uses.take(last))
        return step

    async def account_lines(self) -> AsyncIterator[tuple[list[AccountLine], dict[tuple[int, int], int]]]:
        """Pages of lines in account order, each with what was taken from lots at its (account, position) places."""
        async with self._rows.guarding(self._connection, "the ledger"):
            async for page in _pages(self._connection, _LINES_BY_ACCOUNT, self._bucket):
                lines = self._rows.made(
                    "line", page, lambda row: AccountLine(*row), position="position", account="account"
                )
                if not lines:
                    continue
                first, last = lines[0], lines[-1]
                taken = await self._connection.fetch(
                    _LOT_USES_BY_ACCOUNT, self._bucket, first.account, first.position, last.account, last.position
                )
                yield lines, {(row[0], row[1]): int(row[2] or 0) for row in taken}

    async def known_tickets(self, tickets: Sequence[bytes]) -> set[bytes]:
        """Those of the tickets that are in the log, in whatever bucket."""
        whole = [ticket for ticket in tickets if is_ticket(ticket)]
        buckets = sorted({bucket_of_ticket(ticket) for ticket in whole})
        found = await self._connection.fetch(_KNOWN_TICKETS, buckets, [UUID(bytes=ticket) for ticket in whole])
        return {row[0].bytes for row in found}

    async def identities(self) -> AsyncIterator[tuple[list[IdentityRow], set[bytes]]]:
        """Pages of identities, each with those of the members it names who exist."""
        async with self._rows.guarding(self._connection, "the identities"):
            async for page in _pages(self._connection, _IDENTITIES, self._bucket):
                rows = self._rows.made("identity", page, _identity)
                named = {row.member_id for row in rows}
                buckets = sorted({bucket_of(member_id, self._buckets) for member_id in named})
                known = await self._connection.fetch(_KNOWN_MEMBERS, buckets, list(named))
                yield rows, {bytes(row[0]) for row in known}

    async def accounts(self) -> AsyncIterator[list[AccountRow]]:
        """Pages of accounts."""
        async with self._rows.guarding(self._connection, "the accounts"):
            async for page in _pages(self._connection, _ACCOUNTS, self._bucket):
                yield self._rows.made("account", page, lambda row: AccountRow(*row), account="account_id")

    async def merged(self) -> dict[bytes, bytes]:
        """Whom merged members were merged into, by member."""
        found: dict[bytes, bytes] = {}
        async with self._rows.guarding(self._connection, "the mergers"):
            found |= {row[0]: row[1] for row in await self._connection.fetch(_MERGED, self._bucket)}
        return found

    async def named_tickets(self) -> AsyncIterator[list[tuple[NamedTicket, bool]]]:
        """Pages of rows beside the log that name a command, each with whether that command is in the log as they say."""
        for table, statement in (("key_home", _KEY_HOMES), ("reward_given", _GIVEN)):
            async with self._rows.guarding(self._connection, table):
                async for page in _pages(self._connection, statement, self._bucket):
                    rows = self._rows.made(table, page, partial(_named_ticket, table))
                    buckets = sorted({bucket_of_ticket(row.ticket) for row in rows})
                    found = await self._connection.fetch(
                        _NAMED_COMMANDS, buckets, [UUID(bytes=row.ticket) for row in rows]
                    )
                    known = {row[0].bytes: (row[1], bytes(row[2])) for row in found}
                    yield [(row, _is_named(row, known.get(row.ticket))) for row in rows]

    async def lot_snapshots(self) -> AsyncIterator[list[StoredLots]]:
        """Pages of snapshots of open lots."""
        async with self._rows.guarding(self._connection, "snapshots of lots"):
            async for page in _pages(self._connection, _SNAPSHOTS, self._bucket):
                yield self._rows.made(
                    "lot_snapshot", page, lambda row: StoredLots(*row), position="position", account="account"
                )

    async def faults(self, state: BucketState) -> list[Fault]:
        """Rows that break a rule which a statement can tell; at most FAULTS_MAX of each sort."""
        found: list[Fault] = []
        for what, statement, arguments in (
            ("the ends of the log", _FAULTS_LOG, (state.next, state.cursor)),
            ("lot uses", _FAULTS_LOTS, ()),
            ("accounts and members", _FAULTS_MEMBERS, (state.cursor,)),
            ("holds", _FAULTS_HOLDS, ()),
            ("failed commands and reviews", _FAULTS_WAITING, (state.cursor,)),
            ("rows of commands", _FAULTS_PLACES, (state.cursor,)),
            ("the outbox", _FAULTS_OUTBOX, (state.outbox_next,)),
            ("shares, quotas and stocks", _FAULTS_STOCKS, ()),
        ):
            async with self._rows.guarding(self._connection, what):
                rows = await self._connection.fetch(statement, self._bucket, *arguments, FAULTS_MAX)
                found += [Fault(row[0], row[1], row[2], row[3] or "it has an empty column", row[4]) for row in rows]
        return found


class Books:
    """Where the books of each bucket are read from: one session, opened at the first question, without time limits."""

    def __init__(self, url: str, buckets: int) -> None:
        self._url = url
        self.buckets = buckets
        self._connection: Connection | None = None
        self._rows = Rows()

    @asynccontextmanager
    async def bucket(self, number: int) -> AsyncIterator[BucketBooks]:
        """One bucket at one moment. Raises DatabaseDown."""
        with mapping_loss():
            connection = await self._session()
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                yield BucketBooks(connection, self._rows, number, self.buckets)

    def unreadable(self) -> list[Fault]:
        """Rows outside of buckets that could not be read since this was asked last."""
        return self._rows.taken()

    async def overdrawn_budgets(self) -> list[tuple[int, int, int]]:
        """(promo_id, slot, remaining) of budgets below zero; at most FAULTS_MAX."""
        with mapping_loss():
            connection = await self._session()
            found: list[Record] = []
            async with self._rows.guarding(connection, "the budgets"):
                found = await connection.fetch(_BUDGETS, FAULTS_MAX)
        return [(row[0], row[1], row[2]) for row in found]

    async def reward_stocks(self) -> dict[bytes, int]:
        """What was used of each reward's stock, by subject."""
        with mapping_loss():
            connection = await self._session()
            found: list[Record] = []
            async with self._rows.guarding(connection, "the stocks of rewards"):
                found = await connection.fetch(_REWARDS, list(range(self.buckets)))
        return {row["subject"] or b"": row["used"] or 0 for row in found}

    async def catalogue_changes(self) -> AsyncIterator[ChainedChange]:
        """Every chained change of the catalogue, programme after programme, each in the order of its numbers."""
        with mapping_loss():
            connection = await self._session()
            async with self._rows.guarding(connection, "the chain of catalogue changes"):
                for programme_id in await chained_programmes(connection):
                    async for change in chained_changes(connection, programme_id):
                        yield change

    async def unexplained(self) -> list[UnexplainedRow]:
        """Rows of the catalogue that are not as their newest chained change left them, at one moment."""
        found: list[UnexplainedRow] = []
        with mapping_loss():
            connection = await self._session()
            async with (
                connection.transaction(isolation="repeatable_read", readonly=True),
                self._rows.guarding(connection, "the catalogue"),
            ):
                found += await unexplained_rows(connection)
        return found

    async def decided(self) -> int:
        """The sum of all lanes' cursors."""
        with mapping_loss():
            return int(await (await self._session()).fetchval(_CURSORS, list(range(self.buckets))))

    async def close(self) -> None:
        """End the session."""
        if self._connection is not None:
            await self._connection.close()
            self._connection = None

    async def _session(self) -> Connection:
        if self._connection is None or self._connection.is_closed():
            # Reading a large bucket takes what it takes; each bucket is a transaction of its own.
            self._connection = await connect(self._url, label="verify", statement_timeout_s=0, idle_in_transaction_s=0)
            await self._rows.prepare(self._connection)
        return self._connection


async def _pages(connection: Connection, statement: str, *args: Any) -> AsyncIterator[list[Record]]:
    cursor = await connection.cursor(statement, *args)
    while page := await cursor.fetch(PAGE_ROWS):
        yield page


def _identity(row: Record) -> IdentityRow:
    return IdentityRow(row[0], row[1], row[2], bytes(row[3]))


def _named_ticket(table: str, row: Record) -> NamedTicket:
    return NamedTicket(table, row[0].bytes, row[1], row[2])


def _is_named(row: NamedTicket, found: tuple[int, bytes] | None) -> bool:
    return found is not None and (row.client_id is None or (row.client_id, row.content) == found)


def _state(row: Record) -> BucketState:
    if any(value is None for value in row):
        raise ValueError("tail or lane has an empty column")
    return BucketState(*row)


def _sealed(row: Record) -> SealedCommand:
    command = LoggedCommand(
        bucket=row[0],
        position=row[1],
        ticket=row[2].bytes,
        programme_id=row[3],
        client_id=row[4],
        recorded_at=row[5],
        content=row[6],
        seal=row[7],
        facts=row[8],
        name=row[9] or None,
    )
    try:
        return SealedCommand(command, row[10], open_body(row[11]), False)
    except Broken:
        return SealedCommand(command, row[10], None, True)


def _line(row: Record) -> Line:
    written = tuple(row)
    origin = written[14:]
    return Line._make((*written[:14], None if origin == (None, None, None) else origin))


def _lot_use(row: Record) -> LotUse:
    return LotUse(*row)


def _outcome(row: Record) -> OutcomeRow:
    return OutcomeRow(*row)
