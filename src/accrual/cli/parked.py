"""`accrual parked list|show|retry`: commands that could not be decided, and trying them again. Nothing is decided here."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer

from accrual.bootstrap.asking import asking
from accrual.bootstrap.retrying import Retried, open_retrying
from accrual.cli.explain import explain
from accrual.cli.hints import hint_for
from accrual.cli.output import echo_json, open_console
from accrual.cli.tables import awards_text, identity_text, moment, status_text, table
from accrual.cli.tell import AsJson, DatabaseUrl, DataDir, ProgrammeCode, say, telling
from accrual.cli.ticket import TicketId
from accrual.cli.ticket_ids import read_ticket
from accrual.domain.errors import Invalid
from accrual.engine.render import parked_json, ticket_json, ticket_text
from accrual.engine.views import ParkedPage, TicketView

app = typer.Typer(name="parked", help="Commands that could not be decided and wait put aside.", no_args_is_help=True)

DEADLINE_S = 60.0
FAILED_STATUS = 1

Limit = Annotated[int, typer.Option(min=1, max=500, help="How many are shown.")]
After = Annotated[str | None, typer.Option(metavar="TICKET", help="Go on behind this ticket, the last one shown.")]


@app.command("list")
def list_parked(
    limit: Limit = 100,
    after: After = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    programme: ProgrammeCode = None,
    as_json: AsJson = False,
) -> None:
    """List what is put aside and was not tried again with success, in the log's order."""
    with telling(as_json=as_json):
        behind = None if after is None else read_ticket(after)
        page = asyncio.run(_read(data_dir, database_url, programme, limit, behind))
    if as_json:
        echo_json(parked_json(page))
        return
    console = open_console()
    if not page.tickets:
        console.print("No command is put aside.")
        return
    rows = (
        [moment(v.recorded_at), identity_text(v.identity), v.action, _error(v), ticket_text(v.ticket)]
        for v in page.tickets
    )
    console.print(table("Put aside", ["occurred", "member", "action", "error", "ticket"], rows))
    if page.next_after is not None:
        console.print(f"There are more: accrual parked list --after {ticket_text(page.next_after)}")


@app.command("show")
def show(
    ticket: TicketId,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    programme: ProgrammeCode = None,
    as_json: AsJson = False,
) -> None:
    """Say what was put aside and why, and what came of trying it again. Ends with 1 when there is no such ticket."""
    explain(ticket, data_dir, database_url, programme, as_json)


@app.command("retry")
def retry(
    ticket: Annotated[str | None, typer.Argument(metavar="TICKET", help="The parked command's ticket.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Try everything again that is put aside.")] = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    programme: ProgrammeCode = None,
    as_json: AsJson = False,
) -> None:
    """Try again, under a new ticket, and print what came of it; the first ticket's answer stays failed.

    With --json one object a line. Ends with 1 when something could not be decided again.
    """
    with telling(as_json=as_json):
        if (ticket is None) is not everything:
            raise Invalid("Name one ticket, or say --all.")
        wanted = None if ticket is None else read_ticket(ticket)
        retried = asyncio.run(_retry(wanted, data_dir, database_url, programme, as_json))
    if not as_json:
        _print(retried)
    if any(each.view is None or each.view.status != "decided" for each in retried):
        raise typer.Exit(FAILED_STATUS)


def _print(retried: list[Retried]) -> None:
    console = open_console()
    if not retried:
        console.print("No command is put aside.")
        return
    console.print(table("Tried again", ["ticket", "status", "awards or error", "new ticket"], map(_row, retried)))


def _row(each: Retried) -> list[Any]:
    ticket = ticket_text(each.ticket)
    if each.receipt is None:
        return [ticket, "refused", "" if each.error is None else each.error.message, ""]
    new = ticket_text(each.receipt.ticket)
    if each.view is None:
        return [ticket, "accepted", "not decided yet", new]
    return [ticket, status_text(each.view), awards_text(each.view) or _error(each.view), new]


def _error(view: TicketView) -> str:
    return view.error or ", ".join(decline.reason for decline in view.declines)


def _as_json(each: Retried) -> dict[str, Any]:
    if each.error is not None:
        told = {"code": each.error.code, "message": each.error.message, "hint": hint_for(each.error)}
        return {"retry_of": ticket_text(each.ticket), "error": told}
    return {
        "retry_of": ticket_text(each.ticket),
        "ticket": None if each.receipt is None else ticket_text(each.receipt.ticket),
        "repeated": None if each.receipt is None else each.receipt.repeated,
        "outcome": None if each.view is None else ticket_json(each.view),
    }


async def _read(
    data_dir: Path | None, database_url: str | None, programme: str | None, limit: int, after: bytes | None
) -> ParkedPage:
    async with asking(data_dir, database_url, on_progress=say) as engine:
        programme_id = None if programme is None else engine.catalog.by_code(programme).programme_id
        return await engine.parked(programme_id, limit=limit, after=after)


async def _retry(
    ticket: bytes | None, data_dir: Path | None, database_url: str | None, programme: str | None, as_json: bool
) -> list[Retried]:
    """What came of each; with `as_json` each is printed as soon as it is known."""
    done = []

    def tell(each: Retried) -> None:
        done.append(each)
        if as_json:
            echo_json(_as_json(each))
        elif ticket is None:
            say(f"{len(done):,} tried again")

    async with open_retrying(data_dir, database_url, programme=programme, deadline_s=DEADLINE_S, tell=say) as retrying:
        if ticket is not None:
            tell(await retrying.retry(ticket))
        else:
            async for each in retrying.retry_all():
                tell(each)
    return done
