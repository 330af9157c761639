"""One round of upkeep: what fell due becomes commands, day by day in the published order. Found again, it is the same command."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from accrual.domain.commands import Receipt, Submission
from accrual.domain.errors import AccrualError, Busy
from accrual.domain.upkeep import NextDue, Standing, Step
from accrual.engine.catalog import Catalog
from accrual.engine.due import DAYS_AHEAD
from accrual.engine.ports_upkeep import UpkeepLog, UpkeepSource
from accrual.engine.upkeep_pages import Page, Pages, Threshold, Window
from accrual.rules.ladder import Ladder

SETTLE = timedelta(seconds=30)
"""How far behind the clock a bucket counts as looked through: longer than a posting takes and clocks differ."""

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
LOOK_BACK = timedelta(days=1)
"""How far back levels and notices are looked at in a database where upkeep has never run."""

PAUSE_S = 0.1
OPEN_MAX = 16
"""How many buckets are gone through at once; each may have a page in memory."""


class UpkeepLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Things of one page, undecided commands at which upkeep waits for the lanes, and how long it waits in vain."""

    page_max: int
    backlog_max: int
    patience_s: float


class Tally(msgspec.Struct):
    """Commands by step: new ones, and those that were in the log already.

    `accepted` are the new ones by bucket, `last` is the newest receipt of each.
    """

    new: dict[Step, int] = msgspec.field(default_factory=lambda: dict.fromkeys(Step, 0))
    repeated: dict[Step, int] = msgspec.field(default_factory=lambda: dict.fromkeys(Step, 0))
    accepted: dict[int, int] = msgspec.field(default_factory=dict)
    last: dict[int, Receipt] = msgspec.field(default_factory=dict)


