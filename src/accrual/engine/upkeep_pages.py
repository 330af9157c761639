"""What each step of upkeep finds in a stretch of time, as pages of commands, a bucket at a time. Appends and notes nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from accrual.domain.commands import Submission
from accrual.domain.programme import Catalogue
from accrual.domain.upkeep import DueAccount, DueHold, Step
from accrual.engine import due_commands
from accrual.engine.catalog import Catalog
from accrual.engine.due import DAYS_AHEAD
from accrual.engine.ports_upkeep import UpkeepSource
from accrual.rules.ladder import Ladder, compile_ladder

PIECE = timedelta(hours=12)
"""Notices are looked for in stretches that are shorter than any day."""

Page = Sequence[Submission]
Threshold = tuple[timedelta, datetime]
"""How long ahead a notice goes out, and behind which instant the lots must expire that it is about."""


class Window(NamedTuple):
    """A stretch of time that is looked through: from where each bucket stands, until its end.

    `wanted` are the buckets that have something due for a step, `reviews` what is due of levels, as (programme, instant).
    """

    since: Mapping[int, datetime]
    until: datetime
    now: datetime
    wanted: Mapping[Step, frozenset[int]]
    thresholds: Sequence[Threshold]
    reviews: Sequence[tuple[int, datetime]] = ()

    @property
    def ahead(self) -> bool:
        """Whether it ends ahead of the clock: a test clock."""
        return self.until > self.now


class Pages:
    """Finds and makes commands, at most `page_max` things at a time."""

    def __init__(self, source: UpkeepSource, catalog: Catalog, *, page_max: int) -> None:
        self._source = source
        self._catalog = catalog
        self._page_max = page_max
        self._ladders: dict[int, tuple[int, Ladder | None]] = {}
        self._makers: Mapping[Step, Callable[[int, Window], AsyncIterator[Page]]] = {
            Step.ACTIVATE: self._activations,
            Step.EXPIRE: self._expiries,
            Step.HOLDS: self._holds,
            Step.RETURNS: self._returns,
            Step.TIERS: self._reviews,
            Step.NOTICES: self._notices,
        }

    def of(self, step: Step, bucket: int, window: Window) -> AsyncIterator[Page]:
        """The commands of a step in a bucket."""
        return self._makers[step](bucket, window)

    def ladders(self) -> dict[int, Ladder]:
        """The levels of each programme that has any."""
        found = {}
        for programme_id, catalogue in self._catalog.programmes.items():
            known = self._ladders.get(programme_id)
            if known is None or known[0] != catalogue.revision:
                assets = {stored.asset.code: stored.asset_id for stored in catalogue.assets}
                known = self._ladders[programme_id] = catalogue.revision, compile_ladder(catalogue.settings, assets)
            if known[1] is not None:
                found[programme_id] = known[1]
        return found

    async def _activations(self, bucket: int, window: Window) -> AsyncIterator[Page]:
        async for found in self._accounts(self._source.activating, bucket, window.since[bucket], window.until):
            made = [due_commands.activation(due, self._of(due.programme_id)) for due in found]
            yield [each for each in made if each is not None]

    async def _expiries(self, bucket: int, window: Window) -> AsyncIterator[Page]:
        async for found in self._accounts(self._source.expiring, bucket, window.since[bucket], window.until):
            made = [due_commands.expiry(due, self._of(due.programme_id)) for due in found]
            yield [each for each in made if each is not None]

    async def _holds(self, bucket: int, window: Window) -> AsyncIterator[Page]:
        behind: DueHold | None = None
        while True:
            found = await self._source.holds(bucket, window.until, after=behind, limit=self._page_max)
            yield [due_commands.time_out(due, window.until, ahead=window.ahead) for due in found]
            if len(found) < self._page_max:
                return
            behind = found[-1]

    async def _returns(self, bucket: int, window: Window) -> AsyncIterator[Page]:
        behind = 0
        while True:
            found = await self._source.returns(bucket, window.until, after=behind, limit=self._page_max)
            made = [
                due_commands.given_up(each, self._of(each.programme_id), window.until, ahead=window.ahead)
                for each in found
            ]
            yield [each for each in made if each is not None]
            if len(found) < self._page_max:
                return
            behind = found[-1].position

    async def _reviews(self, bucket: int, window: Window) -> AsyncIterator[Page]:
        """A review of each member above the lowest level: nobody else can fall."""
        ladders = self.ladders()
        for programme_id, due_at in window.reviews:
            behind = b""
            while due_at > window.since[bucket]:
                found = await self._source.profiled(bucket, programme_id, after=behind, limit=self._page_max)
                yield [
                    due_commands.review(programme_id, member_id, due_at)
                    for member_id, profile in found
                    if ladders[programme_id].place_of(profile.tier) > 0
                ]
                if len(found) < self._page_max:
                    break
                behind = found[-1][0]

    async def _notices(self, bucket: int, window: Window) -> AsyncIterator[Page]:
        for days, (ahead, behind) in zip(DAYS_AHEAD, window.thresholds, strict=True):
            start, last = max(window.since[bucket] + ahead, behind), window.until + ahead
            while start < last:
                end = min(last, start + PIECE)
                async for found in self._accounts(self._source.expiring, bucket, start, end):
                    members = [due.member_id for due in found if due.member_id is not None]
                    names = await self._source.known_as(bucket, members) if members else {}
                    yield [
                        each
                        for due in found
                        for each in due_commands.notices(due, self._of(due.programme_id), days, names)
                    ]
                start = end

    async def _accounts(
        self, find: Callable[..., Awaitable[list[DueAccount]]], bucket: int, since: datetime, until: datetime
    ) -> AsyncIterator[list[DueAccount]]:
        behind = -1
        while True:
            found = await find(bucket, since, until, after=behind, limit=self._page_max)
            yield found
            if len(found) < self._page_max:
                return
            behind = found[-1].account

    def _of(self, programme_id: int) -> Catalogue:
        return self._catalog.newest(programme_id)
