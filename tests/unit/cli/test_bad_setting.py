"""A setting that cannot be used is told in a sentence by every command, without its value, and never as a traceback."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from accrual.cli.program import app

BOOTSTRAP = Path("src/accrual/bootstrap")


@pytest.mark.parametrize(
    "words",
    [
        ["doctor"],
        ["verify"],
        ["member", "a", "b"],
        ["serve"],
        ["api"],
        ["lane"],
        ["upkeep"],
        ["checkpoint", "list"],
        ["parked", "list"],
    ],
)
def test_command_names_the_variable_and_not_its_value(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCRUAL_METRICS_TOKEN", "tooshort")
    done = CliRunner().invoke(app, words)
    assert (done.exit_code, type(done.exception)) == (1, SystemExit)
    assert "ACCRUAL_METRICS_TOKEN: at least 16 characters are needed" in done.output
    assert "tooshort" not in done.output


def test_settings_are_read_in_one_place() -> None:
    reads = {path.name for path in BOOTSTRAP.glob("*.py") if re.search(r"\bSettings\(\)", path.read_text("utf-8"))}
    assert reads == {"settings.py"}
