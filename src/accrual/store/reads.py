"""Reads commands, outcomes, lines and members back as rows, from one snapshot. Nothing is interpreted or written here."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from uuid import UUID

import msgspec

from accrual.domain.accounts import Role
from accrual.domain.books import (
    BookedBalance,
    BookedCommand,
    BookedLine,
    BookedMember,
    StatedAccount,
    StatedLine,
    StatedTotal,
)
from accrual.domain.commands import LoggedCommand
from accrual.domain.errors import Broken
from accrual.domain.ids import bucket_of_ticket
from accrual.domain.lots import LotEvents, LotRow, decode_lots
from accrual.domain.members import MemberProfile, decode_profile
from accrual.domain.transfers import Kind
from accrual.store.bodies import open_body
from accrual.store.connection import Connection, Pool, Record
from accrual.store.postgres import mapping_loss
from accrual.store.sql import query

IDENTITIES_MAX = 100

_TICKETS = query("reads/tickets")
_POSITIONS = query("reads/positions")
_LINES = query("reads/lines")
_BALANCES = query("reads/balances")
_POSITION_AT = query("reads/position_at")
_LOT_SNAPSHOTS = query("reads/lot_snapshots")
_LOT_CREDITS = query("reads/lot_credits")
_LOT_USES = query("reads/lot_uses")
_STATED_ACCOUNTS = query("reads/statement_accounts")
_STATED_TOTALS = query("reads/statement_totals")
_STATED_LINES = query("reads/statement_lines")
_HISTORY = query("reads/history")
_IDENTITY = query("reads/identity")
_IDENTITIES = query("reads/identities")
_MEMBER = query("reads/member")
_MEMBER_NAME = query("reads/member_name")
_PARKED = query("reads/parked")
_PROFILE = query("reads/profile")
_EARNED = query("reads/earned")
_CANCELLED = query("reads/cancelled")


class SnapshotReads:
    """The books as they stood at one moment, over one connection."""

    def __init__(self, connection: Connection, buckets: int) -> None:
        self._connection = connection
        self._buckets = buckets

    async def tickets(self, tickets: Sequence[bytes]) -> dict[bytes, BookedCommand]:
        """Those of the tickets that are in the log, by ticket."""
        known = [ticket for ticket in tickets if bucket_of_ticket(ticket) < self._buckets]
        if not known:
            return {}
        found = await self._connection.fetch(
            _TICKETS, sorted({bucket_of_ticket(ticket) for ticket in known}), [UUID(bytes=ticket) for ticket in known]
        )
        booked = [_command(row) for row in found]
        return {entry.command.ticket: entry for entry in booked}

    async def positions(self, bucket: int, positions: Sequence[int]) -> list[BookedCommand]:
        """The commands at these positions of a bucket, newest first."""
        found = await self._connection.fetch(_POSITIONS, bucket, list(positions))
        return sorted((_command(row) for row in found), key=lambda booked: -booked.command.position)

    async def lines(self, wanted: Sequence[tuple[int, bytes, int]]) -> list[tuple[int, BookedLine]]:
        """The lines of members' accounts at these (bucket, member, position), with their bucket, in leg order."""
        buckets, members, positions = zip(*wanted, strict=True)
        found = await self._connection.fetch(_LINES, buckets, members, positions)
        return [(row[0], BookedLine(*tuple(row)[1:])) for row in found]

    async def balances(self, bucket: int, member_id: bytes, *, until: int) -> list[BookedBalance]:
        """The newest line of each account of a member up to a position; an account without lines is left out."""
        return [BookedBalance(*row) for row in await self._connection.fetch(_BALANCES, bucket, member_id, until)]

    async def position_at(self, bucket: int, at: datetime) -> int:
        """The newest position of a bucket recorded at or before an instant; 0 when there is none."""
        return await self._connection.fetchval(_POSITION_AT, bucket, at) or 0

    async def lots(self, bucket: int, member_id: bytes, *, until: int) -> dict[int, LotEvents]:
        """What the open lots of a member's main accounts at a position are known by, by asset_id. Raises Broken."""
        asked = (bucket, member_id, until, Role.MEMBER)
        events: dict[int, LotEvents] = {}
        try:
            for asset_id, position, lots in await self._connection.fetch(_LOT_SNAPSHOTS, *asked):
                events[asset_id] = LotEvents(position, decode_lots(lots), [], [])
        except msgspec.DecodeError as error:
            raise Broken("A snapshot of open lots cannot be read.", code="lots_damaged") from error
        for asset_id, position, leg, amount, expires_at, active_at, *origin in await self._connection.fetch(
            _LOT_CREDITS, *asked
        ):
            first = None if origin[0] is None else (origin[0], origin[1], origin[2])
            lot = LotRow(position, leg, amount, expires_at, active_at, first)
            events.setdefault(asset_id, LotEvents(0, [], [], [])).credits.append(lot)
        for asset_id, *use in await self._connection.fetch(_LOT_USES, *asked):
            events.setdefault(asset_id, LotEvents(0, [], [], [])).uses.append((use[0], use[1], use[2]))
        return events

    async def stated_accounts(
        self, bucket: int, member_id: bytes, *, behind: int, until: int, asset_id: int | None
    ) -> list[StatedAccount]:
        """A member's accounts with a line up to a position: balances at `behind` and at `until`."""
        rows = await self._connection.fetch(_STATED_ACCOUNTS, bucket, member_id, behind, until, asset_id)
        return [StatedAccount(*row) for row in rows]

    async def stated_totals(
        self, bucket: int, member_id: bytes, *, behind: int, until: int, asset_id: int | None
    ) -> list[StatedTotal]:
        """What lines of each kind behind a position and up to another add up to."""
        rows = await self._connection.fetch(_STATED_TOTALS, bucket, member_id, behind, until, asset_id)
        return [StatedTotal(*row) for row in rows]

    async def stated_lines(
        self, bucket: int, member_id: bytes, *, behind: tuple[int, int], until: int, asset_id: int | None, limit: int
    ) -> list[StatedLine]:
        """At most `limit` lines behind (position, leg) and up to a position, in their order."""
        rows = await self._connection.fetch(_STATED_LINES, bucket, member_id, *behind, until, asset_id, limit)
        return [StatedLine(*row) for row in rows]

    async def history(self, bucket: int, member_id: bytes, *, before: int, limit: int) -> list[int]:
        """At most `limit` positions below `before` of a member's decided commands, newest first."""
        found = await self._connection.fetch(_HISTORY, bucket, member_id, before, limit)
        return [row[0] for row in found]

    async def member_named(self, bucket: int, programme_id: int, kind: str, value: str) -> bytes | None:
        """The member an identity is written down for; None when the identity has no row."""
        found = await self._connection.fetchval(_IDENTITY, bucket, programme_id, kind, value)
        return None if found is None else bytes(found)

    async def identities(self, member_id: bytes) -> list[tuple[str, str]]:
        """(kind, value) of the identities that name a member, at most IDENTITIES_MAX."""
        everywhere = list(range(self._buckets))
        found = await self._connection.fetch(_IDENTITIES, everywhere, member_id, IDENTITIES_MAX)
        return [(row[0], row[1]) for row in found]

    async def parked(self, programme_id: int | None, *, after: bytes | None, limit: int) -> list[bytes]:
        """At most `limit` tickets that wait put aside (None: of all programmes), behind `after`, by bucket and position."""
        bucket, ticket = (None, None) if after is None else (bucket_of_ticket(after), UUID(bytes=after))
        everywhere = list(range(self._buckets))
        found = await self._connection.fetch(_PARKED, everywhere, programme_id, bucket, ticket, limit)
        return [row[0].bytes for row in found]

    async def member(self, bucket: int, member_id: bytes) -> BookedMember | None:
        """A member's row, or None."""
        row = await self._connection.fetchrow(_MEMBER, bucket, member_id)
        if row is None:
            return None
        referrer = None if row[5] is None else (row[5], row[6])
        return BookedMember(row[0], row[1], row[2], row[3], row[4], referrer)

    async def earned(self, bucket: int, accounts: Sequence[int], since: datetime) -> list[tuple[datetime, int]]:
        """(moment, units) that accounts earned since then, each moment the beginning of a quarter of an hour."""
        rows = await self._connection.fetch(_EARNED, bucket, list(accounts), since, Kind.AWARD)
        return [(row[0], row[1]) for row in rows]

    async def profile(self, bucket: int, member_id: bytes) -> MemberProfile | None:
        """What is known of a member, or None. Raises Broken `profile_damaged`."""
        document = await self._connection.fetchval(_PROFILE, bucket, member_id)
        try:
            return None if document is None else decode_profile(document)
        except msgspec.DecodeError as error:
            raise Broken("A stored profile cannot be read.", code="profile_damaged") from error


