"""The two small files beside a cluster, read and written: its passwords, and who started the server that runs."""

from __future__ import annotations

import getpass
import os
import secrets
import sys
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from accrual.domain.errors import Broken, Refused
from accrual.store.embedded.placement import read_private, write_private
from accrual.store.embedded.sight import Sight, is_same, look

ROLES = {"superuser": "postgres", "owner": "accrual_owner", "runtime": "accrual_runtime"}
PASSWORDS = "passwords.json"
SERVER = "server.json"


class Passwords(msgspec.Struct, frozen=True, kw_only=True):
    """One password a role, letters, digits, `-` and `_` only, so that none needs quoting anywhere."""

    superuser: str
    owner: str
    runtime: str


class Launch(msgspec.Struct, frozen=True, kw_only=True):
    """A server that was started: the process, by pid and mark, and the one that answers for it.

    `detached`: it outlives the command that started it; else its starter stops it at its end.
    """

    pid: int
    mark: str
    port: int
    socket_dir: str
    version: str
    started_at: datetime
    detached: bool
    starter_pid: int
    starter_mark: str
    starter_user: str
    starter_command: str

    @property
    def is_orphan(self) -> bool:
        """Whether the starter that should stop this server has died."""
        return not self.detached and not is_same(self.starter_pid, self.starter_mark)

    @property
    def is_mine(self) -> bool:
        """Whether this very process is the starter."""
        return self.starter_pid == os.getpid() and is_same(self.starter_pid, self.starter_mark)


def new_passwords() -> Passwords:
    """Fresh random passwords, 192 bits each."""
    return Passwords(
        superuser=secrets.token_urlsafe(24), owner=secrets.token_urlsafe(24), runtime=secrets.token_urlsafe(24)
    )


def write_passwords(root: Path, passwords: Passwords) -> None:
    """Keep the passwords, readable by the data directory's owner only."""
    write_private(root / PASSWORDS, msgspec.json.encode(passwords).decode())


def read_passwords(root: Path) -> Passwords | None:
    """The kept passwords; None if there are none. Raises Refused `database_not_ours` where we may not read them."""
    path = root / PASSWORDS
    try:
        text = read_private(path)
    except OSError as error:
        raise Refused(
            f"{path} cannot be read: {error.strerror}. Run the command as the owner of the data directory.",
            code="database_not_ours",
        ) from error
    try:
        return msgspec.json.decode(text, type=Passwords) if text else None
    except msgspec.MsgspecError as error:
        raise Broken(
            f"{path} is damaged: {error}. Stop the database, remove the file and start again: new passwords are made.",
            code="database_passwords_damaged",
        ) from error


def describe_launch(server: Sight, *, port: int, socket_dir: Path, version: str, detached: bool) -> Launch:
    """The record of a server that answers to this process. Of the command line only the sub-command is kept."""
    me = look(os.getpid())
    if me is None:
        raise Broken("The system does not show this process to itself; is /proc mounted?", code="database_start_failed")
    words = [Path(sys.argv[0]).name, *[word for word in sys.argv[1:2] if not word.startswith("-")]]
    return Launch(
        pid=server.pid,
        mark=server.mark,
        port=port,
        socket_dir=str(socket_dir),
        version=version,
        started_at=datetime.now(UTC),
        detached=detached,
        starter_pid=me.pid,
        starter_mark=me.mark,
        starter_user=getpass.getuser(),
        starter_command=" ".join(words),
    )


def write_launch(root: Path, launch: Launch) -> None:
    """Keep the record, replacing the one before."""
    write_private(root / SERVER, msgspec.json.encode(launch).decode())


def read_launch(root: Path) -> Launch | None:
    """The newest record, of a server that may since have died; None if there is none or it is not readable to us.

    A record that does not parse counts as none: the proof then rests on the process alone.
    """
    try:
        return msgspec.json.decode(read_private(root / SERVER), type=Launch)
    except (OSError, msgspec.MsgspecError):
        return None
