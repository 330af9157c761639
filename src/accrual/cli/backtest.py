"""`accrual backtest PROGRAMME.yaml`: what a programme would have given, beside what really was given. It never posts."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from accrual.bootstrap.backtesting import BacktestOrder, backtest_file, backtest_log
from accrual.bootstrap.programme import read_file
from accrual.cli.backtest_page import page
from accrual.cli.backtest_table import print_backtest
from accrual.cli.output import echo_json, error_console, open_console
from accrual.cli.programme import File
from accrual.cli.tell import AsJson, DatabaseUrl, DataDir, say, telling
from accrual.domain.amounts import read_decimal
from accrual.domain.errors import Invalid
from accrual.engine.backtest_report import BacktestReport, report_json
from accrual.rules.calendar import read_instant

DIFFERENT_STATUS = 1


def backtest(
    file: File,
    since: Annotated[str | None, typer.Option("--from", help="Count what was recorded from this time on.")] = None,
    until: Annotated[str | None, typer.Option("--until", help="Count what was recorded before this time.")] = None,
    transactions: Annotated[
        Path | None, typer.Option("--file", help="Run these transactions (.csv or .parquet) instead of the log.")
    ] = None,
    client: Annotated[str | None, typer.Option("--client", help="Whose transactions the file holds.")] = None,
    prune: Annotated[
        bool, typer.Option("--prune", help="Leave out promos that the programme file leaves out.")
    ] = False,
    values: Annotated[
        list[str] | None, typer.Option("--value", help="What a unit costs, such as PTS=1.5; may be repeated.")
    ] = None,
    html: Annotated[Path | None, typer.Option("--html", help="Write a report with plots into this file.")] = None,
    identities: Annotated[
        bool, typer.Option("--identities", help="Name the largest winners, not only their ids.")
    ] = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """Run the log, or a file of transactions, through a programme file and say what it would have given.

    A programme file that changes nothing runs each command under the revision that decided it: the outcomes must then be
    those of the log, byte for byte; it ends with 1 when one is not. Nothing is ever written to the database.
    """
    with telling(as_json=as_json):
        settings = read_file(file).read.programme.programme
        order = BacktestOrder(
            programme=file,
            file=transactions,
            client=client,
            since=_instant(since, settings.time_zone),
            until=_instant(until, settings.time_zone),
            prune=prune,
            values=dict(_value(text) for text in values or ()),
        )
        report = _run(order, data_dir, database_url)
        if html is not None:
            _write(html, page(report, show_identities=identities))
    if as_json:
        echo_json(report_json(report, show_identities=identities))
    else:
        print_backtest(report, open_console(), show_identities=identities)
    if report.different:
        raise typer.Exit(DIFFERENT_STATUS)


def _run(order: BacktestOrder, data_dir: Path | None, database_url: str | None) -> BacktestReport:
    with _watched() as watch:
        if order.file is not None:
            return backtest_file(order, watch=watch)
        import uvloop

        return uvloop.run(backtest_log(order, data_dir=data_dir, database_url=database_url, watch=watch, tell=say))


@contextmanager
def _watched() -> Iterator[Callable[[int, int | None], None]]:
    columns = (
        TextColumn("Running"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.completed:,} commands"),
        TimeRemainingColumn(),
    )
    console = error_console()
    with Progress(*columns, console=console, transient=True, disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("backtest", total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def _instant(text: str | None, zone: str) -> datetime | None:
    """A date is its beginning in the programme's zone."""
    return None if text is None else read_instant(text, zone)


def _value(text: str) -> tuple[str, Decimal]:
    code, mark, worth = text.partition("=")
    if not mark or not code:
        raise Invalid(f"{text!r} is not of the form PTS=1.5.", code="invalid_field")
    return code, read_decimal(worth)


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Invalid(f"{path} cannot be written: {error.strerror or error}.", code="file_unwritable") from error
