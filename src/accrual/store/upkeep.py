"""Finds what falls due by the partial indexes, a bucket and page at a time, and keeps how far upkeep got. Plans nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec

from accrual.domain.errors import Broken
from accrual.domain.facts import Identity
from accrual.domain.members import MemberProfile, decode_profile
from accrual.domain.upkeep import DueAccount, DueHold, NextDue, Standing, Step, WaitingReturn
from accrual.store.connection import Pool, Record
from accrual.store.postgres import mapping_loss
from accrual.store.sql import query

_STANDING, _NEXT, _MARK = query("upkeep/standing"), query("upkeep/next"), query("upkeep/mark")
_EXPIRING, _ACTIVATING = query("upkeep/expiring"), query("upkeep/activating")
_HOLDS, _RETURNS, _AWAITING = query("upkeep/holds"), query("upkeep/returns"), query("upkeep/awaiting")
_PROFILED, _KNOWN_AS = query("upkeep/profiled"), query("upkeep/known_as")

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


class UpkeepStore:
    """The engine's UpkeepSource over a pool; `buckets` is their number in this database."""

    def __init__(self, pool: Pool, buckets: int) -> None:
        self._pool = pool
        self._buckets = buckets
        self._all = list(range(buckets))

    async def standing(self) -> list[Standing]:
        """Where each bucket stands."""
        return [Standing(*row) for row in await self._fetch(_STANDING, self._all)]

    async def next_due(
        self,
        since: Mapping[int, datetime],
        until: datetime,
        notices: Sequence[tuple[timedelta, datetime]],
        *,
        overdue_holds: bool,
    ) -> list[NextDue]:
        """The first instant by `until` at which something falls due, for each bucket and step that has any."""
        slots = [since.get(bucket, until) for bucket in self._all]
        # In seconds: days would be those of the session's time zone.
        ahead_s, behind = [round(ahead.total_seconds()) for ahead, _ in notices], [instant for _, instant in notices]
        rows = await self._fetch(_NEXT, sorted(since), slots, until, ahead_s, behind, overdue_holds)
        return [NextDue(bucket, Step(step), at) for bucket, step, at in rows]

    async def expiring(
        self, bucket: int, since: datetime, until: datetime, *, after: int, limit: int
    ) -> list[DueAccount]:
        """At most `limit` accounts with lots that expire in between, by account."""
        return [DueAccount(bucket, *row) for row in await self._fetch(_EXPIRING, bucket, since, until, after, limit)]

    async def activating(
        self, bucket: int, since: datetime, until: datetime, *, after: int, limit: int
    ) -> list[DueAccount]:
        """The same for pending lots that become active."""
        return [DueAccount(bucket, *row) for row in await self._fetch(_ACTIVATING, bucket, since, until, after, limit)]

    async def holds(self, bucket: int, until: datetime, *, after: DueHold | None, limit: int) -> list[DueHold]:
        """At most `limit` open holds that end by then, soonest first."""
        behind = (LONG_AGO, UUID(int=0)) if after is None else (after.expires_at, UUID(bytes=after.hold_id))
        rows = await self._fetch(_HOLDS, bucket, until, *behind, limit)
        return [DueHold(row[0].bytes, row[1], row[2], bytes(row[3])) for row in rows]

    async def awaiting(self) -> list[int]:
        """Buckets in which a return waits for its purchase."""
        return [row[0] for row in await self._fetch(_AWAITING, self._all)]

    async def returns(self, bucket: int, until: datetime, *, after: int, limit: int) -> list[WaitingReturn]:
        """At most `limit` waiting returns recorded by then, in the log's order."""
        rows = await self._fetch(_RETURNS, bucket, until, after, limit)
        return [WaitingReturn(row[0], row[1].bytes, *tuple(row)[2:]) for row in rows]

    async def profiled(
        self, bucket: int, programme_id: int, *, after: bytes, limit: int
    ) -> list[tuple[bytes, MemberProfile]]:
        """At most `limit` members with what is known of them. Raises Broken `profile_damaged`."""
        rows = await self._fetch(_PROFILED, bucket, programme_id, after, limit)
        try:
            return [(bytes(row[0]), decode_profile(row[1])) for row in rows]
        except msgspec.DecodeError as error:
            raise Broken("A stored profile cannot be read.", code="profile_damaged") from error

    async def known_as(self, bucket: int, members: Sequence[bytes]) -> dict[bytes, Identity]:
        """A name of each of these members."""
        return {bytes(row[0]): Identity(row[1], row[2]) for row in await self._fetch(_KNOWN_AS, bucket, list(members))}

    async def mark(self, done: Mapping[int, datetime]) -> None:
        """Note up to when buckets were looked through."""
        await self._fetch(_MARK, sorted(done), [done[bucket] for bucket in sorted(done)])

    async def _fetch(self, text: str, *arguments: object) -> list[Record]:
        with mapping_loss():
            return await self._pool.fetch(text, *arguments)
