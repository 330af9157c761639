"""`bench drain`: how many commands a second are decided and posted, with everybody enrolled and a backlog waiting."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import AsyncExitStack

import msgspec

from accrual.bench.books import added, check_decided
from accrual.bench.filling import Journal, append_backlog, enrol_everybody
from accrual.bench.measure import Bench, Reading
from accrual.bench.options import Distribution, Options, Progress
from accrual.bench.processes import peak_rss_mb, us_a_command
from accrual.bench.results import CommandBytes, Cpu, Invariants, Run
from accrual.bench.storage import bytes_between, weigh
from accrual.bootstrap.bench import BenchDatabase, BenchServer
from accrual.bootstrap.children import LaneChildren
from accrual.domain.errors import Broken

COMMANDS_DEFAULT_MAX = 1_000_000
COMMANDS_MIN = 50_000
"""No run is cut below this; it takes a few seconds."""

LOOK_EVERY_S = 0.05
STILL_S = 60.0
"""A backlog that has not become smaller for so long never will."""

RESERVE_S = 30.0
"""Kept free of loads at the end, for checking the books and removing the database."""


class Drained(msgspec.Struct, frozen=True, kw_only=True):
    """One emptied backlog. `commands` were decided in `seconds`; `since` says from when on it was measured."""

    commands: int
    seconds: float
    take_over_s: float
    since: str
    python_s: float | None
    server_s: float | None
    rss_mb: dict[str, float | None]


async def bench_drain(server: BenchServer, options: Options, progress: Progress) -> tuple[list[Run], Invariants, Bench]:
    """Enrol everybody, then for each distribution: append a backlog, start the lanes at once, time them until it is gone."""
    bench = await Bench.begin(server, options, progress)
    async with server.prepared(options.programme) as database:
        await bench.look_at(database)
        journals = [await enrol(database, options, progress)]
        pace = journals[0].commands / journals[0].seconds
        progress.stage("vacuum and checkpoint")
        await database.probe.settle()
        runs = []
        for number, distribution in enumerate(options.distributions):
            left = len(options.distributions) - number
            count = _affordable(options, bench.left_s() - RESERVE_S, left, pace)
            before = await weigh(database)
            journal = await append_backlog(
                database,
                options,
                distribution,
                count,
                progress.stage(f"{distribution.value}: appending {count:,} commands", count),
            )
            journals.append(journal)
            progress.stage(f"{distribution.value}: vacuum and checkpoint")
            settled = await database.probe.settle()
            drained = await _drain(
                database, options, bench, count, progress.stage(f"{distribution.value}: deciding {count:,}", count)
            )
            sizes = bytes_between(before, await weigh(database), count)
            runs.append(_run(distribution, journal, drained, sizes, settled=settled))
        progress.stage("checking the books")
        told = added(*(journal.accepted for journal in journals))
        return runs, await check_decided(database, told, one_award_each=options.one_award_each), bench


async def enrol(database: BenchDatabase, options: Options, progress: Progress) -> Journal:
    """Everybody's first command, decided while the next ones are appended; not measured."""
    async with AsyncExitStack() as stack:
        lanes = database.lanes(options.lanes, batch_max=options.batch)
        stack.push_async_callback(lanes.stop)
        lanes.start()
        started_s = time.perf_counter()
        journal = await enrol_everybody(
            database, options, progress.stage(f"enrolling {options.members:,} members", options.members)
        )
        await until_empty(database, lanes, progress.stage("deciding their first commands", options.members), [])
        return Journal(accepted=journal.accepted, seconds=time.perf_counter() - started_s)


def _affordable(options: Options, left_s: float, runs: int, pace_per_s: float) -> int:
    """As many commands as asked for, or as fit into the time; appending and draining is known to go at `pace`."""
    wanted = options.commands or min(options.members, COMMANDS_DEFAULT_MAX)
    # Enrolling overlaps its two halves, a run does one after the other.
    fitting = int(max(0.0, left_s) / runs * pace_per_s * 2 / 3)
    return min(wanted, max(fitting, COMMANDS_MIN))


