"""`bench answer`: how long a caller waits for the posted outcome in the reply, at a fixed rate of requests."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack

import msgspec

from accrual.bench.askers import Answered, AskOrder
from accrual.bench.children import child
from accrual.bench.measure import Bench, Reading
from accrual.bench.options import Options, Progress
from accrual.bench.processes import peak_rss_mb, us_a_command
from accrual.bench.programs import Api, open_apis, open_lane
from accrual.bench.results import Cpu, Invariants, Run
from accrual.bootstrap.bench import BenchDatabase, BenchServer
from accrual.domain.errors import Broken

SECONDS_DEFAULT = 20
WARM_UP_S = 2


async def bench_answer(
    server: BenchServer, options: Options, progress: Progress
) -> tuple[list[Run], Invariants, Bench]:
    """For each dialect asked: requests at a fixed rate to a real `accrual api`, decided by real lanes; then the books."""
    bench = await Bench.begin(server, options, progress)
    async with server.prepared(options.programme) as database, AsyncExitStack() as stack:
        await bench.look_at(database)
        api = await stack.enter_async_context(open_apis(database, options.apis))
        lanes = [await stack.enter_async_context(open_lane(database, f"lane {n}")) for n in range(options.lanes)]
        runs, asked = [], 0
        for dialect in options.dialects:
            warm = options.rate_per_s * WARM_UP_S
            count = options.commands or options.rate_per_s * SECONDS_DEFAULT
            progress.stage(f"{dialect}: warming up")
            await ask(api, lanes, options, dialect, warm, 1, bench, lambda done: None)
            tell = progress.stage(f"{dialect}: {count:,} requests, {options.rate_per_s} a second", count)
            runs.append(await ask(api, lanes, options, dialect, count, 2, bench, tell))
            asked += warm + count
        progress.stage("checking the books")
        return runs, await _check(database, asked), bench


async def ask(
    api: Api,
    lanes: list[int],
    options: Options,
    dialect: str,
    count: int,
    part: int,
    bench: Bench,
    tell: Callable[[int], None],
) -> Run:
    """So many requests at the order's rate to running programs. Raises Broken when none is answered."""
    order = AskOrder(
        port=api.port,
        dialect=dialect,
        count=count,
        rate_per_s=options.rate_per_s,
        members=options.members,
        seed=options.seed * 10 + part,
    )
    pids = [*api.pids, *lanes]
    async with child("accrual.bench.askers", environment={}) as askers:
        await askers.tell(msgspec.json.encode(order))
        await askers.line()
        before = bench.read(pids)
        await askers.tell(b"go")
        while not (line := await askers.line()).startswith(b"{"):
            tell(int(line))
        answered = msgspec.json.decode(line, type=Answered)
        after = bench.read(pids)
    return _run(dialect, answered, before, after, pids)


def _run(dialect: str, answered: Answered, before: Reading, after: Reading, pids: list[int]) -> Run:
    good = answered.statuses.get(200, 0)
    if not good:
        raise Broken(f"No request was answered: {answered.statuses}.", code="bench_nothing_accepted")
    return Run(
        distribution=dialect,
        commands=good,
        seconds=round(answered.seconds, 2),
        rate_per_s=round(good / answered.seconds, 1),
        cpu_us_per_command=Cpu(
            python=us_a_command(after.python_since(before), good),
            postgresql=us_a_command(after.server_since(before), good),
        ),
        rss_mb={f"process {number}": peak_rss_mb(pid) for number, pid in enumerate(pids, 1)},
        p50_ms=answered.p50_ms,
        p99_ms=answered.p99_ms,
        more={
            "statuses": {str(status): count for status, count in sorted(answered.statuses.items())},
            "answers": answered.answers,
            "sent_late_ms_max": answered.late_ms_max,
            "askers_cpu_us_per_command": us_a_command(answered.cpu_s, good),
        },
    )


async def _check(database: BenchDatabase, asked: int) -> Invariants:
    """Whether every request is one command that was decided, and the books balance."""
    wrong = []
    places = await database.probe.places()
    logged = sum(place.commands for place in places)
    if logged < asked:  # a dialect may make a command of its own besides, such as what it learns of a member
        wrong.append(f"{asked} requests were sent, {logged} commands are in the log")
    checked = ("every request is in the log", "every reply carried the outcome")
    return Invariants(ok=not wrong, checked=checked, wrong=tuple(wrong[:10]))
