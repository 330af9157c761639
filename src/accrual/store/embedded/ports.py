"""Picks the TCP port and the socket directory that a server listens on; never opens either for long."""

from __future__ import annotations

import os
import secrets
import socket
import tempfile
from pathlib import Path

from accrual.domain.errors import Broken
from accrual.store.embedded.account import Account, can_enter
from accrual.store.embedded.placement import Place, make_directory

LOOPBACK = "127.0.0.1"
PORTS = range(15_000, 32_000)  # below the ports that systems give to outgoing connections
PORT_TRIES_MAX = 200
SOCKET_PATH_MAX_BYTES = 100  # the system's own limit is 104 or 108
LONGEST_SOCKET = ".s.PGSQL.65535.lock"
SHORT_PREFIX = "accrual-"


def is_free(port: int) -> bool:
    """Whether a server could listen on this port just now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def choose_port(preferred: int | None) -> int:
    """The preferred port if it is free, else any free one. Raises Broken `database_port` when none is found."""
    if preferred is not None and is_free(preferred):
        return preferred
    for _ in range(PORT_TRIES_MAX):
        port = PORTS.start + secrets.randbelow(len(PORTS))
        if is_free(port):
            return port
    raise Broken(
        f"No free port was found on {LOOPBACK} between {PORTS.start} and {PORTS.stop}. Free one of them, then try again.",
        code="database_port",
    )


def settle_socket_directory(place: Place, account: Account, before: Path | None) -> Path:
    """A private directory for the Unix socket: beside the cluster, or a short one where that path would be too long.

    `before` is the one used last time; a short one is used again if it is still there and the server user's.
    """
    usual = place.home / "run"
    if _fits(usual):
        make_directory(usual, mode=0o700, owner=account)
        return usual
    if before is not None and before.name.startswith(SHORT_PREFIX) and _is_private(before, account):
        return before
    short = Path(tempfile.mkdtemp(prefix=SHORT_PREFIX, dir="/tmp"))
    if account.drop:
        os.chown(short, account.uid, account.gid)
    if not _fits(short) or not can_enter(account, short):
        short.rmdir()
        raise Broken("The server's user cannot use /tmp for its socket.", code="database_unreachable")
    return short


def drop_short_directory(directory: Path) -> None:
    """Remove a short socket directory after its server has stopped; any other is left."""
    if directory.name.startswith(SHORT_PREFIX) and directory.parent == Path("/tmp"):  # noqa: S108
        try:
            directory.rmdir()
        except OSError:  # a socket was left behind by a kill -9; the next start uses the directory again
            return


def _fits(directory: Path) -> bool:
    return len(os.fsencode(directory / LONGEST_SOCKET)) <= SOCKET_PATH_MAX_BYTES


def _is_private(directory: Path, account: Account) -> bool:
    try:
        state = directory.lstat()
    except OSError:
        return False
    return state.st_uid == account.uid and state.st_mode & 0o170777 == 0o040700
