"""Where things are in the checkout, and which files belong to it. Read by the checks of tests/arch, never by the product."""

from __future__ import annotations

import shutil
import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "accrual"
QUERIES = PACKAGE / "store" / "queries"
MIGRATIONS = PACKAGE / "store" / "migrations"
REQUIREMENTS = ROOT / "requirements"

_GENERATED = {".git", ".venv", "__pycache__", "dist", "build", "node_modules", ".accrual"}


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


@cache
def project_files() -> tuple[Path, ...]:
    """Every file that is or will be in version control; without git (an unpacked archive) every file not generated."""
    git = shutil.which("git")
    if git and (ROOT / ".git").exists():
        listed = subprocess.run(
            [git, "-c", f"safe.directory={ROOT}", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        candidates = [ROOT / name for name in listed.split("\0") if name]
    else:
        candidates = [
            path
            for path in ROOT.rglob("*")
            if not _GENERATED & set(path.relative_to(ROOT).parts) and "cache" not in str(path)
        ]
    return tuple(sorted(path for path in candidates if path.is_file()))
