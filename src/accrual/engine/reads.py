"""Builds what is shown of tickets and members from rows and the catalogue that decided them. Reads only; no SQL."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from types import MappingProxyType
from typing import Protocol

from accrual.domain.amounts import INT64_MAX
from accrual.domain.books import (
    BookedBalance,
    BookedCommand,
    BookedLine,
    BookedMember,
    StatedAccount,
    StatedLine,
    StatedTotal,
)
from accrual.domain.commands import Submission
from accrual.domain.errors import Missing
from accrual.domain.facts import Identity
from accrual.domain.ids import bucket_of, bucket_of_ticket, is_ticket, member_id_of, member_of
from accrual.domain.lots import LotEvents
from accrual.domain.members import EMPTY_PROFILE, MemberProfile
from accrual.domain.outcomes import Status
from accrual.domain.programme import Catalogue, Language
from accrual.engine.catalog import Catalog
from accrual.engine.level_reads import ladder_of, read_level
from accrual.engine.lot_book import LotBook
from accrual.engine.portray import Decoded, FieldsOf, Names, decode, identity_of, portray, portray_balances
from accrual.engine.resume import RETRIES_MAX, next_retry, retry_ticket
from accrual.engine.reward_views import has_reward, mark_cancelled
from accrual.engine.views import MemberView, ParkedPage, TicketView

FOLLOW_UP_DEPTH_MAX = 16
"""A referral goes by way of the links at each of its levels: twice as deep as promos give, and forwarded now and then."""

TICKETS_A_READ_MAX = 1_000
MERGES_MAX = 16
HISTORY_MAX = 500
CATALOGUES_KEPT_MAX = 64
RETRIES_A_READ = 4
NO_RETRIES: Mapping[bytes, Sequence[Decoded]] = MappingProxyType({})

Lines = dict[tuple[int, int], list[BookedLine]]
"""The lines of members' accounts by (bucket, position)."""


class SnapshotReads(Protocol):
    """The books as they stood at one moment."""

    async def tickets(self, tickets: Sequence[bytes]) -> dict[bytes, BookedCommand]:
        """Those of the tickets that are in the log, by ticket."""

    async def positions(self, bucket: int, positions: Sequence[int]) -> list[BookedCommand]:
        """The commands at these positions of a bucket, newest first."""

    async def lines(self, wanted: Sequence[tuple[int, bytes, int]]) -> list[tuple[int, BookedLine]]:
        """The lines of members' accounts at these (bucket, member, position), with their bucket, in leg order."""

    async def balances(self, bucket: int, member_id: bytes, *, until: int) -> list[BookedBalance]:
        """The newest line of each account of a member up to a position."""

    async def position_at(self, bucket: int, at: datetime) -> int:
        """The newest position of a bucket recorded at or before an instant; 0 when there is none."""

    async def lots(self, bucket: int, member_id: bytes, *, until: int) -> dict[int, LotEvents]:
        """What the open lots of a member's main accounts at a position are known by, by asset_id."""

    async def stated_accounts(
        self, bucket: int, member_id: bytes, *, behind: int, until: int, asset_id: int | None
    ) -> list[StatedAccount]:
        """A member's accounts with a line up to a position: balances at `behind` and at `until`."""

    async def stated_totals(
        self, bucket: int, member_id: bytes, *, behind: int, until: int, asset_id: int | None
    ) -> list[StatedTotal]:
        """What lines of each kind behind a position and up to another add up to."""

    async def stated_lines(
        self, bucket: int, member_id: bytes, *, behind: tuple[int, int], until: int, asset_id: int | None, limit: int
    ) -> list[StatedLine]:
        """At most `limit` lines behind (position, leg) and up to a position, in their order."""

    async def history(self, bucket: int, member_id: bytes, *, before: int, limit: int) -> list[int]:
        """At most `limit` positions below `before` of a member's decided commands, newest first."""

    async def member_named(self, bucket: int, programme_id: int, kind: str, value: str) -> bytes | None:
        """The member an identity is written down for."""

    async def identities(self, member_id: bytes) -> list[tuple[str, str]]:
        """(kind, value) of the identities that name a member."""

    async def member(self, bucket: int, member_id: bytes) -> BookedMember | None:
        """A member's row."""

    async def earned(self, bucket: int, accounts: Sequence[int], since: datetime) -> list[tuple[datetime, int]]:
        """(moment, units) that accounts earned since then, returns and mergers included."""

    async def profile(self, bucket: int, member_id: bytes) -> MemberProfile | None:
        """What is known of a member; None when nothing ever was."""

    async def parked(self, programme_id: int | None, *, after: bytes | None, limit: int) -> list[bytes]:
        """At most `limit` tickets that wait put aside (None: of all programmes), behind `after`, by bucket and position."""


