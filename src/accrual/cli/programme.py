"""`accrual plan|apply|schema|init`: programmes as code, typed by a person; the work is done below bootstrap."""

from __future__ import annotations

import asyncio
import sys
from enum import StrEnum
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from accrual.bootstrap.opening import OpenDatabase, open_database
from accrual.bootstrap.programme import Applied, apply_file, plan_file, read_file
from accrual.cli.output import echo, echo_json, open_console
from accrual.cli.plan_table import plan_as_json, print_plan
from accrual.cli.tell import Actor, AsJson, DatabaseUrl, DataDir, actor, say, telling
from accrual.domain.errors import Conflict, Invalid, Refused
from accrual.domain.native import NativeCommand
from accrual.domain.programme import Programme
from accrual.domain.promos import Promo
from accrual.engine.plan_shape import Plan

CHANGES_STATUS = 2
STARTER = "programme.yaml"

File = Annotated[Path, typer.Argument(help="The programme file, YAML or JSON.", dir_okay=False, show_default=False)]
Prune = Annotated[bool, typer.Option("--prune", help="End what the file does not name (never what a dialect made).")]


class Document(StrEnum):
    """What a JSON Schema can be printed of."""

    PROGRAMME = "programme"
    PROMO = "promo"
    COMMAND = "command"


SCHEMAS: dict[Document, type[msgspec.Struct]] = {
    Document.PROGRAMME: Programme,
    Document.PROMO: Promo,
    Document.COMMAND: NativeCommand,
}


def plan(
    file: File,
    prune: Prune = False,
    detailed_exitcode: Annotated[
        bool, typer.Option("--detailed-exitcode", help="End with status 2 when there are changes.")
    ] = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """Show what applying a programme file would change. Changes nothing; ends with 0, with 1 on an error."""
    with telling(as_json=as_json):
        made = asyncio.run(_plan(file, prune, data_dir, database_url))
    _show(made, as_json=as_json)
    if detailed_exitcode and made.change is not None:
        raise typer.Exit(CHANGES_STATUS)


def apply(
    file: File,
    prune: Prune = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    by: Actor = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """Make a programme as its file says. At a terminal it shows the changes and asks first; --prune elsewhere needs --yes."""
    with telling(as_json=as_json):
        asks = not yes and not as_json and sys.stdin.isatty()
        if prune and not yes and not asks:
            raise Refused("--prune ends things; without a terminal to ask at it needs --yes.", code="needs_yes")
        done = asyncio.run(_apply(file, prune, asks, actor(by), data_dir, database_url))
    if as_json:
        echo_json({**plan_as_json(done.plan), "applied_revision": done.revision})
        return
    if not asks:
        print_plan(done.plan, open_console())
    changed = done.plan.change is not None
    echo(f"Applied as revision {done.revision}." if changed else "Nothing to change.")


def schema(what: Annotated[Document, typer.Argument(help="Of what.")], as_json: AsJson = False) -> None:
    """Print the JSON Schema of a programme file, of a promo or of a native command; --json makes it one line."""
    echo_json(schema_of(what), indent=None if as_json else 2)


def schema_of(what: Document) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a document."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **msgspec.json.schema(SCHEMAS[what])}


def init(
    directory: Annotated[Path, typer.Argument(help="Where to write it.", file_okay=False)] = Path(),
    as_json: AsJson = False,
) -> None:
    """Write a starter programme.yaml with comments. Never overwrites one."""
    with telling(as_json=as_json):
        path = write_starter(directory)
    if as_json:
        echo_json({"path": str(path)})
        return
    echo(f"Wrote {path}. Look at it, then: accrual plan {path}; accrual serve --apply {path}")


def write_starter(directory: Path) -> Path:
    """Write the starter into this directory, made if need be. Raises Conflict `file_exists`, Invalid `file_unwritable`."""
    path = directory / STARTER
    text = (files("accrual.cli") / "starter.yaml").read_text(encoding="utf-8")
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise Conflict(f"{path} is already there and stays as it is.", code="file_exists") from error
    except OSError as error:
        raise Invalid(f"{path} cannot be written: {error.strerror or error}.", code="file_unwritable") from error
    return path


def _show(made: Plan, *, as_json: bool) -> None:
    if as_json:
        echo_json(plan_as_json(made))
    else:
        print_plan(made, open_console())


def _warn(database: OpenDatabase) -> None:
    if database.notice:
        say(database.notice)


async def _plan(file: Path, prune: bool, data_dir: Path | None, database_url: str | None) -> Plan:
    read = read_file(file)  # a mistake in the file is told before a database is started for it
    async with open_database(data_dir, database_url, on_progress=say) as database:
        _warn(database)
        return await plan_file(read, database.runtime_url, prune=prune)


async def _apply(
    file: Path, prune: bool, asks: bool, who: str, data_dir: Path | None, database_url: str | None
) -> Applied:
    read = read_file(file)
    async with open_database(data_dir, database_url, on_progress=say) as database:
        _warn(database)
        expected = None
        if asks:
            made = await plan_file(read, database.runtime_url, prune=prune)
            print_plan(made, open_console())
            if made.change is not None:
                typer.confirm("Apply this?", abort=True)
            expected = made.revision
        return await apply_file(
            read, database.runtime_url, actor=who, prune=prune, expected_revision=expected, draw_key=database.draw_key
        )
