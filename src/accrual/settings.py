"""Every limit and address of an installation, read from the environment; only bootstrap reads them, others are given values."""

from __future__ import annotations

import ast
import inspect
import os
import sys
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal, cast

# Looking for plugins reads the metadata of every installed package, at each start; none is wanted here.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from accrual.domain.ids import BUCKETS_DEFAULT, BUCKETS_MAX

_Count = Annotated[int, Field(ge=1)]
_Seconds = Annotated[float, Field(gt=0, le=3600)]
_Port = Annotated[int, Field(ge=0, le=65535)]


class Settings(BaseSettings):
    """Settings of one process. Each is an environment variable: `ACCRUAL_` and its name in upper case."""

    model_config = SettingsConfigDict(env_prefix="ACCRUAL_", extra="ignore", frozen=True, hide_input_in_errors=True)

    data_dir: Path = Path(".accrual")
    """Where the embedded PostgreSQL keeps its data and the running server its address."""

    database_url: Annotated[str | None, Field(repr=False)] = None
    """A PostgreSQL 15 to 18 to use instead of the embedded one; a login that may act as the role of the command's duty."""

    staff_database_url: Annotated[str | None, Field(repr=False)] = None
    """A login that may act as `accrual_staff`, for what staff change through the API; without it `database_url`."""

    worker_database_url: Annotated[str | None, Field(repr=False)] = None
    """A login that may act as `accrual_worker`, for the lane processes of `serve`; without it `database_url`."""

    owner_database_url: Annotated[str | None, Field(repr=False)] = None
    """The same database as the owner role, for migrations and erasure; without it `database_url` serves for both."""

    draw_key_file: Path | None = None
    """64 hexadecimal digits that only the file's owner may read: the hosts' part of the secrets of draws, which the database does
    not have. The same on every host; the embedded PostgreSQL's installation makes one, `draw.key` in its data directory."""

    host: str = "127.0.0.1"
    """The address the API listens on. Programmes marked `demo` are served on loopback only."""

    port: _Port = 8080
    """The port the API listens on; 0 takes a free one."""

    metrics_port: _Port | None = None
    """A port of its own for health and metrics; without it they are on the API's port."""

    metrics_token: SecretStr | None = Field(default=None, min_length=16)
    """A secret of 16 characters or more that `/metrics` then wants as `Authorization: Bearer`; without it the page is open."""

    lanes: Annotated[int, Field(ge=0, le=64)] = 2
    """Lane processes that `serve` starts."""

    buckets: Annotated[int, Field(ge=1, le=BUCKETS_MAX)] = BUCKETS_DEFAULT
    """Hash slots of members; fixed when a database is created, read from it afterwards."""

    body_bytes_max: _Count = 1 << 20
    """Bytes of one request's body."""

    bulk_body_bytes_max: _Count = 8 << 20
    """Bytes of a body with many native commands."""

    body_timeout_s: _Seconds = 10.0
    """How long a request's body may take to arrive."""

    bulk_max: Annotated[int, Field(ge=1, le=100_000)] = 2_000
    """Commands of one native call."""

    bulk_values_max: Annotated[int, Field(ge=1_000, le=5_000_000)] = 250_000
    """Commas, objects and arrays in the JSON of one native call with many commands; beyond it 413. One command has 100,000."""

    requests_max: _Count = 512
    """Requests in progress at once in one API process; beyond it 429."""

    client_requests_max: _Count = 128
    """Requests of one client in progress at once in one API process; beyond it 429, or 503 where its dialect says so."""

    held_bytes_max: _Count = 64 << 20
    """Bytes of all bodies over 64 KiB that one API process holds at once; beyond it 429. One of the largest size always fits."""

    client_held_bytes_max: _Count = 16 << 20
    """The same for the bodies of one client."""

    connections_max: _Count = 2_000
    """Open connections of one API process; further ones wait until one is closed."""

    head_bytes_max: Annotated[int, Field(ge=8_192, le=1 << 20)] = 64 << 10
    """Bytes of a request's line and headers, rounded up to what one read from the socket adds."""

    idle_timeout_s: _Seconds = 75.0
    """How long a connection may be without a whole head of a request: before the first one, while it arrives, between two."""

    history_page_max: Annotated[int, Field(ge=1, le=500)] = 200
    """Tickets of one page of a member's history."""

    backlog_bulk_max: _Count = 2_000
    """Undecided commands of one bucket and programme at which bulk calls are turned away with 429."""

    backlog_single_max: _Count = 10_000
    """The same for single calls; higher, so that an import never starves a till."""

    backlog_refresh_s: _Seconds = 1.0
    """How old the count of undecided commands may be."""

    flush_rows_max: Annotated[int, Field(ge=1, le=100_000)] = 1_000
    """Commands of one append."""

    flush_wait_rows_max: _Count = 20_000
    """Commands that may wait for an append in one API process; beyond it 429."""

    batch_max: Annotated[int, Field(ge=1, le=65_536)] = 4_096
    """Commands of one batch of a lane."""

    lease_s: Annotated[float, Field(ge=0.5, le=60)] = 3.0
    """After so long without a beat a lane counts as dead and others take its buckets."""

    poll_s: Annotated[float, Field(gt=0, le=10)] = 0.05
    """How long a lane without work waits before it looks again, where no hint wakes it."""

    grace_s: _Seconds = 10.0
    """How long requests and batches in progress may take to end after SIGTERM."""

    answer_deadline_s: Annotated[float, Field(gt=0, le=60)] = 10.0
    """How long a call may wait for its outcome."""

    catalogue_poll_s: _Seconds = 1.0
    """How often the API looks for changed programmes, clients and keys."""

    upkeep_every_s: Annotated[float, Field(ge=0, le=86_400)] = 60.0
    """How often a process that serves the API looks for points, holds and returns that fall due; 0: it never does."""

    upkeep_page_max: Annotated[int, Field(ge=1, le=10_000)] = 1_000
    """Accounts, holds or returns that upkeep reads at once, and commands it appends at once."""

    upkeep_backlog_max: _Count = 20_000
    """Undecided commands at which upkeep waits for the lanes."""

    checkpoint_every_s: Annotated[float, Field(ge=0, le=86_400)] = 60.0
    """How often a process that serves the API signs a checkpoint of the history; 0: it never does."""

    checkpoint_key_file: Path | None = None
    """The Ed25519 key that signs checkpoints, as PEM, made when missing; the journal is kept beside it. Without this setting both
    are in the data directory of the embedded PostgreSQL; an external database has no checkpoints without it."""

    checkpoint_origin: str | None = None
    """The name of the log in its checkpoints, such as `loyalty.example.com/log`; without it one is derived from the key."""

    checkpoint_webhook_url: Annotated[str | None, Field(repr=False)] = None
    """Where each new checkpoint is posted as text, such as to an auditor; http or https."""

    checkpoint_commands_max: _Count = 200_000
    """Decided commands that one checkpoint takes in; what is beyond waits for the next one."""

    checkpoint_seal_commands_max: _Count = 100_000
    """Commands of buckets whose further tables one checkpoint reads and seals; at least one bucket is sealed."""

    checkpoint_keep_max: Annotated[int, Field(ge=10, le=1_000_000)] = 10_000
    """Checkpoints kept in the database; the journal `checkpoints.jsonl` in the data directory keeps all."""

    members_cached_max: _Count = 100_000
    """Members one lane keeps in memory."""

    catalogues_cached_max: _Count = 64
    """Catalogue revisions one process keeps in memory."""

    api_pool_max: Annotated[int, Field(ge=2, le=200)] = 8
    """Database connections of one API process."""

    lane_pool_max: Annotated[int, Field(ge=2, le=50)] = 4
    """Database connections of one lane process."""

    statement_timeout_s: _Seconds = 30.0
    """After so long the database ends a statement."""

    connect_timeout_s: _Seconds = 10.0
    """How long a connection to the database may take to open."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """From which level on log lines are written."""

    log_format: Literal["console", "json"] = "console"
    """How log lines look; neither ever carries names, phones, keys or bodies."""


def descriptions() -> dict[str, str]:
    """What each setting is, by its name: the text below it. Read from the source by who asks, for starting is quicker so."""
    (settings,) = ast.parse(inspect.getsource(Settings)).body
    told = {}
    for field, text in pairwise(cast(ast.ClassDef, settings).body):
        match field, text:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(what))):
                told[name] = " ".join(what.split())
    return told


def reference() -> str:
    """The page docs/reference/settings.md; `python -m accrual.settings > docs/reference/settings.md` renews it."""
    rows = [
        "# Settings",
        "",
        "Each is an environment variable; options of `accrual` commands go before it. Names end in their unit:",
        "`_s` seconds, `_bytes_max` bytes, `_max` the highest number allowed. This page is made by `python -m accrual.settings`.",
        "",
        "| variable | default | what |",
        "|---|---|---|",
    ]
    told = descriptions()
    for name, field in Settings.model_fields.items():
        default = "none" if field.default is None else f"`{field.default}`"
        what = told[name].replace("|", "\\|")
        rows.append(f"| `ACCRUAL_{name.upper()}` | {default} | {what} |")
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    sys.stdout.write(reference())
