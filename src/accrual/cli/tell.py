"""How commands tell errors and progress: one place, so that every command says them alike; nothing is decided here."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated
from urllib.parse import parse_qsl, urlsplit

import typer

from accrual.cli.hints import hint_for
from accrual.cli.output import echo, echo_json
from accrual.domain.errors import AccrualError, Invalid

DataDir = Annotated[
    Path | None,
    typer.Option("--data-dir", help="Directory of the embedded database (default .accrual).", file_okay=False),
]


def _without_password(address: str | None) -> str | None:
    """Refuses an address with a password: what stands on a command line, every user of the machine can read."""
    if address is not None and _names_password(address):
        raise typer.BadParameter(
            "The address has a password, which every user of this machine can read in the list of processes. Give the whole "
            "address in ACCRUAL_DATABASE_URL, or leave the password out here and put it in ~/.pgpass, PGPASSFILE or "
            "PGPASSWORD. Change the password if others use this machine."
        )
    return address


def _names_password(address: str) -> bool:
    try:
        parts = urlsplit(address)
    except ValueError:
        return "password" in address.lower() or "@" in address
    names = {name.lower() for name, _ in parse_qsl(parts.query, keep_blank_values=True)}
    return bool(parts.password) or "password" in names


DatabaseUrl = Annotated[
    str | None,
    typer.Option(
        "--database-url",
        callback=_without_password,
        help="A PostgreSQL 15 to 18 to use instead of the embedded one; without its password, see ACCRUAL_DATABASE_URL.",
    ),
]
ProgrammeCode = Annotated[
    str | None, typer.Option("--programme", help="Code of the programme; not needed where there is only one.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@contextmanager
def telling(*, as_json: bool) -> Iterator[None]:
    """Ends the command with status 1 and the error's message (or its JSON) when one of ours comes."""
    try:
        yield
    except AccrualError as error:
        if as_json:
            told = {"code": error.code, "message": error.message, "hint": hint_for(error), "details": error.details}
            echo_json({"error": told})
        else:
            echo(error.message, err=True, colour=typer.colors.RED)
            if hint := hint_for(error):
                echo(hint, err=True)
        raise typer.Exit(1) from error


def say(text: str) -> None:
    """Progress, on the error stream, so that what a command prints can be piped."""
    echo(text, err=True)


Actor = Annotated[
    str | None,
    typer.Option("--actor", help="Who does this, for the history and four eyes (default: who is logged in)."),
]
ACTOR_CHARACTERS_MAX = 100


def actor(name: str | None = None) -> str:
    """Whom history and audit name for what a command changes. Raises Invalid for a name that is none."""
    if name is not None:
        name = " ".join(name.split())
        if not name or len(name) > ACTOR_CHARACTERS_MAX or not name.isprintable():
            raise Invalid(f"--actor takes a name of 1 to {ACTOR_CHARACTERS_MAX} characters.", code="invalid_field")
        return f"cli {name}"
    try:
        return f"cli {getpass.getuser()}"
    except (KeyError, OSError):  # a user id without a name
        return "cli"
