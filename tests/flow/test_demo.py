"""`accrual demo`: everything shown is as it should be, a fault is named, and nothing is left behind."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from accrual.bootstrap.demo import read_examples, run_demo
from accrual.bootstrap.demo_server import DemoServer
from accrual.cli.demo import find_examples, print_report
from accrual.domain.errors import Invalid
from tests.flow.processes import is_alive, serving, until
from tests.pg_fixtures import Database


@pytest.fixture
def room() -> Iterator[Path]:
    """Where temporary files go, entered by the database's user as well."""
    with tempfile.TemporaryDirectory(prefix="accrual-room-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def _start(room: Path, *words: str) -> subprocess.Popen[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("ACCRUAL_")}
    return subprocess.Popen(
        [sys.executable, "-m", "accrual", "demo", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A caller's database is not the demonstration's.
        env={**clean, "TMPDIR": str(room), "ACCRUAL_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"},
        start_new_session=True,
    )


def _below(room: Path) -> list[int]:
    """Processes that have anything to do with this directory."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and is_alive(int(entry.name)):
            try:
                if str(room).encode() in (entry / "cmdline").read_bytes():
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


def test_demo_shows_every_example_request_and_leaves_nothing(room: Path) -> None:
    process = _start(room, "--json")
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, out + err
    shown = json.loads(out)
    assert shown["clean"] is True
    assert shown["problems"] == []
    assert len(shown["requests"]) == 15
    by_name = {each["request"]: each for each in shown["requests"]}
    promo = by_name["10-processor-transactionpromo"]["grants"]
    assert promo == [{"asset": 35, "value": 1, "promo_id": 52, "assetname": "Point Reddem", "assetcode": "PTS"}]
    draw = by_name["12-processor-luckydraw"]["grants"]
    assert draw == [{"asset": 35, "value": 1, "promo_id": 52, "assetname": "Lucky Draw", "assetcode": "LD"}]
    assert shown["verify"]["clean"] is True
    assert len(shown["members"]) == 6
    assert shown["draw"]["entries"] == sum(shown["draw"]["prizes"].values()) == 20
    assert shown["draw"]["verdict"].startswith("All is well")
    assert list(room.iterdir()) == []
    assert _below(room) == []


def test_interrupted_demo_ends_its_server_and_removes_its_directory(room: Path) -> None:
    process = _start(room)
    until(lambda: any(room.glob("*/data/server.json")) or process.poll() is not None, within_s=60)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert list(room.iterdir()) == []
    assert _below(room) == []


def test_demo_names_what_is_not_as_it_should_be(database: Database, room: Path) -> None:
    """Another expectation, a request that is refused: both are told, and each once."""
    examples = room / "examples"
    shutil.copytree(find_examples(), examples)
    grants = json.loads((examples / "grants.json").read_bytes())
    grants["03-task-transaction"][0]["value"] = 2
    (examples / "grants.json").write_text(json.dumps(grants))
    bad = examples / "requests" / "05-task-luckydraw.json"
    bad.write_text(bad.read_text().replace("10000", "-1"))
    told: list[str] = []
    with serving(room, "--database-url", database.owner_url, programme=examples / "programme.yaml") as served:
        server = DemoServer(port=served.port, owner_url=database.owner_url, log_path=served.log_path)
        report = run_demo(server, read_examples(examples), told.append)
    assert len(report.problems) == 3, report.problems
    by_request = {problem.partition(":")[0]: problem for problem in report.problems}
    assert '"value": 2' in by_request["03-task-transaction"]
    assert "status 400" in report.problems[0]
    assert report.problems[1] == "05-task-luckydraw: the reply has no ticket"
    assert report.verified.clean
    assert told
    paper = io.StringIO()
    print_report(report, Console(file=paper, width=120))
    shown = paper.getvalue()
    tickets = [line.split()[1] for line in shown.splitlines() if line.startswith("10-processor-transactionpromo")]
    assert len(tickets) == 1
    assert tickets[0] == report.posted[9].ticket_id.rpartition(":")[2]
    assert "CHECK-IN v1, Daily check-in: 1 PTS" in shown
    assert "3 things are not as they should be" in shown
    assert all(problem in shown for problem in report.problems)


def test_examples_without_their_grants_are_refused(room: Path) -> None:
    examples = room / "examples"
    shutil.copytree(find_examples(), examples)
    (examples / "requests" / "05-task-luckydraw.json").unlink()
    with pytest.raises(Invalid):
        read_examples(examples)
