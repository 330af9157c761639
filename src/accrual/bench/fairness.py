"""`bench fairness`: how long quiet members wait while one member's backlog of returns is decided."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import msgspec

from accrual.bench.answer import ask
from accrual.bench.backlog import Backlog
from accrual.bench.measure import Bench
from accrual.bench.options import Options, Progress
from accrual.bench.programs import open_apis, open_lane
from accrual.bench.results import Invariants, Run
from accrual.bootstrap.bench import BenchServer

SECONDS_DEFAULT = 10
WARM_UP_S = 2
RETURNS_DEFAULT = 10_000
BULK_MAX = 2_000
"""Commands of a bucket that may wait before bulk calls are refused, as by default."""


async def bench_fairness(
    server: BenchServer, options: Options, progress: Progress
) -> tuple[list[Run], Invariants, Bench]:
    """Quiet members' payments and redemptions at a fixed rate: alone, then behind one member's returns."""
    bench = await Bench.begin(server, options, progress)
    returns = options.commands or RETURNS_DEFAULT
    count = options.rate_per_s * SECONDS_DEFAULT
    async with server.prepared(options.programme) as database, AsyncExitStack() as stack:
        await bench.look_at(database)
        api = await stack.enter_async_context(open_apis(database, options.apis, backlog_bulk_max=BULK_MAX))
        lanes = [await stack.enter_async_context(open_lane(database, f"lane {n}")) for n in range(options.lanes)]
        progress.stage("warming up")
        warm = options.rate_per_s * WARM_UP_S
        await ask(api, lanes, options, "native", warm, 1, bench, lambda done: None)
        alone = await ask(api, lanes, options, "native", count, 2, bench, progress.stage("quiet members alone", count))
        backlog, done = Backlog(api.port), asyncio.Event()
        await backlog.buy()
        tell = progress.stage(f"quiet members behind {returns:,} returns of one member", count)
        async with asyncio.TaskGroup() as group:
            group.create_task(backlog.keep_up(returns, done))
            behind = await ask(api, lanes, options, "native", count, 3, bench, tell)
            done.set()
        progress.stage("checking the log")
        logged = sum(place.commands for place in await database.probe.places())
    sent = warm + 2 * count + 1 + backlog.accepted
    wrong = [] if logged >= sent else [f"{sent} commands were accepted, {logged} are in the log"]
    more = {
        **behind.more,
        "returns": backlog.accepted,
        "bulk_calls_told_busy": backlog.busy,
        "p99_ratio_to_alone": None
        if not alone.p99_ms or behind.p99_ms is None
        else round(behind.p99_ms / alone.p99_ms, 2),
    }
    runs = [
        msgspec.structs.replace(behind, distribution="behind a backlog", more=more),
        msgspec.structs.replace(alone, distribution="alone"),
    ]
    return runs, Invariants(ok=not wrong, checked=("every accepted command is in the log",), wrong=tuple(wrong)), bench