class Reads:
    """Where snapshots of the books come from."""

    def __init__(self, pool: Pool, buckets: int) -> None:
        self._pool = pool
        self.buckets = buckets

    async def member_name(
        self, bucket: int, member_id: bytes, programme_id: int, kind: str, value: str
    ) -> tuple[str | None, bool]:
        """What the member that an identity itself makes is called, and whether the identity names another one now.

        One statement without a transaction around it: partners who expect an answer ask with each call. Raises DatabaseDown.
        """
        with mapping_loss():
            row = await self._pool.fetchrow(_MEMBER_NAME, bucket, member_id, programme_id, kind, value)
        return (None, False) if row is None else (row[0], row[1] is not None)

    async def cancelled(self, tickets: Sequence[bytes]) -> set[bytes]:
        """Those of the tickets of redemptions that were given back, in whole or in part."""
        with mapping_loss():
            rows = await self._pool.fetch(
                _CANCELLED, list(range(self.buckets)), [UUID(bytes=ticket) for ticket in tickets]
            )
        return {row["target"].bytes for row in rows}

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[SnapshotReads]:
        """One moment of the books: everything read inside agrees with itself. Keep it short. Raises DatabaseDown."""
        with mapping_loss():
            async with (
                self._pool.acquire() as connection,
                connection.transaction(isolation="repeatable_read", readonly=True),
            ):
                yield SnapshotReads(connection, self.buckets)


def _command(row: Record) -> BookedCommand:
    return BookedCommand(
        LoggedCommand(
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
        ),
        open_body(row[10]),
        row[11],
        row[12],
    )
