"""Which system user the server runs as, and what that user can reach; nothing here changes a directory's mode."""

from __future__ import annotations

import os
import pwd
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from accrual.domain.errors import Broken, Refused

CANDIDATES = ("accrual", "postgres", "nobody")
PROBE_TIMEOUT_S = 30


@dataclass(frozen=True, kw_only=True)
class Account:
    """The user that initdb and postgres run as. `drop` is True when we are root and have to become that user."""

    name: str
    uid: int
    gid: int
    drop: bool


def choose_account(cluster: Path | None) -> Account:
    """Ourselves; for root the owner of the existing cluster, else the first of CANDIDATES that this system has.

    Raises Refused `database_user_missing` (PostgreSQL will not run as a user without a name, nor as root) and
    `database_not_ours` (an ordinary user meets somebody else's cluster).
    """
    owner = cluster.stat().st_uid if cluster is not None else None
    if os.geteuid() != 0:
        return _ourselves(cluster, owner)
    if owner:
        entry = _named(owner)
        if entry is None:
            raise Refused(
                f"The database in {cluster} belongs to user id {owner}, which has no name on this system. "
                "Add that user (a line in /etc/passwd) and try again.",
                code="database_user_missing",
                details={"uid": owner},
            )
        return Account(name=entry.pw_name, uid=entry.pw_uid, gid=entry.pw_gid, drop=True)
    for name in CANDIDATES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid != 0:
            return Account(name=name, uid=entry.pw_uid, gid=entry.pw_gid, drop=True)
    raise Refused(
        f"PostgreSQL does not run as root, and this system has none of the users {', '.join(CANDIDATES)}. "
        "Add one (useradd --system accrual), or run as an ordinary user.",
        code="database_user_missing",
    )


def _ourselves(cluster: Path | None, owner: int | None) -> Account:
    uid = os.geteuid()
    entry = _named(uid)
    if entry is None:
        raise Refused(
            f"PostgreSQL needs a user with a name, and user id {uid} has none on this system. "
            "Add a line for it to /etc/passwd, or set ACCRUAL_DATABASE_URL to a running PostgreSQL.",
            code="database_user_missing",
            details={"uid": uid},
        )
    if owner is not None and owner != uid:
        raise Refused(
            f"The database in {cluster} belongs to user id {owner}, and you are {entry.pw_name} ({uid}). "
            "Run the command as that user or as root, or choose another --data-dir.",
            code="database_not_ours",
            details={"owner": owner, "uid": uid},
        )
    return Account(name=entry.pw_name, uid=uid, gid=os.getegid(), drop=False)


def _named(uid: int) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwuid(uid)
    except KeyError:
        return None


def start_as(
    account: Account,
    command: Sequence[str | Path],
    *,
    stdin: int = subprocess.DEVNULL,
    stdout: int = subprocess.PIPE,
    stderr: int = subprocess.STDOUT,
    session: bool = False,
) -> subprocess.Popen[str]:
    """Start a program as the server's user, with a clean environment, from the root directory.

    The environment is clean because an invalid LANG or LC_ALL fails initdb and PG* variables redirect it; messages are
    always in the C locale, so that they can be recognised. Raises OSError where the user cannot execute the program.
    """
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
    return subprocess.Popen(
        [str(word) for word in command],
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        cwd="/",
        env=environment,
        user=account.uid if account.drop else None,
        group=account.gid if account.drop else None,
        extra_groups=[] if account.drop else None,
        umask=0o077,
        start_new_session=session,
        text=True,
    )


def run_as(account: Account, command: Sequence[str | Path], *, feed: str = "", timeout_s: float) -> tuple[int, str]:
    """Run a program to its end as the server's user; its exit status and everything it said.

    Raises OSError where the user cannot execute it and Broken `database_program_hung` after `timeout_s`.
    """
    with start_as(account, command, stdin=subprocess.PIPE) as process:
        try:
            said, _ = process.communicate(feed, timeout=timeout_s)
        except subprocess.TimeoutExpired as late:
            process.kill()
            raise Broken(
                f"{Path(command[0]).name} did not end within {timeout_s:g} s. Look at the load of this machine, then try again.",
                code="database_program_hung",
            ) from late
        return process.returncode, said


def can_execute(account: Account, program: Path) -> bool:
    """Whether the server's user can run this program, found by running it: modes alone do not tell (ACLs, mounts)."""
    try:
        status, _ = run_as(account, [program, "--version"], timeout_s=PROBE_TIMEOUT_S)
    except OSError:
        return False
    return status == 0


def can_enter(account: Account, directory: Path) -> bool:
    """Whether the server's user can walk into this directory, found by asking as that user."""
    if not account.drop:
        return os.access(directory, os.X_OK)
    status, _ = run_as(account, ["/bin/sh", "-c", 'test -x "$1"', "sh", directory], timeout_s=PROBE_TIMEOUT_S)
    return status == 0
