"""Reads what processes used, from /proc: CPU and memory of our own and of PostgreSQL's. None where a system has no /proc."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

PROC = Path("/proc")
_PARENT, _CPU, _CPU_OF_DEAD = 1, slice(11, 13), slice(13, 15)
"""Places in /proc/<pid>/stat, counted from the state, which follows the name in brackets."""


def _stat(pid: int | str) -> list[str] | None:
    try:
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except (OSError, UnicodeDecodeError):  # it has ended, or there is no /proc
        return None


def _seconds(stat: list[str], places: slice) -> float:
    return sum(int(ticks) for ticks in stat[places]) / os.sysconf("SC_CLK_TCK")


def cpu_s(pids: Iterable[int]) -> float | None:
    """Seconds of CPU that these processes have used, user and system; None when one of them cannot be read."""
    total = 0.0
    for pid in pids:
        stat = _stat(pid)
        if stat is None:
            return None
        total += _seconds(stat, _CPU)
    return total


def postmaster_of(backend_pid: int) -> int | None:
    """The server process above a backend; None when the server is on another machine or cannot be seen."""
    stat = _stat(backend_pid)
    if stat is None or _name(backend_pid) != "postgres":
        return None
    parent = int(stat[_PARENT])
    return parent if _name(parent) == "postgres" else None


def server_cpu_s(postmaster: int | None) -> float | None:
    """Seconds of CPU of a whole server: its postmaster, its living children, and those that have ended."""
    stat = None if postmaster is None else _stat(postmaster)
    if stat is None:
        return None
    total = _seconds(stat, _CPU) + _seconds(stat, _CPU_OF_DEAD)
    for entry in PROC.iterdir():
        child = _stat(entry.name) if entry.name.isdigit() else None
        if child is not None and int(child[_PARENT]) == postmaster:
            total += _seconds(child, _CPU)
    return total


def peak_rss_mb(pid: int) -> float | None:
    """The most memory a process has held so far, in megabytes of 10^6 bytes."""
    try:
        status = (PROC / str(pid) / "status").read_text()
    except OSError:
        return None
    for line in status.splitlines():
        if line.startswith("VmHWM:"):
            return round(int(line.split()[1]) * 1024 / 1e6, 1)
    return None


def _name(pid: int) -> str | None:
    try:
        return (PROC / str(pid) / "comm").read_text().strip()
    except OSError:
        return None


def us_a_command(seconds: float | None, commands: int) -> float | None:
    """Microseconds of CPU a command; None when the seconds are not known."""
    return None if seconds is None or not commands else round(seconds / commands * 1e6, 1)
