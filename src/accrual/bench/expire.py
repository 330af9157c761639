"""`bench expire`: how fast lots expire that all fell due: found, appended, decided and posted, and in how much memory."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from contextlib import AsyncExitStack

import msgspec

from accrual.bench.books import added, check_decided
from accrual.bench.children import child
from accrual.bench.drain import STILL_S, until_empty
from accrual.bench.due import Done, DueOrder
from accrual.bench.measure import Bench
from accrual.bench.options import Options, Progress
from accrual.bench.processes import peak_rss_mb, us_a_command
from accrual.bench.results import Cpu, Invariants, Run
from accrual.bootstrap.bench import BenchDatabase, BenchServer
from accrual.domain.errors import Broken

LOTS_DEFAULT = 100_000
LOOK_EVERY_S = 0.05


async def bench_expire(
    server: BenchServer, options: Options, progress: Progress
) -> tuple[list[Run], Invariants, Bench]:
    """Grant lots to everybody in turn, then time upkeep and lanes from the first page found to the last lot gone."""
    lots = options.commands or LOTS_DEFAULT
    bench = await Bench.begin(server, options, progress)
    async with server.prepared(options.programme) as database:
        await bench.look_at(database)
        granted = await _grant(database, options, lots, progress)
        progress.stage("vacuum and checkpoint")
        settled = await database.probe.settle()
        expired, run = await _expire(database, options, bench, lots, progress, settled=settled)
        progress.stage("checking the books")
        invariants = await check_decided(database, added(granted, expired), one_award_each=False)
        left = await database.probe.posted()
        wrong = invariants.wrong if not left else (*invariants.wrong, f"members still have {left} units")
        checked = (*invariants.checked, "no member has a unit left")
        return [run], Invariants(ok=not wrong, checked=checked, wrong=wrong), bench


async def _grant(database: BenchDatabase, options: Options, lots: int, progress: Progress) -> Counter[int]:
    """So many lots, decided while the next ones are appended; not measured."""
    async with AsyncExitStack() as stack:
        lanes = database.lanes(options.lanes, batch_max=options.batch)
        stack.push_async_callback(lanes.stop)
        lanes.start()
        order = DueOrder(members=min(options.members, lots), lots=lots)
        done, _ = await _have_done(database, order, progress.stage(f"granting {lots:,} lots", lots))
        await until_empty(database, lanes, progress.stage("deciding the grants", lots), [])
        return Counter(done.accepted)


async def _expire(
    database: BenchDatabase, options: Options, bench: Bench, lots: int, progress: Progress, *, settled: bool
) -> tuple[Counter[int], Run]:
    lanes = database.lanes(options.lanes, batch_max=options.batch)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(lanes.stop)
        lanes.start()
        await _at_work(database, options.lanes)
        tell = progress.stage(f"expiring {lots:,} lots")
        began = bench.read(lanes.pids)
        done, rss = await _have_done(database, DueOrder(members=options.members, lots=0), tell)
        await until_empty(database, lanes, tell, [])
        ended = bench.read(lanes.pids)
        rss_mb = {"upkeep": rss} | {f"lane {number}": peak_rss_mb(pid) for number, pid in enumerate(lanes.pids, 1)}
    seconds = ended.at_s - began.at_s
    commands = sum(done.accepted.values())
    return Counter(done.accepted), Run(
        distribution="upkeep",
        commands=commands,
        seconds=round(seconds, 2),
        rate_per_s=round(commands / seconds, 1),
        cpu_us_per_command=Cpu(
            python=us_a_command(ended.python_since(began), commands),
            postgresql=us_a_command(ended.server_since(began), commands),
        ),
        rss_mb=rss_mb,
        more={
            "lots": lots,
            "lots_per_s": round(lots / seconds, 1),
            "append_seconds": round(done.seconds, 2),
            "checkpoint_before": settled,
        },
    )


async def _at_work(database: BenchDatabase, lanes: int) -> None:
    """Wait until every lane owns its share. Raises Broken when they do not come up."""
    given_up_s = time.perf_counter() + STILL_S
    while len((await database.probe.progress()).shares) < lanes:
        if time.perf_counter() > given_up_s:
            raise Broken("The lanes do not take their buckets.", code="bench_stands_still")
        await asyncio.sleep(LOOK_EVERY_S)


async def _have_done(
    database: BenchDatabase, order: DueOrder, tell: Callable[[int], None]
) -> tuple[Done, float | None]:
    """What a child of our own did, and the most memory it had."""
    async with child("accrual.bench.due", environment=database.environment()) as worker:
        await worker.tell(msgspec.json.encode(order))
        while True:
            line = await worker.line(patient=not order.lots)
            if line.startswith(b"{"):
                rss = peak_rss_mb(worker.pid)
                await worker.tell(b"")
                return msgspec.json.decode(line, type=Done), rss
            tell(int(line))
