"""Lane processes of `accrual serve`: started, watched, restarted, and ended by their own process ids. No lane work here."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress

import structlog

PAUSE_FIRST_S = 0.2
PAUSE_MAX_S = 10.0
STEADY_S = 30.0
"""A child that lived this long is restarted at once; one that died sooner waits longer each time."""


NOT_FOR_LANES = ("ACCRUAL_OWNER_DATABASE_URL", "ACCRUAL_STAFF_DATABASE_URL", "ACCRUAL_WORKER_DATABASE_URL")
"""Logins of other duties."""


def _for_lanes(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name not in NOT_FOR_LANES}


class LaneChildren:
    """So many lane processes over one database. They end by themselves when this process dies: their stdin closes."""

    def __init__(self, count: int, environment: Mapping[str, str], *, grace_s: float) -> None:
        self._count = count
        self._environment = dict(environment)
        self._grace_s = grace_s
        self._tasks: list[asyncio.Task[None]] = []
        self._running: dict[int, asyncio.subprocess.Process] = {}
        self._stopping = False
        self._log = structlog.get_logger("serve")
        self.restarts_total = 0

    def start(self) -> None:
        """Start watching; each child is started by its watcher."""
        self._tasks = [asyncio.create_task(self._watch(number)) for number in range(1, self._count + 1)]

    @property
    def pids(self) -> list[int]:
        """The process ids of the children that run now."""
        return [child.pid for child in self._running.values()]

    async def stop(self) -> None:
        """Ask every child to finish its batch and leave; kill what has not left within the grace."""
        self._stopping = True
        for child in list(self._running.values()):
            with suppress(ProcessLookupError):
                child.send_signal(signal.SIGTERM)
        waiting = [asyncio.create_task(child.wait()) for child in self._running.values()]
        if waiting:
            _, late = await asyncio.wait(waiting, timeout=self._grace_s)
            if late:
                self._log.warning("lanes_killed", count=len(late))
                for child in list(self._running.values()):
                    with suppress(ProcessLookupError):
                        child.kill()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _watch(self, number: int) -> None:
        loop = asyncio.get_running_loop()
        pause_s = PAUSE_FIRST_S
        while not self._stopping:
            started_s = loop.time()
            child = await self._spawn(number)
            code = await child.wait()
            del self._running[number]
            if self._ending():
                return
            self.restarts_total += 1
            pause_s = PAUSE_FIRST_S if loop.time() - started_s > STEADY_S else min(pause_s * 2, PAUSE_MAX_S)
            self._log.error("lane_died", lane=number, exit_code=code, restart_in_s=pause_s)
            await asyncio.sleep(pause_s)

    def _ending(self) -> bool:
        return self._stopping

    async def _spawn(self, number: int) -> asyncio.subprocess.Process:
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "accrual",
            "lane",
            "--label",
            f"lane {number}",
            "--until-stdin-closes",
            stdin=asyncio.subprocess.PIPE,
            env={**_for_lanes(os.environ), **self._environment},
            start_new_session=True,
        )
        self._running[number] = child
        return child
