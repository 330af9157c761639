"""`accrual db up|down|status|url`: the embedded database by hand; never the schema or its data."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from accrual.bootstrap.database import (
    EmbeddedServer,
    ServerStatus,
    embedded_adopt,
    embedded_start,
    embedded_status,
    embedded_stop,
)
from accrual.cli.output import echo, echo_json
from accrual.domain.errors import AccrualError, Invalid, Missing, Refused

app = typer.Typer(name="db", help="The embedded PostgreSQL: start it, stop it, look at it.", no_args_is_help=True)

DataDir = Annotated[Path, typer.Option("--data-dir", help="Directory of the database.", readable=False)]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


class Role(StrEnum):
    """Whose connection to print."""

    OWNER = "owner"
    RUNTIME = "runtime"


@app.command()
def up(
    data_dir: DataDir = Path(".accrual"),
    port: Annotated[int | None, typer.Option(min=1024, max=65535, help="Port to prefer; another if taken.")] = None,
    setting: Annotated[list[str] | None, typer.Option("--set", help="PostgreSQL setting, NAME=VALUE.")] = None,
    as_json: AsJson = False,
) -> None:
    """Start the database and leave it running; make it the first time."""
    with _errors(as_json):
        server = embedded_start(data_dir, port=port, on_progress=_say, settings=_pairs(setting or []), detached=True)
        _print_status(embedded_status(data_dir), as_json, server=server)


@app.command()
def down(
    data_dir: DataDir = Path(".accrual"),
    immediate: Annotated[bool, typer.Option("--immediate", help="Do not write a checkpoint first.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Even if a running command uses it.")] = False,
    timeout_s: Annotated[float, typer.Option("--timeout-s", min=0.1, help="Seconds to wait.")] = 60,
    as_json: AsJson = False,
) -> None:
    """Stop the database."""
    with _errors(as_json):
        state = embedded_status(data_dir)
        if state.starter_alive and not state.detached and not force:
            raise Refused(
                f"This database belongs to a running command ({state.started_by}, process {state.starter_pid}), "
                "which would start it again. Stop that command first, or use --force.",
                code="database_in_use",
                details={"pid": state.starter_pid},
            )
        stopped = embedded_stop(
            data_dir, mode="immediate" if immediate else "fast", timeout_s=timeout_s, on_progress=_say
        )
        if as_json:
            echo_json({"stopped": stopped, "data_dir": str(state.data_dir)})
        else:
            echo("Stopped." if stopped else "It was not running.")


@app.command()
def status(data_dir: DataDir = Path(".accrual"), as_json: AsJson = False) -> None:
    """Say whether the database runs, where, since when and who started it."""
    with _errors(as_json):
        _print_status(embedded_status(data_dir), as_json)


@app.command()
def url(
    data_dir: DataDir = Path(".accrual"),
    role: Annotated[Role, typer.Option(help="Whose connection.")] = Role.OWNER,
    as_json: AsJson = False,
) -> None:
    """Print the address to connect to, password included."""
    with _errors(as_json):
        server = embedded_adopt(data_dir, on_progress=_say)
        if server is None:
            raise Missing(
                f"No database is running in {data_dir}. Start it with: accrual db up --data-dir {data_dir}",
                code="database_stopped",
            )
        address = server.url(role="owner" if role is Role.OWNER else "runtime")
        if as_json:
            echo_json({"role": role.value, "url": address})
        else:
            echo(address)


def _say(text: str) -> None:
    echo(text, err=True)


def _pairs(words: list[str]) -> dict[str, str]:
    pairs = {}
    for word in words:
        name, is_pair, value = word.partition("=")
        if not is_pair:
            raise Invalid(f"--set {word!r} is not NAME=VALUE.", code="database_setting")
        pairs[name.strip()] = value.strip()
    return pairs


@contextmanager
def _errors(as_json: bool) -> Iterator[None]:
    try:
        yield
    except AccrualError as error:
        if as_json:
            echo_json({"error": {"code": error.code, "message": error.message, "details": error.details}})
        else:
            echo(error.message, err=True)
        raise typer.Exit(1) from error


def _print_status(state: ServerStatus, as_json: bool, *, server: EmbeddedServer | None = None) -> None:
    row: dict[str, object] = {
        "state": state.state,
        "pid": state.pid,
        "port": state.port,
        "version": state.version,
        "data_dir": str(state.data_dir),
        "cluster_dir": str(state.cluster_dir),
        "size_bytes": state.size_bytes,
        "started_at": state.started_at.astimezone(UTC).isoformat() if state.started_at else None,
        "started_by": state.started_by,
        "starter_pid": state.starter_pid,
        "outlives_starter": state.detached,
        "log_path": str(state.log_path) if state.log_path else None,
    }
    if server is not None:
        row["started"] = server.started
    if as_json:
        echo_json(row)
        return
    if state.started_at is not None:
        row["started_at"] = f"{row['started_at']} ({_age(state.started_at)})"
    row["size_bytes"] = f"{state.size_bytes:,}"
    width = max(map(len, row))
    for name, value in row.items():
        if value is not None:
            echo(f"{name.ljust(width)}  {value}")


def _age(since: datetime) -> str:
    return f"{(datetime.now(UTC) - since).total_seconds():.0f} s ago"
