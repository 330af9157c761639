"""Tries parked commands again and waits for what comes of it, with a lane of its own where none is at work."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from accrual.bootstrap.engine import RunningEngine, open_engine
from accrual.bootstrap.opening import open_database
from accrual.bootstrap.settings import read_settings
from accrual.bootstrap.submitting import lane_at_work
from accrual.domain.commands import Receipt, Submission
from accrual.domain.errors import AccrualError
from accrual.engine.views import TicketView

PAGE = 200
"""How many commands are tried again together."""


class Retried(NamedTuple):
    """What became of trying one command again; `view` is the retry's own ticket, None while it is not decided."""

    ticket: bytes
    receipt: Receipt | None
    view: TicketView | None
    error: AccrualError | None


class Retrying:
    """An engine whose parked commands are tried again. `programme_id` None is all programmes."""

    def __init__(self, engine: RunningEngine, programme_id: int | None, deadline_s: float) -> None:
        self._engine = engine
        self._programme_id = programme_id
        self._deadline_s = deadline_s

    async def retry(self, ticket: bytes) -> Retried:
        """Try one command again. Raises Missing, Conflict, Refused, Busy, DatabaseDown."""
        receipt = await self._engine.retry(ticket, self._programme_id)
        return Retried(ticket, receipt, await self._engine.wait(receipt, deadline_s=self._deadline_s), None)

    async def retry_all(self) -> AsyncIterator[Retried]:
        """Try everything again that waits put aside, each bucket's commands in their order. Raises DatabaseDown."""
        after = None
        while True:
            page = await self._engine.parked(self._programme_id, limit=PAGE, after=after)
            for retried in await self._retry_page([view.ticket for view in page.tickets]):
                yield retried
            if page.next_after is None:
                return
            after = page.next_after

    async def _retry_page(self, tickets: list[bytes]) -> list[Retried]:
        asked: dict[bytes, Submission | AccrualError] = {}
        for ticket in tickets:
            try:
                asked[ticket] = await self._engine.reads.retry_of(ticket, self._programme_id)
            except AccrualError as error:
                asked[ticket] = error
        submissions = {ticket: each for ticket, each in asked.items() if isinstance(each, Submission)}
        answers = dict(zip(submissions, await self._engine.submit_many(list(submissions.values())), strict=True))

        async def follow(ticket: bytes) -> Retried:
            answer = answers.get(ticket) or asked[ticket]
            if not isinstance(answer, Receipt):
                return Retried(ticket, None, None, answer if isinstance(answer, AccrualError) else None)
            return Retried(ticket, answer, await self._engine.wait(answer, deadline_s=self._deadline_s), None)

        return list(await asyncio.gather(*[follow(ticket) for ticket in tickets]))


@asynccontextmanager
async def open_retrying(
    data_dir: Path | None,
    database_url: str | None,
    *,
    programme: str | None,
    deadline_s: float,
    tell: Callable[[str], None] | None = None,
) -> AsyncIterator[Retrying]:
    """Ready to try again, with a lane at work: a running one, else one for this while. Raises Missing, DatabaseDown."""
    settings = read_settings()
    async with (
        open_database(data_dir, database_url, settings=settings, on_progress=tell) as database,
        open_engine(database.runtime_url, settings, label="retry", draw_key=database.draw_key) as engine,
    ):
        programme_id = None if programme is None else engine.catalog.by_code(programme).programme_id
        async with lane_at_work(engine, database.runtime_url, settings, tell, database.draw_key):
            yield Retrying(engine, programme_id, deadline_s)
