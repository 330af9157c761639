"""`accrual promo ...`: look at promos and take them through their life; what a step means is decided below bootstrap."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
import typer

from accrual.bootstrap.asking import asking, choose_programme
from accrual.cli.output import echo, echo_json, open_console
from accrual.cli.promo_tables import print_history, print_list, print_promo
from accrual.cli.tell import Actor, AsJson, DatabaseUrl, DataDir, ProgrammeCode, actor, say, telling
from accrual.domain.facts import Trigger
from accrual.domain.promos import PromoStatus
from accrual.engine.promo_step import Stepped, Wish
from accrual.engine.promo_views import PromoLine
from accrual.engine.promos import Promos
from accrual.rules.lifecycle import Action

T = TypeVar("T")

app = typer.Typer(
    name="promo", help="Promos: list and show them, approve, activate, pause, end, restore.", no_args_is_help=True
)
Code = Annotated[str, typer.Argument(metavar="CODE", help="The promo's code.", show_default=False)]
Reason = Annotated[str | None, typer.Option("--reason", help="Why, for the history.")]


@dataclass(frozen=True, kw_only=True)
class Where:
    """Which database and programme a command means."""

    data_dir: Path | None
    database_url: str | None
    programme: str | None


@app.command("list")
def list_promos(
    status: Annotated[PromoStatus | None, typer.Option("--status", help="Only those of this status.")] = None,
    trigger: Annotated[Trigger | None, typer.Option("--trigger", help="Only those that listen to this.")] = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    programme: ProgrammeCode = None,
    as_json: AsJson = False,
) -> None:
    """List promos by code, with their status and what waits for approval or activation."""

    async def read(promos: Promos, programme_id: int) -> list[PromoLine]:
        found: list[PromoLine] = []
        after: str | None = ""
        while after is not None:
            page = await promos.page(programme_id, status=status, trigger=trigger, after=after)
            found += page.promos
            after = page.next_after
        return found

    with telling(as_json=as_json):
        found = _ask(Where(data_dir=data_dir, database_url=database_url, programme=programme), read)
    if as_json:
        _print_json({"promos": found})
    else:
        print_list(found, open_console())


@app.command()
def show(
    code: Code,
    exact: Annotated[bool, typer.Option("--exact", help="Count every outcome, however long it takes.")] = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    programme: ProgrammeCode = None,
    as_json: AsJson = False,
) -> None:
    """Show a promo: document, versions, what it gave, what is left of budget and limits, and when the budget ends."""
    with telling(as_json=as_json):
        view = _ask(
            Where(data_dir=data_dir, database_url=database_url, programme=programme),
            lambda promos, programme_id: promos.show(programme_id, code, is_exact=exact),
        )
    if as_json:
        _print_json(view)
    else:
        print_promo(view, open_console())


@app.command()
def history(
    code: Code,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    programme: ProgrammeCode = None,
    as_json: AsJson = False,
) -> None:
    """Who saved which version, when and why, and what it changed, field by field."""
    with telling(as_json=as_json):
        versions = _ask(
            Where(data_dir=data_dir, database_url=database_url, programme=programme),
            lambda promos, programme_id: promos.history(programme_id, code),
        )
    if as_json:
        _print_json({"promo": code, "versions": versions})
    else:
        print_history(code, versions, open_console())


@app.command()
def approve(
    code: Code,
    by: Actor = None,
    reason: Reason = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    programme: ProgrammeCode = None,
    as_json: AsJson = False,
) -> None:
    """Approve the draft that waits; under four eyes nobody approves what they wrote themselves."""
    _step(
        Action.APPROVE,
        code,
        by,
        reason,
        Where(data_dir=data_dir, database_url=database_url, programme=programme),
        as_json,
    )


@app.command()
def activate(
    code: Code,
    by: Actor = None,
    reason: Reason = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    programme: ProgrammeCode = None,
    as_json: AsJson = False,
) -> None:
    """Let what waits go live, or a paused promo go on. Lanes judge by it from their next batch."""
    _step(
        Action.ACTIVATE,
        code,
        by,
        reason,
        Where(data_dir=data_dir, database_url=database_url, programme=programme),
        as_json,
    )


@app.command()
def pause(
    code: Code,
    by: Actor = None,
    reason: Reason = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    programme: ProgrammeCode = None,
    as_json: AsJson = False,
) -> None:
    """Stop a promo for the time being: facts from now on are declined `promo_paused`."""
    _step(
        Action.PAUSE,
        code,
        by,
        reason,
        Where(data_dir=data_dir, database_url=database_url, programme=programme),
        as_json,
    )


@app.command()
def end(
    code: Code,
    by: Actor = None,
    reason: Reason = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    programme: ProgrammeCode = None,
    as_json: AsJson = False,
) -> None:
    """End a promo, and what waits with it. Only restoring a version brings it back."""
    _step(
        Action.END, code, by, reason, Where(data_dir=data_dir, database_url=database_url, programme=programme), as_json
    )


@app.command()
def restore(
    code: Code,
    version: Annotated[
        int, typer.Argument(metavar="VERSION", min=1, help="Which one; see: accrual promo history CODE.")
    ],
    by: Actor = None,
    reason: Reason = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    programme: ProgrammeCode = None,
    as_json: AsJson = False,
) -> None:
    """Return to what an earlier version said, as a new version. Restoring what holds takes back what waits."""
    where = Where(data_dir=data_dir, database_url=database_url, programme=programme)
    _step(Action.RESTORE, code, by, reason, where, as_json, version)


def _step(
    action: Action,
    code: str,
    by: str | None,
    reason: str | None,
    where: Where,
    as_json: bool,
    version: int | None = None,
) -> None:
    with telling(as_json=as_json):
        wish = Wish(code=code, action=action, actor=actor(by), reason=reason, version=version)
        done = _ask(where, lambda promos, programme_id: promos.step(programme_id, wish))
    if as_json:
        _print_json(done)
        return
    echo(told(done))
    for warning in done.warnings:
        say(f"warning: {warning}")


def told(done: Stepped) -> str:
    """One line: which version was made and what it means."""
    return f"{done.promo}: version {done.version}. {done.told}"


def _ask(where: Where, ask: Callable[[Promos, int], Awaitable[T]]) -> T:
    async def work() -> T:
        async with asking(where.data_dir, where.database_url, on_progress=say) as engine:
            chosen = choose_programme(engine.catalog, where.programme)
            return await ask(engine.promos, chosen.programme_id)

    return asyncio.run(work())


def _print_json(value: Any) -> None:
    echo_json(msgspec.to_builtins(value))
