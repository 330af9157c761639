"""`accrual held list|approve|refuse`: commands that a rule of velocity holds for review. Nothing is decided here."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from accrual.bootstrap.asking import asking, choose_programme
from accrual.bootstrap.reviewing import open_reviewing
from accrual.cli.output import echo, echo_json, open_console
from accrual.cli.tables import awards_text, moment, table
from accrual.cli.tell import Actor, AsJson, DatabaseUrl, DataDir, ProgrammeCode, actor, say, telling
from accrual.cli.ticket_ids import read_ticket
from accrual.engine.held_commands import HeldCommandPage
from accrual.engine.render import ticket_json, ticket_text
from accrual.engine.views import TicketView

app = typer.Typer(name="held", help="Commands that are held for review.", no_args_is_help=True)

DEADLINE_S = 60.0
FAILED_STATUS = 1

Ticket = Annotated[str, typer.Argument(metavar="TICKET", help="The held command's ticket, as the list shows it.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; it stands in the audit and in the log.")]


@app.command("list")
def list_held(
    everything: Annotated[bool, typer.Option("--all", help="Those that were judged, too.")] = False,
    after: Annotated[
        str, typer.Option(help="Go on behind this place, as the last page told it: BUCKET:POSITION.")
    ] = "",
    limit: Annotated[int, typer.Option(min=1, max=200, help="How many are shown.")] = 100,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    programme: ProgrammeCode = None,
    as_json: AsJson = False,
) -> None:
    """List what is held for review."""
    with telling(as_json=as_json):
        page = asyncio.run(_read(data_dir, database_url, programme, everything, _place(after), limit))
    if as_json:
        echo_json(msgspec.to_builtins(page))
        return
    console = open_console()
    if not page.held:
        console.print("Nothing is held for review." if not everything else "Nothing was ever held for review.")
        return
    rows = (
        [
            moment(held.recorded_at),
            held.member["value"],
            ", ".join(dict.fromkeys(held.facts)),
            str(held.amount_minor),
            held.install_id or "",
            held.status,
            held.ticket,
        ]
        for held in page.held
    )
    columns = ["occurred", "member", "facts", "minor units", "device", "status", "ticket"]
    console.print(table("Held for review", columns, rows))
    if page.next_after is not None:
        bucket, position = page.next_after
        console.print(f"There are more: accrual held list --after {bucket}:{position}")


@app.command("approve")
def approve(
    ticket: Ticket,
    reason: Reason,
    by: Actor = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    programme: ProgrammeCode = None,
    as_json: AsJson = False,
) -> None:
    """Judge a held command now, by what held when it happened."""
    _say(_judge(ticket, True, reason, by, data_dir, database_url, programme, as_json), as_json)


@app.command("refuse")
def refuse(
    ticket: Ticket,
    reason: Reason,
    by: Actor = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    programme: ProgrammeCode = None,
    as_json: AsJson = False,
) -> None:
    """Let a held command give nothing, for good."""
    _say(_judge(ticket, False, reason, by, data_dir, database_url, programme, as_json), as_json)


def _place(after: str) -> tuple[int, int]:
    if not after:
        return -1, 0
    bucket, colon, position = after.partition(":")
    if not (colon and bucket.isdecimal() and position.isdecimal()):
        raise typer.BadParameter("a place is BUCKET:POSITION, such as 12:345", param_hint="--after")
    return int(bucket), int(position)


def _judge(
    ticket: str,
    approved: bool,
    reason: str,
    by: str | None,
    data_dir: Path | None,
    database_url: str | None,
    programme: str | None,
    as_json: bool,
) -> TicketView | None:
    async def judge(target: bytes, who: str) -> TicketView | None:
        async with open_reviewing(
            data_dir, database_url, programme=programme, deadline_s=DEADLINE_S, tell=say
        ) as reviewing:
            return await reviewing.judge_held(target, approved=approved, actor=who, note=reason)

    with telling(as_json=as_json):
        return asyncio.run(judge(read_ticket(ticket), actor(by)))


def _say(view: TicketView | None, as_json: bool) -> None:
    if view is None:
        echo("Accepted; it is not decided yet.")
        raise typer.Exit(FAILED_STATUS)
    if as_json:
        echo_json(ticket_json(view))
        return
    echo(f"ticket {ticket_text(view.ticket)}")
    for line in (awards_text(view), *[decline.text for decline in view.declines]):
        if line:
            echo(line)


async def _read(
    data_dir: Path | None,
    database_url: str | None,
    programme: str | None,
    everything: bool,
    after: tuple[int, int],
    limit: int,
) -> HeldCommandPage:
    async with asking(data_dir, database_url, on_progress=say) as engine:
        catalogue = choose_programme(engine.catalog, programme)
        return await engine.held.page(catalogue.programme_id, open_only=not everything, after=after, limit=limit)
