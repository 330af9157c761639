"""`accrual submit FILE|-`: sends commands from a file through the engine and prints what came of each."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from accrual.bootstrap.submitting import Sent, open_submitting
from accrual.cli.bodies import read_bodies
from accrual.cli.hints import hint_for
from accrual.cli.output import echo_json, error_console, open_console
from accrual.cli.tables import awards_text, identity_text, status_text, table
from accrual.cli.tell import AsJson, DatabaseUrl, DataDir, ProgrammeCode, say, telling
from accrual.domain.errors import Invalid
from accrual.engine.render import ticket_json, ticket_text

SHOWN_MAX = 100
QUIET_S = 60.0
REFUSED_STATUS = 1


class Words(StrEnum):
    """In whose words the bodies are."""

    NATIVE = "native"
    QOIN = "qoin"
    QOIN_TASK = "qoin_task"
    QOIN_PROCESSOR = "qoin_processor"


@dataclass
class Tally:
    """How many bodies went which way, and the first of them for the table."""

    accepted: int = 0
    repeated: int = 0
    refused: int = 0
    parked: int = 0
    undecided: int = 0
    shown: list[Sent] = field(default_factory=list)

    def add(self, sent: Sent) -> None:
        """Count one more."""
        if sent.receipt is None:
            self.refused += 1
        else:
            self.accepted += 1
            self.repeated += sent.receipt.repeated
            self.parked += sent.view is not None and sent.view.status == "parked"
            self.undecided += sent.view is None
        if len(self.shown) < SHOWN_MAX:
            self.shown.append(sent)


def submit(
    file: Annotated[str, typer.Argument(metavar="FILE|-", help="JSON or one JSON a line; - reads standard input.")],
    dialect: Annotated[
        Words, typer.Option("--dialect", help="In whose words: native commands, or raw bodies as a partner sends them.")
    ] = Words.NATIVE,
    client: Annotated[
        str | None, typer.Option("--client", help="Code of the client to submit as; not needed where there is one.")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait for the outcomes.")] = True,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    programme: ProgrammeCode = None,
    as_json: AsJson = False,
) -> None:
    """Send commands from a file and print their outcomes; --json prints one object a line.

    A native command with a key may be sent again without harm. Raw bodies bring no key: each is a new command. Ends
    with 1 when a command was refused, parked or not decided.
    """
    words = "native" if dialect is Words.NATIVE else "qoin"
    with telling(as_json=as_json), opened(file) as source:
        tally = asyncio.run(_submit(source, words, data_dir, database_url, programme, client, wait, as_json))
    if not as_json:
        print_tally(tally, wait, open_console())
    if tally.refused or tally.parked or (wait and tally.undecided):
        raise typer.Exit(REFUSED_STATUS)


def print_tally(tally: Tally, waited: bool, console: Console) -> None:
    """A row a body, the first SHOWN_MAX of them, and the sums."""
    console.print(
        table("Submitted", ["#line", "member", "status", "awards or error", "ticket"], map(_row, tally.shown))
    )
    total = tally.accepted + tally.refused
    if total > len(tally.shown):
        console.print(f"Only the first {len(tally.shown)} of {total:,} are shown.", style="dim")
    parts = [f"{tally.accepted:,} accepted", f"{tally.refused:,} refused"]
    parts += [f"{tally.repeated:,} of them were there before"] if tally.repeated else []
    parts += [f"{tally.parked:,} parked"] if tally.parked else []
    parts += [f"{tally.undecided:,} not decided yet"] if tally.undecided and waited else []
    console.print("; ".join(parts) + ".")


def _row(sent: Sent) -> list[Any]:
    if sent.error is not None:
        return [str(sent.number), "", "refused", sent.error.message, ""]
    assert sent.receipt is not None  # noqa: S101 - there is a receipt or an error
    ticket = ticket_text(sent.receipt.ticket)
    if sent.view is None:
        return [str(sent.number), "", "accepted", "", ticket]
    view = sent.view
    return [str(sent.number), identity_text(view.identity), status_text(view), awards_text(view), ticket]


def _as_json(sent: Sent) -> dict[str, Any]:
    if sent.error is not None:
        error = sent.error
        told = {"code": error.code, "message": error.message, "hint": hint_for(error), "details": error.details}
        return {"line": sent.number, "error": told}
    assert sent.receipt is not None  # noqa: S101 - there is a receipt or an error
    return {
        "line": sent.number,
        "ticket": ticket_text(sent.receipt.ticket),
        "repeated": sent.receipt.repeated,
        "outcome": None if sent.view is None else ticket_json(sent.view),
    }


@contextmanager
def opened(name: str) -> Iterator[BinaryIO]:
    """The file of this name, or standard input for `-`. Raises Invalid `file_unreadable`."""
    if name == "-":
        yield sys.stdin.buffer
        return
    try:
        file = Path(name).open("rb")  # noqa: SIM115 - closed below; only opening it is guarded
    except OSError as error:
        raise Invalid(f"{name} cannot be read: {error.strerror or error}.", code="file_unreadable") from error
    with file:
        yield file


async def _submit(
    source: BinaryIO,
    words: str,
    data_dir: Path | None,
    database_url: str | None,
    programme: str | None,
    client: str | None,
    wait: bool,
    as_json: bool,
) -> Tally:
    tally = Tally()
    columns = (
        TextColumn("Submitting"),
        BarColumn(),
        TextColumn("{task.completed:,} done, {task.fields[refused]:,} refused"),
        TimeElapsedColumn(),
    )
    async with open_submitting(
        data_dir, database_url, programme=programme, client=client, words=words, tell=say
    ) as submitting:
        with Progress(*columns, console=error_console(), transient=True) as progress:
            task = progress.add_task("submit", total=None, refused=0)
            async for sent in submitting.send(read_bodies(source), words, quiet_s=QUIET_S, wait=wait):
                tally.add(sent)
                progress.update(task, advance=1, refused=tally.refused)
                if as_json:
                    echo_json(_as_json(sent))
    return tally
