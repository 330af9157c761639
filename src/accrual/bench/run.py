"""Runs a benchmark by its name on the server a command means, and puts its result together."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from accrual.bench.answer import bench_answer
from accrual.bench.drain import bench_drain
from accrual.bench.evaluate import bench_evaluate
from accrual.bench.expire import bench_expire
from accrual.bench.fairness import bench_fairness
from accrual.bench.http import bench_http
from accrual.bench.measure import Bench
from accrual.bench.options import Options, Progress
from accrual.bench.results import Invariants, Result, Run
from accrual.bench.submit import BATCH_ROWS, bench_submit
from accrual.bootstrap.bench import BenchServer, bench_server

Question = Callable[[BenchServer, Options, Progress], Awaitable[tuple[list[Run], Invariants, Bench]]]

QUESTIONS: Mapping[str, Question] = {
    "drain": bench_drain,
    "submit": bench_submit,
    "http": bench_http,
    "evaluate": bench_evaluate,
    "answer": bench_answer,
    "expire": bench_expire,
    "fairness": bench_fairness,
}


async def run_bench(
    name: str,
    options: Options,
    *,
    data_dir: Path | None,
    database_url: str | None,
    progress: Progress,
    say: Callable[[str], None],
) -> Result:
    """Measure one of QUESTIONS. Everything it makes is removed again, whatever happens. Raises AccrualError."""
    async with bench_server(data_dir, database_url, say=say) as server:
        runs, invariants, bench = await QUESTIONS[name](server, options, progress)
    batch = {"submit": BATCH_ROWS, "http": 1, "answer": 1, "fairness": 1}.get(name, options.batch)
    return bench.result(name, batch, 0 if name in ("submit", "http") else options.lanes, runs, invariants)
