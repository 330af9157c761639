"""The runner behind `make test`: its closing line counts both runs, and one failure in either is a failure of all."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.arch.tree import ROOT

SAMPLE = """
import os
import pytest

def test_good(): pass

@pytest.mark.skip
def test_left_out(): pass

@pytest.fixture
def postgres(): pass

@pytest.mark.parametrize("n", range(3))
def test_with_a_database(postgres, n): assert not ({bad})
"""
OTHER = "'ACCRUAL_TEST_POSTGRES_BIN' in os.environ"


def _run(directory: Path, bad: str, binaries: Path) -> tuple[int, list[str]]:
    sample = directory / "test_sample.py"
    sample.write_text(SAMPLE.format(bad=bad), encoding="utf-8")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    done = subprocess.run(
        [sys.executable, "tests/run.py", "-q", "-c", "pyproject.toml", "-p", "tests.pg_fixtures", str(sample)],
        cwd=ROOT,
        env={**inherited, "ACCRUAL_TEST_POSTGRES_15": str(binaries), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout.splitlines()


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A directory that looks like an installed PostgreSQL's; the samples ask nothing of it."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "postgres").touch()
    return tmp_path / "bin"


@pytest.mark.parametrize(
    ("bad", "status", "closing"),
    [
        ("False", 0, "7 passed, 0 failed, 1 skipped"),
        (f"n == 1 and {OTHER}", 1, "6 passed, 1 failed, 1 skipped"),
    ],
)
def test_closing_line_counts_both_runs(tmp_path: Path, installed: Path, bad: str, status: int, closing: str) -> None:
    got, said = _run(tmp_path, bad, installed)
    assert (got, said[-1]) == (status, closing), "\n".join(said)


def test_second_run_that_cannot_be_is_said_to_be_skipped(tmp_path: Path) -> None:
    status, said = _run(tmp_path, "False", tmp_path)
    assert (status, said[-1]) == (0, "4 passed, 0 failed, 1 skipped"), "\n".join(said)
    assert "is skipped" in said[-2]


def test_run_that_never_came_to_its_tests_is_a_failure(tmp_path: Path) -> None:
    status, said = _run(tmp_path, "syntax error", tmp_path)
    assert (status, said[-1]) == (1, "0 passed, 1 failed, 0 skipped"), "\n".join(said)
