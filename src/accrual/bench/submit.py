"""`bench submit`: how many commands a second the engine accepts durably, in batches and one at a time. No lane decides them."""

from __future__ import annotations

import gc
import os
import time
from collections import Counter
from collections.abc import Callable, Sequence

import msgspec

from accrual.bench.books import added, check_accepted
from accrual.bench.children import together
from accrual.bench.fill import first_client
from accrual.bench.measure import Bench
from accrual.bench.options import Distribution, Options, Progress
from accrual.bench.processes import peak_rss_mb, us_a_command
from accrual.bench.results import Cpu, Invariants, Run, percentile_ms, ratio
from accrual.bench.workload import Workload, draw_members, take
from accrual.bootstrap.bench import BenchServer, bench_engine
from accrual.bootstrap.engine import RunningEngine
from accrual.domain.commands import Receipt, Submission
from accrual.domain.errors import AccrualError

COMMANDS_DEFAULT = 200_000
BATCH_ROWS = 500
BATCH_CALLERS = 4
SINGLE_CALLERS = 64
SINGLE_SHARE = 4
"""One command at a time is so many times slower, about: so much smaller is its load."""

ROUND_COMMANDS = 50_000
"""Submissions made before the clock starts; more would only measure memory."""


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """One way of submitting, over all its rounds. `times_s` are those of single calls, in rising order."""

    accepted: Counter[int]
    seconds: float
    python_s: float | None
    server_s: float | None
    times_s: list[float]

    @property
    def commands(self) -> int:
        """All that were accepted."""
        return self.accepted.total()

    @property
    def rate_per_s(self) -> float:
        """Commands a second."""
        return round(self.commands / self.seconds, 1)

    def cpu(self) -> Cpu:
        """Microseconds a command."""
        return Cpu(
            python=us_a_command(self.python_s, self.commands), postgresql=us_a_command(self.server_s, self.commands)
        )


async def bench_submit(
    server: BenchServer, options: Options, progress: Progress
) -> tuple[list[Run], Invariants, Bench]:
    """For each distribution: batches of 500 by 4 callers, then one at a time by 64 callers, each with a key of its own."""
    bench = await Bench.begin(server, options, progress)
    async with server.prepared(options.programme) as database:
        await bench.look_at(database)
        runs: list[Run] = []
        taken: list[Taken] = []
        async with bench_engine(database.runtime_url, label="bench submit") as engine:
            count = options.commands or COMMANDS_DEFAULT
            for distribution in options.distributions:
                load = _Load(engine, options, distribution, bench)
                await database.probe.settle()
                batches = await load.run(
                    count,
                    BATCH_ROWS,
                    BATCH_CALLERS,
                    progress.stage(f"{distribution.value}: batches of {BATCH_ROWS}", count),
                )
                few = max(1, count // SINGLE_SHARE)
                singles = await load.run(
                    few, 1, SINGLE_CALLERS, progress.stage(f"{distribution.value}: one at a time", few)
                )
                taken += [batches, singles]
                runs.append(_run(distribution, batches, singles, bench))
        progress.stage("checking the log")
        return runs, await check_accepted(database, added(*(one.accepted for one in taken))), bench


class _Load:
    """Submits one distribution's commands through an engine in this process."""

    def __init__(self, engine: RunningEngine, options: Options, distribution: Distribution, bench: Bench) -> None:
        catalogue, client = first_client(engine, "qoin")
        self._engine = engine
        self._bench = bench
        self._workload = Workload(catalogue, client, seed=options.seed, facts=options.facts)
        self._members = draw_members(distribution, options.members, f"{options.seed} submit {distribution.value}")
        self._name = distribution.value

    async def run(self, count: int, rows: int, callers: int, tell: Callable[[int], None]) -> Taken:
        """`callers` at once, each sending `rows` commands a call and waiting for the answer. Raises what is refused."""
        accepted: Counter[int] = Counter()
        times_s: list[float] = []
        seconds, python_s, server_s = 0.0, 0.0, 0.0
        seen = True
        for first in range(0, count, ROUND_COMMANDS):
            calls = self._calls(first, min(ROUND_COMMANDS, count - first), rows)
            gc.collect()
            before = self._bench.read([os.getpid()])
            await together([self._caller(calls, accepted, times_s) for _ in range(callers)])
            after = self._bench.read([os.getpid()])
            python, backend = after.python_since(before), after.server_since(before)
            seconds += after.at_s - before.at_s
            python_s, server_s = python_s + (python or 0), server_s + (backend or 0)
            seen = seen and python is not None and backend is not None
            tell(accepted.total())
        return Taken(
            accepted=accepted,
            seconds=seconds,
            python_s=python_s if seen else None,
            server_s=server_s if seen else None,
            times_s=sorted(times_s),
        )

    def _calls(self, first: int, count: int, rows: int) -> list[list[Submission]]:
        submissions = [
            self._workload.submission(member, number, f"k{self._name} {rows} {number}".encode())
            for number, member in enumerate(take(self._members, count), first)
        ]
        calls = [submissions[start : start + rows] for start in range(0, count, rows)]
        calls.reverse()  # callers take from the end, which costs nothing
        return calls

    async def _caller(self, calls: list[list[Submission]], accepted: Counter[int], times_s: list[float]) -> None:
        while calls:
            call = calls.pop()
            started_s = time.perf_counter()
            if len(call) == 1:
                answers: Sequence[Receipt | AccrualError] = [await self._engine.submit(call[0])]
            else:
                answers = await self._engine.submit_many(call)
            times_s.append(time.perf_counter() - started_s)
            for answer in answers:
                if isinstance(answer, AccrualError):
                    raise answer
                accepted[answer.bucket] += 1


def _run(distribution: Distribution, batches: Taken, singles: Taken, bench: Bench) -> Run:
    tps = bench.tpcb.tps
    return Run(
        distribution=distribution.value,
        commands=batches.commands,
        seconds=round(batches.seconds, 2),
        rate_per_s=batches.rate_per_s,
        cpu_us_per_command=batches.cpu(),
        rss_mb={"engine and callers": peak_rss_mb(os.getpid())},
        p50_ms=percentile_ms(singles.times_s, 50),
        p99_ms=percentile_ms(singles.times_s, 99),
        more={
            "single_rate_per_s": singles.rate_per_s,
            "single_ratio_to_tpcb": ratio(singles.rate_per_s, tps),
            "single_commands": singles.commands,
            "single_cpu_us_per_command": msgspec.to_builtins(singles.cpu()),
            "single_callers": SINGLE_CALLERS,
            "batch_callers": BATCH_CALLERS,
        },
    )
