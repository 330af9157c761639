"""`bench http`: how many calls a second one API process accepts durably, one command each over 64 connections."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from accrual.bench.callers import Called, CallOrder
from accrual.bench.children import child
from accrual.bench.measure import Bench, Reading
from accrual.bench.options import Distribution, Options, Progress
from accrual.bench.processes import peak_rss_mb, us_a_command
from accrual.bench.programs import Api, open_apis
from accrual.bench.results import Cpu, Invariants, Run
from accrual.bootstrap.bench import BenchDatabase, BenchServer
from accrual.domain.errors import Broken

COMMANDS_DEFAULT = 60_000
CONNECTIONS = 64
API_KEY = "demo-qoin"
"""The plain key of the demo programme's client."""


async def bench_http(server: BenchServer, options: Options, progress: Progress) -> tuple[list[Run], Invariants, Bench]:
    """For each distribution: calls from a process of its own to a real `accrual api`; then the log is counted."""
    bench = await Bench.begin(server, options, progress)
    async with server.prepared(options.programme) as database:
        await bench.look_at(database)
        runs: list[Run] = []
        accepted = 0
        async with open_apis(database, options.apis) as api:
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
