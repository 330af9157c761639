"""`bench evaluate`: what promos cost a command, by their number and with conditions, in a drain, and in a backtest."""

from __future__ import annotations

import asyncio
import resource
import tempfile
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

import msgspec

from accrual.bench.books import added, check_decided
from accrual.bench.drain import bench_drain, enrol, until_empty
from accrual.bench.filling import append_backlog
from accrual.bench.measure import Bench
from accrual.bench.options import Distribution, Options, Progress
from accrual.bench.promos import (
    CANDIDATES,
    COMMANDS,
    CONDITIONS,
    SIZES,
    Cost,
    cost_under,
    many_promos,
    with_conditions,
)
from accrual.bench.results import Cpu, Invariants, Run
from accrual.bootstrap.backtesting import BacktestOrder, backtest_url
from accrual.bootstrap.bench import BenchDatabase, BenchServer
from accrual.engine.backtest_report import BacktestReport

CHANGED = ("fixed: 1", "fixed: 2")
"""What makes of the demo programme another one, so that a backtest tries it instead of going by what was."""


async def bench_evaluate(
    server: BenchServer, options: Options, progress: Progress
) -> tuple[list[Run], Invariants, Bench]:
    """Evaluation alone first, then drains of one or two programmes, then backtests over a log of our own."""
    bench = await Bench.begin(server, msgspec.structs.replace(options, tpcb=False), progress)
    runs = await asyncio.to_thread(_judge, options.seed, progress)
    drained, wrong, checked = await _drains(server, options, progress)
    runs += drained
    replayed, invariants = await _backtests(server, options, progress, bench)
    runs += replayed
    found = (*wrong, *invariants.wrong)
    return runs, Invariants(ok=not found, checked=(*checked, *invariants.checked), wrong=found), bench


def _judge(seed: int, progress: Progress) -> list[Run]:
    tell = progress.stage("judging in memory", len(SIZES) + 1)
    runs: list[Run] = []
    least: Cost | None = None
    for number, size in enumerate(SIZES):
        cost = cost_under(many_promos(size), seed=seed, candidates=CANDIDATES)
        least = least or cost
        more = {
            "promos": size,
            "candidates": CANDIDATES,
            "cost_grew_by": round(cost.settled_us / least.settled_us - 1, 3),
            "first_round_grew_by": round(cost.first_us / least.first_us - 1, 3),
        }
        runs.append(_in_memory(f"{size:,} promos", cost, more))
        tell(number + 1)
    for name, holding in (("none holds", False), ("all hold", True), ("no conditions", None)):
        cost = cost_under(with_conditions(holding=holding), seed=seed, candidates=CONDITIONS)
        runs.append(
            _in_memory(f"{CONDITIONS} conditions, {name}", cost, {"promos": CONDITIONS, "candidates": CONDITIONS})
        )
    tell(len(SIZES) + 1)
    return runs


def _in_memory(name: str, cost: Cost, more: dict[str, float]) -> Run:
    settled_us = cost.settled_us
    return Run(
        distribution=name,
        commands=COMMANDS,
        seconds=round(settled_us * COMMANDS / 1_000_000, 4),
        rate_per_s=round(1_000_000 / settled_us, 1),
        cpu_us_per_command=Cpu(python=round(settled_us, 2), postgresql=None),
        rss_mb={},
        more={**more, "us_per_command": round(settled_us, 2), "us_per_command_first_round": round(cost.first_us, 2)},
    )


async def _drains(
    server: BenchServer, options: Options, progress: Progress
) -> tuple[list[Run], tuple[str, ...], tuple[str, ...]]:
    """The demo's drain and, where one is given, that of another programme with its ratio to it."""
    if options.compared is None:
        return [], (), ()
    plain = msgspec.structs.replace(options, tpcb=False, distributions=(Distribution.UNIFORM,))
    (demo,), first, _ = await bench_drain(server, plain, progress)
    other = msgspec.structs.replace(plain, programme=options.compared, one_award_each=False)
    (compared,), second, _ = await bench_drain(server, other, progress)
    ratio = round(compared.rate_per_s / demo.rate_per_s, 3)
    runs = [
        msgspec.structs.replace(demo, distribution="drain, demo"),
        msgspec.structs.replace(
            compared,
            distribution=f"drain, {options.compared.name}",
            more={**compared.more, "drain_ratio_to_demo": ratio},
        ),
    ]
    return runs, (*first.wrong, *second.wrong), tuple(f"drain: {check}" for check in second.checked)


async def _backtests(
    server: BenchServer, options: Options, progress: Progress, bench: Bench
) -> tuple[list[Run], Invariants]:
    async with server.prepared(options.programme) as database:
        await bench.look_at(database)
        await _make_log(database, options, progress)
        as_was = await _backtest(database, options.programme, progress.stage("backtest of the programme as it was"))
        with tempfile.TemporaryDirectory() as directory:
            changed = Path(directory) / "changed.yaml"
            text = await asyncio.to_thread(options.programme.read_text, "utf-8")
            await asyncio.to_thread(changed.write_text, text.replace(*CHANGED), "utf-8")
            proposed = await _backtest(database, changed, progress.stage("backtest of a changed programme"))
    runs = [_replay_run("backtest, as it was", *as_was), _replay_run("backtest, changed", *proposed)]
    return runs, _check(as_was[0], proposed[0])


async def _make_log(database: BenchDatabase, options: Options, progress: Progress) -> None:
    journals = [await enrol(database, options, progress)]
    count = options.commands or options.members
    async with AsyncExitStack() as stack:
        lanes = database.lanes(options.lanes, batch_max=options.batch)
        stack.push_async_callback(lanes.stop)
        lanes.start()
        tell = progress.stage(f"appending {count:,} commands", count)
        journals.append(await append_backlog(database, options, Distribution.UNIFORM, count, tell))
        await until_empty(database, lanes, progress.stage("deciding them", count), [])
    decided = await check_decided(database, added(*(journal.accepted for journal in journals)), one_award_each=False)
    if not decided.ok:
        raise ValueError("; ".join(decided.wrong))
    progress.stage("vacuum and checkpoint")
    await database.probe.settle()


async def _backtest(
    database: BenchDatabase, programme: Path, tell: Callable[[int], None]
) -> tuple[BacktestReport, float]:
    started_s = time.process_time()
    report = await backtest_url(BacktestOrder(programme=programme), database.runtime_url)
    tell(report.commands)
    return report, time.process_time() - started_s


def _replay_run(name: str, report: BacktestReport, cpu_s: float) -> Run:
    cost_us = cpu_s / max(report.commands, 1) * 1_000_000
    return Run(
        distribution=name,
        commands=report.commands,
        seconds=round(report.seconds_s, 2),
        rate_per_s=report.rate_per_s,
        cpu_us_per_command=Cpu(python=round(cost_us, 2), postgresql=None),
        rss_mb={"this process": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6, 1)},
        more={"rate_per_core_s": round(report.commands / cpu_s, 1)},
    )


def _check(as_was: BacktestReport, proposed: BacktestReport) -> Invariants:
    wrong = [f"ticket {each.ticket} is decided otherwise than the log has it" for each in as_was.different]
    if as_was.equal != as_was.commands:
        wrong.append(f"{as_was.equal} of {as_was.commands} outcomes are those of the log")
    if proposed.really is None or proposed.really.awards != as_was.simulated.awards:
        wrong.append("what really happened differs between two backtests of one log")
    checked = ("backtest of the live programme is the log, byte for byte", "what really happened is the same in both")
    return Invariants(ok=not wrong, checked=checked, wrong=tuple(wrong[:10]))
