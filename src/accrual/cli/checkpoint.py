"""`accrual checkpoint`: make, show and list signed checkpoints of the history, print the public key."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from accrual.bootstrap.checkpointing import asking_checkpoints, make_checkpoint, restart_log, rotate_key
from accrual.cli.checkpoint_proof import check, consistency, prove
from accrual.cli.output import echo, echo_json, open_console
from accrual.cli.tables import table
from accrual.cli.tell import Actor, AsJson, DatabaseUrl, DataDir, actor, say, telling
from accrual.cli.verify import DAMAGED_STATUS
from accrual.domain.checkpoints import PublishedCheckpoint
from accrual.domain.errors import Missing

app = typer.Typer(
    name="checkpoint",
    help="Signed checkpoints of the history: make, show, list, prove, the public key.",
    no_args_is_help=True,
)
app.command()(prove)
app.command()(consistency)
app.command()(check)
LIST_MAX = 1_000


@app.command()
def make(data_dir: DataDir = None, database_url: DatabaseUrl = None, as_json: AsJson = False) -> None:
    """Sign a checkpoint now. Ends with 3 when a bucket does not extend what earlier checkpoints cover."""
    with telling(as_json=as_json):
        made = asyncio.run(make_checkpoint(data_dir, database_url, say))
    if as_json:
        echo_json({**_as_json(made.published), "commands": made.commands, "damaged": made.damaged})
    else:
        echo(made.published.note, newline=False)
        for bucket, why in made.damaged.items():
            echo(f"bucket {bucket}: {why}", err=True, colour=typer.colors.RED)
    if made.damaged:
        raise typer.Exit(DAMAGED_STATUS)


@app.command()
def show(
    number: Annotated[int | None, typer.Argument(metavar="[NUMBER]", min=1, help="Default: the newest.")] = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """Print a checkpoint, the newest without a number. Keep it elsewhere for `accrual verify --against`."""
    with telling(as_json=as_json):
        found = asyncio.run(_show(number, data_dir, database_url))
    if as_json:
        echo_json(_as_json(found))
    else:
        echo(found.note, newline=False)


@app.command(name="list")
def list_(
    after: Annotated[int | None, typer.Option("--after", min=0, help="Only those with higher numbers.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=LIST_MAX, help="At most so many.")] = 20,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """List checkpoints that the database keeps, by default the newest 20."""
    with telling(as_json=as_json):
        found = asyncio.run(_list(after, limit, data_dir, database_url))
    if as_json:
        echo_json([_as_json(each) for each in found])
        return
    rows = [[str(each.number), each.recorded_at.isoformat(), each.root.hex()] for each in found]
    open_console().print(table(f"{len(found)} checkpoints", ["number", "recorded at", "root"], rows))


@app.command()
def key(data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
    """Print the public key that signs checkpoints. Give it to those who verify."""
    with telling(as_json=False):
        text = asyncio.run(_key(data_dir, database_url))
    echo(text)


@app.command()
def rotate(data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
    """Make a new key and sign a checkpoint with both, so that the old key vouches for the new one. Stop the server first."""
    with telling(as_json=False):
        made = asyncio.run(rotate_key(data_dir, database_url, say))
    echo(made.published.note, newline=False)


@app.command()
def restart(
    reason: Annotated[str, typer.Option("--reason", help="Why the old log ends; the new one covers it.")],
    by: Actor = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Begin a new log after a restore from a backup, which the old log's checkpoints do not fit any more."""
    with telling(as_json=False):
        made = asyncio.run(restart_log(reason, actor(by), data_dir, database_url, say))
    echo(made.published.note, newline=False)


async def _show(number: int | None, data_dir: Path | None, database_url: str | None) -> PublishedCheckpoint:
    async with asking_checkpoints(data_dir, database_url, tell=say) as opened:
        found = await (opened.table.newest() if number is None else opened.table.one(number))
    if found is None:
        which = "no checkpoint yet" if number is None else f"no checkpoint {number} in the database"
        raise Missing(f"There is {which}. Run accrual checkpoint list.", code="checkpoint_unknown")
    return found


async def _list(
    after: int | None, limit: int, data_dir: Path | None, database_url: str | None
) -> list[PublishedCheckpoint]:
    async with asking_checkpoints(data_dir, database_url, tell=say) as opened:
        if after is None:
            newest = await opened.table.newest()
            after = 0 if newest is None else max(0, newest.number - limit)
        return await opened.table.after(after, limit)


async def _key(data_dir: Path | None, database_url: str | None) -> str:
    async with asking_checkpoints(data_dir, database_url, create_key=True, tell=say) as opened:
        if opened.verifier is None:
            raise Missing("The key that signs this database's checkpoints is not here.", code="checkpoint_key_missing")
        return opened.verifier.text()


def _as_json(found: PublishedCheckpoint) -> dict[str, object]:
    return {
        "number": found.number,
        "recorded_at": found.recorded_at.isoformat(),
        "root": found.root.hex(),
        "signature": found.signature.hex(),
        "note": found.note,
    }
