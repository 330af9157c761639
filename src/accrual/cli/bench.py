"""`accrual bench ...`: options, progress and the table; what is measured, and how, is in accrual.bench."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from accrual.bench.options import Distribution, Options
from accrual.bench.results import Result, ratio
from accrual.bench.run import run_bench
from accrual.cli.output import echo, echo_json, error_console, open_console
from accrual.cli.tables import table
from accrual.cli.tell import AsJson, DatabaseUrl, DataDir, say, telling

app = typer.Typer(
    name="bench", help="Measure: each question in a database of its own, beside pgbench.", no_args_is_help=True
)


class Answering(StrEnum):
    """The dialects that answer with the outcome."""

    NATIVE = "native"
    DSQUARES = "dsquares"
    GOODIE = "goodie"


WRONG_STATUS = 1
INTERRUPTED_STATUS = 130
DRAW_EVERY_S = 0.25

Members = Annotated[int, typer.Option(min=1, max=8_000_000, help="Members the commands are drawn from.")]
Commands = Annotated[int | None, typer.Option(min=1, max=10_000_000, help="Commands a run; fewer if time is short.")]
Chosen = Annotated[Distribution | None, typer.Option(help="One distribution alone [default: uniform, then zipf].")]
Seed = Annotated[int, typer.Option(help="What members and amounts are drawn from.")]
Facts = Annotated[int, typer.Option(min=1, max=4, help="Transactions a call.")]
NoTpcb = Annotated[bool, typer.Option("--no-tpcb", help="Leave pgbench out; then there is no ratio.")]
ProgrammeFile = Annotated[
    Path | None,
    typer.Option("--programme-file", help="Another programme than the demo's.", exists=True, dir_okay=False),
]


@app.command()
def drain(
    members: Members = 1_000_000,
    commands: Commands = None,
    lanes: Annotated[int, typer.Option(min=1, max=64, help="Lane processes.")] = 2,
    batch: Annotated[int, typer.Option(min=1, max=65_536, help="Commands a batch, at most.")] = 4_096,
    distribution: Chosen = None,
    seed: Seed = 1,
    facts: Facts = 4,
    no_tpcb: NoTpcb = False,
    programme_file: ProgrammeFile = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """Commands decided and posted a second, with all members enrolled and a backlog waiting."""
    options = _options(members, commands, distribution, seed, facts, no_tpcb, programme_file, lanes=lanes, batch=batch)
    _bench("drain", options, data_dir, database_url, as_json=as_json)


@app.command()
def submit(
    members: Members = 1_000_000,
    commands: Commands = None,
    distribution: Chosen = None,
    seed: Seed = 1,
    facts: Facts = 4,
    no_tpcb: NoTpcb = False,
    programme_file: ProgrammeFile = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """Commands accepted durably a second through the engine: in batches of 500, and one at a time by 64 callers."""
    options = _options(members, commands, distribution, seed, facts, no_tpcb, programme_file)
    _bench("submit", options, data_dir, database_url, as_json=as_json)


@app.command()
def http(
    members: Members = 1_000_000,
    commands: Commands = None,
    distribution: Chosen = None,
    seed: Seed = 1,
    facts: Facts = 4,
    apis: Annotated[int, typer.Option(min=1, max=16, help="API processes at one port.")] = 2,
    no_tpcb: NoTpcb = False,
    programme_file: ProgrammeFile = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """Calls accepted durably a second over HTTP: one command each, 64 connections."""
    options = _options(members, commands, distribution, seed, facts, no_tpcb, programme_file, apis=apis)
    _bench("http", options, data_dir, database_url, as_json=as_json)


@app.command()
def answer(
    members: Annotated[int, typer.Option(min=1, max=8_000_000, help="Members the requests are of.")] = 20_000,
    commands: Commands = None,
    rate: Annotated[int, typer.Option(min=1, max=100_000, help="Requests started each second.")] = 300,
    dialect: Annotated[
        list[Answering] | None,
        typer.Option(
            help="In whose words; repeat it for several. dsquares needs a programme that enrols wallets. Default: native, goodie."
        ),
    ] = None,
    lanes: Annotated[int, typer.Option(min=1, max=64, help="Lane processes.")] = 1,
    apis: Annotated[int, typer.Option(min=1, max=16, help="API processes at one port.")] = 1,
    seed: Seed = 1,
    no_tpcb: NoTpcb = False,
    programme_file: ProgrammeFile = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """How long a request waits for its posted outcome in the reply, at a fixed rate: payments, and redemptions."""
    options = Options(
        members=members,
        programme=programme_file or demo_programme(),
        commands=commands,
        lanes=lanes,
        apis=apis,
        rate_per_s=rate,
        dialects=tuple(each.value for each in dialect or (Answering.NATIVE, Answering.GOODIE)),
        distributions=(Distribution.UNIFORM,),
        seed=seed,
        tpcb=not no_tpcb,
    )
    _bench("answer", options, data_dir, database_url, as_json=as_json)


@app.command()
def fairness(
    members: Annotated[int, typer.Option(min=1, max=8_000_000, help="Quiet members the requests are of.")] = 20_000,
    returns: Annotated[int, typer.Option(min=500, max=1_000_000, help="Returns of one member, at least.")] = 10_000,
    rate: Annotated[int, typer.Option(min=1, max=10_000, help="Requests of quiet members started each second.")] = 100,
    lanes: Annotated[int, typer.Option(min=1, max=64, help="Worker processes.")] = 1,
    apis: Annotated[int, typer.Option(min=1, max=16, help="API processes at one port.")] = 1,
    seed: Seed = 1,
    no_tpcb: NoTpcb = False,
    programme_file: ProgrammeFile = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """How long quiet members wait for their outcome while one member submits returns as fast as the API accepts them."""
    options = Options(
        members=members,
        programme=programme_file or demo_programme(),
        commands=returns,
        lanes=lanes,
        apis=apis,
        rate_per_s=rate,
        distributions=(Distribution.UNIFORM,),
        seed=seed,
        tpcb=not no_tpcb,
    )
    _bench("fairness", options, data_dir, database_url, as_json=as_json)


@app.command()
def expire(
    members: Annotated[int, typer.Option(min=1, max=8_000_000, help="Members the lots are of, in turn.")] = 20_000,
    lots: Annotated[int, typer.Option(min=1, max=10_000_000, help="Lots that fall due.")] = 100_000,
    lanes: Annotated[int, typer.Option(min=1, max=64, help="Lane processes.")] = 2,
    batch: Annotated[int, typer.Option(min=1, max=65_536, help="Commands a batch, at most.")] = 4_096,
    no_tpcb: NoTpcb = False,
    programme_file: ProgrammeFile = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """Lots expired a second when they all fall due at once: found, appended, decided and posted."""
    options = Options(
        members=members,
        programme=programme_file or demo_programme(),
        commands=lots,
        lanes=lanes,
        batch=batch,
        distributions=(Distribution.UNIFORM,),
        tpcb=not no_tpcb,
    )
    _bench("expire", options, data_dir, database_url, as_json=as_json)


@app.command()
def evaluate(
    members: Members = 50_000,
    commands: Commands = 200_000,
    lanes: Annotated[int, typer.Option(min=1, max=64, help="Lane processes.")] = 2,
    seed: Seed = 1,
    programme: Annotated[
        Path | None,
        typer.Option(
            "--programme",
            help="A programme file whose drain is set beside the demo's; it must have a client qoin.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """What promos cost: by how many there are, with conditions, in a drain, and in a backtest."""
    options = Options(
        members=members,
        programme=demo_programme(),
        compared=programme,
        commands=commands,
        lanes=lanes,
        distributions=(Distribution.UNIFORM,),
        seed=seed,
        tpcb=False,
    )
    _bench("evaluate", options, data_dir, database_url, as_json=as_json)


def _options(
    members: int,
    commands: int | None,
    distribution: Distribution | None,
    seed: int,
    facts: int,
    no_tpcb: bool,
    programme_file: Path | None,
    *,
    lanes: int = 2,
    batch: int = 4_096,
    apis: int = 2,
) -> Options:
    both = (Distribution.UNIFORM, Distribution.ZIPF)
    return Options(
        members=members,
        programme=programme_file or demo_programme(),
        one_award_each=programme_file is None,
        commands=commands,
        lanes=lanes,
        batch=batch,
        apis=apis,
        facts=facts,
        distributions=both if distribution is None else (distribution,),
        seed=seed,
        tpcb=not no_tpcb,
    )


def demo_programme() -> Path:
    """The demo programme: beside this module in an installed package, in examples/ in a source tree."""
    installed = Path(__file__).with_name("example") / "programme.yaml"
    return installed if installed.exists() else Path(__file__).parents[3] / "examples" / "seeds" / "programme.yaml"


def _bench(name: str, options: Options, data_dir: Path | None, database_url: str | None, *, as_json: bool) -> None:
    import uvloop

    with telling(as_json=as_json):
        try:
            result = uvloop.run(_run(name, options, data_dir, database_url))
        except asyncio.CancelledError:
            say("Stopped; its database is removed.")
            raise typer.Exit(INTERRUPTED_STATUS) from None
    if as_json:
        echo_json(result.as_json())
    else:
        print_result(result, open_console())
    if not result.invariants.ok:
        raise typer.Exit(WRONG_STATUS)


async def _run(name: str, options: Options, data_dir: Path | None, database_url: str | None) -> Result:
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[count]}"), TimeElapsedColumn())
    console = error_console()
    work = asyncio.current_task()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        # Once: a second signal must not keep the first from removing the database.
        loop.add_signal_handler(number, _Once(work))
    with Progress(*columns, console=console, auto_refresh=False, transient=True) as progress:
        return await run_bench(
            name, options, data_dir=data_dir, database_url=database_url, progress=_Shown(progress), say=say
        )


class _Once:
    """Cancels a task the first time it is called."""

    def __init__(self, task: asyncio.Task[Result] | None) -> None:
        self._task = task

    def __call__(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()


class _Shown:
    """Draws stages as they come; on something that is no terminal, a line a stage."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task: TaskID | None = None
        self._next_s = 0.0

    def stage(self, text: str, total: int | None = None) -> Callable[[int], None]:
        """One more stage; the one before is over."""
        if not self._progress.console.is_terminal:
            echo(text, err=True)
            return lambda done: None
        if self._task is not None:
            self._progress.remove_task(self._task)
        task = self._task = self._progress.add_task(text, total=total, count="")
        self._progress.refresh()

        def tell(done: int) -> None:
            self._progress.update(task, completed=done, count="" if total is None else f"{done:,} of {total:,}")
            if time.monotonic() >= self._next_s:  # drawing must not take from what is measured
                self._progress.refresh()
                self._next_s = time.monotonic() + DRAW_EVERY_S

        return tell


