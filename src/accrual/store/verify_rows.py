"""Makes values of the rows that verification reads. What is no value becomes a fault with its place, never an error."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import asyncpg

from accrual.domain.books import Fault
from accrual.domain.guard import UNREADABLE, Unreadable, attempt
from accrual.store.connection import Connection, Record

ValueT = TypeVar("ValueT")

DAMAGED: tuple[type[Exception], ...] = (
    asyncpg.DataError,
    asyncpg.DataCorruptedError,
    asyncpg.IndexCorruptedError,
    asyncpg.UndefinedTableError,
    asyncpg.UndefinedColumnError,
)
"""What PostgreSQL says where rows, pages or tables are not as they should be. Anything else is an error of its own."""

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_ENDLESS = 2**63 - 1
_FIRST = datetime.min.replace(tzinfo=UTC)
_LAST = datetime.max.replace(tzinfo=UTC)
_BEYOND = datetime.max.replace(tzinfo=UTC)
"""Stands for a time that no year from 1 to 9999 has, and is known by identity: a row that has it is always named."""


class Rows:
    """Makes values of one session's rows and keeps the faults of those that are none, until they are taken."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._has_beyond = False

    async def prepare(self, connection: Connection) -> None:
        """Have this session's times read here. The driver raises at years beyond 9999, and knows no zone of the first."""
        await connection.set_type_codec(
            "timestamptz", schema="pg_catalog", encoder=_stored, decoder=self._moment, format="tuple"
        )

    def taken(self) -> list[Fault]:
        """The faults since this was asked last."""
        faults, self._faults = self._faults, []
        return faults

    def made(
        self,
        table: str,
        rows: Iterable[Record],
        make: Callable[[Record], ValueT],
        *,
        position: str | None = None,
        account: str | None = None,
    ) -> list[ValueT]:
        """The values of a table's rows but for those that are none. `position`, `account`: the columns that tell where."""
        has_beyond, self._has_beyond = self._has_beyond, False
        found = []
        for row in rows:
            if any(column is not None and row[column] is None for column in (position, account)):
                self._note("this row has no place", table, row, position, account)
                continue
            value = attempt(make, row)
            if isinstance(value, Unreadable):
                self._note(f"this row cannot be read: {value.why}", table, row, position, account)
                continue
            if has_beyond and any(each is _BEYOND for each in row):
                self._note("a time of this row is in no year from 1 to 9999", table, row, position, account)
            found.append(value)
        return found

    @asynccontextmanager
    async def guarding(self, connection: Connection, what: str) -> AsyncIterator[None]:
        """A savepoint. What PostgreSQL cannot read behind it is a fault; the transaction goes on."""
        try:
            async with connection.transaction():
                yield
        except DAMAGED as error:
            self._faults.append(Fault(UNREADABLE, None, None, f"{what} cannot be read: {error}"))

    def _moment(self, stored: tuple[int]) -> datetime:
        (micros,) = stored
        # The driver writes the first and the last moment there are as minus infinity and infinity.
        if not -_ENDLESS <= micros < _ENDLESS:
            return _LAST if micros > 0 else _FIRST
        try:
            return _EPOCH + timedelta(microseconds=micros)
        except OverflowError:
            self._has_beyond = True
            return _BEYOND

    def _note(self, text: str, table: str, row: Record, position: str | None, account: str | None) -> None:
        where = [None if column is None else row[column] for column in (position, account)]
        self._faults.append(Fault(UNREADABLE, where[0], where[1], text, table))


def _stored(at: datetime) -> tuple[int]:
    return ((at - _EPOCH) // timedelta(microseconds=1),)
