"""Starts the postgres process and waits until it is ready; knows its failures and which of them are worth a retry."""

from __future__ import annotations

import os
import signal
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from accrual.domain.errors import Broken
from accrual.store.embedded.account import Account, start_as
from accrual.store.embedded.binaries import Binaries
from accrual.store.embedded.journal import launch_log, prune, tail
from accrual.store.embedded.placement import Place, Progress, make_directory
from accrual.store.embedded.ports import LOOPBACK, choose_port, settle_socket_directory
from accrual.store.embedded.proof import PidFile, read_pid_file
from accrual.store.embedded.records import Launch, describe_launch, read_launch, write_launch
from accrual.store.embedded.server import StartOptions
from accrual.store.embedded.sight import Sight, is_same, look, working_in
from accrual.store.embedded.tuning import as_arguments, default_settings, shared_memory_is_tiny, shared_memory_settings

READY = ("ready", "standby")
PORT_FAILURES = ("could not create any TCP/IP sockets", "Address already in use")
PASSING_FAILURES = ("lock file", "pre-existing shared memory block")
PORT_ATTEMPTS_MAX = 8
PASSING_LIMIT_S = 60.0
BACKOFF_S = (0.1, 2.0)
POLL_S = 0.01
POLL_SLOW_S = 0.1
SAY_EVERY_S = 2.0
LAST_WORDS_S = 2.0


class _Ended(Exception):
    """The server ended before it was ready; the text is what it said."""


@dataclass(frozen=True, kw_only=True)
class Ground:
    """All that a start needs and that does not change between attempts."""

    place: Place
    binaries: Binaries
    account: Account


def launch(ground: Ground, options: StartOptions) -> Launch:
    """Start the server and wait until it takes connections, however long its recovery needs.

    A taken port is replaced by another; leftovers of a server killed a moment ago are waited for, up to
    PASSING_LIMIT_S. Raises Broken `database_start_failed` with the end of the server's log.
    """
    before = read_launch(ground.place.root)
    wanted = options.port or (before.port if before else None)
    sockets = settle_socket_directory(ground.place, ground.account, Path(before.socket_dir) if before else None)
    give_up_at = time.monotonic() + PASSING_LIMIT_S
    pause_s, port_attempts = BACKOFF_S[0], 0
    while True:
        port = choose_port(wanted)
        if wanted is not None and port != wanted:
            options.say(f"Port {wanted} is taken; using {port}")
        began_s = time.time()
        try:
            return _launch_once(ground, options, port=port, sockets=sockets)
        except _Ended as ended:
            said = str(ended)
            if any(sign in said for sign in PORT_FAILURES) and port_attempts < PORT_ATTEMPTS_MAX:
                port_attempts += 1
                wanted = None
                options.say(f"Port {port} was taken while starting; trying another")
                continue
            if any(sign in said for sign in PASSING_FAILURES) and time.monotonic() < give_up_at:
                options.say("What the last server left is still in use; trying again")
                time.sleep(pause_s)
                pause_s = min(pause_s * 2, BACKOFF_S[1])
                continue
            raise Broken(
                f"PostgreSQL did not start in {ground.place.cluster}. Correct what its log names and start again "
                f"(log: {ground.place.logs}). It said: {said or 'nothing'}",
                code="database_start_failed",
                details={"data_dir": str(ground.place.root), "seconds": round(time.time() - began_s, 1)},
            ) from ended


def _launch_once(ground: Ground, options: StartOptions, *, port: int, sockets: Path) -> Launch:
    place = ground.place
    make_directory(place.logs, mode=0o700, owner=ground.account)
    prune(place)
    if shared_memory_is_tiny():
        options.say(
            "Shared memory (/dev/shm) is tiny; PostgreSQL will use files (for a container: --shm-size=256m is faster)"
        )
    settings = {
        **default_settings(),
        **shared_memory_settings(),
        **dict(options.settings),
        "listen_addresses": LOOPBACK,
        "port": str(port),
        "unix_socket_directories": str(sockets),
        "logging_collector": "on",
        "log_directory": str(place.logs),
    }
    began_s = time.time()
    command: list[str | Path] = [ground.binaries.program("postgres"), "-D", place.cluster, *as_arguments(settings)]
    output = os.open(launch_log(place), os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    try:
        process = start_as(ground.account, command, stdout=output, stderr=output, session=True)
    except OSError as error:
        raise _Ended(f"{command[0]}: {error.strerror}") from error
    finally:
        os.close(output)
    seen = look(process.pid)
    # The parent waits for its child, always: an unreaped server would look alive to PostgreSQL after a kill -9.
    threading.Thread(target=process.wait, name=f"reap-postgres-{process.pid}", daemon=True).start()
    if seen is None:
        raise _Ended(_last_words(place, since_s=began_s - 1))
    record = describe_launch(
        seen, port=port, socket_dir=sockets, version=ground.binaries.version, detached=options.detached
    )
    write_launch(place.root, record)
    try:
        if wait_until_ready(place, seen, options.say, since_s=began_s - 1) is not None:
            return record
    except BaseException:  # the caller gave up (Ctrl-C): what it started must not stay behind half-way
        if is_same(seen.pid, seen.mark):
            # A script's `accrual serve &` ignores SIGQUIT, and so does its server until it has handlers of its own. SIGTERM
            # ends one that has none yet; of both, one that has them obeys SIGQUIT.
            os.kill(seen.pid, signal.SIGTERM)
            os.kill(seen.pid, signal.SIGQUIT)
        raise
    raise _Ended(_last_words(place, since_s=began_s - 1))


def wait_until_ready(place: Place, seen: Sight, say: Progress, *, since_s: float) -> PidFile | None:
    """Wait without limit until this server takes connections, telling every SAY_EVERY_S what it does; None: it ended."""
    began = time.monotonic()
    say_at = began + SAY_EVERY_S
    while is_same(seen.pid, seen.mark):
        file = read_pid_file(place.cluster)
        if file is not None and file.pid == seen.pid and file.status in READY:
            return file
        now = time.monotonic()
        if now >= say_at:
            rows = tail(place, since_s=since_s).splitlines()
            newest = rows[-1].partition("LOG:")[2].strip() if rows else ""
            say(f"PostgreSQL is starting, {now - began:.0f} s so far" + (f": {newest}" if newest else ""))
            say_at = now + SAY_EVERY_S
        time.sleep(POLL_S if now - began < SAY_EVERY_S else POLL_SLOW_S)
    return None


def _last_words(place: Place, *, since_s: float) -> str:
    """What a server that ended has said. Its log writer outlives it by a moment, with the reason still in hand."""
    until = time.monotonic() + LAST_WORDS_S
    time.sleep(POLL_SLOW_S)
    while any(working_in(place.cluster)) and time.monotonic() < until:
        time.sleep(POLL_S)
    return tail(place, since_s=since_s)
