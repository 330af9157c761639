"""The settings our server runs with, and which of them a caller may change; never where they are read from."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from accrual.domain.errors import Invalid

SHM = Path("/dev/shm")  # noqa: S108 - only its size is looked at
SHM_MIN_BYTES = 60 << 20  # container engines give 64 MB by default; parallel queries live there
LOG_FILE_MAX_KB = 10 * 1024
OURS = frozenset(
    {"listen_addresses", "port", "unix_socket_directories", "data_directory"}
    | {"logging_collector", "log_directory", "log_filename", "log_destination"}
)
NAME = re.compile(r"[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)?")


def default_settings() -> dict[str, str]:
    """For two cores and a few gigabytes. Durable: fsync and synchronous_commit are on.

    The log is terse and carries no statements: DETAIL and STATEMENT lines would show members' data.
    """
    memory_bytes = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "shared_buffers": f"{shared_buffers_mb(memory_bytes)}MB",
        "max_connections": "100",
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        "wal_compression": "on",
        "max_wal_size": "2GB",
        "checkpoint_timeout": "15min",
        "autovacuum": "on",
        "jit": "off",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "password_encryption": "scram-sha-256",
        "log_filename": "postgres-%Y%m%d-%H%M%S.log",
        "log_rotation_age": "1d",
        "log_rotation_size": f"{LOG_FILE_MAX_KB}kB",
        "log_line_prefix": "%m [%p] ",
        "log_error_verbosity": "terse",
        "log_min_error_statement": "panic",
        "log_startup_progress_interval": "1s",
        "cluster_name": "accrual",
    }


def shared_buffers_mb(memory_bytes: int) -> int:
    """A sixteenth of the memory, from 128 MB up to 1 GB: the hot ends of the indexes fit, and the host stays others' too."""
    return min(max(memory_bytes // 16 >> 20, 128), 1024)


def check_settings(settings: Mapping[str, str]) -> None:
    """Raises Invalid `database_setting` for a name that is none, and for those that the launcher itself decides."""
    for name, value in settings.items():
        if not NAME.fullmatch(name) or "\0" in value:
            raise Invalid(f"{name!r} is not the name of a PostgreSQL setting.", code="database_setting")
        if name in OURS:
            raise Invalid(
                f"The setting {name} is decided by the launcher. Leave it out, or run a PostgreSQL of your own and "
                "set ACCRUAL_DATABASE_URL.",
                code="database_setting",
            )


def shared_memory_is_tiny() -> bool:
    """Whether /dev/shm is too small for PostgreSQL's dynamic shared memory, or missing on a system that has /proc."""
    try:
        state = os.statvfs(SHM)
    except OSError:
        return Path("/proc/self").exists()
    return state.f_bavail * state.f_frsize < SHM_MIN_BYTES


def shared_memory_settings() -> dict[str, str]:
    """Files instead of /dev/shm where that is tiny: slower for parallel queries, and it starts."""
    return {"dynamic_shared_memory_type": "mmap"} if shared_memory_is_tiny() else {}


def as_arguments(settings: Mapping[str, str]) -> list[str]:
    """`-c name=value` for each."""
    return [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
