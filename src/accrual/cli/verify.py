"""`accrual verify`: goes through the books with a progress bar and names what is wrong; repairs nothing."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from accrual.bootstrap.asking import verify_books
from accrual.bootstrap.checkpointing import AgainstReport, check_against
from accrual.cli.output import echo_json, error_console, open_console
from accrual.cli.tables import table
from accrual.cli.tell import AsJson, DatabaseUrl, DataDir, ProgrammeCode, say, telling
from accrual.domain.errors import Invalid
from accrual.engine.verify import Finding, VerifyReport

TEXT_MAX = 16 << 20
DAMAGED_STATUS = 3
"""Another status than that of an error: a database that does not answer says nothing about the books."""


def verify(
    against: Annotated[
        Path | None,
        typer.Option(
            "--against",
            dir_okay=False,
            help="A checkpoint that you kept: prove that the history extends it. `-` reads stdin.",
        ),
    ] = None,
    key: Annotated[
        str | None, typer.Option("--key", help="The public key that signed it [default: this installation's].")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress bar.")] = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    programme: ProgrammeCode = None,
    as_json: AsJson = False,
) -> None:
    """Check log, ledger and the tables beside them; name the bad rows. Ends with 0 (all well), 3 (findings) or 1 (error)."""
    with telling(as_json=as_json):
        text = None if against is None else read_text(against)
        report = asyncio.run(_verify(data_dir, database_url, programme, quiet=quiet))
        held = None if text is None else asyncio.run(check_against(text, data_dir, database_url, key=key, tell=say))
    clean = report.clean and (held is None or held.clean)
    if as_json:
        told = {"clean": clean, **msgspec.to_builtins(report)}
        if held is not None:
            told["against"] = {"clean": held.clean, **msgspec.to_builtins(held)}
        echo_json(told)
    else:
        print_report(report, open_console(), history_extends=held is None or held.clean)
        if held is not None:
            print_against(held, open_console())
    if not clean:
        raise typer.Exit(DAMAGED_STATUS)


def read_text(path: Path) -> str:
    """A file's text, or what comes on standard input for `-`. Raises Invalid `checkpoint_unreadable`."""
    try:
        return sys.stdin.read(TEXT_MAX) if str(path) == "-" else path.read_text(encoding="utf-8")[:TEXT_MAX]
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"{path} cannot be read as text: {error}.", code="checkpoint_unreadable") from error


def print_against(report: AgainstReport, console: Console) -> None:
    """How the history stands to a checkpoint."""
    what = f"checkpoint {report.checkpoint} of {report.recorded_at}"
    if report.clean:
        text = (
            f"The history extends {what}: each of the {report.commands:,} commands that it covers is there, unchanged."
        )
        console.print(text, style="green", soft_wrap=True)
        return
    console.print(f"The history does not extend {what}.", style="red", soft_wrap=True)
    rows = [[_where(finding), finding.text] for finding in report.findings]
    console.print(table(f"{len(report.findings):,} findings", ["where", "what"], rows))


def print_report(report: VerifyReport, console: Console, *, history_extends: bool = True) -> None:
    """What was gone through, then the findings, the first of them in a sentence of its own.

    `history_extends`: false where a kept checkpoint says that the history is another one, however sound its books are.
    """
    console.print(
        f"{report.commands:,} commands and {report.lines:,} lines in {report.buckets:,} buckets; "
        f"{report.undecided:,} commands not decided yet, {report.erased:,} bodies erased."
    )
    if report.clean:
        console.print("All is well: books, chain, lots, follow-ups and outbox hold.", style="green")
        return
    first = report.findings[0]
    console.print(f"First bad row: {_where(first)}: {first.text}", style="red", soft_wrap=True)
    rows = [[finding.check, _where(finding), finding.text] for finding in report.findings]
    console.print(table(f"{report.findings_total:,} findings", ["check", "where", "what"], rows))
    if report.findings_total > len(report.findings):
        console.print(f"Only the first {len(report.findings)} are shown.", style="dim")
    console.print(advice(report, history_extends=history_extends), soft_wrap=True)


def advice(report: VerifyReport, *, history_extends: bool) -> str:
    """What to do about findings."""
    if report.history_holds and history_extends:
        return (
            "Log and ledger hold: balances are right, and nothing has to be restored. Only rows beside them are wrong. "
            "Keep this output; docs/operating/faults.md says what each table is for."
        )
    return (
        "Log or ledger were changed or lost. Stop serving and keep a copy of the data before anything else; "
        "docs/operating/faults.md says what to do next."
    )


def _where(finding: Finding) -> str:
    parts = [
        f"{name} {value}"
        for name, value in (
            ("bucket", finding.bucket),
            ("position", finding.position),
            ("account", finding.account),
            ("table", finding.table),
        )
        if value is not None
    ]
    return ", ".join(parts) or "the whole database"


async def _verify(
    data_dir: Path | None, database_url: str | None, programme: str | None, *, quiet: bool
) -> VerifyReport:
    columns = (
        TextColumn("Verifying bucket"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[commands]:,} commands"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=error_console(), transient=True, disable=quiet) as progress:
        task = progress.add_task("verify", total=None, commands=0)
        return await verify_books(
            data_dir,
            database_url,
            programme=programme,
            on_start=lambda buckets: progress.update(task, total=buckets),
            on_progress=lambda done, commands: progress.update(task, completed=done, commands=commands),
            tell=say,
        )
