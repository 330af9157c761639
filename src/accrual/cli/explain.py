"""`accrual explain TICKET`: what came, and what of it was given or not, in words. The words are made in rules."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer
from rich.console import Console

from accrual.bootstrap.asking import asking
from accrual.bootstrap.engine import RunningEngine
from accrual.cli.tables import dialect_text, identity_text, moment, open_console
from accrual.cli.tell import AsJson, DatabaseUrl, DataDir, ProgrammeCode, say, telling
from accrual.cli.ticket import TicketId
from accrual.cli.ticket_ids import read_ticket
from accrual.domain.errors import Missing
from accrual.engine.reads import FOLLOW_UP_DEPTH_MAX
from accrual.engine.render import ticket_json, ticket_text
from accrual.engine.views import LineView, TicketView

FOLLOW_UPS_TOLD_MAX = 50
RETRIES_TOLD_MAX = 5


@dataclass(frozen=True, kw_only=True)
class Story:
    """A command with the names around it, and the stories of its follow-ups and of what tried it again."""

    view: TicketView
    client: str
    programme: str
    follow_ups: tuple[Story, ...]
    retries: tuple[Story, ...] = ()


def explain(
    ticket: TicketId,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    programme: ProgrammeCode = None,
    as_json: AsJson = False,
) -> None:
    """Say in words what came of a command, and why. Ends with 1 when there is no such ticket."""
    with telling(as_json=as_json):
        wanted = read_ticket(ticket)
        story = asyncio.run(_read(wanted, data_dir, database_url, programme))
    if as_json:
        typer.echo(json.dumps(_as_json(story), ensure_ascii=False))
    else:
        print_story(story, open_console())


def print_story(story: Story, console: Console, indent: str = "") -> None:
    """The sentences of a story, follow-ups set in."""
    for sentence in sentences(story):
        console.print(indent + sentence, soft_wrap=True)
    for follow_up in story.follow_ups:
        console.print(f"{indent}From it followed, in another member's name:")
        print_story(follow_up, console, indent + "    ")
    for retry in story.retries:
        console.print(f"{indent}It was tried again:")
        print_story(retry, console, indent + "    ")


def sentences(story: Story) -> Iterator[str]:
    """What came, when, from whom; what decided; what each promo gave or did not; what was booked."""
    view = story.view
    yield f"Ticket {ticket_text(view.ticket)}"
    yield (
        f"  {identity_text(view.identity)} did `{view.action}` at {moment(view.occurred_at)}, told by client "
        f"{story.client} in the words of {dialect_text(view.dialect)}."
    )
    yield (
        f"  Recorded at {moment(view.recorded_at)} as position {view.position} of bucket {view.bucket}, "
        f"in programme {story.programme}."
    )
    if view.parent is not None:
        yield f"  It followed from ticket {ticket_text(view.parent)}."
    if view.retry_of is not None:
        yield f"  It tried ticket {ticket_text(view.retry_of)} again, which had been put aside."
    if view.status == "waiting":
        yield "  It is accepted and not decided yet; a lane will come to it. See: accrual doctor."
        return
    if view.status == "parked":
        yield f"  It could not be decided and was put aside; nothing was given. The error: {view.error}"
        if not view.retries:
            yield f"  Once its cause is mended: accrual parked retry {ticket_text(view.ticket)}"
        return
    if view.revision is not None:
        yield f"  Decided under revision {view.revision} of the programme."
    own = [award for award in view.awards if award.recipient == view.identity]
    considered = {award.promo for award in own} | {decline.promo for decline in view.declines if decline.promo}
    if not considered and not view.declines:
        yield "  No promo of the programme listens to such a fact, so nothing was given and nothing declined."
    if considered:
        yield f"  Promos considered: {', '.join(sorted(considered))}."
    for award in own:
        yield f"  + {award.promo} (version {award.promo_version}{_named(award.promo_name)}) gave {award.text}"
        if award.active_at is not None:
            yield f"      Active from {moment(award.active_at)}."
        if award.expires_at is not None:
            yield f"      Expires at {moment(award.expires_at)}."
    for decline in view.declines:
        who = "The programme" if decline.promo is None else f"{decline.promo} (version {decline.promo_version})"
        yield f"  - {who} gave nothing ({decline.reason}): {decline.text}"
    for line in view.lines:
        yield f"  = {_line(line)}"
    if view.follow_ups and not view.complete:
        yield "  A follow-up is still under way."


def _named(name: str) -> str:
    return f", {name}" if name else ""


def _line(line: LineView) -> str:
    account = line.code if line.role == "main" else f"{line.code} ({line.role})"
    return f"Account {account}: {line.amount:+,} ({line.kind}), then {line.balance_after:,}."


def _as_json(story: Story) -> dict[str, Any]:
    return {
        **ticket_json(story.view),
        "client": story.client,
        "programme": story.programme,
        "sentences": [sentence.strip() for sentence in sentences(story)],
        "followed": [_as_json(follow_up) for follow_up in story.follow_ups],
        "retried": [_as_json(retry) for retry in story.retries],
    }


async def _read(ticket: bytes, data_dir: Path | None, database_url: str | None, programme: str | None) -> Story:
    async with asking(data_dir, database_url, on_progress=say) as engine:
        story = await _tell(engine, ticket, FOLLOW_UP_DEPTH_MAX)
        if story is None or (programme is not None and story.programme != programme):
            raise Missing("There is no such ticket here.", code="ticket_unknown")
        return story


async def _tell(engine: RunningEngine, ticket: bytes, depth: int) -> Story | None:
    view = await engine.ticket(ticket)
    if view is None:
        return None
    client = engine.catalog.client(view.client_id)
    told = [await _tell(engine, each, depth - 1) for each in view.follow_ups[:FOLLOW_UPS_TOLD_MAX]] if depth else []
    newest = view.retries[-RETRIES_TOLD_MAX:] if depth else ()
    retried = [await _tell(engine, retry.ticket, depth - 1) for retry in newest]
    return Story(
        view=view,
        client=f"number {view.client_id}" if client is None else client.client.code,
        programme=engine.catalog.newest(view.programme_id).settings.code,
        follow_ups=tuple(story for story in told if story is not None),
        retries=tuple(story for story in retried if story is not None),
    )
