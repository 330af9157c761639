"""A server for a demonstration: `accrual serve` as a child over an empty directory, ended with all that it started."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from accrual.bootstrap.database import embedded_adopt, embedded_status, embedded_stop
from accrual.domain.errors import Broken

READY = re.compile(r"Accrual is ready on http://127\.0\.0\.1:(\d+)")
START_S = 120.0
"""Making a database takes seconds; on a machine that is busy with other things, many."""

STOP_S = 30.0
LOG_SHOWN_CHARS = 2_000

Tell = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class DemoServer:
    """A running server. `owner_url` is the address of its database and a secret; `log_path` holds what it says."""

    port: int
    owner_url: str = field(repr=False)
    log_path: Path


@contextmanager
def demo_server(home: Path, programme: Path) -> Iterator[DemoServer]:
    """Serve this programme file on a free port of this machine, with a new database in `home`.

    The caller's settings do not reach the server. Raises Broken `demo_server_failed` with the end of its log.
    """
    log_path = home / "serve.log"
    data_dir = home / "data"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ACCRUAL_")}
    command = [sys.executable, "-m", "accrual", "serve", "--port", "0"]
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            [*command, "--data-dir", str(data_dir), "--apply", str(programme)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=environment,
            # Ctrl-C is for us: the server is then stopped in good order.
            start_new_session=True,
        )
    try:
        port = _wait_until_ready(process, log_path)
        server = embedded_adopt(data_dir)
        if server is None:
            raise _failed("its database is not there", log_path)
        yield DemoServer(port=port, owner_url=server.url(role="owner"), log_path=log_path)
    finally:
        _stop(process, data_dir)


def remove_home(home: Path) -> None:
    """Remove a demonstration's directory, and its database where that had to be kept elsewhere."""
    cluster = embedded_status(home / "data").cluster_dir
    if not cluster.is_relative_to(home):
        shutil.rmtree(cluster.parent, ignore_errors=True)
    shutil.rmtree(home)


def _wait_until_ready(process: subprocess.Popen[bytes], log_path: Path) -> int:
    deadline_s = time.monotonic() + START_S
    while time.monotonic() < deadline_s:
        found = READY.search(_said(log_path))
        if found is not None:
            return int(found[1])
        if process.poll() is not None:
            raise _failed(f"it ended with status {process.returncode}", log_path)
        time.sleep(0.05)
    raise _failed(f"it was not ready within {START_S:.0f} s", log_path)


def _failed(reason: str, log_path: Path) -> Broken:
    return Broken(
        f"The server did not start: {reason}. It said:\n{_said(log_path)[-LOG_SHOWN_CHARS:]}",
        code="demo_server_failed",
    )


def _said(log_path: Path) -> str:
    return log_path.read_text(encoding="utf-8", errors="replace")


def _stop(process: subprocess.Popen[bytes], data_dir: Path) -> None:
    process.terminate()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        # Its lanes end by themselves when it is gone; its database does not.
        process.kill()
        process.wait()
        embedded_stop(data_dir, mode="immediate")
