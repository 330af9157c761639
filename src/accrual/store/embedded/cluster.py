"""Makes a new cluster with its roles and its database, complete or not at all; never starts a server."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import shutil
import time
from base64 import b64encode
from pathlib import Path

from accrual.domain.errors import Broken
from accrual.store.embedded.account import Account, run_as
from accrual.store.embedded.binaries import Binaries
from accrual.store.embedded.placement import Place, Progress, make_directory, write_private
from accrual.store.embedded.records import Passwords, new_passwords, write_passwords
from accrual.store.embedded.tuning import as_arguments, shared_memory_settings
from accrual.store.sql import query

PROGRAM_TIMEOUT_S = 600
REMOVE_LIMIT_S = 20.0
REMOVE_POLL_S = 0.05
SAID_MAX_CHARACTERS = 2000


def create_cluster(place: Place, binaries: Binaries, account: Account, say: Progress) -> Passwords:
    """initdb, roles and database in a directory aside, which takes its name only when all of that is done.

    Raises Broken `database_init_failed` with what initdb said.
    """
    say(f"Creating a PostgreSQL {binaries.version} database in {place.cluster}")
    for left in place.home.glob("init-*"):
        _remove(left)
    aside = place.home / f"init-{secrets.token_hex(4)}"
    make_directory(aside, mode=0o700, owner=account)
    try:
        passwords = new_passwords()
        _init(aside, binaries, account, passwords)
        run_alone(aside / "postgres", binaries, account, query("embedded_create"), passwords, fsync="off")
        _sync_cluster(aside / "postgres", binaries, account)
        write_passwords(place.root, passwords)
        (aside / "postgres").rename(place.cluster)
        _sync(place.home)
    finally:
        _remove(aside)
    return passwords


def renew_passwords(place: Place, binaries: Binaries, account: Account, say: Progress) -> Passwords:
    """New passwords for a stopped cluster whose password file was lost."""
    say("The passwords of this database were lost; setting new ones")
    passwords = new_passwords()
    run_alone(place.cluster, binaries, account, query("embedded_passwords"), passwords)
    write_passwords(place.root, passwords)
    return passwords


def run_alone(
    cluster: Path, binaries: Binaries, account: Account, text: str, passwords: Passwords, *, fsync: str = "on"
) -> None:
    """Run a named query on a stopped cluster, in PostgreSQL's single-user mode: no port, no log-in, no argument list."""
    for name in ("superuser", "owner", "runtime"):
        text = text.replace(f":'{name}_password'", f"'{verifier_of(getattr(passwords, name))}'")
    settings = {"exit_on_error": "on", "fsync": fsync, "log_min_error_statement": "panic", **shared_memory_settings()}
    command: list[str | Path] = [
        binaries.program("postgres"),
        "--single",
        "-D",
        cluster,
        *as_arguments(settings),
        "postgres",
    ]
    status, said = run_as(account, command, feed=text, timeout_s=PROGRAM_TIMEOUT_S)
    if status != 0:
        raise _failed("setting up roles and database", said)


def verifier_of(password: str) -> str:
    """What PostgreSQL keeps of a password and takes in its place: SCRAM-SHA-256 (RFC 5802), salted anew each time.

    One round, not the usual 4,096: those hold up whoever guesses passwords that people choose, and nobody guesses 192 random
    bits. They would hold up every session at its start as well, by two milliseconds of our own time.
    """
    salt = secrets.token_bytes(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode("ascii"), salt, 1)
    stored_key = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server_key = hmac.digest(salted, b"Server Key", "sha256")
    return "SCRAM-SHA-256$1:{}${}:{}".format(*[b64encode(part).decode() for part in (salt, stored_key, server_key)])


def _remove(aside: Path) -> None:
    """Remove a directory in which an initdb, orphaned by a kill -9 of its parent, may still be writing: it then fails."""
    until = time.monotonic() + REMOVE_LIMIT_S
    while aside.exists():
        shutil.rmtree(aside, ignore_errors=True)
        if aside.exists():
            if time.monotonic() >= until:
                raise Broken(
                    f"{aside}, left by a start that was broken off, cannot be removed. Remove it, then try again.",
                    code="database_init_failed",
                )
            time.sleep(REMOVE_POLL_S)


def _init(aside: Path, binaries: Binaries, account: Account, passwords: Passwords) -> None:
    password_file = aside / "password"
    write_private(password_file, verifier_of(passwords.superuser) + "\n", owner=account)
    command: list[str | Path] = [
        binaries.program("initdb"),
        *("-D", aside / "postgres", "-U", "postgres", "-A", "scram-sha-256", "--pwfile", password_file),
        *("--encoding=UTF8", "--data-checksums", "--no-instructions", "--no-sync"),
    ]
    if binaries.major >= 16:
        command += as_arguments(shared_memory_settings())
    said = ""
    for locale in _locales(binaries.major):
        status, said = run_as(account, [*command, *locale], timeout_s=PROGRAM_TIMEOUT_S)
        if status == 0:
            password_file.unlink()
            return
        if "invalid locale name" not in said:
            break
    raise _failed("initdb", said)


def _locales(major: int) -> list[list[str]]:
    """Ways to say "by code point, UTF-8", best first. Before 17 that depends on what the system has installed."""
    if major >= 17:
        return [["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]]
    return [["--locale=C.UTF-8"], ["--locale=C"]]


def _failed(step: str, said: str) -> Broken:
    advice = "Free some disk space or correct what it names, then try again."
    if "shared memory" in said:
        advice = "Give this machine a larger /dev/shm (for a container: --shm-size=256m), then try again."
    return Broken(
        f"Creating the database failed at {step}. {advice} It said: {said.strip()[-SAID_MAX_CHARACTERS:]}",
        code="database_init_failed",
    )


def _sync_cluster(cluster: Path, binaries: Binaries, account: Account) -> None:
    """Everything to disk once, before the cluster takes its name, instead of once for each step."""
    status, said = run_as(
        account, [binaries.program("initdb"), "--sync-only", "-D", cluster], timeout_s=PROGRAM_TIMEOUT_S
    )
    if status != 0:
        raise _failed("writing to disk", said)


def _sync(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