class ReadSource(Protocol):
    """Where snapshots of the books come from; `buckets` is their number in this database."""

    buckets: int

    async def cancelled(self, tickets: Sequence[bytes]) -> set[bytes]:
        """Those of the tickets of redemptions that were given back."""

    def snapshot(self) -> AbstractAsyncContextManager[SnapshotReads]:
        """One moment of the books. Raises DatabaseDown."""

    async def member_name(
        self, bucket: int, member_id: bytes, programme_id: int, kind: str, value: str
    ) -> tuple[str | None, bool]:
        """What the member that an identity itself makes is called, and whether the identity names another one now."""


class Reads:
    """Tickets and members as views. Keeps the names of the revisions it met lately; they never change.

    The newest catalogue is the one in memory, as old as the catalog's last refresh.
    """

    def __init__(
        self, source: ReadSource, catalog: Catalog, fields_of: FieldsOf, *, now: Callable[[], datetime]
    ) -> None:
        """`now` is the wall clock: what is due soon is counted from it."""
        self._now = now
        self._source = source
        self._catalog = catalog
        self._fields_of = fields_of
        self._names: dict[tuple[int, int], Names] = {}
        self._language: Language | None = None

    @property
    def source(self) -> ReadSource:
        """Where snapshots of the books come from."""
        return self._source

    def speak(self, language: Language | None) -> None:
        """From now on say awards and declines in this language; None: in that of each programme."""
        self._language = language
        self._names.clear()

    async def ticket(self, ticket: bytes) -> TicketView | None:
        """Everything about one command, or None when there is none with this ticket. Raises DatabaseDown."""
        return (await self.tickets([ticket])).get(ticket)

    async def tickets(self, tickets: Sequence[bytes]) -> dict[bytes, TicketView]:
        """Those of the tickets that are in the log, by ticket, read at one moment. Raises DatabaseDown."""
        wanted = [ticket for ticket in tickets if is_ticket(ticket) and bucket_of_ticket(ticket) < self._source.buckets]
        if not wanted:
            return {}
        async with self._source.snapshot() as books:
            found = await _read_tickets(books, wanted)
            follow_ups = await _follow_ups(books, found.values())
            lines = await _lines(books, found.values())
            retries = await _retries(books, found.values())
        return {view.ticket: view for view in await self.portray(found.values(), follow_ups, lines, retries)}

    async def parked(self, programme_id: int | None, *, limit: int, after: bytes | None = None) -> ParkedPage:
        """At most `limit` tickets (1 to 500) that wait put aside, of one programme or of all, behind the ticket `after`.

        Raises DatabaseDown.
        """
        limit = max(1, min(limit, HISTORY_MAX))
        async with self._source.snapshot() as books:
            tickets = await books.parked(programme_id, after=after, limit=limit + 1)
        views = await self.tickets(tickets[:limit])
        return ParkedPage(
            tickets=tuple([views[ticket] for ticket in tickets[:limit]]),
            next_after=tickets[limit - 1] if len(tickets) > limit else None,
        )

    async def retry_of(self, ticket: bytes, programme_id: int | None) -> Submission:
        """The command that tries a parked one again; a retry that is under way is the same command.

        Raises Missing, Conflict when there is nothing to try again, Refused when it cannot help, DatabaseDown.
        """
        parked = None
        if is_ticket(ticket) and bucket_of_ticket(ticket) < self._source.buckets:
            async with self._source.snapshot() as books:
                parked = (await _read_tickets(books, [ticket])).get(ticket)
                retries = [] if parked is None else (await _retries(books, [parked])).get(ticket, [])
        if parked is None or programme_id not in (None, parked.row.programme_id):
            raise Missing("There is no such ticket.", code="ticket_unknown")
        return next_retry(parked, retries)

    async def member(
        self,
        programme_id: int,
        identity: Identity,
        *,
        limit: int,
        before: int | None = None,
        at: datetime | None = None,
    ) -> MemberView | None:
        """A member with balances and at most `limit` tickets (1 to 500) below position `before`; None when unknown.

        Balances and history are of one moment: now, or after the newest command recorded at or before `at`. A merged
        member is shown as the one it became. Raises DatabaseDown.
        """
        limit = max(1, min(limit, HISTORY_MAX))
        before = INT64_MAX if before is None else before
        async with self._source.snapshot() as books:
            found = await self.find_member(books, programme_id, identity)
            if found is None:
                return None
            bucket, row = found
            identities = await books.identities(row.member_id)
            profile = await books.profile(bucket, row.member_id)
            ladder = ladder_of(await self._newest(programme_id, ()))
            level = None
            if ladder is not None:
                level = await read_level(books, ladder, bucket, row.member_id, profile or EMPTY_PROFILE, self._now())
            until = INT64_MAX if at is None else await books.position_at(bucket, at)
            before = min(before, until + 1 if at is not None else INT64_MAX)
            balances = await books.balances(bucket, row.member_id, until=until)
            events = await books.lots(bucket, row.member_id, until=until)
            positions = await books.history(bucket, row.member_id, before=before, limit=limit + 1)
            page = [decode(booked) for booked in await books.positions(bucket, positions[:limit])] if positions else []
            follow_ups = await _follow_ups(books, page)
            lines = await _lines(books, page)
            retries = await _retries(books, page)
        lots = {asset_id: LotBook.load(bucket, known, pending=False) for asset_id, known in events.items()}
        return MemberView(
            member_id=row.member_id,
            programme_id=programme_id,
            bucket=bucket,
            name=row.name,
            enrolled_at=row.enrolled_at,
            identities=tuple(Identity(kind, value) for kind, value in identities) or (identity,),
            referrer=None if row.referrer is None else Identity(*row.referrer),
            profile=profile or EMPTY_PROFILE,
            balances=portray_balances(
                await self._newest(programme_id, balances), balances, lots, self._now() if at is None else at
            ),
            history=tuple(await self.portray(page, follow_ups, lines, retries)),
            next_before=positions[limit - 1] if len(positions) > limit else None,
            at=at,
            level=level,
        )

    async def member_name(self, programme_id: int, identity: Identity) -> str | None:
        """What a member is called now; None when nobody is known by this identity, or by no name. Raises DatabaseDown."""
        own = member_id_of(programme_id, identity.kind, identity.value)
        name, is_another = await self._source.member_name(
            bucket_of(own, self._source.buckets), own, programme_id, identity.kind, identity.value
        )
        if not is_another:
            return name
        async with self._source.snapshot() as books:
            found = await self.find_member(books, programme_id, identity)
        return None if found is None else found[1].name

    async def find_member(
        self, books: SnapshotReads, programme_id: int, identity: Identity
    ) -> tuple[int, BookedMember] | None:
        """(bucket, member) of an identity, after mergers; None when nobody is known by it."""
        first = member_id_of(programme_id, identity.kind, identity.value)
        home = bucket_of(first, self._source.buckets)
        member_id: bytes = await books.member_named(home, programme_id, identity.kind, identity.value) or first
        for _ in range(MERGES_MAX):
            bucket = bucket_of(member_id, self._source.buckets)
            row = await books.member(bucket, member_id)
            if row is None or row.programme_id != programme_id:
                return None
            if row.merged_into is None:
                return bucket, row
            member_id = row.merged_into
        return None

    async def portray(
        self,
        decoded: Iterable[Decoded],
        follow_ups: Mapping[bytes, Decoded],
        lines: Lines,
        retries: Mapping[bytes, Sequence[Decoded]] = NO_RETRIES,
    ) -> list[TicketView]:
        """The views of decoded commands, with the names that their revisions give. Raises DatabaseDown."""
        shown = list(decoded)
        # Revisions are fetched once each, before anything is portrayed and outside the snapshot's connection.
        revisions = {
            (part.row.programme_id, part.outcome.revision)
            for part in (*shown, *follow_ups.values())
            if part.outcome is not None
        }
        named = {key: await self.names_of(*key) for key in revisions}
        views = [
            portray(
                part,
                lines.get((part.row.bucket, part.row.position), ()),
                follow_ups,
                lambda programme_id, revision: named[programme_id, revision],
                self._fields_of,
                retries.get(part.row.ticket, ()),
            )
            for part in shown
        ]
        redeemed = [view.ticket for view in views if has_reward(view)]
        cancelled = await self._source.cancelled(redeemed) if redeemed else set()
        return [mark_cancelled(view) if view.ticket in cancelled else view for view in views]

    async def _newest(self, programme_id: int, balances: Sequence[BookedBalance]) -> Catalogue:
        """The newest catalogue in memory; read again when it does not have an asset that the member has."""
        known = self._catalog.programmes.get(programme_id)
        if known is None or {each.asset_id for each in balances} - {stored.asset_id for stored in known.assets}:
            await self._catalog.refresh()
        return self._catalog.newest(programme_id)

    async def _catalogue(self, programme_id: int, revision: int) -> Catalogue:
        # Revision 0 stands where nothing was judged: such an outcome names no asset and no promo.
        return await self._catalog.at(programme_id, revision) if revision else await self._newest(programme_id, ())

    async def names_of(self, programme_id: int, revision: int) -> Names:
        """What a revision (0: the newest) calls its assets and promos. Raises Missing, DatabaseDown."""
        names = self._names.pop((programme_id, revision), None)
        if names is None:
            names = Names(await self._catalogue(programme_id, revision), self._language)
        self._names[programme_id, revision] = names  # last in line, so that the one unused longest leaves first
        if len(self._names) > CATALOGUES_KEPT_MAX:
            del self._names[next(iter(self._names))]
        return names


