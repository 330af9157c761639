"""Real processes for tests: serve and lanes over a database, spoken to by HTTP, ended by their own process ids."""

from __future__ import annotations

import atexit
import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from tests.arch.tree import ROOT

EXAMPLE = ROOT / "examples" / "seeds" / "programme.yaml"
REQUESTS = ROOT / "examples" / "seeds" / "requests"
READY = re.compile(r"ready on http://127\.0\.0\.1:(\d+)")
START_S = 60.0
KEY = {"API-Key": "demo-qoin"}


def _without_members() -> Path:
    """The example programme without the member that it names: most tests count commands, and that one is made by one."""
    directory = tempfile.mkdtemp(prefix="accrual-programme-")
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    text = EXAMPLE.read_text(encoding="utf-8")
    start, end = text.index("# Members that are there"), text.index("# What members get")
    path = Path(directory) / "programme.yaml"
    # Tests also send native commands with the key of Qoin and look at its members.
    text = (text[:start] + text[end:]).replace(
        "[qoin_task, qoin_processor]", "[qoin_task, qoin_processor, submit, read]"
    )
    text = text.replace("[submit, read, points]", "[points]")  # commands without a named client are those of Qoin
    path.write_text(text, encoding="utf-8")
    return path


PROGRAMME = _without_members()


class Reply(NamedTuple):
    """A reply over HTTP."""

    status: int
    body: bytes
    headers: Mapping[str, str]

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def until(true: Callable[[], Any], *, within_s: float, what: str = "it did not come about") -> Any:
    """Wait for something to be so, and give what it gave. Who looks takes time from those who are looked at: ever more rarely."""
    deadline_s = time.monotonic() + within_s
    pause_s = 0.02
    while True:
        found = true()
        if found:
            return found
        assert time.monotonic() < deadline_s, what
        time.sleep(pause_s)
        pause_s = min(pause_s * 1.15, 0.15)


def is_alive(pid: int) -> bool:
    """Whether a process runs (a zombie does not)."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def children_of(pid: int) -> list[int]:
    """The process ids of a process's children."""
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


@dataclass(kw_only=True)
class Program:
    """One `accrual` command that goes on until it is ended; all it says goes to `log_path`."""

    process: subprocess.Popen[bytes]
    log_path: Path

    @property
    def said(self) -> str:
        return self.log_path.read_text(errors="replace")

    @property
    def lanes(self) -> list[int]:
        """The process ids of the lanes below serve."""
        return [pid for pid in children_of(self.process.pid) if b"lane" in _command_line(pid)]

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL, and gone."""
        self.process.kill()
        self.process.wait()

    def stop(self, within_s: float = 30.0) -> int:
        """SIGTERM; the exit status."""
        self.process.terminate()
        return self.process.wait(within_s)


@dataclass(kw_only=True)
class Served(Program):
    """A running server."""

    port: int

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] = KEY,
        timeout_s: float = 30.0,
    ) -> Reply:
        """One request on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout_s)
        with contextlib.closing(connection):
            connection.request(method, path, body, dict(headers))
            reply = connection.getresponse()
            return Reply(reply.status, reply.read(), {name.lower(): value for name, value in reply.getheaders()})

    def requestin(self, body: Any, key: str | None = None) -> Reply:
        """Post a command, as JSON unless it is bytes."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.ask("POST", "/saas/requestin", raw, KEY if key is None else {**KEY, "Idempotency-Key": key})

    def requestout(self, ticket_id: str) -> Reply:
        """Ask for the result of a ticket."""
        subject = {"Subject": "loyalty", "SubjectType": "reward", "SubjectIdentifier": "task"}
        return self.ask("POST", "/saas/requestout", json.dumps({**subject, "TicketId": ticket_id}).encode())

    def result(self, ticket_id: str, *, within_s: float = 20.0) -> Any:
        """The grant list of a ticket, once there is one."""

        def look() -> Any:
            reply = self.requestout(ticket_id)
            assert reply.status == 200, reply
            return reply.json["Result"]

        return until(look, within_s=within_s, what=f"{ticket_id} was not decided:\n{self.said[-2000:]}")["Data"]

    def member(self, user_id: str) -> Any:
        """A member as the native API shows them."""
        reply = self.ask("GET", f"/v1/members/qoin.user_id/{user_id}?limit=200")
        assert reply.status == 200, reply
        return reply.json


def purchase(user_id: str, amount: int = 1000, name: str | None = None, reference: str = "ref") -> dict[str, Any]:
    """A task's `transaction`: one point under the example programme."""
    data: dict[str, Any] = {"trxId": 7, "memberId": 1, "refference": reference, "userId": user_id}
    if name is not None:
        data["memberName"] = name
    data["data"] = [{"trxAmount": amount, "trxDate": "2024-04-30 10:30:00"}]
    return task("transaction", data)


def task(action: str, data: dict[str, Any]) -> dict[str, Any]:
    """A task's envelope."""
    return {
        "Subject": "loyalty",
        "SubjectType": "reward",
        "SubjectIdentifier": "task",
        "Action": action,
        "Data": data,
    }


def spawn(words: list[str], log_path: Path, environment: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
    """Start `accrual` with these words, in a session of its own, with nothing of the caller's settings.

    An address after `--database-url` is handed over by the environment.
    """
    clean = {name: value for name, value in os.environ.items() if not name.startswith("ACCRUAL_")}
    words = list(words)
    if "--database-url" in words:  # a password has no place on a command line
        at = words.index("--database-url")
        environment = {**(environment or {}), "ACCRUAL_DATABASE_URL": words[at + 1]}
        del words[at : at + 2]
    with log_path.open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "accrual", *words],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**clean, **(environment or {})},
            start_new_session=True,
        )


@contextmanager
def serving(
    directory: Path,
    *words: str,
    programme: Path | None = PROGRAMME,
    environment: Mapping[str, str] | None = None,
    port: int = 0,
) -> Iterator[Served]:
    """`accrual serve` on a free port until the end of the block; then nothing of it runs any more."""
    log_path = directory / f"serve-{time.monotonic_ns()}.log"
    applying = [] if programme is None else ["--apply", str(programme)]
    process = spawn(["serve", "--port", str(port), *applying, *words], log_path, environment)
    try:
        bound = until(
            lambda: READY.search(log_path.read_text(errors="replace")) or process.poll() is not None,
            within_s=START_S,
            what=f"serve was not ready: {log_path.read_text(errors='replace')}",
        )
        assert not isinstance(bound, bool), log_path.read_text(errors="replace")
        yield Served(process=process, log_path=log_path, port=int(bound[1]))
    finally:
        end(process)


@contextmanager
def lane(directory: Path, url: str, label: str, *, environment: Mapping[str, str] | None = None) -> Iterator[Program]:
    """`accrual lane` over a database until the end of the block."""
    log_path = directory / f"{label}.log"
    process = spawn(["lane", "--database-url", url, "--label", label], log_path, environment)
    try:
        yield Program(process=process, log_path=log_path)
    finally:
        end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process that a test started, stopped or not, and wait for its children that outlive it."""
    if process.poll() is None:
        children = children_of(process.pid)
        for pid in [*children, process.pid]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        until(lambda: not any(map(is_alive, children)), within_s=20, what="a child lives on")


def _command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
