"""The verifier of draws stands by itself: it imports nothing but the standard library, and runs where nothing else is."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

from tests.arch.tree import PACKAGE

VERIFIER = PACKAGE / "draw_verify.py"


def _imported(text: str) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add("." if node.level else str(node.module).partition(".")[0])
    return names


def test_the_verifier_imports_nothing_but_the_standard_library() -> None:
    assert _imported(VERIFIER.read_text(encoding="utf-8")) <= set(sys.stdlib_module_names)


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
