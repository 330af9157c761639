"""Wires a backtest: the log of a database or a file of transactions, through a proposed programme. Nothing is submitted."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec

from accrual.bootstrap.opening import open_database
from accrual.bootstrap.programme import ProgrammeFile, read_file
from accrual.bootstrap.transactions import read_transactions
from accrual.domain.commands import LoggedCommand, encode_command
from accrual.domain.errors import Invalid, Missing
from accrual.domain.ids import BUCKETS_DEFAULT, bucket_of, member_id_of, ticket_of
from accrual.domain.native import NativeCommand
from accrual.domain.programme import Catalogue, StoredClient
from accrual.engine.backtest import Backtest, Span
from accrual.engine.backtest_report import BacktestReport
from accrual.engine.backtest_tally import Members, Side
from accrual.engine.bounds import find_beyond
from accrual.engine.catalog import Catalog
from accrual.engine.log_order import in_order
from accrual.engine.propose import from_nothing, propose
from accrual.engine.simulate import Simulator
from accrual.engine.translate_native import Translator
from accrual.rules.compile import compile_programme
from accrual.rules.compiled import CompiledProgramme
from accrual.store.backtests import PostgresDecidedLog
from accrual.store.catalogue import CatalogueStore
from accrual.store.connection import Pool
from accrual.store.migrate import count_buckets, read_secret
from accrual.store.postgres import ROLE_WORKER, open_pool
from accrual.worker.lane import GIVEN_UP, describe

COMPILED_MAX = 16
PROBLEMS_MAX = 10
TELL_EVERY = 4_096
GC_GENERATION_0 = 50_000
"""State only grows here: looking through it for cycles often would take a third of the time."""

Watch = Callable[[int, int | None], None]
"""Told (done, of all; None where that is not known)."""


def _watch_nothing(done: int, total: int | None) -> None:
    return None


@dataclass(frozen=True, kw_only=True)
class BacktestOrder:
    """What to run. `values` are the cost of a unit by asset code; `prune` leaves out what the programme file leaves out."""

    programme: Path
    file: Path | None = None
    client: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    prune: bool = False
    values: Mapping[str, Decimal] = field(default_factory=dict)


async def backtest_log(
    order: BacktestOrder,
    *,
    data_dir: Path | None = None,
    database_url: str | None = None,
    watch: Watch = _watch_nothing,
    tell: Callable[[str], None] | None = None,
) -> BacktestReport:
    """Run the log of a database. Raises what reading file and database raises, and TooLarge."""
    file = read_file(order.programme)
    async with open_database(data_dir, database_url, on_progress=tell) as database:
        pool = await open_pool(database.runtime_url, label="backtest", size_max=2, role=ROLE_WORKER)
        try:
            return await run_log(order, file, pool, watch)
        finally:
            await pool.close()


async def backtest_url(order: BacktestOrder, url: str) -> BacktestReport:
    """Run the log of the database at this address of the runtime role."""
    pool = await open_pool(url, label="backtest", size_max=2, role=ROLE_WORKER)
    try:
        return await run_log(order, read_file(order.programme), pool, _watch_nothing)
    finally:
        await pool.close()


async def run_log(order: BacktestOrder, file: ProgrammeFile, pool: Pool, watch: Watch) -> BacktestReport:
    """Run the log behind this pool."""
    catalogues = CatalogueStore(pool, with_secrets=True)
    catalog = Catalog(catalogues)
    await catalog.refresh()
    code = file.read.programme.programme.code
    stored = await catalogues.stored(code)
    if stored is None:
        raise Missing(f"There is no programme {code!r} in this database; its transactions can be given with --file.")
    live = catalog.by_code(code)
    proposed = propose(
        file.read.programme,
        stored,
        live,
        key_digests=file.key_digests,
        now=datetime.now(UTC),
        prune=order.prune,
    )
    members = Members()
    log = PostgresDecidedLog(pool, await count_buckets(pool))
    simulated, really, both = _side(proposed.catalogue, members), _side(live, members), _side(live, members)
    run = Backtest(
        Simulator(buckets=log.buckets, secret=await read_secret(pool), describe=describe),
        programme_id=live.programme_id,
        proposed=None if proposed.unchanged else compile_programme(proposed.catalogue),
        compiled_at=_Compiled(catalog, live.programme_id).at,
        client_of=lambda client_id: _client_code(catalog, client_id),
        simulated=simulated,
        really=really,
        both=both,
        span=Span(order.since, order.until),
        given_up=GIVEN_UP,
    )
    total = await log.count()
    started_s = time.perf_counter()
    with _few_collections():
        await run.run(in_order(log), lambda done: watch(done, total))
    seconds_s = time.perf_counter() - started_s
    simulated.include(both)
    really.include(both)
    return _report(order, run, simulated, really, seconds_s, source="log", as_was=proposed.unchanged)


def backtest_file(order: BacktestOrder, *, watch: Watch = _watch_nothing) -> BacktestReport:
    """Run a file of transactions through the programme alone; needs no database. Raises Invalid, Missing, TooLarge."""
    if order.file is None:
        raise Invalid("There is no file of transactions.", code="file_unreadable")
    document = read_file(order.programme).read.programme
    catalogue = from_nothing(document, programme_id=1)
    chosen = [client for client in document.clients if order.client in (None, client.code)]
    if not chosen:
        raise Missing(f"The programme has no client {order.client}.", code="client_missing")
    client = StoredClient(client_id=1, programme_id=1, client=chosen[0], key_digest=None)
    members = Members()
    simulated = _side(catalogue, members)
    run = Backtest(
        Simulator(buckets=BUCKETS_DEFAULT, secret=b"backtest", describe=describe),
        programme_id=1,
        proposed=compile_programme(catalogue),
        compiled_at=None,
        client_of=lambda client_id: client.client.code,
        simulated=simulated,
        really=None,
        both=_side(catalogue, members),
        span=Span(order.since, order.until),
        given_up=GIVEN_UP,
    )
    started_s = time.perf_counter()
    with _few_collections():
        problems, refused = _run_rows(order.file, run, Translator(client, catalogue), watch)
    report = _report(order, run, simulated, None, time.perf_counter() - started_s, source=order.file.name, as_was=False)
    if not report.commands and refused:
        raise Invalid(f"No row of {order.file} can be read. The first: {problems[0]}", code="file_unreadable")
    return _with_problems(report, problems, refused)


def _run_rows(path: Path, run: Backtest, translator: Translator, watch: Watch) -> tuple[list[str], int]:
    problems: list[str] = []
    refused = 0
    for done, (number, written) in enumerate(read_transactions(path), 1):
        try:
            if isinstance(written, Invalid):
                raise written
            _run_row(number, written, run, translator)
        except Invalid as refusal:
            refused += 1
            if len(problems) < PROBLEMS_MAX:
                problems.append(f"line {number}: {refusal.message}")
        if done % TELL_EVERY == 0:
            watch(done, None)
    return problems, refused


def _run_row(number: int, written: NativeCommand, run: Backtest, translator: Translator) -> None:
    """A row was recorded when it occurred: how late it came is not known."""
    command = translator.command_of(written)
    if (beyond := find_beyond(command, translator.settings)) is not None:
        raise beyond
    occurred_at = command.facts[0].occurred_at
    if occurred_at is None:
        raise Invalid("occurred_at is empty.", code="invalid_field")
    member_id = member_id_of(1, command.identity.kind, command.identity.value)
    bucket = bucket_of(member_id, BUCKETS_DEFAULT)
    logged = LoggedCommand(
        bucket=bucket,
        position=number,
        ticket=ticket_of(1, 1, member_id, b"r%d" % number, bucket),
        programme_id=1,
        client_id=1,
        recorded_at=occurred_at,
        content=b"",
        seal=b"",
        facts=encode_command(command),
        name=None,
    )
    run.run_new(logged, command)


class _Compiled:
    """Compiled revisions, the last used few."""

    def __init__(self, catalog: Catalog, programme_id: int) -> None:
        self._catalog = catalog
        self._programme_id = programme_id
        self._known: dict[int, CompiledProgramme] = {}

    async def at(self, revision: int) -> CompiledProgramme:
        """The programme as it was at a revision. Raises Missing, DatabaseDown."""
        found = self._known.pop(revision, None)
        if found is None:
            found = compile_programme(await self._catalog.at(self._programme_id, revision))
            if len(self._known) >= COMPILED_MAX:
                del self._known[next(iter(self._known))]
        self._known[revision] = found
        return found


@contextmanager
def _few_collections() -> Iterator[None]:
    """Looks for cycles rarely while it lasts."""
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_GENERATION_0, 20, 100)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def _client_code(catalog: Catalog, client_id: int) -> str | None:
    client = catalog.client(client_id)
    return None if client is None else client.client.code


def _side(catalogue: Catalogue, members: Members) -> Side:
    promos = {version.promo_version_id: version.promo.code for version in catalogue.promos}
    assets = {stored.asset_id: stored.asset.code for stored in catalogue.assets}
    return Side(members, ZoneInfo(catalogue.settings.time_zone), promos.__getitem__, assets.__getitem__)


def _report(
    order: BacktestOrder,
    run: Backtest,
    simulated: Side,
    really: Side | None,
    seconds_s: float,
    *,
    source: str,
    as_was: bool,
) -> BacktestReport:
    return BacktestReport(
        programme=order.programme.name,
        source=source,
        since=None if order.since is None else order.since.isoformat(),
        until=None if order.until is None else order.until.isoformat(),
        as_was=as_was,
        commands=run.commands,
        seconds_s=round(seconds_s, 3),
        rate_per_s=round(run.commands / max(seconds_s, 1e-9), 1),
        simulated=simulated.report(order.values),
        really=None if really is None else really.report(order.values),
        equal=run.equal if as_was else None,
        different=tuple(run.different),
    )


def _with_problems(report: BacktestReport, problems: list[str], refused: int) -> BacktestReport:
    return msgspec.structs.replace(report, refused=refused, problems=tuple(problems))