async def _drain(
    database: BenchDatabase, options: Options, bench: Bench, count: int, tell: Callable[[int], None]
) -> Drained:
    lanes = database.lanes(options.lanes, batch_max=options.batch)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(lanes.stop)
        spawned_s = time.perf_counter()
        lanes.start()
        marks: list[Mark] = []
        await until_empty(database, lanes, tell, marks, bench=bench)
        ended = bench.read(lanes.pids)
        rss_mb = {f"lane {number}": peak_rss_mb(pid) for number, pid in enumerate(lanes.pids, 1)}
    start = _start_of(marks, options.lanes, database.buckets, count)
    return Drained(
        commands=start.waiting,
        seconds=ended.at_s - start.reading.at_s,
        take_over_s=start.reading.at_s - spawned_s,
        since=start.since,
        python_s=ended.python_since(start.reading),
        server_s=ended.server_since(start.reading),
        rss_mb=rss_mb,
    )


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """A moment from which a drain may be measured."""

    waiting: int
    reading: Reading
    since: str


ALL_AT_WORK = "every lane owned its share"
ONE_AT_WORK = "the first lane was at work"


def _start_of(marks: list[Mark], lanes: int, buckets: int, count: int) -> Mark:
    """The moment when every lane owned its share, if most of the backlog was still there; else the first sign of work."""
    full = [mark for mark in marks if mark.since == ALL_AT_WORK]
    return full[0] if full and full[0].waiting * 2 >= count else marks[0]


async def until_empty(
    database: BenchDatabase,
    lanes: LaneChildren,
    tell: Callable[[int], None],
    marks: list[Mark],
    *,
    bench: Bench | None = None,
) -> None:
    """Look until nothing waits. With a `bench`, remembers the moments to measure from."""
    first: int | None = None
    least, changed_s = 0, time.perf_counter()
    wanted = {ONE_AT_WORK, ALL_AT_WORK}
    while True:
        seen = await database.probe.progress()
        now_s = time.perf_counter()
        if first is None:
            first = least = seen.waiting
        if seen.waiting < least:
            least, changed_s = seen.waiting, now_s
        if bench is not None and wanted:
            all_there = len(seen.shares) >= len(lanes.pids) > 0 and min(seen.shares) >= database.buckets // len(
                lanes.pids
            )
            for since, true in ((ONE_AT_WORK, bool(seen.shares)), (ALL_AT_WORK, all_there)):
                if true and since in wanted:
                    wanted.discard(since)
                    marks.append(Mark(waiting=seen.waiting, reading=bench.read(lanes.pids), since=since))
        tell(first - seen.waiting)
        if lanes.restarts_total:
            raise Broken("A lane process ended while it was measured; its log says why.", code="bench_lane_died")
        if not seen.waiting and (bench is None or marks):
            return
        if now_s - changed_s > STILL_S:
            raise Broken(f"{seen.waiting} commands wait and no lane decides them.", code="bench_stands_still")
        await asyncio.sleep(LOOK_EVERY_S)


def _run(distribution: Distribution, journal: Journal, drained: Drained, size: CommandBytes, *, settled: bool) -> Run:
    return Run(
        distribution=distribution.value,
        commands=journal.commands,
        seconds=round(drained.seconds, 2),
        rate_per_s=round(drained.commands / drained.seconds, 1),
        cpu_us_per_command=Cpu(
            python=us_a_command(drained.python_s, drained.commands),
            postgresql=us_a_command(drained.server_s, drained.commands),
        ),
        rss_mb=drained.rss_mb,
        bytes_per_command=size,
        more={
            "measured_commands": drained.commands,
            "measured_since": drained.since,
            "take_over_s": round(drained.take_over_s, 2),
            "append_rate_per_s": round(journal.commands / journal.seconds, 1),
            "checkpoint_before": settled,
        },
    )
