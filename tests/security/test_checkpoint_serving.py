"""A served installation signs checkpoints by itself, publishes them to everybody, and its commands verify against them."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from accrual.domain.notes import read_note
from tests.flow.books import rows
from tests.flow.processes import purchase, serving, until
from tests.pg_fixtures import Database

pytestmark = pytest.mark.security


class _Auditor(HTTPServer):
    """A second party that keeps what it is sent."""

    def __init__(self) -> None:
        kept = self.kept = list[str]()

        class Receiver(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                kept.append(self.rfile.read(int(self.headers["content-length"])).decode())
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                return

        super().__init__(("127.0.0.1", 0), Receiver)
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()

    def end(self) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()


def _accrual(environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "accrual", *words],
        env={"PATH": "/usr/bin:/bin", **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_served_installation_publishes_checkpoints_that_its_history_extends(database: Database, tmp_path: Path) -> None:
    auditor = _Auditor()
    environment = {
        "ACCRUAL_CHECKPOINT_KEY_FILE": str(tmp_path / "home" / "checkpoint.key"),
        "ACCRUAL_CHECKPOINT_EVERY_S": "0.5",
        "ACCRUAL_CHECKPOINT_WEBHOOK_URL": f"http://127.0.0.1:{auditor.server_port}/",
        "ACCRUAL_DATABASE_URL": database.owner_url,
    }
    try:
        with serving(tmp_path, environment=environment) as served:
            ticket = served.requestin(purchase("7"), "k").json["TicketId"]
            served.result(ticket)
            decided = len(auditor.kept)
            kept = until(lambda: auditor.kept[decided + 1 :], within_s=30, what=served.said)[0]
            page = served.ask("GET", "/v1/checkpoints", headers={})
            assert page.status == 200
            assert page.headers["cache-control"] == "public, max-age=1"
            shown = {each["number"]: each["note"] for each in page.json["checkpoints"]}
            assert shown[read_note(kept).size] == kept
            assert served.ask("GET", "/v1/checkpoints?after=0", headers={}).json["checkpoints"][0]["number"] == 1
            for query in ("after=1", "after=-100", "after=x", "a=0", "after=0&after=0", "after=" + "1" * 30):
                assert served.ask("GET", f"/v1/checkpoints?{query}", headers={}).status == 400
            busy = _accrual(environment, "checkpoint", "make")
            assert (busy.returncode, "running server" in busy.stderr) == (1, True)
        assert served.process.returncode == 0
    finally:
        auditor.end()
    note = tmp_path / "kept.txt"
    note.write_text(kept, encoding="utf-8")
    verified = _accrual(environment, "verify", "--quiet", "--json", "--against", str(note))
    assert verified.returncode == 0, verified.stdout + verified.stderr
    against = json.loads(verified.stdout)["against"]
    assert (against["clean"], against["checkpoint"], against["commands"] > 0) == (True, read_note(kept).size, True)
    key = _accrual(environment, "checkpoint", "key").stdout.strip()
    proof = _accrual(environment, "checkpoint", "prove", ticket, "--out", str(tmp_path / "proof.json"))
    assert proof.returncode == 0, proof.stderr
    checked = _accrual(environment, "checkpoint", "check", str(tmp_path / "proof.json"), "--key", key)
    assert (checked.returncode, "it covers ticket" in checked.stdout) == (0, True), checked.stdout + checked.stderr
    rows(database.owner_url, "update line set amount = amount + 1 returning 1")
    damaged = _accrual(environment, "verify", "--quiet", "--against", str(note))
    assert damaged.returncode == 3
    assert "does not extend checkpoint" in damaged.stdout
