"""Keeps one server running for the life of a process: restarts it when it dies, ever more slowly if it keeps dying."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path

from accrual.domain.errors import AccrualError, Busy
from accrual.store.embedded.lifecycle import NO_SETTINGS, release, start, stop
from accrual.store.embedded.server import EmbeddedServer
from accrual.store.embedded.sight import is_same

WINDOW_S = 300.0
PAUSE_FIRST_S = 0.5
PAUSE_MAX_S = 30.0
RESTARTS_REMEMBERED = 16


class Supervisor:
    """Watches one data directory's server. Call `poll` about every second, from one thread at a time.

    The first restart is immediate, further ones within WINDOW_S wait 0.5, 1, 2 ... PAUSE_MAX_S seconds. It never gives
    up: what stopped the server (a full disk) may pass. `on_restart` gets the new server; its port may have changed.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        port: int | None = None,
        on_progress: Callable[[str], None] | None = None,
        on_restart: Callable[[EmbeddedServer], None] | None = None,
        settings: Mapping[str, str] = NO_SETTINGS,
        binaries: Path | None = None,
    ) -> None:
        self._data_dir = data_dir
        self._port = port
        self._on_progress = on_progress
        self._on_restart = on_restart
        self._settings = settings
        self._binaries = binaries
        self._server: EmbeddedServer | None = None
        self._attempts: deque[float] = deque(maxlen=RESTARTS_REMEMBERED)
        self.last_error: AccrualError | None = None

    @property
    def server(self) -> EmbeddedServer | None:
        """The server as last known; None before `start` and after `stop`."""
        return self._server

    def start(self) -> EmbeddedServer:
        """Start or adopt the server. Raises as `start` of this package does."""
        self._server = start(
            self._data_dir,
            port=self._port,
            on_progress=self._on_progress,
            settings=self._settings,
            binaries=self._binaries,
        )
        return self._server

    def poll(self) -> bool:
        """Whether the server lives. A dead one is restarted if its pause is over; a failure is kept in `last_error`."""
        if self._server is None:
            return False
        if is_same(self._server.pid, self._server.mark):
            return True
        now = time.monotonic()
        if now < self._next_attempt_s(now):
            return False
        self._attempts.append(now)
        if self._on_progress is not None:
            self._on_progress(f"PostgreSQL (process {self._server.pid}) has died; starting it again")
        try:
            server = self.start()
        except AccrualError as error:
            self.last_error = error
            if self._on_progress is not None:
                self._on_progress(error.message)
            return False
        self.last_error = None
        if self._on_restart is not None:
            self._on_restart(server)
        return True

    def stop(self) -> None:
        """Stop the server if it is ours to stop; one made by `accrual db up` stays. A slow one is stopped immediately."""
        server, self._server = self._server, None
        if server is None:
            return
        try:
            release(server, on_progress=self._on_progress)
        except Busy:
            stop(server.data_dir, mode="immediate", on_progress=self._on_progress)

    def _next_attempt_s(self, now: float) -> float:
        recent = [at for at in self._attempts if now - at < WINDOW_S]
        if not recent:
            return now
        return recent[-1] + min(PAUSE_FIRST_S * 2.0 ** (len(recent) - 1), PAUSE_MAX_S)
