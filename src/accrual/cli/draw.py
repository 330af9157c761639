"""`accrual draw ...`: commitments, odds, disclosure, receipts and their verification, trials, raffles. Nothing is drawn here."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar
from uuid import UUID

import msgspec
import typer

from accrual import draw_verify
from accrual.bootstrap.clocks import utc_now
from accrual.bootstrap.drawing import ask_draws, receipts_of, simulate_file
from accrual.bootstrap.engine import RunningEngine
from accrual.cli.draw_tables import print_commitment, print_odds, print_simulated, print_winners
from accrual.cli.output import echo, echo_json, open_console
from accrual.cli.tell import Actor, AsJson, DatabaseUrl, DataDir, ProgrammeCode, actor, say, telling
from accrual.domain.errors import Invalid
from accrual.domain.programme import Catalogue
from accrual.engine.draw_simulation import simulate_draw

T = TypeVar("T")

app = typer.Typer(
    name="draw", help="Draws: commitments, odds, receipts and their verification, raffles.", no_args_is_help=True
)
Code = Annotated[str, typer.Argument(metavar="CODE", help="The code of the promo that draws.", show_default=False)]
MEMBERS_PER_ENTRY = 10


def _ask(
    data_dir: Path | None,
    database_url: str | None,
    programme: str | None,
    ask: Callable[[RunningEngine, Catalogue], Awaitable[T]],
) -> T:
    return asyncio.run(ask_draws(data_dir, database_url, programme, ask, say))


def _print_json(value: Any) -> None:
    echo_json(msgspec.to_builtins(value))


@app.command()
def commitment(
    code: Code,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    programme: ProgrammeCode = None,
    as_json: AsJson = False,
) -> None:
    """Show what is published of a draw: the commitment of its open round, and closed rounds with their secrets."""
    with telling(as_json=as_json):
        view = _ask(data_dir, database_url, programme, lambda e, c: e.draws.show(c.programme_id, code))
    if as_json:
        _print_json(view)
    else:
        print_commitment(view, open_console())


@app.command()
def odds(
    code: Code,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    programme: ProgrammeCode = None,
    as_json: AsJson = False,
) -> None:
    """Show the odds as the prize table states them, and as they are with what is in the table now."""
    with telling(as_json=as_json):
        view = _ask(data_dir, database_url, programme, lambda e, c: e.draws.show(c.programme_id, code))
    if as_json:
        _print_json({"draw": code, "odds": view.odds})
    else:
        print_odds(view, open_console())


@app.command()
def disclose(
    code: Code,
    by: Actor = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    programme: ProgrammeCode = None,
    key_lost: Annotated[
        bool,
        typer.Option("--key-lost", help="The hosts' key is lost: close the round, which can then never be verified."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Close the round: its secret is published, and what follows is drawn with a new one. There is no way back."""
    with telling(as_json=as_json):
        who = actor(by)
        closed, opened = _ask(
            data_dir,
            database_url,
            programme,
            lambda e, c: e.draws.disclose(c.programme_id, code, actor=who, key_lost=key_lost),
        )
    if as_json:
        _print_json({"closed": closed, "opened": opened})
        return
    echo(f"Round {closed.round} is closed: {closed.entries} entries, secret {closed.secret}, root {closed.root}")
    echo(f"Round {opened.round} is open: commitment {opened.commitment}")


@app.command()
def receipts(
    code: Code,
    round_: Annotated[int | None, typer.Option("--round", min=1, help="Only this round.")] = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    programme: ProgrammeCode = None,
) -> None:
    """Print what it takes to verify a draw, as JSON lines; verify them with: accrual draw verify FILE."""
    with telling(as_json=False):
        lines = _ask(data_dir, database_url, programme, lambda e, c: receipts_of(e, c, code, round_))
    for line in lines:
        echo_json(line)


@app.command()
def verify(
    file: Annotated[Path, typer.Argument(metavar="RECEIPTS", help="What `accrual draw receipts` printed.")],
    commitment: Annotated[
        list[str] | None, typer.Option("--commitment", help="A commitment that you noted before the draw.")
    ] = None,
    root: Annotated[list[str] | None, typer.Option("--root", help="A root that was published after the draw.")] = None,
) -> None:
    """Draw every entry again from published data alone, offline. Ends with 0 when all is well, else with 1."""
    wanted = [part for text in commitment or () for part in ("--commitment", text)]
    wanted += [part for text in root or () for part in ("--root", text)]
    raise typer.Exit(draw_verify.main([str(file), *wanted]))


@app.command()
def simulate(
    code: Code,
    entries: Annotated[int, typer.Option("--entries", min=1, help="How many entries are drawn.")],
    members: Annotated[
        int | None, typer.Option("--members", min=1, help="Of how many members, in turn [default: a tenth].")
    ] = None,
    seed: Annotated[str, typer.Option("--seed", help="The same seed draws the same.")] = "accrual",
    file: Annotated[
        Path | None, typer.Option("--file", help="The programme file to try; without, what the database holds.")
    ] = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    programme: ProgrammeCode = None,
    as_json: AsJson = False,
) -> None:
    """Draw many entries with a secret of their own, and plot how prizes come over time. Nothing is posted."""
    of = members if members is not None else max(1, entries // MEMBERS_PER_ENTRY)
    with telling(as_json=as_json):
        if file is not None:
            made = simulate_file(file, code, entries=entries, members=of, seed=seed)
        else:

            async def try_it(engine: RunningEngine, catalogue: Catalogue) -> Any:
                return simulate_draw(catalogue, code, entries=entries, members=of, seed=seed, now=utc_now())

            made = _ask(data_dir, database_url, programme, try_it)
    if as_json:
        _print_json(made)
    else:
        print_simulated(made, open_console())


@app.command()
def run(
    code: Code,
    by: Actor = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    programme: ProgrammeCode = None,
    as_json: AsJson = False,
) -> None:
    """Draw the winners of a raffle whose time has come, and send their prizes on the way. Twice is once."""
    who = actor(by) if by is not None else "cli"

    async def draw(engine: RunningEngine, catalogue: Catalogue) -> Any:
        await engine.raffles.draw(catalogue.programme_id, code, actor=who)
        await engine.raffles.follow_up(catalogue.programme_id)
        return await engine.draws.show(catalogue.programme_id, code)

    with telling(as_json=as_json):
        view = _ask(data_dir, database_url, programme, draw)
    if as_json:
        _print_json(view)
    else:
        print_winners(view, open_console())


@app.command()
def claim(
    code: Code,
    ticket: Annotated[str, typer.Argument(metavar="TICKET", help="The ticket of the entry that won.")],
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    programme: ProgrammeCode = None,
) -> None:
    """Claim what an entry of a raffle won, before its time is over."""
    with telling(as_json=False):
        try:
            wanted = UUID(ticket).bytes
        except ValueError as error:
            raise Invalid(f"{ticket!r} is no ticket.", code="invalid_field") from error
        claimed = _ask(data_dir, database_url, programme, lambda e, c: e.raffles.claim(c.programme_id, code, wanted))
    echo("Claimed: the prize is on its way." if claimed else "There is nothing to claim with this ticket.")
    if not claimed:
        raise typer.Exit(1)
