"""`accrual doctor`: says how the installation is and what to do; changes nothing but what opening a database migrates."""

from __future__ import annotations

import asyncio
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.text import Text

from accrual.bootstrap.examining import examine
from accrual.cli.output import echo_json, open_console
from accrual.cli.tell import AsJson, DatabaseUrl, DataDir, ProgrammeCode, say, telling
from accrual.engine.doctor import Finding, Level

PROBLEM_STATUS = 1

_MARKS = {
    Level.OK: ("ok", "green"),
    Level.NOTE: ("note", "cyan"),
    Level.WARNING: ("warning", "yellow"),
    Level.PROBLEM: ("PROBLEM", "bold red"),
}


def doctor(
    quiet: Annotated[bool, typer.Option("--quiet", help="Only warnings and problems.")] = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    programme: ProgrammeCode = None,
    as_json: AsJson = False,
) -> None:
    """Say how database, rights, lanes, disk and keys are. Ends with 1 when there is a problem."""
    with telling(as_json=as_json):
        findings = asyncio.run(examine(data_dir, database_url, programme=programme, tell=say))
    healthy = all(finding.level is not Level.PROBLEM for finding in findings)
    shown = [finding for finding in findings if not quiet or finding.level in (Level.WARNING, Level.PROBLEM)]
    if as_json:
        echo_json({"healthy": healthy, "findings": msgspec.to_builtins(shown)})
    else:
        print_findings(shown, open_console())
    if not healthy:
        raise typer.Exit(PROBLEM_STATUS)


def print_findings(findings: list[Finding], console: Console) -> None:
    """A line a finding, and under it what to do."""
    for finding in findings:
        mark, style = _MARKS[finding.level]
        console.print(Text.assemble((f"{mark:<8}", style), f"{finding.check:<13}{finding.text}"), soft_wrap=True)
        if finding.advice:
            console.print(f"{'':<21}{finding.advice}", style="dim", soft_wrap=True)
