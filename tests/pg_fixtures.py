"""One PostgreSQL for a whole test run and a fresh database for each test that asks: fixtures, loaded by tests/conftest.py.

The server is started by the first test that needs it, shared by all workers and stopped by the process that started the
run. ACCRUAL_TEST_POSTGRES_BIN names a directory with another PostgreSQL's programs, such as an installed 15.
"""

from __future__ import annotations

import asyncio
import fcntl
import itertools
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import pytest

from accrual.store import embedded
from accrual.store.connection import Pool
from accrual.store.migrate import migrate
from accrual.store.postgres import DUTIES, connect, open_pool

RUN_DIRECTORY = "ACCRUAL_TEST_RUN"
BINARIES = "ACCRUAL_TEST_POSTGRES_BIN"
PREFIX = "accrual-tests-"
TEMPLATE = "accrual_template"
EVERYTHING = "accrual_everything"
FAST = {
    "fsync": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "jit": "off",
    "autovacuum_naptime": "1h",
}
"""A test's database may be lost with the machine; what must survive a crash is tested on a server of its own."""

MEMORY = Path("/dev/shm")  # noqa: S108 - made by mkdtemp, for its owner alone until the server needs it
MEMORY_MIN = 4 * 2**30

_serial = itertools.count()
_alive = pytest.StashKey[int]()
T = TypeVar("T")


