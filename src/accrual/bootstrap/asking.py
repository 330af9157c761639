"""Opens what commands that ask need: the database a command means, with an engine, a verification or readings over it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from accrual.bootstrap.engine import RunningEngine, open_engine
from accrual.bootstrap.opening import open_database
from accrual.bootstrap.settings import read_settings
from accrual.domain.errors import Invalid, Missing
from accrual.domain.programme import Catalogue
from accrual.engine.catalog import Catalog
from accrual.engine.verify import Verification, VerifyReport
from accrual.store.catalogue import CatalogueStore
from accrual.store.migrate import count_buckets
from accrual.store.postgres import open_pool
from accrual.store.verify import Books

Tell = Callable[[str], None]


@asynccontextmanager
async def asking(
    data_dir: Path | None, database_url: str | None, *, on_progress: Tell | None = None
) -> AsyncIterator[RunningEngine]:
    """An engine over the database that a command means. Raises what opening a database raises."""
    settings = read_settings()
    async with (
        open_database(data_dir, database_url, settings=settings, on_progress=on_progress) as database,
        open_engine(database.runtime_url, settings, label="cli", draw_key=database.draw_key) as engine,
    ):
        yield engine


def choose_programme(catalog: Catalog, code: str | None) -> Catalogue:
    """The programme of this code; without one, the only programme there is.

    Raises Missing when there is no such programme, Invalid `programme_ambiguous` when there are several.
    """
    if code is not None:
        return catalog.by_code(code)
    known = sorted(catalog.programmes.values(), key=lambda catalogue: catalogue.settings.code)
    if not known:
        raise Missing("This database has no programme yet.", code="programme_missing")
    if len(known) > 1:
        codes = ", ".join(catalogue.settings.code for catalogue in known)
        raise Invalid(f"There are several programmes: {codes}.", code="programme_ambiguous")
    return known[0]


async def check_programme(catalogues: CatalogueStore, code: str | None) -> None:
    """Raises Missing when a programme is named that does not exist."""
    if code is not None and await catalogues.programme_id_of(code) is None:
        raise Missing(f"There is no programme {code!r}.")


async def verify_books(
    data_dir: Path | None,
    database_url: str | None,
    *,
    programme: str | None = None,
    on_start: Callable[[int], None] | None = None,
    on_progress: Callable[[int, int], None] | None = None,
    tell: Tell | None = None,
) -> VerifyReport:
    """Go through all books. `on_start` is told the number of buckets, `on_progress` (buckets done, commands seen).

    The programmes of a database share its buckets and their chains, so `programme` narrows nothing: it must exist.
    Raises Missing.
    """
    async with open_database(data_dir, database_url, on_progress=tell) as database:
        pool = await open_pool(database.runtime_url, label="verify", size_max=1)
        try:
            buckets = await count_buckets(pool)
            await check_programme(CatalogueStore(pool), programme)
        finally:
            await pool.close()
        if on_start is not None:
            on_start(buckets)
        books = Books(database.runtime_url, buckets)
        try:
            return await Verification(books, on_progress=on_progress).run()
        finally:
            await books.close()
