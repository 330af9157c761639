"""What can be said about a data directory's server without touching it."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from accrual.store.embedded.account import choose_account
from accrual.store.embedded.journal import launch_log, log_files
from accrual.store.embedded.launch import READY
from accrual.store.embedded.placement import find_place
from accrual.store.embedded.proof import judge
from accrual.store.embedded.records import read_launch
from accrual.store.embedded.server import ServerStatus
from accrual.store.embedded.sight import is_same


def status(data_dir: Path) -> ServerStatus:
    """State, process, port, version, size and starter. Reads only; raises Refused `database_not_ours`."""
    place = find_place(data_dir.absolute())
    if not place.has_cluster:
        return ServerStatus(state="absent", data_dir=place.root, cluster_dir=place.cluster)
    choose_account(place.cluster)
    record = read_launch(place.root)
    verdict = judge(place, record)
    logs = log_files(place)
    known = ServerStatus(
        state="stopped",
        data_dir=place.root,
        cluster_dir=place.cluster,
        version=str(place.major),
        size_bytes=size_of(place.cluster),
        log_path=logs[-1] if logs else launch_log(place),
    )
    if verdict.file is None or verdict.sight is None:
        return known
    ready = verdict.file.status in READY
    is_recorded = record is not None and record.mark == verdict.sight.mark
    return ServerStatus(
        state="unproven" if verdict.kind == "unsure" else "running" if ready else "starting",
        data_dir=place.root,
        cluster_dir=place.cluster,
        pid=verdict.sight.pid,
        port=verdict.file.port,
        version=record.version if record is not None and is_recorded else known.version,
        size_bytes=known.size_bytes,
        started_at=verdict.sight.started_at,
        started_by=f"{record.starter_user}: {record.starter_command}" if record is not None and is_recorded else None,
        detached=record.detached if record is not None and is_recorded else None,
        starter_pid=record.starter_pid if record is not None and is_recorded else None,
        starter_alive=record is not None and is_recorded and is_same(record.starter_pid, record.starter_mark),
        log_path=known.log_path,
    )


def size_of(directory: Path) -> int:
    """Bytes that the files under this directory take on disk; those that vanish meanwhile count nothing."""
    total = 0
    for parent, _, names in os.walk(directory):
        for name in names:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(parent, name)).st_blocks * 512  # noqa: PTH118 - ten thousands of files
    return total
