"""`accrual ticket ID`: one command as it stands. What it means is said by `accrual explain`."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from accrual.bootstrap.asking import asking
from accrual.cli.output import echo_json, open_console
from accrual.cli.tables import (
    awards_table,
    declines_table,
    dialect_text,
    identity_text,
    lines_table,
    moment,
    status_text,
)
from accrual.cli.tell import AsJson, DatabaseUrl, DataDir, ProgrammeCode, say, telling
from accrual.cli.ticket_ids import read_ticket
from accrual.domain.errors import Missing
from accrual.engine.render import ticket_json, ticket_text
from accrual.engine.views import TicketView

TicketId = Annotated[str, typer.Argument(metavar="TICKET", help="The ticket: a UUID, `Reward:...:UUID` or `hex-UUID`.")]


def ticket(
    ticket: TicketId,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    programme: ProgrammeCode = None,
    as_json: AsJson = False,
) -> None:
    """Show one command: its awards, declines and lines. Ends with 1 when there is no such ticket."""
    with telling(as_json=as_json):
        wanted = read_ticket(ticket)
        view = asyncio.run(_read(wanted, data_dir, database_url, programme))
    if as_json:
        echo_json(ticket_json(view))
    else:
        print_ticket(view, open_console())


def print_ticket(view: TicketView, console: Console) -> None:
    """The ticket's head, then a table each of awards, declines and lines that there are."""
    head = [
        ("ticket", ticket_text(view.ticket)),
        ("action", f"{view.action} ({dialect_text(view.dialect)})"),
        ("member", identity_text(view.identity)),
        ("occurred", moment(view.occurred_at)),
        ("recorded", f"{moment(view.recorded_at)}, position {view.position} of bucket {view.bucket}"),
    ]
    for name, value in head:
        console.print(f"{name:<10}{value}", soft_wrap=True)
    console.print("status    ", status_text(view), sep="")
    if view.error is not None:
        console.print(f"error     {view.error}", soft_wrap=True)
    if view.awards:
        console.print(awards_table(view))
    if view.declines:
        console.print(declines_table(view))
    if view.lines:
        console.print(lines_table(view.lines))
    if view.retry_of is not None:
        console.print(f"retry of  {ticket_text(view.retry_of)}")
    for retry in view.retries:
        console.print(f"retried by {ticket_text(retry.ticket)} ({retry.status})")
    for follow_up in view.follow_ups:
        console.print(f"follow-up {ticket_text(follow_up)}")
    for name, value in view.fields.items():
        console.print(f"  {name}: {json.dumps(value, ensure_ascii=False)}", soft_wrap=True, style="dim")


async def _read(ticket: bytes, data_dir: Path | None, database_url: str | None, programme: str | None) -> TicketView:
    async with asking(data_dir, database_url, on_progress=say) as engine:
        view = await engine.ticket(ticket)
        if view is None or (programme and engine.catalog.by_code(programme).programme_id != view.programme_id):
            raise Missing("There is no such ticket here.", code="ticket_unknown")
        return view
