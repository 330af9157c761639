"""What a person types to look ahead: preview and backtest over a real database, with the page that --html writes."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.flow.test_questions import PROGRAMME, PURCHASE, Terminal
from tests.pg_fixtures import Database


@pytest.fixture
def terminal(database: Database) -> Terminal:
    return Terminal(database)


def _units(side: dict[str, Any], promo: str) -> int:
    return sum(cell["units"] for cell in side["cells"] if cell["promo"] == promo)


def test_preview_tells_what_submit_then_does(terminal: Terminal) -> None:
    command = json.dumps({**PURCHASE, "key": "k-1"})
    ahead = terminal.json("preview", "-", stdin=command)
    sent = terminal.json("submit", "-", stdin=command)
    outcome = sent["outcome"]
    assert not ahead["repeated"]
    moments = ("recorded_at", "occurred_at")
    assert {name: value for name, value in ahead["outcome"].items() if name not in moments} == {
        name: value for name, value in outcome.items() if name not in moments
    }
    again = terminal.json("preview", "-", stdin=command)
    assert again["repeated"]
    assert again["outcome"] == outcome


def test_preview_is_told_in_words(terminal: Terminal, tmp_path: Path) -> None:
    path = tmp_path / "command.json"
    path.write_text(json.dumps(PURCHASE, indent=2))
    shown = terminal.run("preview", str(path))
    assert shown.exit_code == 0, shown.output
    assert "nothing was posted" in shown.stdout
    assert "+ PAID (version 1" in shown.stdout
    assert terminal.run("ticket", "0b3f5d1e-8a53-8005-9d2c-3f1f0a6c7e21").exit_code == 1


def test_preview_takes_raw_bodies_of_a_dialect(terminal: Terminal) -> None:
    body = (PROGRAMME.parent / "requests").rglob("*.json")
    raw = next(path for path in sorted(body) if "transactionpromo" in path.name).read_text()
    ahead = terminal.json("preview", "-", "--dialect", "qoin", stdin=raw)
    assert ahead["outcome"]["dialect"] == "qoin_processor"
    assert [award["promo"] for award in ahead["outcome"]["awards"]] == ["PAID"]


def test_backtest_of_what_is_stored_is_the_log_and_of_another_what_it_would_give(
    terminal: Terminal, tmp_path: Path
) -> None:
    lines = "\n".join(json.dumps({**PURCHASE, "key": f"k-{number}"}) for number in range(5))
    assert terminal.run("submit", "-", stdin=lines).exit_code == 0
    same = terminal.json("backtest", str(PROGRAMME))
    # The sixth made the member that the example programme names.
    assert (same["as_was"], same["commands"], same["equal"], same["different"]) == (True, 6, 6, [])
    other = tmp_path / "other.yaml"
    other.write_text(PROGRAMME.read_text().replace("{asset: PTS, fixed: 1}", "{asset: PTS, fixed: 4}", 1))
    page = tmp_path / "report.html"
    report = terminal.json("backtest", str(other), "--html", str(page), "--value", "PTS=0.25")
    assert not report["as_was"]
    assert (_units(report["simulated"], "PAID"), _units(report["really"], "PAID")) == (20, 5)
    assert report["simulated"]["assets"][0]["cost"] == "5.00"
    assert "identity" not in report["simulated"]["assets"][0]["winners"][0]
    text = page.read_text()
    assert text.count("<svg") >= 3
    assert re.findall(r"https?:|<script|src=|@import|url\(", text) == []
    assert "16659" not in text
    named = terminal.json("backtest", str(other), "--identities")
    assert named["simulated"]["assets"][0]["winners"][0]["identity"]["value"] == "16659"
    shown = terminal.run("backtest", str(other))
    assert "+15" in shown.stdout
    assert terminal.json("backtest", str(PROGRAMME), "--from", "2100-01-01")["commands"] == 0


def test_backtest_of_a_changed_log_ends_with_1_and_names_the_ticket(terminal: Terminal) -> None:
    sent = terminal.json("submit", "-", stdin=json.dumps({**PURCHASE, "key": "k"}))
    other = terminal.json(
        "submit", "-", stdin=json.dumps({"member": PURCHASE["member"], "facts": [{"type": "check_in"}]})
    )
    terminal.damage(
        "update outcome set payload = (select o.payload from outcome o join command c using (bucket, position) "
        f"where c.ticket = '{other['ticket']}') from command c where c.bucket = outcome.bucket "
        f"and c.position = outcome.position and c.ticket = '{sent['ticket']}'"
    )
    shown = terminal.run("backtest", str(PROGRAMME))
    assert shown.exit_code == 1
    assert sent["ticket"] in shown.stdout


def test_programme_that_is_not_there_is_told(terminal: Terminal, tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    other.write_text(PROGRAMME.read_text().replace("code: qoin-demo", "code: another"))
    shown = terminal.run("backtest", str(other))
    assert shown.exit_code == 1
    assert "another" in shown.output
