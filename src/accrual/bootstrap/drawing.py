"""Opens what the draw commands need over the database that they mean; how anything is drawn, the engine knows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

from accrual.bootstrap.asking import asking, choose_programme
from accrual.bootstrap.clocks import utc_now
from accrual.bootstrap.engine import RunningEngine
from accrual.bootstrap.programme import read_file
from accrual.domain.programme import Catalogue
from accrual.engine.draw_simulation import SimulatedDraw, simulate_draw
from accrual.engine.propose import from_nothing

T = TypeVar("T")
Tell = Callable[[str], None]


async def ask_draws(
    data_dir: Path | None,
    database_url: str | None,
    programme: str | None,
    ask: Callable[[RunningEngine, Catalogue], Awaitable[T]],
    tell: Tell,
) -> T:
    """Ask an engine over the database. Raises what opening and asking raise."""
    async with asking(data_dir, database_url, on_progress=tell) as engine:
        return await ask(engine, choose_programme(engine.catalog, programme))


async def receipts_of(
    engine: RunningEngine, catalogue: Catalogue, code: str, round_: int | None
) -> list[dict[str, Any]]:
    """Everything that it takes to verify a draw."""
    made = engine.draws.receipts(catalogue.programme_id, code, round_=round_)
    return [line async for line in made]


def simulate_file(path: Path, code: str, *, entries: int, members: int, seed: str) -> SimulatedDraw:
    """Draw entries of a table as a file has it; needs no database. Raises Invalid, Missing."""
    catalogue = from_nothing(read_file(path).read.programme, programme_id=1)
    return simulate_draw(catalogue, code, entries=entries, members=members, seed=seed, now=utc_now())