def print_result(result: Result, console: Console) -> None:
    """The figures as a table, what they stand on in the lines below it."""
    tps = result.tpcb.tps
    rows = []
    for run in result.runs:
        cpu = run.cpu_us_per_command
        rows.append(
            [
                run.distribution,
                f"{run.commands:,}",
                f"{run.rate_per_s:,.0f}",
                _number(ratio(run.rate_per_s, tps)),
                f"{_number(cpu.python)} / {_number(cpu.postgresql)}",
                _number(run.p50_ms),
                _number(run.p99_ms),
                ", ".join(f"{name} {_number(size)}" for name, size in run.rss_mb.items()),
            ]
        )
    columns = ["drawn", "#commands", "#a second", "#x TPC-B", "#us Python / PostgreSQL", "#p50 ms", "#p99 ms", "MB"]
    console.print(table(f"bench {result.bench}", columns, rows))
    for run in result.runs:
        single = run.more.get("single_rate_per_s")
        if single is not None:
            times = _number(run.more.get("single_ratio_to_tpcb"))
            console.print(f"{run.distribution}, one at a time: {single:,.0f} a second, {times} x TPC-B")
        if "lots_per_s" in run.more:
            lots = f"{run.more['lots']:,} lots in {run.seconds:g} s: {run.more['lots_per_s']:,.0f} a second"
            console.print(f"{lots}; all found and appended after {run.more['append_seconds']:g} s")
        if run.bytes_per_command is not None:
            size = run.bytes_per_command
            parts = ", ".join(f"{name} {part.row:g} + {part.index:g}" for name, part in sorted(size.tables.items()))
            console.print(
                f"{run.distribution}: {size.total:g} bytes a command, of which its body {_number(size.body)} "
                f"(without: {_number(size.without_body)}); rows + indexes: {parts}"
            )
    yardstick = f"{tps:,.0f} tps" if tps is not None else f"not measured: {result.tpcb.reason}"
    console.print(
        f"{result.members:,} members, batch {result.batch:,}, {result.lanes} lanes, seed {result.seed}, "
        f"PostgreSQL {result.server_version}, synchronous_commit {result.durability.synchronous_commit}, "
        f"fsync {result.durability.fsync}; TPC-B {yardstick}; {result.seconds_in_all:.0f} s in all"
    )
    if result.invariants.ok:
        console.print("Checked and right: " + "; ".join(result.invariants.checked), style="green")
    else:
        console.print("WRONG: " + "; ".join(result.invariants.wrong), style="red")


def _number(value: float | int | None) -> str:
    return "-" if value is None else f"{value:,g}"
