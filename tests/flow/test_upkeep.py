"""What falls due, over the program itself: run up to an instant, looked at first, ahead of the clock, and beside the API."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from accrual.bootstrap.programme import apply_file
from accrual.cli.program import app
from tests.flow.books import value
from tests.flow.processes import serving, until
from tests.pg_fixtures import Database

PROGRAMME = """
programme: {code: points, name: Points, time_zone: Asia/Jakarta, currency: IDR, late_limit: null, demo: DEMO}
assets: [{code: PTS, name: Points, number: 35}]
clients: [{code: till, rights: [submit, read, points, grant, adjust], key_sha256: "KEY"}]
"""
ANN = {"kind": "msisdn", "value": "62811"}
GRANTS = [
    {"member": ANN, "key": "1", "move": {"type": "grant", "asset": "PTS", "amount": 10, "expires": "P40D"}},
    {"member": ANN, "key": "2", "move": {"type": "grant", "asset": "PTS", "amount": 5, "note": "=1+1"}},
]


class Terminal:
    """The program over one database."""

    def __init__(self, database: Database) -> None:
        self.addresses = {
            "ACCRUAL_DATABASE_URL": database.runtime_url,
            "ACCRUAL_OWNER_DATABASE_URL": database.owner_url,
        }

    def run(self, *words: str, stdin: str = "", status: int = 0) -> Result:
        shown = CliRunner().invoke(app, list(words), input=stdin, env=self.addresses)
        assert shown.exit_code == status, shown.output
        return shown

    def json(self, *words: str, stdin: str = "", status: int = 0) -> Any:
        return json.loads(self.run(*words, "--json", stdin=stdin, status=status).stdout.splitlines()[-1])

    def posted(self) -> int:
        (balance,) = self.json("member", "msisdn", "62811")["balances"]
        return int(balance["posted"])

    def actions(self) -> list[str]:
        """What Ann's history holds, newest first."""
        return [ticket["action"] for ticket in self.json("member", "msisdn", "62811")["history"]]

    def grant(self) -> None:
        self.run("submit", "-", stdin="\n".join(map(json.dumps, GRANTS)))


def _terminal(database: Database, directory: Path, *, demo: bool) -> Terminal:
    path = directory / "programme.yaml"
    path.write_text(PROGRAMME.replace("DEMO", str(demo).lower()).replace("KEY", "0" * 63 + "1"))
    asyncio.run(apply_file(path, database.runtime_url, actor="test"))
    return Terminal(database)


@pytest.fixture
def terminal(database: Database, tmp_path: Path) -> Terminal:
    terminal = _terminal(database, tmp_path, demo=True)
    terminal.grant()
    return terminal


def _in(days: int) -> str:
    return (datetime.now(UTC) + timedelta(days=days)).isoformat()


def test_upkeep_ahead_of_the_clock_expires_and_gives_notice(terminal: Terminal) -> None:
    done = terminal.json("upkeep")
    assert sum(step["new"] for step in done["steps"].values()) == 0
    planned = terminal.json("upkeep", "--until", _in(41), "--dry-run")
    assert (planned["steps"]["expire"], planned["steps"]["notices"]["new"]) == ({"new": 1, "repeated": 0}, 1)
    assert (planned["dry_run"], terminal.posted()) == (True, 15)
    shown = terminal.run("upkeep", "--until", _in(41)).stdout
    assert "points that expire" in shown
    assert terminal.posted() == 5
    again = terminal.json("upkeep", "--until", _in(41))
    assert again["steps"]["expire"] == {"new": 0, "repeated": 1}
    history = terminal.json("member", "msisdn", "62811")["history"]
    assert [ticket["action"] for ticket in history] == ["expire", "notice", "grant", "grant"]
    assert history[0]["dialect"] == "internal"
    for ticket in history[:2]:
        assert terminal.run("explain", ticket["ticket"]).stdout
    assert terminal.json("verify")["findings"] == []


def test_upkeep_ahead_of_the_clock_is_refused_where_points_are_real(database: Database, tmp_path: Path) -> None:
    terminal = _terminal(database, tmp_path, demo=False)
    terminal.grant()
    refused = terminal.json("upkeep", "--until", _in(41), status=1)
    assert (refused["error"]["code"], terminal.posted()) == ("upkeep_ahead", 15)
    terminal.run("upkeep", "--until", _in(41), "--ahead")
    assert terminal.posted() == 5


def test_statement_as_csv_has_every_line_and_no_formula(terminal: Terminal) -> None:
    terminal.run("upkeep", "--until", _in(41))
    rows = list(csv.DictReader(io.StringIO(terminal.run("statement", "msisdn", "62811", "--csv").stdout)))
    assert [(row["kind"], row["amount"], row["balance_after"]) for row in rows] == [
        ("grant", "10", "10"),
        ("grant", "5", "15"),
        ("expire", "-10", "5"),
    ]
    assert rows[1]["note"] == "'=1+1"
    shown = terminal.run("statement", "msisdn", "62811", "--from", "2020-01-01", "--asset", "PTS").stdout
    assert "grant +15, expire -10" in shown or "expire -10, grant +15" in shown
    assert terminal.json("statement", "msisdn", "62811", "--until", "2020-01-01")["accounts"] == []


def test_member_as_of_a_past_instant(terminal: Terminal) -> None:
    before = datetime.now(UTC).isoformat()
    terminal.run("upkeep", "--until", _in(41))
    assert terminal.posted() == 5
    (balance,) = terminal.json("member", "msisdn", "62811", "--at", before)["balances"]
    assert (balance["posted"], balance["next_expiry"]["amount"]) == (15, 10)
    assert "as of" in terminal.run("member", "msisdn", "62811", "--at", before).stdout


def test_server_looks_after_what_falls_due_by_itself(database: Database, tmp_path: Path) -> None:
    terminal = _terminal(database, tmp_path, demo=True)
    move = {"type": "grant", "asset": "PTS", "amount": 10, "expires": "PT1S", "active_after": "PT1S"}
    words = ("--database-url", database.owner_url, "--lanes", "1")
    with serving(tmp_path, *words, programme=None, environment={"ACCRUAL_UPKEEP_EVERY_S": "0.2"}):
        terminal.run("submit", "-", stdin=json.dumps({"member": ANN, "key": "1", "move": move}))
        (balance,) = terminal.json("member", "msisdn", "62811")["balances"]
        assert (balance["pending"], balance["posted"]) == (10, 0)
        # Upkeep stays half a minute behind the clock: what is younger may not be visible yet.
        decided = "select count(*) from outcome"
        until(lambda: value(database.owner_url, decided) == 3, within_s=60.0, what="upkeep never came")
        assert terminal.actions()[:2] == ["expire", "activate"]
        (balance,) = terminal.json("member", "msisdn", "62811")["balances"]
        assert (balance["pending"], balance["posted"]) == (0, 0)
        assert "What fell due is done." in terminal.run("doctor", status=1).stdout
