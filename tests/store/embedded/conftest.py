"""A short, reachable directory for each test, and the promise that no server outlives the test that started it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import asyncpg
import pytest

from accrual.store.embedded import EmbeddedServer, placement
from accrual.store.embedded.account import Account, choose_account
from accrual.store.embedded.sight import working_in


class Ask(Protocol):
    """Runs one statement on a server and gives the first value of its first row."""

    def __call__(self, server: EmbeddedServer, statement: str, *, role: Any = ..., url: str = ...) -> Any: ...


@pytest.fixture
def ask() -> Ask:
    """Asks a running server one thing, over TCP, as a client would."""

    def ask(server: EmbeddedServer, statement: str, *, role: Any = "owner", url: str = "") -> Any:
        async def run() -> Any:
            connection = await asyncpg.connect(url or server.url(role=role), ssl=False, timeout=20)
            try:
                return await connection.fetchval(statement)
            finally:
                await connection.close()

        return asyncio.run(run())

    return ask


@pytest.fixture
def spot(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A new directory under /tmp that everybody may pass; the refuge lies in it too, so that nothing is left behind."""
    directory = Path(tempfile.mkdtemp(prefix="ep-", dir="/tmp"))
    directory.chmod(0o755)
    monkeypatch.setattr(placement, "REFUGES", (directory / "refuge",))
    yield directory
    for cluster in [directory / name for name, _, _ in os.walk(directory) if Path(name).name == "postgres"]:
        for number in (signal.SIGQUIT, signal.SIGKILL):
            _signal_all(cluster, number)
    shutil.rmtree(directory)


def _signal_all(cluster: Path, number: signal.Signals) -> None:
    for sight in list(working_in(cluster)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(sight.pid, number)
    until = time.monotonic() + 20
    while list(working_in(cluster)) and time.monotonic() < until:
        time.sleep(0.02)


@pytest.fixture
def account() -> Account:
    """The user that servers of new directories run as."""
    return choose_account(None)


@pytest.fixture
def idle() -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Starts processes that do nothing, as a given user; ends them by pid."""
    started: list[subprocess.Popen[bytes]] = []

    def run(account: Account, cwd: Path = Path("/")) -> subprocess.Popen[bytes]:
        user = {"user": account.uid, "group": account.gid, "extra_groups": []} if account.drop else {}
        started.append(subprocess.Popen(["/bin/sleep", "300"], cwd=cwd, **user))
        return started[-1]

    yield run
    for process in started:
        process.kill()
        process.wait()
