"""`accrual member KIND VALUE`: a member's balances and history, the same as the native API gives."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from accrual.bootstrap.asking import asking, choose_programme
from accrual.cli.output import echo_json, open_console
from accrual.cli.tables import balances_table, expiring_table, history_table, identity_text, moment
from accrual.cli.tell import AsJson, DatabaseUrl, DataDir, ProgrammeCode, say, telling
from accrual.domain.errors import Missing
from accrual.domain.facts import Identity
from accrual.domain.members import MemberProfile
from accrual.engine.native_fields import read_identity
from accrual.engine.reads import HISTORY_MAX
from accrual.engine.render import member_json
from accrual.engine.views import LevelView, MemberView
from accrual.rules.calendar import read_instant

HISTORY_SHOWN = 20


def member(
    kind: Annotated[str, typer.Argument(help="How a client names the member, such as qoin.user_id.")],
    value: Annotated[str, typer.Argument(help="The member's name in it.")],
    limit: Annotated[int, typer.Option(min=1, max=HISTORY_MAX, help="Commands of the history.")] = HISTORY_SHOWN,
    before: Annotated[int | None, typer.Option(min=1, help="Only commands below this position (paging).")] = None,
    at: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="As it was at this past instant; no offset: the programme's zone."),
    ] = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    programme: ProgrammeCode = None,
    as_json: AsJson = False,
) -> None:
    """Show a member's balances and history. Ends with 1 when nobody has this identity."""
    with telling(as_json=as_json):
        identity = Identity(kind, value)
        view = asyncio.run(_read(identity, limit, before, at, data_dir, database_url, programme))
    if as_json:
        echo_json(member_json(view))
    else:
        print_member(view, open_console())


def print_member(view: MemberView, console: Console) -> None:
    """Who it is and what is known of them, the balances, the page of history and how to see the next."""
    console.print(f"member    {view.member_id.hex()}")
    for identity in view.identities:
        console.print(f"identity  {identity_text(identity)}", soft_wrap=True)
    if view.name:
        console.print(f"name      {view.name}", soft_wrap=True)
    console.print(f"enrolled  {moment(view.enrolled_at)}")
    if view.referrer is not None:
        console.print(f"referrer  {identity_text(view.referrer)}", soft_wrap=True)
    print_profile(view.profile, console)
    if view.level is not None:
        print_level(view.level, console)
    if view.at is not None:
        console.print(f"as of     {moment(view.at)}")
    console.print(balances_table(view.balances))
    expiring = expiring_table(view.balances)
    if expiring is not None:
        console.print(expiring)
    if view.history:
        console.print(history_table(view.history))
    else:
        console.print("No commands here.")
    if view.next_before is not None:
        console.print(f"There is more: --before {view.next_before}", style="dim")


def print_level(level: LevelView, console: Console) -> None:
    """The level, what the window holds, what is missing to the next one and until when this one is safe."""
    by_hand = ", set by hand" if level.by_hand else ""
    since = "" if level.since is None else f" since {moment(level.since)}"
    console.print(f"level     {level.code} {level.name}{since}{by_hand}", soft_wrap=True, markup=False, highlight=False)
    if level.safe_until is not None:
        console.print(f"safe      until {moment(level.safe_until)}", highlight=False)
    missing = "" if level.following is None else f", {level.missing} more to {level.following}"
    console.print(f"earned    {level.earned} in the window{missing}", soft_wrap=True, markup=False, highlight=False)


def print_profile(profile: MemberProfile, console: Console) -> None:
    """What is known of the member, a line each; nothing where nothing is known."""
    told = {
        "tier": profile.tier,
        "birthday": profile.birthday,
        "segments": ", ".join(sorted(profile.segments)),
        "lists": ", ".join(sorted(profile.lists)),
        "attributes": ", ".join(f"{name}={value}" for name, value in sorted(profile.attributes.items())),
    }
    for name, text in told.items():
        if text:
            console.print(f"{name:<9} {text}", soft_wrap=True, markup=False, highlight=False)


async def _read(
    identity: Identity,
    limit: int,
    before: int | None,
    at: str | None,
    data_dir: Path | None,
    database_url: str | None,
    programme: str | None,
) -> MemberView:
    async with asking(data_dir, database_url, on_progress=say) as engine:
        chosen = choose_programme(engine.catalog, programme)
        identity = read_identity(identity.kind, identity.value, "identity", chosen.settings)
        moment_at = None if at is None else read_instant(at, chosen.settings.time_zone)
        view = await engine.member(chosen.programme_id, identity, limit=limit, before=before, at=moment_at)
        if view is None:
            raise Missing(
                f"Nobody in programme {chosen.settings.code} is known by this identity.", code="member_unknown"
            )
        return view
