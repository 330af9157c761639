"""What `make` does before its targets do anything: which packages, when again, and what it says where it cannot."""

from __future__ import annotations

import os
import shutil
import subprocess
import venv
from pathlib import Path

import pytest

from tests.arch.tree import ROOT


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with nothing set up in it."""
    shutil.copytree(ROOT / "requirements", tmp_path / "requirements")
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


@pytest.fixture
def set_up(checkout: Path) -> Path:
    """The same after a run of everything, as far as make can see."""
    venv.create(checkout / ".venv", symlinks=True)
    (checkout / ".venv" / ".home").write_text(str(checkout), encoding="utf-8")
    for stamp in (".runtime", ".dev"):
        (checkout / ".venv" / stamp).touch()
    return checkout


def _steps(checkout: Path, target: str) -> list[str]:
    """The commands that make would run, in order."""
    answer = subprocess.run(
        ["make", "--dry-run", target],
        cwd=checkout,
        env={key: value for key, value in os.environ.items() if key not in {"MAKEFLAGS", "MAKELEVEL", "MFLAGS"}},
        capture_output=True,
        text=True,
        check=True,
    )
    return [line for line in answer.stdout.splitlines() if line not in {":", ""}]


def _install(checkout: Path, python: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", "requirements/install.sh", "runtime"],
        cwd=checkout,
        env=os.environ | {"PYTHON": python},
        capture_output=True,
        text=True,
        check=False,
    )


def _interpreter(path: Path, *, refuses: str) -> str:
    """An interpreter that fails whenever its arguments hold `refuses`, and succeeds at doing nothing otherwise."""
    path.write_text(f'#!/bin/sh\ncase "$*" in *{refuses}*) exit 1;; esac\n', encoding="utf-8")
    path.chmod(0o755)
    return str(path)


def test_demo_installs_the_runtime_set_only(checkout: Path) -> None:
    assert _steps(checkout, "demo") == ["sh requirements/install.sh runtime", ".venv/bin/accrual demo"]


def test_test_installs_both_sets_first_and_ends_with_the_tests(checkout: Path) -> None:
    steps = _steps(checkout, "test")
    assert steps[:2] == ["sh requirements/install.sh runtime", "sh requirements/install.sh dev"]
    assert steps[-1].startswith(".venv/bin/python tests/run.py")


def test_second_run_installs_nothing(set_up: Path) -> None:
    assert _steps(set_up, "setup-dev") == []
    assert _steps(set_up, "demo") == [".venv/bin/accrual demo"]


@pytest.mark.parametrize("changed", ["requirements/runtime.txt", "requirements/build.txt", "pyproject.toml"])
def test_changed_pins_or_package_are_installed_again(set_up: Path, changed: str) -> None:
    stamp_s = (set_up / ".venv" / ".dev").stat().st_mtime
    os.utime(set_up / changed, (stamp_s + 10, stamp_s + 10))
    assert _steps(set_up, "demo")[0] == "sh requirements/install.sh runtime"


def test_moved_checkout_is_set_up_again(set_up: Path) -> None:
    moved = set_up.rename(set_up.with_name("moved"))
    assert _steps(moved, "setup") == ["sh requirements/install.sh runtime"]


def test_python_that_is_too_old_gets_a_clear_message(checkout: Path) -> None:
    answer = _install(checkout, _interpreter(checkout / "old", refuses="version_info"))
    assert answer.returncode == 1
    assert "needs Python 3.11 or later" in answer.stderr
    assert not (checkout / ".venv").exists()


def test_python_without_pip_gets_a_clear_message(checkout: Path) -> None:
    answer = _install(checkout, _interpreter(checkout / "bare", refuses="pip"))
    assert answer.returncode == 1
    assert "apt-get install python3-venv" in answer.stderr
    assert not (checkout / ".venv").exists()
