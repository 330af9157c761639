"""`accrual upkeep`: all that falls due by an instant, now or on a test clock. What that is, the engine knows."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from accrual.bootstrap.upkeep import run_upkeep
from accrual.cli.output import echo_json, open_console
from accrual.cli.tables import moment, table
from accrual.cli.tell import AsJson, DatabaseUrl, DataDir, say, telling
from accrual.domain.upkeep import Step

QUIET_S = 120.0
SAYS = {
    Step.ACTIVATE: "pending points that become active",
    Step.EXPIRE: "points that expire",
    Step.HOLDS: "holds whose time is over",
    Step.RETURNS: "returns whose purchase never came",
    Step.TIERS: "members whose level is looked at",
    Step.NOTICES: "notices of points due to expire",
}


def upkeep(
    until: Annotated[
        str | None, typer.Option(metavar="TIME", help="Up to when [default: now]; no offset: the programme's zone.")
    ] = None,
    ahead: Annotated[
        bool,
        typer.Option(
            "--ahead", help="Let TIME lie ahead although programmes are no demos: points expire early, for good."
        ),
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")] = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """Do all that falls due by TIME: activate, expire, end holds, give up returns, review levels, send notices.

    Waits until it is decided. `accrual serve` does the same every minute; what was done is not done again.
    """
    with telling(as_json=as_json):
        tally, at = asyncio.run(
            run_upkeep(data_dir, database_url, until=until, ahead=ahead, dry_run=dry_run, quiet_s=QUIET_S, tell=say)
        )
    if as_json:
        steps = {step.value: {"new": tally.new[step], "repeated": tally.repeated[step]} for step in Step}
        echo_json({"until": at.isoformat(), "dry_run": dry_run, "steps": steps})
        return
    rows = [[step.value, SAYS[step], f"{tally.new[step]:,}", f"{tally.repeated[step]:,}"] for step in Step]
    verb = "Would be done" if dry_run else "Done"
    open_console().print(table(f"{verb} up to {moment(at)}", ["step", "commands for", "#new", "#there already"], rows))
