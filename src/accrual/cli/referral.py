"""`accrual referral list|approve|refuse`: referrals that are held for review. Nothing is decided here."""

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
from accrual.engine.referrals import HeldPage
from accrual.engine.render import ticket_json, ticket_text
from accrual.engine.views import TicketView

app = typer.Typer(name="referral", help="Referrals that are held for review.", no_args_is_help=True)

DEADLINE_S = 60.0
FAILED_STATUS = 1

Id = Annotated[str, typer.Argument(metavar="ID", help="The held referral's id, as the list and the outcome show it.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; it stands in the audit and in the log.")]


@app.command("list")
def list_held(
    everything: Annotated[bool, typer.Option("--all", help="Those that were judged, too.")] = False,
    after: Annotated[int, typer.Option(min=0, help="Go on behind this place, the last one shown.")] = 0,
    limit: Annotated[int, typer.Option(min=1, max=200, help="How many are shown.")] = 100,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    programme: ProgrammeCode = None,
    as_json: AsJson = False,
) -> None:
    """List what is held for review, oldest first."""
    with telling(as_json=as_json):
        page = asyncio.run(_read(data_dir, database_url, programme, everything, after, limit))
    if as_json:
        echo_json(msgspec.to_builtins(page))
        return
    console = open_console()
    if not page.referrals:
        console.print("No referral is held for review." if not everything else "No referral was ever held for review.")
        return
    rows = (
        [
            moment(held.recorded_at),
            held.member["value"],
            "" if held.referrer is None else held.referrer["value"],
            held.install_id or "",
            held.status,
            held.id,
        ]
        for held in page.referrals
    )
    console.print(table("Referrals", ["occurred", "member", "referrer", "device", "status", "ticket"], rows))
    if page.next_after is not None:
        console.print(f"There are more: accrual referral list --after {page.next_after}")


@app.command("approve")
def approve(
    id_: Id,
    reason: Reason,
    by: Actor = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    programme: ProgrammeCode = None,
    as_json: AsJson = False,
) -> None:
    """Let a held referral count: both sides get what the promos say of the moment it happened."""
    _say(_judge(id_, True, reason, by, data_dir, database_url, programme, as_json), as_json)


@app.command("refuse")
def refuse(
    id_: Id,
    reason: Reason,
    by: Actor = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    programme: ProgrammeCode = None,
    as_json: AsJson = False,
) -> None:
    """Refuse a held referral: nobody gets anything, and the member may still be referred by somebody else."""
    _say(_judge(id_, False, reason, by, data_dir, database_url, programme, as_json), as_json)


def _judge(
    id_: str,
    approved: bool,
    reason: str,
    by: str | None,
    data_dir: Path | None,
    database_url: str | None,
    programme: str | None,
    as_json: bool,
) -> TicketView | None:
    async def judge(claim: bytes, who: str) -> TicketView | None:
        async with open_reviewing(
            data_dir, database_url, programme=programme, deadline_s=DEADLINE_S, tell=say
        ) as reviewing:
            return await reviewing.judge(claim, approved=approved, actor=who, note=reason)

    with telling(as_json=as_json):
        return asyncio.run(judge(read_ticket(id_), actor(by)))


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
    data_dir: Path | None, database_url: str | None, programme: str | None, everything: bool, after: int, limit: int
) -> HeldPage:
    async with asking(data_dir, database_url, on_progress=say) as engine:
        catalogue = choose_programme(engine.catalog, programme)
        return await engine.referrals.page(catalogue.programme_id, open_only=not everything, after=after, limit=limit)
