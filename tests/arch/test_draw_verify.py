"""The verifiers of draws and of checkpoints stand by themselves: they import the standard library only, and run alone."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.arch.tree import PACKAGE

VERIFIER = PACKAGE / "draw_verify.py"
VERIFIERS = [VERIFIER, PACKAGE / "checkpoint_verify.py"]


def _imported(text: str) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add("." if node.level else str(node.module).partition(".")[0])
    return names


@pytest.mark.parametrize("verifier", VERIFIERS, ids=lambda path: path.name)
def test_the_verifier_imports_nothing_but_the_standard_library(verifier: Path) -> None:
    assert _imported(verifier.read_text(encoding="utf-8")) <= set(sys.stdlib_module_names)


def test_an_import_of_ours_would_be_seen() -> None:
    planted = "from accrual.rules import draws\nimport msgspec\nfrom . import x\n"
    assert not _imported(planted) <= set(sys.stdlib_module_names)
    assert _imported(planted) == {"accrual", "msgspec", "."}


def test_a_copy_of_it_runs_alone_and_says_what_it_cannot_read(tmp_path: Path) -> None:
    copy = tmp_path / "verify.py"
    copy.write_bytes(VERIFIER.read_bytes())
    (tmp_path / "receipts.jsonl").write_text('{"format": "something else"}\n', encoding="utf-8")
    command = [sys.executable, "-I", "-S", str(copy)]
    unread = subprocess.run(
        [*command, "receipts.jsonl"], cwd=tmp_path, capture_output=True, text=True, timeout=30, check=False
    )
    assert (unread.returncode, unread.stdout) == (2, "")
    assert "no receipts of a draw" in unread.stderr
    asked = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=30, check=False)
    assert asked.returncode == 2
    assert "draw_verify.py receipts.jsonl" in asked.stderr


def test_a_copy_of_the_verifier_of_checkpoints_runs_alone(tmp_path: Path) -> None:
    copy = tmp_path / "verify.py"
    copy.write_bytes((PACKAGE / "checkpoint_verify.py").read_bytes())
    (tmp_path / "proof.json").write_text('{"format": "something else"}\n', encoding="utf-8")
    command = [sys.executable, "-I", "-S", str(copy), "proof.json", "--key"]
    key = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    unread = subprocess.run([*command, key], cwd=tmp_path, capture_output=True, text=True, timeout=30, check=False)
    assert (unread.returncode, unread.stdout) == (2, "")
    assert "no proof in a format" in unread.stderr
    asked = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=30, check=False)
    assert asked.returncode == 2
    assert "checkpoint_verify.py PROOF.json" in asked.stderr
