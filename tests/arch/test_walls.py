"""Each import wall of pyproject.toml is broken on purpose in a copy of the package, and the linter is seen to catch it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.arch.tree import PACKAGE, ROOT

# By contract: which module gets a forbidden import planted beside it, and what it imports.
PLANTED: dict[str, list[tuple[str, str]]] = {
    "layers": [
        ("domain", "accrual.rules"),
        ("domain", "accrual.engine"),
        ("rules", "accrual.engine"),
        ("engine", "accrual.worker"),
        ("engine", "accrual.api"),
        ("engine", "accrual.bootstrap"),
        ("worker", "accrual.api"),
        ("api", "accrual.worker"),
        ("api", "accrual.bootstrap"),
        ("worker", "accrual.bootstrap"),
        ("bootstrap", "accrual.cli"),
        ("bench", "accrual.cli"),
        ("bootstrap", "accrual.bench"),
    ],
    "store-sees-domain": [("store", "accrual.engine"), ("store", "accrual.rules"), ("store", "accrual.settings")],
    "store-is-wired": [
        ("api", "accrual.store"),
        ("engine", "accrual.store"),
        ("worker", "accrual.store"),
        ("cli", "accrual.store"),
        ("bench", "accrual.store"),
    ],
    "settings-are-wired": [
        ("engine", "accrual.settings"),
        ("cli", "accrual.settings"),
        ("worker", "accrual.settings"),
        ("bench", "accrual.settings"),
    ],
    "pure": [
        ("domain", "time"),
        ("domain", "asyncio"),
        ("domain", "os"),
        ("rules", "random"),
        ("rules", "secrets"),
        ("rules", "asyncpg"),
        ("rules", "starlette.requests"),
        ("rules", "accrual.telemetry"),
    ],
    "driver-in-store": [("engine", "asyncpg"), ("api", "asyncpg"), ("cli", "asyncpg"), ("worker", "asyncpg")],
    "http-at-the-edge": [
        ("engine", "starlette.responses"),
        ("worker", "granian.server.embed"),
        ("store", "starlette.requests"),
    ],
    "terminal-at-the-edge": [("engine", "rich.console"), ("worker", "typer")],
    "dialects-are-strangers": [
        ("api/dialects/qoin_task", "accrual.api.dialects.qoin_processor"),
        ("api/dialects/qoin_processor", "accrual.api.dialects.qoin_task"),
        ("api/dialects/qoin", "accrual.api.dialects.qoin_task"),
        ("api/dialects/goodie", "accrual.api.dialects.qoin_task"),
        ("api/dialects/dsquares", "accrual.api.dialects.qoin_task"),
        ("api/dialects/profitflow", "accrual.api.dialects.qoin_processor"),
    ],
    "partners-are-strangers": [
        ("api/dialects/goodie", "accrual.api.dialects.qoin.facts"),
        ("api/dialects/qoin", "accrual.api.dialects.goodie.wire"),
        ("api/dialects/profitflow", "accrual.api.dialects.qoin.facts"),
        ("api/dialects/goodie", "accrual.api.dialects.profitflow.reply"),
        ("api/dialects/dsquares", "accrual.api.dialects.goodie.promotions"),
        ("api/dialects/goodie", "accrual.api.dialects.dsquares.decimals"),
    ],
    "dialects-do-not-judge": [
        ("api/dialects/goodie", "accrual.rules"),
        ("api/dialects/dsquares", "accrual.rules.evaluate"),
        ("api/dialects/profitflow", "accrual.rules.lifecycle"),
        ("api/dialects/qoin_task", "accrual.rules"),
        ("api/dialects/qoin_processor", "accrual.rules"),
        ("api/dialects/qoin", "accrual.rules.evaluate"),
    ],
    "dialects-are-pure": [],  # its modules have fixed names, so the import is written into one of them, below
}
WRITTEN_INTO: dict[str, list[tuple[str, str]]] = {
    "dialects-are-pure": [
        ("api/dialects/qoin_task/wire.py", "asyncio"),
        ("api/dialects/profitflow/translate.py", "time"),
        ("api/dialects/qoin_task/translate.py", "random"),
        ("api/dialects/qoin_processor/reply.py", "starlette.responses"),
    ],
}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copytree(PACKAGE, tmp_path / "src" / "accrual", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def _contracts() -> list[str]:
    document = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return [contract["id"] for contract in document["tool"]["importlinter"]["contracts"]]


def _lint(root: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """The linter over a copy. Its answer is made wide, so that no module name is broken over two lines."""
    return subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache", "--no-logo", *options],
        cwd=root,
        env=os.environ | {"PYTHONPATH": str(root / "src"), "COLUMNS": "400"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_tree_as_it_is_keeps_every_wall(copy: Path) -> None:
    answer = _lint(copy)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert f"Contracts: {len(_contracts())} kept, 0 broken" in answer.stdout


def test_each_wall_has_a_planted_violation() -> None:
    assert sorted(_contracts()) == sorted(PLANTED)
    assert [name for name, plants in PLANTED.items() if not plants and not WRITTEN_INTO.get(name)] == []


@pytest.mark.parametrize("contract", PLANTED)
def test_planted_violation_is_caught(copy: Path, contract: str) -> None:
    expected = []
    for number, (where, what) in enumerate(PLANTED[contract]):
        planted = copy / "src" / "accrual" / where / f"planted_{number}.py"
        assert planted.parent.is_dir(), f"{where} is no package any more: move this plant"
        planted.write_text(f"import {what}\n", encoding="utf-8")
        expected.append((f"accrual.{where.replace('/', '.')}.planted_{number}", what))
    for where, what in WRITTEN_INTO.get(contract, []):
        module = copy / "src" / "accrual" / where
        module.write_text(module.read_text(encoding="utf-8") + f"\nimport {what}\n", encoding="utf-8")
        expected.append((f"accrual.{where.removesuffix('.py').replace('/', '.')}", what))

    answer = _lint(copy, "--contract", contract)

    assert answer.returncode == 1, answer.stdout + answer.stderr
    assert "0 kept, 1 broken" in answer.stdout
    unseen = [
        f"{importer} -> {what}"
        for importer, what in expected
        if f"{importer} -> {what if what.startswith('accrual') else what.split('.')[0]}" not in answer.stdout
    ]
    assert not unseen, answer.stdout