def run_apart(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end in a thread and loop of its own: a sync fixture may stand below an async test."""
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(asyncio.run, work).result()


@dataclass(frozen=True, kw_only=True)
class Database:
    """One database of a test's own. The login of `runtime_url` has the rights that production gives the four roles, all
    together in one session, and as itself acts as any of them; `roles_url` is what production logs in as.
    """

    name: str
    owner_url: str = field(repr=False)
    runtime_url: str = field(repr=False)
    superuser_url: str = field(repr=False)
    roles_url: str = field(repr=False, default="")


@dataclass(frozen=True, kw_only=True)
class Postgres:
    """The run's server. Databases are made and dropped by its superuser."""

    server: embedded.EmbeddedServer

    def database(self, name: str) -> Database:
        """The addresses of a database, whether or not it exists."""
        return Database(
            name=name,
            owner_url=self.server.url(role="owner", database=name),
            runtime_url=self.server.url(role="runtime", database=name).replace("accrual_runtime", EVERYTHING, 1),
            superuser_url=self.server.url(role="superuser", database=name),
            roles_url=self.server.url(role="runtime", database=name),
        )

    def create(self, *, migrated: bool = True) -> Database:
        """A new database, with the whole schema or with nothing in it."""
        worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
        name = f"test_{worker}_{os.getpid()}_{next(_serial)}"
        template = TEMPLATE if migrated else "template0"
        self.administer(f'create database "{name}" owner accrual_owner template {template} strategy file_copy')
        return self.database(name)

    def drop(self, database: Database) -> None:
        """Remove a database, whoever is still connected."""
        self.administer(f'drop database if exists "{database.name}" with (force)')

    def administer(self, statement: str) -> None:
        """Run one statement as the superuser, outside of any test's database."""

        async def work() -> None:
            connection = await connect(
                self.server.url(role="superuser", database="postgres"), label="tests", lock_timeout_s=60
            )
            try:
                await connection.execute(statement)
            finally:
                await connection.close()

        run_apart(work())


def start_run_server() -> Postgres:
    """The run's server with its template database; the first caller of the run makes both, the others find them."""
    home = Path(os.environ[RUN_DIRECTORY])
    binaries = os.environ.get(BINARIES)
    with (home / "start.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        # Detached: the worker that starts it may end before the others do.
        postgres = Postgres(
            server=embedded.start(
                home / "data", detached=True, settings=FAST, binaries=Path(binaries) if binaries else None
            )
        )
        ready = home / "template.ready"
        if not ready.exists():
            postgres.administer(f"drop database if exists {TEMPLATE}")
            password = postgres.server.passwords.runtime
            postgres.administer(f"create role {EVERYTHING} login password '{password}' in role {', '.join(DUTIES)}")
            postgres.administer(f"create database {TEMPLATE} owner accrual_owner template template0")
            run_apart(migrate(postgres.database(TEMPLATE).owner_url, now=datetime.now(UTC)))
            ready.touch()
        return postgres


@pytest.fixture(scope="session")
def postgres() -> Postgres:
    """The run's PostgreSQL server."""
    return start_run_server()


@pytest.fixture
def database(postgres: Postgres) -> Iterator[Database]:
    """A migrated database of this test's own, dropped after it."""
    made = postgres.create()
    yield made
    postgres.drop(made)


@pytest.fixture
def empty_database(postgres: Postgres) -> Iterator[Database]:
    """A database of this test's own without any schema, dropped after it."""
    made = postgres.create(migrated=False)
    yield made
    postgres.drop(made)


@pytest.fixture
async def pool(database: Database) -> AsyncIterator[Pool]:
    """A pool on the test's database with the runtime role's rights."""
    opened = await open_pool(database.runtime_url, label="test", size_max=8)
    yield opened
    opened.terminate()


@pytest.fixture
async def owner_pool(database: Database) -> AsyncIterator[Pool]:
    """A pool on the test's database as its owner, for looking at and breaking what the runtime role may not touch."""
    opened = await open_pool(database.owner_url, label="test owner", size_max=2)
    yield opened
    opened.terminate()


def pytest_configure(config: pytest.Config) -> None:
    """The process that starts the run chooses its directory; workers inherit it by the environment."""
    if os.environ.get("PYTEST_XDIST_WORKER"):
        return
    _sweep()
    home = Path(tempfile.mkdtemp(prefix=PREFIX, dir=_places()[0]))
    home.chmod(0o755)  # root's tests run the server as another user, who has to get here
    handle = os.open(home / "fresh.lock", os.O_CREAT | os.O_RDWR, 0o600)
    fcntl.flock(handle, fcntl.LOCK_EX)
    (home / "fresh.lock").rename(home / "alive.lock")  # never seen without its lock
    config.stash[_alive] = handle
    os.environ[RUN_DIRECTORY] = str(home)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Against another PostgreSQL only those tests count that use the run's server; the rest would show the same again."""
    if not os.environ.get(BINARIES):
        return
    apart = [item for item in items if "postgres" not in getattr(item, "fixturenames", ())]
    if apart:
        config.hook.pytest_deselected(items=apart)
        items[:] = [item for item in items if item not in set(apart)]


def pytest_unconfigure(config: pytest.Config) -> None:
    """The process that started the run stops the server and removes its files."""
    handle = config.stash.get(_alive, None)
    if handle is None:
        return
    _remove(Path(os.environ.pop(RUN_DIRECTORY)))
    os.close(handle)


def _places() -> list[Path]:
    """Where a run's server may keep its data, the best first: in memory, where there is plenty.

    Every test makes and drops a database of 700 files. ext4 takes no inode that was freed in the last minutes, so each
    new file walks past all of those: half of the suite's time went there.
    """
    places = [Path(tempfile.gettempdir())]
    if MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free >= MEMORY_MIN:
        places.insert(0, MEMORY)
    return places


def _sweep() -> None:
    """Remove what runs that were killed have left: directories of ours that no living process holds."""
    for lock in itertools.chain.from_iterable(place.glob(f"{PREFIX}*/alive.lock") for place in _places()):
        try:
            handle = os.open(lock, os.O_RDWR)
        except (FileNotFoundError, PermissionError):
            continue  # another run removed it in this moment, or it belongs to another user
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _remove(lock.parent)
        except BlockingIOError:
            continue  # that run is alive
        finally:
            os.close(handle)


def _remove(home: Path) -> None:
    if (home / "data").exists():
        embedded.stop(home / "data", mode="immediate")
    shutil.rmtree(home, ignore_errors=True)
