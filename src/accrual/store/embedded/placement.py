"""Where a data directory keeps its parts, and who may enter them; existing directories keep their modes."""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from accrual.domain.errors import Broken, Refused
from accrual.store.embedded.account import Account, can_enter

Progress = Callable[[str], None]
REFUGES = (Path("/var/lib/accrual"), Path("/srv/accrual"))
ELSEWHERE = "elsewhere"
LOCK_POLL_S = 0.02
LOCK_SAY_AFTER_S = 1.0
READ_MAX_BYTES = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Place:
    """One data directory. `root` is what the caller named; `home` holds cluster, sockets and logs, mostly the same."""

    root: Path
    home: Path

    @property
    def cluster(self) -> Path:
        """PostgreSQL's own data directory."""
        return self.home / "postgres"

    @property
    def logs(self) -> Path:
        """The server's log files."""
        return self.home / "log"

    @property
    def has_cluster(self) -> bool:
        """Whether a cluster is here; it takes its name only when it is complete."""
        return self.cluster.is_dir()

    @property
    def major(self) -> int:
        """The major version that made the cluster. Raises Broken `database_directory_unusable` where there is none."""
        text = read_private(self.cluster / "PG_VERSION").strip()
        if not text.isdecimal():
            raise Broken(
                f"{self.cluster} is not a PostgreSQL data directory. Move it away, or choose another --data-dir.",
                code="database_directory_unusable",
            )
        return int(text)


def open_root(data_dir: Path) -> Path:
    """The data directory's full path, made if it does not exist (for root: others may pass, none may list).

    Raises Broken `database_directory_unusable`.
    """
    root = Path(os.path.abspath(data_dir))  # noqa: PTH100 - resolve() would hide the link the user named
    try:
        root.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            root.mkdir(mode=0o700)
            if os.geteuid() == 0:
                root.chmod(0o711)
    except OSError as error:
        raise _unusable(root, error) from error
    if not root.is_dir() or not os.access(root, os.W_OK | os.X_OK):
        raise _unusable(root, "it is not a directory that you may write to")
    return root


def _unusable(root: Path, reason: object) -> Broken:
    return Broken(
        f"The data directory {root} cannot be used: {reason}. Choose another --data-dir, or correct its owner.",
        code="database_directory_unusable",
        details={"data_dir": str(root)},
    )


def find_place(root: Path) -> Place:
    """Where this data directory's parts are: in itself, or in the home in a refuge that its file ELSEWHERE names.

    A data directory that was removed and made again names none, and so is empty, as its user meant it to be.
    Raises Refused `database_not_ours`.
    """
    try:
        named = read_private(root / ELSEWHERE).strip()
    except OSError as error:
        raise Refused(
            f"The data directory {root} is not yours to read. Run the command as its owner or as root.",
            code="database_not_ours",
        ) from error
    home = Path(named) if named and Path(named).parent in [refuge / "data" for refuge in REFUGES] else root
    return Place(root=root, home=home)


def settle_place(root: Path, account: Account) -> Place:
    """A place that the server's user can reach: the data directory itself, else one of our own in a refuge."""
    found = find_place(root)
    if can_enter(account, found.home):
        return found
    if found.has_cluster:
        raise Refused(
            f"User {account.name}, who owns the database in {found.cluster}, cannot enter that directory. "
            "Give that user access to it, or move the directory to where it has.",
            code="database_unreachable",
        )
    home = settle_refuge(account) / "data" / secrets.token_hex(8)
    make_directory(home, mode=0o711)
    write_private(root / ELSEWHERE, f"{home}\n")
    return Place(root=root, home=home)


def settle_refuge(account: Account) -> Path:
    """A directory of ours that everybody can enter and only we can write to, made if need be.

    Raises Broken `database_unreachable` where no such directory can be had.
    """
    for refuge in REFUGES:
        with contextlib.suppress(OSError):
            make_directory(refuge, mode=0o755)
            state = refuge.stat()
            ours = state.st_uid == os.geteuid() and not state.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
            if ours and can_enter(account, refuge):
                return refuge
    raise Broken(
        f"User {account.name}, as whom PostgreSQL runs, can reach neither the data directory nor any of "
        f"{', '.join(map(str, REFUGES))}. Choose a --data-dir outside private homes, or run as an ordinary user.",
        code="database_unreachable",
    )


def make_directory(path: Path, *, mode: int, owner: Account | None = None) -> None:
    """Make a directory, and its parents open to pass, with exactly this mode and owner; an existing one is left alone."""
    if not path.parent.is_dir():
        make_directory(path.parent, mode=0o711)
    with contextlib.suppress(FileExistsError):
        path.mkdir(mode=0o700)
        if owner is not None and owner.drop:
            os.chown(path, owner.uid, owner.gid)
        path.chmod(mode)


def write_private(path: Path, text: str, *, owner: Account | None = None) -> None:
    """Replace a file in one step; only its owner can read it: `owner`, else whoever owns the directory."""
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "w") as file:
        if os.geteuid() == 0:
            state = path.parent.stat()
            os.fchown(handle, *((owner.uid, owner.gid) if owner is not None else (state.st_uid, state.st_gid)))
        file.write(text)
        file.flush()
        os.fsync(handle)
    fresh.replace(path)


def read_private(path: Path, *, tail_bytes: int = READ_MAX_BYTES) -> str:
    """The end of a file that is not a link; empty if there is none. Raises OSError where it may not be read."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return ""
    with os.fdopen(handle, "rb") as file:
        file.seek(max(0, os.fstat(handle).st_size - tail_bytes))
        return file.read(tail_bytes).decode(errors="replace")


@contextlib.contextmanager
def hold_lock(root: Path, say: Progress) -> Iterator[None]:
    """Keep every other process from starting or stopping this data directory's server; waits for its turn.

    The kernel gives the lock back when a process dies, however it dies.
    """
    handle = os.open(root / "embedded.lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        if os.geteuid() == 0:
            state = root.stat()
            os.fchown(handle, state.st_uid, state.st_gid)
        say_at = time.monotonic() + LOCK_SAY_AFTER_S
        while not _try_lock(handle):
            if time.monotonic() >= say_at:
                say("Waiting for another process that is starting or stopping this database")
                say_at = float("inf")
            time.sleep(LOCK_POLL_S)
        yield
    finally:
        os.close(handle)


def _try_lock(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
