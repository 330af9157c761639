"""The draw commands that need no database: a trial of a table from a file, and the verification of receipts."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from accrual.cli.draw import app
from accrual.cli.draw_tables import bars, print_commitment
from accrual.domain.draws import Round
from accrual.engine.draw_views import DrawView, percent_text
from tests.arch.tree import ROOT

EXAMPLE = ROOT / "examples" / "draws" / "programme.yaml"


def test_a_trial_shows_how_prizes_come_over_time_and_repeats() -> None:
    words = ["simulate", "DR-WHEEL", "--entries", "4000", "--file", str(EXAMPLE)]
    first, again = CliRunner().invoke(app, [*words, "--json"]), CliRunner().invoke(app, [*words, "--json"])
    assert first.exit_code == 0, first.output
    assert first.output == again.output
    made = json.loads(first.output)
    assert sum(prize["wins"] for prize in made["prizes"]) == made["entries"] == 4000
    phone = next(prize for prize in made["prizes"] if prize["prize"] == "PHONE")
    assert (phone["wins"], phone["left"]) == (3, 0)
    assert made["helped"] > 0
    shown = CliRunner().invoke(app, words)
    assert "over time" in shown.output
    assert "█" in shown.output
    other = CliRunner().invoke(app, [*words, "--json", "--seed", "another"])
    assert other.output != first.output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["simulate", "DR-NONE", "--entries", "5"], "There is no draw 'DR-NONE'"),
        (["simulate", "DR-CAR", "--entries", "5"], "is a raffle"),
        (["simulate", "DR-WHEEL", "--entries", "5", "--members", "6"], "of 1 to as many members"),
    ],
)
def test_what_cannot_be_tried_is_said(words: list[str], said: str) -> None:
    result = CliRunner().invoke(app, [*words, "--file", str(EXAMPLE)])
    assert result.exit_code == 1
    assert said in result.output


def test_verify_says_that_a_file_is_no_receipts(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text("{}\n", encoding="utf-8")
    assert CliRunner().invoke(app, ["verify", str(path)]).exit_code == 2


def test_bars_and_percentages() -> None:
    assert bars((0, 1, 4, 8)) == " ▁▄█"
    assert bars(()) == ""
    assert bars((0, 0)) == "  "
    assert percent_text(1, 3) == "33.3333 %"
    assert percent_text(0, 0) == "0.0000 %"


def test_a_commitment_says_where_the_secret_is_and_what_decides_besides() -> None:
    at = datetime(2026, 3, 1, tzinfo=UTC)
    rounds = (
        Round(round=1, commitment="c1", since=at, closed_at=at, entries=7, root="r1", scheme=2, beacon="checkpoint"),
        Round(round=2, commitment="c2", since=at, scheme=2, shared=True, beacon="checkpoint"),
    )
    told = io.StringIO()
    view = DrawView(
        draw="CAR",
        name="Car",
        kind="raffle",
        status="live",
        round=2,
        commitment="c2",
        since=at,
        entries=3,
        rounds=rounds,
        odds=(),
    )
    print_commitment(view, Console(file=told, width=120))
    assert "in two parts" in told.getvalue()
    assert "The first checkpoint after its entries are complete" in told.getvalue()
    assert "its 7 entries are complete, its winners wait for a checkpoint" in told.getvalue()
    told.truncate(0)
    print_commitment(
        DrawView(
            draw="W",
            name="W",
            kind="draw",
            status="live",
            round=1,
            commitment="c",
            since=at,
            entries=0,
            rounds=(Round(round=1, commitment="c", since=at),),
            odds=(),
        ),
        Console(file=told, width=120),
    )
    assert "in the database alone" in told.getvalue()
    assert "close it soon" in told.getvalue()
