"""What the operating system says about one process; never what we think it should be."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

PROC = Path("/proc")
DELETED = " (deleted)"  # the kernel adds this to /proc/PID/exe when the file was replaced by an upgrade
PS_TIMEOUT_S = 10


@dataclass(frozen=True, kw_only=True)
class Sight:
    """A living process. `mark` is equal for two sights only if they are of the very same process.

    `exe` and `cwd` are None where the system does not tell us (another user's process, or no /proc).
    """

    pid: int
    mark: str
    started_at: datetime
    uid: int
    exe: Path | None
    cwd: Path | None
    title: str


def look(pid: int) -> Sight | None:
    """The process with this pid, or None if there is none or only its unreaped remains (state Z or X)."""
    if pid <= 0:
        return None
    return _look_in_proc(pid) if (PROC / "self" / "stat").exists() else _look_with_ps(pid)


def is_same(pid: int, mark: str) -> bool:
    """Whether the process once seen with this mark still lives."""
    sight = look(pid)
    return sight is not None and sight.mark == mark


def working_in(directory: Path) -> Iterator[Sight]:
    """Every process whose working directory is this one. Finds nothing on a system without /proc."""
    if not PROC.is_dir():
        return
    for entry in PROC.iterdir():
        if not entry.name.isdecimal():
            continue
        sight = look(int(entry.name))
        if sight is not None and sight.cwd is not None and is_same_directory(sight.cwd, directory):
            yield sight


def is_same_directory(left: Path, right: Path) -> bool:
    """Whether two paths lead to one directory; False if either cannot be reached."""
    try:
        return left.samefile(right)
    except OSError:
        return False


def _look_in_proc(pid: int) -> Sight | None:
    here = PROC / str(pid)
    try:
        # The command name may hold spaces and brackets, so the fields are counted from its closing bracket.
        fields = (here / "stat").read_text(errors="replace").rpartition(")")[2].split()
        uid = here.stat().st_uid
        title = (here / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except (FileNotFoundError, ProcessLookupError):
        return None
    state, ticks = fields[0], int(fields[19])
    if state in "ZX":
        return None
    return Sight(
        pid=pid,
        mark=f"{_boot_id()}:{ticks}",
        started_at=datetime.fromtimestamp(_booted_at_s() + ticks / os.sysconf("SC_CLK_TCK"), UTC),
        uid=uid,
        exe=_follow(here / "exe"),
        cwd=_follow(here / "cwd"),
        title=title,
    )


def _follow(link: Path) -> Path | None:
    try:
        return Path(str(link.readlink()).removesuffix(DELETED))
    except OSError:
        return None


def _boot_id() -> str:
    return (PROC / "sys/kernel/random/boot_id").read_text().strip()


def _booted_at_s() -> int:
    for row in (PROC / "stat").read_text().splitlines():
        if row.startswith("btime "):
            return int(row.split()[1])
    raise RuntimeError("/proc/stat names no boot time")


def _look_with_ps(pid: int) -> Sight | None:
    """The same from `ps`, for systems without /proc (macOS)."""
    found = subprocess.run(
        ["/bin/ps", "-ww", "-p", str(pid), "-o", "stat=,uid=,lstart=,comm="],
        env={"LC_ALL": "C", "TZ": "UTC"},
        capture_output=True,
        text=True,
        timeout=PS_TIMEOUT_S,
        check=False,
    )
    words = found.stdout.split(maxsplit=7)
    if found.returncode != 0 or len(words) < 8 or words[0][0] in "ZX":
        return None
    started = " ".join(words[2:7])
    return Sight(
        pid=pid,
        mark=started,
        started_at=datetime.strptime(started, "%a %b %d %H:%M:%S %Y").replace(tzinfo=UTC),
        uid=int(words[1]),
        exe=Path(words[7].strip()),
        cwd=None,
        title=words[7].strip(),
    )