class Upkeep:
    """Rounds of upkeep over one database. Any number of processes may run them at once."""

    def __init__(
        self,
        source: UpkeepSource,
        log: UpkeepLog,
        catalog: Catalog,
        *,
        limits: UpkeepLimits,
        monotonic_s: Callable[[], float],
        sleep_s: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._source = source
        self._log = log
        self._pages = Pages(source, catalog, page_max=limits.page_max)
        self._limits = limits
        self._monotonic_s = monotonic_s
        self._sleep_s = sleep_s

    async def run(
        self, until: datetime, now: datetime, *, after_day: Callable[[Tally, datetime], Awaitable[None]] | None = None
    ) -> Tally:
        """Do everything that falls due by `until`, which lies ahead of `now` only on a test clock.

        What is done is noted a day at a time, and never for longer than is certain: not past `now` less SETTLE, nor past a
        command that still waits to be decided. A round cut short is taken up where it was. Raises DatabaseDown, Busy when
        the lanes do not get on. `after_day` is told what was done so far and up to when, after each stretch of time.
        """
        tally = Tally()
        standings = await self._source.standing()
        safe = {each.bucket: _safe(each, now) for each in standings}
        async for window in self._windows(standings, until, now):
            for step in Step:
                await self._carry_out(step, window, tally)
            await self._source.mark({bucket: min(window.until, safe[bucket]) for bucket in window.since})
            if after_day is not None:
                await after_day(tally, window.until)
        return tally

    async def plan(self, until: datetime, now: datetime, known: Callable[[Page], Awaitable[int]]) -> Tally:
        """What `run` would append; nothing is written. `known` counts how many of a page are in the log already."""
        tally = Tally()
        async for window in self._windows(await self._source.standing(), until, now):
            for step in Step:
                for bucket in sorted(window.wanted[step]):
                    async for page in self._pages.of(step, bucket, window):
                        repeated = await known(page) if page else 0
                        tally.repeated[step] += repeated
                        tally.new[step] += len(page) - repeated
        return tally

    async def _windows(self, standings: Sequence[Standing], until: datetime, now: datetime) -> AsyncIterator[Window]:
        """The stretches of time with something due, each within a day (UTC), and a last one that comes up to `until`."""
        since = {each.bucket: each.done_until or LONG_AGO for each in standings}
        never = any(each.done_until is None for each in standings)
        awaiting = frozenset(await self._source.awaiting())
        thresholds = _thresholds(now, never=never)
        overdue_holds = True
        while behind := {bucket: at for bucket, at in since.items() if at < until}:
            found = await self._source.next_due(behind, until, thresholds, overdue_holds=overdue_holds)
            overdue_holds = False
            start = max(min(behind.values()), now - LOOK_BACK if never else LONG_AGO)
            reviews = [
                (programme_id, at)
                for programme_id, ladder in self._pages.ladders().items()
                if (at := _review_after(ladder, start)) is not None and at <= until
            ]
            first = min(
                [*(max(due.at, behind[due.bucket] + datetime.resolution) for due in found), *(at for _, at in reviews)],
                default=until,
            )
            end = min(until, _end_of_day(first))
            open_ = {bucket: at for bucket, at in behind.items() if at < end}
            due_reviews = [(programme_id, at) for programme_id, at in reviews if at <= end]
            wanted = _wanted(found, open_, end, awaiting if end == until else frozenset(), reviewed=bool(due_reviews))
            yield Window(open_, end, now, wanted, thresholds, due_reviews)
            since = {bucket: max(at, end) for bucket, at in since.items()}

    async def _carry_out(self, step: Step, window: Window, tally: Tally) -> None:
        """A page of each of some buckets in turn, so that all lanes have work; appended together: each append is a commit."""
        gathered: list[Submission] = []
        # Neighbours tend to have one lane: those looked at together lie apart.
        left = deque(sorted(window.wanted[step], key=lambda bucket: (bucket % OPEN_MAX, bucket)))
        turns: deque[AsyncIterator[Page]] = deque()
        while left or turns:
            if left and len(turns) < OPEN_MAX:
                turns.append(self._pages.of(step, left.popleft(), window))
            turn = turns.popleft()
            page = await anext(turn, None)
            if page is None:
                continue
            turns.append(turn)
            gathered.extend(page)
            if len(gathered) >= self._limits.page_max:
                await self._append(step, gathered, tally)
                gathered = []
        if gathered:
            await self._append(step, gathered, tally)

    async def _append(self, step: Step, page: Page, tally: Tally) -> None:
        """Append a page once the lanes are not too far behind. Raises Busy when they stand still, DatabaseDown."""
        left = list(page)
        least = None
        given_up_s = 0.0
        while left:
            waiting = await self._log.waiting()
            if least is None or waiting < least:
                least, given_up_s = waiting, self._monotonic_s() + self._limits.patience_s
            if waiting < self._limits.backlog_max:
                left = _note(step, left, await self._log.submit_many(left), tally)
            if left:
                if self._monotonic_s() > given_up_s:
                    raise Busy("Upkeep waits for the lanes, and they do not get on.", details={"waiting": waiting})
                await self._sleep_s(PAUSE_S)


def _note(step: Step, page: Page, answers: Sequence[Receipt | AccrualError], tally: Tally) -> list[Submission]:
    """Count what was taken; those turned away for now. Raises any other refusal."""
    left = []
    for submission, answer in zip(page, answers, strict=True):
        if isinstance(answer, Receipt):
            (tally.repeated if answer.repeated else tally.new)[step] += 1
            if not answer.repeated:
                tally.accepted[answer.bucket] = tally.accepted.get(answer.bucket, 0) + 1
            tally.last[answer.bucket] = answer
        elif isinstance(answer, Busy) and answer.code == "busy":
            left.append(submission)
        else:
            raise answer
    return left


def _wanted(
    found: Sequence[NextDue], open_: Mapping[int, datetime], end: datetime, awaiting: frozenset[int], *, reviewed: bool
) -> dict[Step, frozenset[int]]:
    """The buckets that each step has to look at. Levels are looked at in all of them, waiting returns where there are any."""
    wanted = {
        step: frozenset(due.bucket for due in found if due.step is step and due.at <= end and due.bucket in open_)
        for step in Step
    }
    wanted[Step.RETURNS] = awaiting & open_.keys()
    wanted[Step.TIERS] = frozenset(open_) if reviewed else frozenset()
    return wanted


def _safe(standing: Standing, now: datetime) -> datetime:
    """Up to when nothing can come any more that is not seen: what is undecided has a say from its own moment on."""
    settled = now - SETTLE
    return settled if standing.undecided_since is None else min(settled, standing.undecided_since)


def _end_of_day(at: datetime) -> datetime:
    """The end of the day, in UTC, that a stretch ending at this instant belongs to."""
    start = (at - datetime.resolution).replace(hour=0, minute=0, second=0, microsecond=0)
    return start + timedelta(days=1)


def _thresholds(now: datetime, *, never: bool) -> list[Threshold]:
    """How long ahead each notice goes out. In catching up it leaves to the next nearer one what that is for by now.

    Where upkeep never ran, only what came under it within a day is told of: nobody gets three notices at once.
    """
    nearer = (0, *DAYS_AHEAD[:-1])
    return [
        (timedelta(days=days), now + (timedelta(days=days) - LOOK_BACK if never else timedelta(days=near)))
        for days, near in zip(DAYS_AHEAD, nearer, strict=True)
    ]


def _review_after(ladder: Ladder, moment: datetime) -> datetime | None:
    """The next instant at which levels are looked at; None where they never fall."""
    newest = ladder.period_due(moment)
    return None if newest is None else ladder.due_at(ladder.period_after(newest))
