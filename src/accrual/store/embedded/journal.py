"""The server's log files: reading what was said last, and keeping their number bounded."""

from __future__ import annotations

import contextlib
from pathlib import Path

from accrual.store.embedded.placement import Place, read_private

LOG_FILES_MAX = 10
TAIL_BYTES = 4000


def launch_log(place: Place) -> Path:
    """What the server says before its own logging has begun."""
    return place.home / "launch.log"


def log_files(place: Place) -> list[Path]:
    """The log files, oldest first; their names are times."""
    try:
        return sorted(path for path in place.logs.glob("postgres-*.log") if not path.is_symlink())
    except OSError:
        return []


def prune(place: Place) -> None:
    """Remove all but the newest LOG_FILES_MAX files, so that the log stays under about 100 MB."""
    for path in log_files(place)[:-LOG_FILES_MAX]:
        with contextlib.suppress(FileNotFoundError):
            path.unlink()


def tail(place: Place, *, since_s: float) -> str:
    """The end of everything said since this time (seconds since the epoch)."""
    parts = [read_private(launch_log(place), tail_bytes=TAIL_BYTES)]
    for path in log_files(place)[-2:]:
        with contextlib.suppress(OSError):
            if path.stat().st_mtime >= since_s:
                parts.append(read_private(path, tail_bytes=TAIL_BYTES))
    return "".join(parts).strip()
