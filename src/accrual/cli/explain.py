"""`accrual explain TICKET`: what came, and what of it was given or not, in words. The words are made in rules."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from accrual.bootstrap.asking import asking
from accrual.bootstrap.engine import RunningEngine
from accrual.cli.output import echo_json, open_console
from accrual.cli.tables import dialect_text, identity_text, moment
from accrual.cli.tell import AsJson, DatabaseUrl, DataDir, ProgrammeCode, say, telling
from accrual.cli.ticket import TicketId
from accrual.cli.ticket_ids import read_ticket
from accrual.domain.errors import Missing
from accrual.domain.members import LevelBy
from accrual.domain.programme import Language
from accrual.engine.reads import FOLLOW_UP_DEPTH_MAX
from accrual.engine.render import ticket_json, ticket_text
from accrual.engine.views import TicketView
from accrual.rules.words import number
from accrual.rules.words import say as say_in

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
    language: Language = Language.EN


def explain(
    ticket: TicketId,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    programme: ProgrammeCode = None,
    as_json: AsJson = False,
    lang: Annotated[
        Language | None, typer.Option("--lang", help="In which language (default: the programme's).")
    ] = None,
) -> None:
    """Say in words what came of a command, and why. Ends with 1 when there is no such ticket."""
    with telling(as_json=as_json):
        wanted = read_ticket(ticket)
        story = asyncio.run(_read(wanted, data_dir, database_url, programme, lang))
    if as_json:
        echo_json(_as_json(story))
    else:
        print_story(story, open_console())


def print_story(story: Story, console: Console, indent: str = "") -> None:
    """The sentences of a story, what followed from it set in."""
    for sentence in sentences(story):
        console.print(indent + sentence, soft_wrap=True)
    for intro, stories in (("followed", story.follow_ups), ("tried_again", story.retries)):
        for each in stories:
            console.print(indent + say_in(story.language, f"story.{intro}"))
            print_story(each, console, indent + "    ")


def sentences(story: Story) -> Iterator[str]:
    """What came, when, from whom; what decided; what each promo gave or did not; what was booked."""
    view = story.view

    def tell(key: str, **values: str) -> str:
        return say_in(story.language, f"story.{key}", **values)

    yield tell("ticket", ticket=ticket_text(view.ticket))
    yield "  " + tell(
        "came",
        who=identity_text(view.identity),
        action=view.action,
        at=moment(view.occurred_at),
        client=story.client,
        dialect=dialect_text(view.dialect),
    )
    yield "  " + tell(
        "recorded",
        at=moment(view.recorded_at),
        position=str(view.position),
        bucket=str(view.bucket),
        programme=story.programme,
    )
    if view.parent is not None:
        yield "  " + tell("parent", ticket=ticket_text(view.parent))
    if view.retry_of is not None:
        yield "  " + tell("retry_of", ticket=ticket_text(view.retry_of))
    if view.status == "waiting":
        yield "  " + tell("waiting")
        return
    if view.status == "parked":
        yield "  " + tell("parked", error=str(view.error))
        if not view.retries:
            yield "  " + tell("retry_how", ticket=ticket_text(view.ticket))
        return
    if view.revision is not None:
        yield "  " + tell("decided", revision=str(view.revision))
    yield from _judged(view, tell)
    if view.tier is not None:
        values = {"before": view.tier.before, "after": view.tier.after}
        figures = {"earned": number(story.language, view.tier.earned)}
        figures["threshold"] = number(story.language, view.tier.threshold)
        yield "  " + tell(f"tier.{LevelBy(view.tier.by).name.lower()}", **values, **figures)
    for line in view.lines:
        account = line.code if line.role == "main" else f"{line.code} ({line.role})"
        amount = ("+" if line.amount > 0 else "") + number(story.language, line.amount)
        balance = number(story.language, line.balance_after)
        yield "  " + tell("line", account=account, amount=amount, kind=line.kind, balance=balance)
    if view.follow_ups and not view.complete:
        yield "  " + tell("under_way")


def _judged(view: TicketView, tell: Callable[..., str]) -> Iterator[str]:
    own = [award for award in view.awards if award.recipient == view.identity]
    considered = {award.promo for award in own} | {decline.promo for decline in view.declines if decline.promo}
    for booked in view.booked:
        if (story := _redeemed(booked.details or {}, booked.kind)) is not None:
            key, values = story
            yield "  " + tell(key, asset=booked.code, **values)
    if view.tier is not None and not considered and not view.is_profile:
        return
    if not considered and not view.declines and not view.booked:
        yield "  " + tell("profile" if view.is_profile else "nothing")
    if considered:
        yield "  " + tell("considered", promos=", ".join(sorted(considered)))
    for award in own:
        values = {"promo": award.promo, "version": str(award.promo_version), "text": award.text}
        yield "  " + (
            tell("gave_named", name=award.promo_name, **values) if award.promo_name else tell("gave", **values)
        )
        if award.active_at is not None:
            yield "      " + tell("active", at=moment(award.active_at))
        if award.expires_at is not None:
            yield "      " + tell("expires", at=moment(award.expires_at))
    for decline in view.declines:
        promo, version = decline.promo, str(decline.promo_version)
        who = tell("programme") if promo is None else tell("promo", promo=promo, version=version)
        yield "  " + tell("declined", who=who, reason=decline.reason, text=decline.text)


def _redeemed(details: Mapping[str, Any], kind: str) -> tuple[str, dict[str, str]] | None:
    """What to tell of a reward that was redeemed, set aside or cancelled; None where there is none."""
    if "reward" not in details:
        return None
    values = {"reward": str(details["reward"]), "price": str(details.get("price", ""))}
    if details.get("cancelled") and kind == "redeem":
        return "reward_cancelled", values
    if "price" not in details:
        return ("reward_cancelled", values) if details.get("cancelled") else None
    if details.get("awaits_code"):
        return "reward_waits", values
    if "voucher" in details:
        return "reward_voucher", values | {"voucher": str(details["voucher"])}
    return "reward", values


def _as_json(story: Story) -> dict[str, Any]:
    return {
        **ticket_json(story.view),
        "client": story.client,
        "programme": story.programme,
        "sentences": [sentence.strip() for sentence in sentences(story)],
        "followed": [_as_json(follow_up) for follow_up in story.follow_ups],
        "retried": [_as_json(retry) for retry in story.retries],
    }


async def _read(
    ticket: bytes, data_dir: Path | None, database_url: str | None, programme: str | None, lang: Language | None
) -> Story:
    async with asking(data_dir, database_url, on_progress=say) as engine:
        engine.reads.speak(lang)
        story = await _tell(engine, ticket, FOLLOW_UP_DEPTH_MAX, lang)
        if story is None or (programme is not None and story.programme != programme):
            raise Missing("There is no such ticket here.", code="ticket_unknown")
        return story


async def _tell(engine: RunningEngine, ticket: bytes, depth: int, lang: Language | None = None) -> Story | None:
    view = await engine.ticket(ticket)
    if view is None:
        return None
    client = engine.catalog.client(view.client_id)
    settings = engine.catalog.newest(view.programme_id).settings
    told = (
        [await _tell(engine, each, depth - 1, lang) for each in view.follow_ups[:FOLLOW_UPS_TOLD_MAX]] if depth else []
    )
    newest = view.retries[-RETRIES_TOLD_MAX:] if depth else ()
    retried = [await _tell(engine, retry.ticket, depth - 1, lang) for retry in newest]
    return Story(
        view=view,
        client=f"number {view.client_id}" if client is None else client.client.code,
        programme=settings.code,
        language=lang or settings.language,
        follow_ups=tuple(story for story in told if story is not None),
        retries=tuple(story for story in retried if story is not None),
    )
