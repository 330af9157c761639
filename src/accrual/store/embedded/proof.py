"""Whether the process that postmaster.pid names is this cluster's server; trusts no pid that it cannot prove."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from accrual.domain.errors import Broken, Refused
from accrual.store.embedded.placement import Place, Progress, read_private
from accrual.store.embedded.records import Launch
from accrual.store.embedded.sight import Sight, is_same, is_same_directory, look, working_in

PROGRAMS = ("postgres", "postmaster")
START_TOLERANCE = timedelta(seconds=10)  # postmaster.pid has whole seconds, written some time after the process began
ORPHANS_LEAVE_S = 2.0
ORPHANS_QUIT_S = 2.0
ZOMBIE_REAPED_S = 1.0
POLL_S = 0.02


@dataclass(frozen=True, kw_only=True)
class PidFile:
    """What postmaster.pid says. `pid` is negative for a stand-alone backend; `status` empty before the first one."""

    pid: int
    started_at: datetime
    port: int
    socket_dir: str
    status: str


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """`ours`: proven. `none`: no pid file, or its process is dead or provably another. Else `unsure`.

    `blocking` is True where PostgreSQL itself would take the named process for a live server.
    """

    kind: Literal["ours", "none", "unsure"]
    file: PidFile | None = None
    sight: Sight | None = None
    blocking: bool = False


def read_pid_file(cluster: Path) -> PidFile | None:
    """postmaster.pid, or None where there is none or it is being written just now."""
    rows = read_private(cluster / "postmaster.pid").splitlines()
    try:
        return PidFile(
            pid=int(rows[0]),
            started_at=datetime.fromtimestamp(int(rows[2]), UTC),
            port=int(rows[3]),
            socket_dir=rows[4].strip(),
            status=rows[7].strip() if len(rows) > 7 else "",
        )
    except (IndexError, ValueError):
        return None


def judge(place: Place, launch: Launch | None) -> Verdict:
    """Compare the process with its record (pid and mark), else with program, directory, owner and start time."""
    file = read_pid_file(place.cluster)
    if file is None:
        return Verdict(kind="none")
    sight = look(abs(file.pid))
    if sight is None:
        # An unreaped zombie is dead, but PostgreSQL sees its pid and would refuse to start.
        return Verdict(kind="none", file=file, blocking=_answers_signals(abs(file.pid)))
    if launch is not None and (launch.pid, launch.mark) == (sight.pid, sight.mark):
        return Verdict(kind="ours", file=file, sight=sight)
    is_other = (
        (sight.exe is not None and sight.exe.name not in PROGRAMS)
        or (sight.cwd is not None and not is_same_directory(sight.cwd, place.cluster))
        or sight.uid != place.cluster.stat().st_uid
    )
    if is_other:
        return Verdict(kind="none", file=file, blocking=True)
    fits = abs(file.started_at - sight.started_at) <= START_TOLERANCE
    if file.pid > 0 and fits and sight.exe is not None:
        return Verdict(kind="ours", file=file, sight=sight)
    return Verdict(kind="unsure", file=file, sight=sight, blocking=True)


def refuse_unproven(place: Place, verdict: Verdict) -> Refused:
    """The error for a process that may be this cluster's server or not: nobody is signalled, nothing is removed."""
    pid = verdict.sight.pid if verdict.sight is not None else 0
    return Refused(
        f"Process {pid} seems to use {place.cluster}, but was not started by this program, or that cannot be proven. "
        f"Look at it (ps -fp {pid}), end it by hand if it is a PostgreSQL of this directory, then try again.",
        code="database_unproven",
        details={"pid": pid},
    )


def _answers_signals(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def wait_until_gone(pid: int, mark: str, *, timeout_s: float) -> bool:
    """Whether the process ended within `timeout_s`. A zombie counts as ended."""
    until = time.monotonic() + timeout_s
    while is_same(pid, mark):
        if time.monotonic() >= until:
            return False
        time.sleep(POLL_S)
    return True


def clear_leftovers(place: Place, verdict: Verdict, say: Progress) -> None:
    """After a kill -9: end the backends that outlived their server, then remove a pid file that only blocks.

    A pid file whose process is simply gone stays: PostgreSQL checks through it that no shared memory is still in use,
    and replaces it itself. Raises Broken `database_leftovers` if a backend cannot be ended.
    """
    _end_orphans(place.cluster, say)
    if verdict.kind == "none" and verdict.blocking and verdict.file is not None:
        until = time.monotonic() + ZOMBIE_REAPED_S  # one just killed is a zombie until its parent has waited for it
        while look(abs(verdict.file.pid)) is None and time.monotonic() < until:
            if not _answers_signals(abs(verdict.file.pid)):
                return
            time.sleep(POLL_S)
        say("Removing a postmaster.pid whose process is not a PostgreSQL of this directory")
        (place.cluster / "postmaster.pid").unlink(missing_ok=True)


def _end_orphans(cluster: Path, say: Progress) -> None:
    for number, patience_s in (
        (None, ORPHANS_LEAVE_S),
        (signal.SIGQUIT, ORPHANS_QUIT_S),
        (signal.SIGKILL, ORPHANS_QUIT_S),
    ):
        orphans = _orphans(cluster)
        if not orphans:
            return
        if number is not None:
            say(f"Ending {len(orphans)} PostgreSQL processes that outlived their server")
        for orphan in orphans:
            if number is not None and is_same(orphan.pid, orphan.mark):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(orphan.pid, number)
        until = time.monotonic() + patience_s
        while _orphans(cluster) and time.monotonic() < until:
            time.sleep(POLL_S)
    left = [orphan.pid for orphan in _orphans(cluster)]
    if left:
        raise Broken(
            f"Processes {left} still use {cluster} and cannot be ended. End them by hand, then try again.",
            code="database_leftovers",
            details={"pids": left},
        )


def _orphans(cluster: Path) -> list[Sight]:
    # Backends name themselves "postgres: ..."; a server, which we must not touch here, shows its command line.
    uid = cluster.stat().st_uid
    return [
        sight
        for sight in working_in(cluster)
        if sight.uid == uid
        and sight.exe is not None
        and sight.exe.name in PROGRAMS
        and sight.title.startswith("postgres: ")
    ]
