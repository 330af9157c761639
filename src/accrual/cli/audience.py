"""`accrual audience add|remove LIST FILE.csv|-`: puts many members on a list, or takes them off, by commands of their own."""

from __future__ import annotations

import asyncio
import csv
import json
from collections.abc import Iterator
from datetime import UTC
from pathlib import Path
from typing import Annotated, BinaryIO

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from accrual.bootstrap.clocks import utc_now
from accrual.bootstrap.submitting import open_submitting
from accrual.cli.output import echo_json, error_console, open_console
from accrual.cli.submit import QUIET_S, REFUSED_STATUS, Tally, opened, print_tally
from accrual.cli.tell import AsJson, DatabaseUrl, DataDir, ProgrammeCode, say, telling
from accrual.domain.errors import Invalid

LABEL_CHARACTERS_MAX = 80
LINE_BYTES_MAX = 10_000
HEADER = ["kind", "value"]

app = typer.Typer(no_args_is_help=True, help="Lists of members that promos are for: add, remove.")

ListName = Annotated[
    str, typer.Argument(metavar="LIST", help="Name of the list, as promos write it in audience.lists.")
]
File = Annotated[
    str, typer.Argument(metavar="FILE.csv|-", help="One member a line: kind,value; - reads standard input.")
]
Label = Annotated[
    str | None,
    typer.Option(
        "--label", help="Name of this change (default: today's date, UTC); under one label nobody is changed twice."
    ),
]
ClientCode = Annotated[
    str | None, typer.Option("--client", help="Code of the client to submit as; not needed where there is one.")
]


@app.command("add")
def add(
    name: ListName,
    file: File,
    label: Label = None,
    client: ClientCode = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    programme: ProgrammeCode = None,
    as_json: AsJson = False,
) -> None:
    """Put members on a list. Sent again under the same label it changes nothing, so an interrupted run is repeated."""
    _run("add", name, file, label, client, data_dir, database_url, programme, as_json)


@app.command("remove")
def remove(
    name: ListName,
    file: File,
    label: Label = None,
    client: ClientCode = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    programme: ProgrammeCode = None,
    as_json: AsJson = False,
) -> None:
    """Take members off a list. Whoever is not on it stays as they are."""
    _run("remove", name, file, label, client, data_dir, database_url, programme, as_json)


def _run(
    step: str,
    name: str,
    file: str,
    label: str | None,
    client: str | None,
    data_dir: Path | None,
    database_url: str | None,
    programme: str | None,
    as_json: bool,
) -> None:
    with telling(as_json=as_json), opened(file) as source:
        label = utc_now().astimezone(UTC).date().isoformat() if label is None else label.strip()
        if not 1 <= len(label) <= LABEL_CHARACTERS_MAX:
            raise Invalid(f"--label takes 1 to {LABEL_CHARACTERS_MAX} characters.", code="invalid_field")
        bodies = change_bodies(step, name, label, source)
        tally = asyncio.run(_submit(bodies, data_dir, database_url, programme, client))
    if as_json:
        counts = {field: getattr(tally, field) for field in ("accepted", "repeated", "refused", "parked", "undecided")}
        echo_json({"step": step, "list": name, "label": label} | counts)
    else:
        print_tally(tally, True, open_console())
        if tally.repeated:
            say(f"{tally.repeated:,} were done before under the label {label}; to do them again give another --label.")
    if tally.refused or tally.parked or tally.undecided:
        raise typer.Exit(REFUSED_STATUS)


def change_bodies(step: str, name: str, label: str, source: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """(line, native command) of each member of a CSV file, `kind,value`; a first line that says so is left out.

    The key is `audience/STEP/LIST/LABEL`, the same for whoever runs it. Raises Invalid `csv_row` at a line that is not
    two columns: the lines before it are on their way by then, and to send them again does no harm.
    """
    key = f"audience/{step}/{name}/{label}"
    lists = {step: [name]}
    rows = csv.reader(_lines(source), strict=True)
    try:
        for row in rows:
            if not any(cell.strip() for cell in row) or (rows.line_num == 1 and [c.strip() for c in row] == HEADER):
                continue
            if len(row) != len(HEADER):
                raise Invalid(f"Line {rows.line_num} is not kind,value but has {len(row)} columns.", code="csv_row")
            member = {"kind": row[0], "value": row[1]}
            yield rows.line_num, json.dumps({"key": key, "member": member, "profile": {"lists": lists}}).encode()
    except (csv.Error, UnicodeDecodeError) as error:
        raise Invalid(f"Behind line {rows.line_num} is no CSV in UTF-8: {error}.", code="csv_row") from error


def _lines(source: BinaryIO) -> Iterator[str]:
    encoding = "utf-8-sig"  # spreadsheets write a mark before the first line
    while line := source.readline(LINE_BYTES_MAX + 1):
        if len(line) > LINE_BYTES_MAX:
            raise Invalid(f"A line is longer than {LINE_BYTES_MAX} bytes.", code="csv_row")
        yield line.decode(encoding)
        encoding = "utf-8"


async def _submit(
    bodies: Iterator[tuple[int, bytes]],
    data_dir: Path | None,
    database_url: str | None,
    programme: str | None,
    client: str | None,
) -> Tally:
    tally = Tally()
    columns = (
        TextColumn("Changing"),
        BarColumn(),
        TextColumn("{task.completed:,} done, {task.fields[refused]:,} refused"),
        TimeElapsedColumn(),
    )
    async with open_submitting(data_dir, database_url, programme=programme, client=client, tell=say) as submitting:
        with Progress(*columns, console=error_console(), transient=True) as progress:
            task = progress.add_task("audience", total=None, refused=0)
            async for sent in submitting.send(bodies, "native", quiet_s=QUIET_S):
                tally.add(sent)
                progress.update(task, advance=1, refused=tally.refused)
    return tally
