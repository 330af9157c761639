"""The program knows all its commands and loads none of them to list them."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest
import typer
from typer.testing import CliRunner

from accrual.cli.program import COMMANDS, app, load
from accrual.cli.programme import Document, schema_of
from tests.arch.tree import PACKAGE

HEAVY = (
    "asyncpg",
    "msgspec",
    "pydantic",
    "starlette",
    "cryptography",
    "rich.progress",
    "accrual.store",
    "accrual.engine",
)


def test_help_lists_every_command_with_its_line() -> None:
    shown = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "160", "TERMINAL_WIDTH": "160"})
    assert shown.exit_code == 0
    for name, entry in COMMANDS.items():
        assert name in shown.stdout
        assert entry.says in shown.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_loads_and_explains_itself(name: str) -> None:
    command = load(name)
    assert command.name == name
    shown = CliRunner().invoke(app, [name, "--help"])
    assert shown.exit_code == 0, shown.output
    assert "Usage" in shown.stdout


def test_every_module_with_a_command_is_in_the_table() -> None:
    listed = {entry.module for entry in COMMANDS.values()}
    missing = []
    for path in sorted((PACKAGE / "cli").glob("*.py")):
        module = importlib.import_module(f"accrual.cli.{path.stem}")
        is_command = isinstance(getattr(module, "app", None), typer.Typer) or callable(getattr(module, path.stem, None))
        if is_command and path.stem not in ("program", "__init__") and module.__name__ not in listed:
            missing.append(path.stem)
    assert missing == []


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom accrual.cli.program import app\n"
        "try:\n    app(['--help'])\nexcept SystemExit:\n    pass\n"
        f"print('LOADED', [name for name in {HEAVY!r} if name in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True)
    assert "LOADED []" in shown.stdout


def test_unknown_command_is_said_in_a_sentence() -> None:
    shown = CliRunner().invoke(app, ["tikcet"])
    assert shown.exit_code == 2
    assert "tikcet" in shown.output
    assert "Traceback" not in shown.output


def test_version_is_printed() -> None:
    from accrual import __version__

    shown = CliRunner().invoke(app, ["--version"])
    assert (shown.exit_code, shown.stdout.strip()) == (0, __version__)


def test_schema_of_a_promo_describes_every_field() -> None:
    schema = schema_of(Document.PROMO)
    fields = {
        f"{name}.{field}": shape
        for name, of in schema["$defs"].items()
        for field, shape in of.get("properties", {}).items()
    }
    assert len(fields) > 60
    assert [path for path, shape in fields.items() if not shape.get("description", "").endswith(".")] == []
