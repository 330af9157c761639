"""The real programs that benchmarks measure: `accrual api` and `accrual lane` over a benchmark's database, ended by their ids."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress

from accrual.bootstrap.bench import BenchDatabase
from accrual.domain.errors import Broken

START_LIMIT_S = 30.0
STOP_LIMIT_S = 15.0
_READY = re.compile(rb"ready on http://[^:\s]+:(\d+)")
_AT_WORK = re.compile(rb"is at work()")


class Api:
    """The running API processes, all at one port."""

    def __init__(self, pids: list[int], port: int) -> None:
        self.pids = pids
        self.port = port


@asynccontextmanager
async def open_apis(database: BenchDatabase, count: int, **settings: object) -> AsyncIterator[Api]:
    """So many `accrual api` at one free port of this machine, with these settings; ended by their process ids."""
    async with AsyncExitStack() as stack:
        first, port = await stack.enter_async_context(_api(database, 0, settings))
        others = [await stack.enter_async_context(_api(database, port, settings)) for _ in range(count - 1)]
        yield Api([first, *(pid for pid, _ in others)], port)


@asynccontextmanager
async def open_lane(database: BenchDatabase, label: str) -> AsyncIterator[int]:
    """The process id of an `accrual lane`; ended by it."""
    async with _program(database, ["lane", "--label", label], _AT_WORK) as (pid, _):
        yield pid


@asynccontextmanager
async def _api(database: BenchDatabase, port: int, settings: Mapping[str, object]) -> AsyncIterator[tuple[int, int]]:
    """(process id, port) of one `accrual api`; port 0 takes a free one."""
    words = ["api", "--host", "127.0.0.1", "--port", str(port), "--share-port"]
    async with _program(database, words, _READY, settings) as (pid, said):
        yield pid, int(said)


@asynccontextmanager
async def _program(
    database: BenchDatabase, words: list[str], ready: re.Pattern[bytes], settings: Mapping[str, object] | None = None
) -> AsyncIterator[tuple[int, bytes]]:
    """(process id, what `ready` found in what it said) of one `accrual` program, once it has said it."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "accrual",
        *words,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **database.environment(**(settings or {}))},
        start_new_session=True,
    )
    try:
        said = await asyncio.wait_for(_said_by(process, words[0], ready), START_LIMIT_S)
        reading = asyncio.create_task(_read_on(process))
        try:
            yield process.pid, said
        finally:
            reading.cancel()
    finally:
        await _end(process)


async def _said_by(process: asyncio.subprocess.Process, name: str, ready: re.Pattern[bytes]) -> bytes:
    said = b""
    if process.stderr is not None:
        async for line in process.stderr:
            said += line
            found = ready.search(line)
            if found is not None:
                return bytes(found[1])
    raise Broken(f"accrual {name} did not start: {said.decode(errors='replace').strip()[-500:]}", code="bench_child")


async def _read_on(process: asyncio.subprocess.Process) -> None:
    """Keep reading what it logs, and hand it on, so that a full pipe never stops it."""
    if process.stderr is not None:
        async for line in process.stderr:
            sys.stderr.write(line.decode(errors="replace"))


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        await asyncio.wait_for(process.wait(), STOP_LIMIT_S)
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
