"""`bench http`: how many calls a second one API process accepts durably, one command each over 64 connections."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import msgspec

from accrual.bench.callers import Called, CallOrder
from accrual.bench.children import child
from accrual.bench.measure import Bench, Reading
from accrual.bench.options import Distribution, Options, Progress
from accrual.bench.processes import peak_rss_mb, us_a_command
from accrual.bench.results import Cpu, Invariants, Run
from accrual.bootstrap.bench import BenchDatabase, BenchServer
from accrual.domain.errors import Broken

COMMANDS_DEFAULT = 60_000
CONNECTIONS = 64
API_KEY = "demo-qoin"
"""The plain key of the demo programme's client."""

START_LIMIT_S = 30.0
STOP_LIMIT_S = 15.0
_READY = re.compile(rb"ready on http://[^:\s]+:(\d+)")


class Api:
    """The running API processes, all at one port."""

    def __init__(self, pids: list[int], port: int) -> None:
        self.pids = pids
        self.port = port


async def bench_http(server: BenchServer, options: Options, progress: Progress) -> tuple[list[Run], Invariants, Bench]:
    """For each distribution: calls from a process of its own to a real `accrual api`; then the log is counted."""
    bench = await Bench.begin(server, options, progress)
    async with server.prepared(options.programme) as database:
        await bench.look_at(database)
        runs: list[Run] = []
        accepted = 0
        async with _apis(database, options.apis) as api:
            for distribution in options.distributions:
                count = options.commands or COMMANDS_DEFAULT
                await database.probe.settle()
                text = f"{distribution.value}: {count:,} calls over {CONNECTIONS} connections"
                run = await _call(api, options, distribution, count, bench, progress.stage(text, count))
                runs.append(run)
                accepted += run.commands
        progress.stage("checking the log")
        return runs, await _check(database, accepted), bench


async def _call(
    api: Api, options: Options, distribution: Distribution, count: int, bench: Bench, tell: Callable[[int], None]
) -> Run:
    order = CallOrder(
        port=api.port,
        api_key=API_KEY,
        connections=CONNECTIONS,
        count=count,
        members=options.members,
        distribution=distribution,
        seed=options.seed,
        facts=options.facts,
    )
    async with child("accrual.bench.callers", environment={}) as callers:
        await callers.tell(msgspec.json.encode(order))
        await callers.line()
        before = bench.read(api.pids)
        await callers.tell(b"go")
        while not (line := await callers.line()).startswith(b"{"):
            tell(int(line))
        called = msgspec.json.decode(line, type=Called)
        after = bench.read(api.pids)
    return _run(distribution, called, before, after, api)


def _run(distribution: Distribution, called: Called, before: Reading, after: Reading, api: Api) -> Run:
    accepted = called.statuses.get(200, 0)
    if not accepted:
        raise Broken(f"No call was accepted: {called.statuses}.", code="bench_nothing_accepted")
    return Run(
        distribution=distribution.value,
        commands=accepted,
        seconds=round(called.seconds, 2),
        rate_per_s=round(accepted / called.seconds, 1),
        cpu_us_per_command=Cpu(
            python=us_a_command(after.python_since(before), accepted),
            postgresql=us_a_command(after.server_since(before), accepted),
        ),
        rss_mb={f"api {number}": peak_rss_mb(pid) for number, pid in enumerate(api.pids, 1)},
        p50_ms=called.p50_ms,
        p99_ms=called.p99_ms,
        more={
            "connections": CONNECTIONS,
            "apis": len(api.pids),
            "statuses": {str(status): count for status, count in sorted(called.statuses.items())},
            "callers_cpu_us_per_command": us_a_command(called.cpu_s, accepted),
        },
    )


async def _check(database: BenchDatabase, accepted: int) -> Invariants:
    """Whether the log holds as many commands as calls were answered with 200, without gaps."""
    wrong = []
    places = await database.probe.places()
    logged = sum(place.commands for place in places)
    if logged != accepted:
        wrong.append(f"{accepted} calls were answered with 200, {logged} commands are in the log")
    wrong.extend(
        f"bucket {place.bucket}: the tail is at {place.next}, with {place.commands} commands"
        for place in places
        if place.next - 1 != place.commands
    )
    checked = ("every call answered with 200 is in the log, and nothing else", "positions have no gaps")
    return Invariants(ok=not wrong, checked=checked, wrong=tuple(wrong[:10]))


@asynccontextmanager
async def _apis(database: BenchDatabase, count: int) -> AsyncIterator[Api]:
    """So many `accrual api` at one free port of this machine; ended by their process ids."""
    async with AsyncExitStack() as stack:
        first, port = await stack.enter_async_context(_api(database, 0))
        others = [await stack.enter_async_context(_api(database, port)) for _ in range(count - 1)]
        yield Api([first, *(pid for pid, _ in others)], port)


@asynccontextmanager
async def _api(database: BenchDatabase, port: int) -> AsyncIterator[tuple[int, int]]:
    """(process id, port) of one `accrual api`; port 0 takes a free one."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "accrual",
        "api",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--share-port",
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **database.environment()},
        start_new_session=True,
    )
    try:
        port = await asyncio.wait_for(_port_of(process), START_LIMIT_S)
        reading = asyncio.create_task(_read_on(process))
        try:
            yield process.pid, port
        finally:
            reading.cancel()
    finally:
        await _end(process)


async def _port_of(process: asyncio.subprocess.Process) -> int:
    said = b""
    if process.stderr is not None:
        async for line in process.stderr:
            said += line
            found = _READY.search(line)
            if found is not None:
                return int(found[1])
    raise Broken(f"accrual api did not start: {said.decode(errors='replace').strip()[-500:]}", code="bench_child")


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
