"""`accrual serve`, `accrual api`, `accrual lane`: the long-running commands. What they run is put together in bootstrap."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any

import typer

from accrual.bootstrap.serving import ServeOptions, run_lane, serve
from accrual.bootstrap.settings import read_settings
from accrual.cli.output import echo
from accrual.cli.tell import DatabaseUrl, telling

Host = Annotated[str | None, typer.Option(help="Address to listen on [default: 127.0.0.1].")]
Port = Annotated[int | None, typer.Option(min=0, max=65535, help="Port to listen on [default: 8080].")]
DataDir = Annotated[Path | None, typer.Option("--data-dir", help="The embedded database [default: .accrual].")]


def serve_command(
    host: Host = None,
    port: Port = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    lanes: Annotated[int | None, typer.Option(min=0, max=64, help="Lane processes [default: 2].")] = None,
    apply: Annotated[Path | None, typer.Option(help="Apply this programme file first.", exists=True)] = None,
) -> None:
    """Serve the API and decide commands, until stopped by Ctrl-C or SIGTERM."""
    options = ServeOptions(host=host, port=port, data_dir=data_dir, database_url=database_url, lanes=lanes, apply=apply)
    _run(lambda: serve(options, read_settings(), _say))


def api_command(
    host: Host = None,
    port: Port = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    share_port: Annotated[
        bool, typer.Option("--share-port", help="Let several `accrual api` take calls at one port in turn.")
    ] = False,
) -> None:
    """Serve the API alone; lanes run elsewhere (`accrual lane`)."""
    options = ServeOptions(
        host=host, port=port, data_dir=data_dir, database_url=database_url, lanes=0, share_port=share_port
    )
    _run(lambda: serve(options, read_settings(), _say))


def lane_command(
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    label: Annotated[str, typer.Option(help="What to call this lane in logs and metrics.")] = "lane",
    until_stdin_closes: Annotated[bool, typer.Option("--until-stdin-closes", hidden=True)] = False,
) -> None:
    """Decide commands in this process: one lane, sharing the buckets with every other lane of the database."""
    _run(
        lambda: run_lane(
            read_settings(),
            label=label,
            data_dir=data_dir,
            database_url=database_url,
            until_stdin_closes=until_stdin_closes,
            say=_say,
        )
    )


def _say(text: str) -> None:
    echo(text, err=True)


def _run(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    import uvloop

    with telling(as_json=False):
        uvloop.run(work())
