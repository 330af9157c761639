"""Judges held referrals and waits for what comes of it, with a lane of its own where none is at work."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from accrual.bootstrap.asking import choose_programme
from accrual.bootstrap.engine import RunningEngine, open_engine
from accrual.bootstrap.opening import open_database
from accrual.bootstrap.settings import read_settings
from accrual.bootstrap.submitting import lane_at_work
from accrual.engine.views import TicketView


class Reviewing:
    """An engine whose held referrals of one programme are judged."""

    def __init__(self, engine: RunningEngine, programme_id: int, deadline_s: float) -> None:
        self._engine = engine
        self._programme_id = programme_id
        self._deadline_s = deadline_s

    async def judge(self, claim: bytes, *, approved: bool, actor: str, note: str) -> TicketView | None:
        """The verdict's ticket; None when it is not decided in time. Raises Missing, Conflict, Invalid, DatabaseDown."""
        receipt = await self._engine.referrals.judge(
            self._programme_id, claim, approved=approved, actor=actor, note=note
        )
        return await self._engine.wait(receipt, deadline_s=self._deadline_s)

    async def judge_held(self, ticket: bytes, *, approved: bool, actor: str, note: str) -> TicketView | None:
        """The same of a command held for review."""
        receipt = await self._engine.held.judge(self._programme_id, ticket, approved=approved, actor=actor, note=note)
        return await self._engine.wait(receipt, deadline_s=self._deadline_s)


@asynccontextmanager
async def open_reviewing(
    data_dir: Path | None,
    database_url: str | None,
    *,
    programme: str | None,
    deadline_s: float,
    tell: Callable[[str], None] | None = None,
) -> AsyncIterator[Reviewing]:
    """Ready to judge, with a lane at work: a running one, else one for this while. Raises Missing, DatabaseDown."""
    settings = read_settings()
    async with (
        open_database(data_dir, database_url, settings=settings, on_progress=tell) as database,
        open_engine(database.runtime_url, settings, label="review", draw_key=database.draw_key) as engine,
    ):
        catalogue = choose_programme(engine.catalog, programme)
        async with lane_at_work(engine, database.runtime_url, settings, tell, database.draw_key):
            yield Reviewing(engine, catalogue.programme_id, deadline_s)