async def _read_tickets(books: SnapshotReads, tickets: Sequence[bytes]) -> dict[bytes, Decoded]:
    found: dict[bytes, Decoded] = {}
    for start in range(0, len(tickets), TICKETS_A_READ_MAX):
        booked = await books.tickets(tickets[start : start + TICKETS_A_READ_MAX])
        found |= {ticket: decode(entry) for ticket, entry in booked.items()}
    return found


async def _follow_ups(books: SnapshotReads, decoded: Iterable[Decoded]) -> dict[bytes, Decoded]:
    """Every follow-up of these commands, and theirs, by ticket, FOLLOW_UP_DEPTH_MAX levels deep."""
    found: dict[bytes, Decoded] = {}
    level = list(decoded)
    for _ in range(FOLLOW_UP_DEPTH_MAX):
        named = [ticket for part in level if part.outcome is not None for ticket in part.outcome.follow_ups]
        missing = [ticket for ticket in dict.fromkeys(named) if ticket not in found]
        if not missing:
            break
        new = await _read_tickets(books, missing)
        found |= new
        level = list(new.values())
    return found


async def _retries(books: SnapshotReads, decoded: Iterable[Decoded]) -> dict[bytes, list[Decoded]]:
    """What tried those of these commands again that are parked, in order, by the ticket of what was tried."""
    found: dict[bytes, list[Decoded]] = {}
    open_ = [part for part in decoded if part.is_parked and part.command is not None]
    for start in range(0, RETRIES_MAX, RETRIES_A_READ):
        asked = {
            retry_ticket(part.row, part.command.identity, number): part.row.ticket
            for part in open_
            if part.command is not None
            for number in range(start, start + RETRIES_A_READ)
        }
        there = await _read_tickets(books, list(asked))
        for ticket, parked in asked.items():
            if ticket in there:
                found.setdefault(parked, []).append(there[ticket])
        # Retries have no gaps: whoever has fewer than were asked for has no more.
        open_ = [part for part in open_ if len(found.get(part.row.ticket, ())) == start + RETRIES_A_READ]
        if not open_:
            break
    return found


async def _lines(books: SnapshotReads, decoded: Iterable[Decoded]) -> Lines:
    """The lines that these commands wrote to the accounts of the member each was decided for."""
    wanted: list[tuple[int, bytes, int]] = []
    for part in decoded:
        if part.outcome is not None and part.outcome.status is Status.DECIDED:
            identity = identity_of(part)
            own = member_of(part.row.programme_id, identity.kind, identity.value)
            wanted.append((part.row.bucket, part.outcome.member_id or own, part.row.position))
    lines: Lines = {}
    if wanted:
        for bucket, line in await books.lines(wanted):
            lines.setdefault((bucket, line.position), []).append(line)
    return lines
