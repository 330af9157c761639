"""`accrual serve`, `api` and `lane` put together: database, programme, API, lane processes, and a clean end."""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from pathlib import Path

import msgspec
import structlog

from accrual import telemetry
from accrual.api.addresses import reaches_beyond
from accrual.api.limits import EdgeLimits
from accrual.api.metrics import Meter
from accrual.api.mount import build_app, build_probes_app
from accrual.api.native.routes import NativeLimits
from accrual.api.serving import check_bind, serve_http
from accrual.bootstrap.checkpoints import checkpoints_beside, home_of
from accrual.bootstrap.children import LaneChildren
from accrual.bootstrap.database import EmbeddedServer, Supervisor
from accrual.bootstrap.engine import RunningEngine, open_engine
from accrual.bootstrap.lanes import open_lane
from accrual.bootstrap.opening import open_database
from accrual.bootstrap.programme import OPEN_API, apply_file
from accrual.bootstrap.upkeep import upkeep_beside
from accrual.settings import Settings

SUPERVISE_EVERY_S = 0.5
GC_GENERATION_0 = 200_000
"""A batch, and the requests in progress, are many values that all end soon. Looking through them for cycles every 700th,
as Python does unasked, takes a tenth of the time; what looking less often costs is memory for so many values."""

Say = Callable[[str], None]


class ServeOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What the command line said; None means what the settings say. `lanes` 0 serves the API alone.

    With `share_port` other processes may serve the same port beside this one.
    """

    host: str | None = None
    port: int | None = None
    data_dir: Path | None = None
    database_url: str | None = None
    lanes: int | None = None
    apply: Path | None = None
    share_port: bool = False


async def serve(options: ServeOptions, settings: Settings, say: Say) -> None:
    """Serve until SIGTERM or SIGINT, then end within the grace. Raises AccrualError when it cannot start."""
    telemetry.configure(level=settings.log_level, form=settings.log_format)
    stopping = _stop_on_signals()
    url = options.database_url or settings.database_url
    if url is not None:
        await _serve_database(options, settings, url, stopping, asyncio.Event(), say)
        return
    data_dir = options.data_dir or settings.data_dir
    async with _supervised(data_dir, say) as (server, moved):
        while not stopping.is_set():
            moved.clear()
            current = server()
            await _serve_database(options, settings, None, stopping, moved, say, data_dir=current.data_dir)


@asynccontextmanager
async def _supervised(data_dir: Path, say: Say) -> AsyncIterator[tuple[Callable[[], EmbeddedServer], asyncio.Event]]:
    """The embedded server, watched and restarted. The event is set when a restart has changed its port."""
    moved = asyncio.Event()
    loop = asyncio.get_running_loop()
    ports: list[int] = []

    def on_restart(server: EmbeddedServer) -> None:
        if server.port != ports[-1]:
            ports.append(server.port)
            loop.call_soon_threadsafe(moved.set)

    supervisor = Supervisor(data_dir, on_progress=say, on_restart=on_restart)
    first = await asyncio.to_thread(supervisor.start)
    ports.append(first.port)

    async def watch() -> None:
        while True:
            await asyncio.sleep(SUPERVISE_EVERY_S)
            await asyncio.to_thread(supervisor.poll)

    watching = asyncio.create_task(watch())
    try:
        yield (lambda: supervisor.server or first), moved
    finally:
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
        await asyncio.to_thread(supervisor.stop)


async def _serve_database(
    options: ServeOptions,
    settings: Settings,
    url: str | None,
    stopping: asyncio.Event,
    moved: asyncio.Event,
    say: Say,
    *,
    data_dir: Path | None = None,
) -> None:
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(open_database(data_dir, url, settings=settings, on_progress=say))
        if database.notice:
            say(database.notice)
        # Lane processes take a second to come up: they do so while the rest is made ready.
        lanes = settings.lanes if options.lanes is None else options.lanes
        given = {"ACCRUAL_DATABASE_URL": database.worker_url or database.runtime_url}
        if database.draw_key is not None:
            given["ACCRUAL_DRAW_KEY_FILE"] = str(database.draw_key.path.absolute())
        children = LaneChildren(lanes, given, grace_s=settings.grace_s)
        children.start()
        stack.push_async_callback(children.stop)
        if options.apply is not None:
            applied = await apply_file(
                options.apply, database.runtime_url, actor="serve --apply", draw_key=database.draw_key
            )
            say(f"{options.apply}: revision {applied.revision}")
        host = options.host or settings.host
        label = OPEN_API if reaches_beyond(host) else "api"
        engine = await stack.enter_async_context(
            open_engine(
                database.runtime_url, settings, label=label, staff_url=database.staff_url, draw_key=database.draw_key
            )
        )
        for catalogue in engine.catalog.programmes.values():
            check_bind(host, catalogue.settings.demo)
        await stack.enter_async_context(upkeep_beside(database.runtime_url, settings, engine))
        home = home_of(settings, data_dir or options.data_dir, url)
        await stack.enter_async_context(checkpoints_beside(database.staff_url or database.runtime_url, settings, home))
        await _serve_api(engine, options, settings, stopping, moved, say)


async def _serve_api(
    engine: RunningEngine,
    options: ServeOptions,
    settings: Settings,
    stopping: asyncio.Event,
    moved: asyncio.Event,
    say: Say,
) -> None:
    meter = Meter()
    metrics_token = settings.metrics_token.get_secret_value() if settings.metrics_token is not None else None
    host = options.host or settings.host
    app = build_app(
        engine,
        edge=EdgeLimits(
            body_bytes_max=settings.body_bytes_max,
            bulk_body_bytes_max=settings.bulk_body_bytes_max,
            body_timeout_s=settings.body_timeout_s,
            requests_max=settings.requests_max,
            client_requests_max=settings.client_requests_max,
            held_bytes_max=settings.held_bytes_max,
            client_held_bytes_max=settings.client_held_bytes_max,
            answer_deadline_s=settings.answer_deadline_s,
        ),
        native=NativeLimits(
            bulk_max=settings.bulk_max,
            bulk_values_max=settings.bulk_values_max,
            command_bytes_max=settings.body_bytes_max,
            page_max=settings.history_page_max,
            wait_max_s=settings.answer_deadline_s,
        ),
        meter=meter,
        open_address=reaches_beyond(host),
        metrics_token=metrics_token,
    )
    _collect_seldom()
    port = settings.port if options.port is None else options.port
    serve_one = partial(
        serve_http,
        connections_max=settings.connections_max,
        head_bytes_max=settings.head_bytes_max,
        idle_timeout_s=settings.idle_timeout_s,
    )
    servers = [
        asyncio.create_task(
            serve_one(
                app,
                host,
                port,
                grace_s=settings.grace_s,
                on_started=lambda bound: say(f"Accrual is ready on http://{host}:{bound}"),
                share_port=options.share_port,
            )
        )
    ]
    if settings.metrics_port is not None:
        probes = build_probes_app(engine, meter=meter, metrics_token=metrics_token)
        servers.append(asyncio.create_task(serve_one(probes, host, settings.metrics_port, grace_s=1.0)))
    waiting = [asyncio.create_task(stopping.wait()), asyncio.create_task(moved.wait())]
    try:
        done, _ = await asyncio.wait([*servers, *waiting], return_when=asyncio.FIRST_COMPLETED)
        for server in servers:
            if server in done:
                server.result()
    finally:
        for task in [*servers, *waiting]:
            task.cancel()
        await asyncio.gather(*servers, *waiting, return_exceptions=True)


async def run_lane(
    settings: Settings,
    *,
    label: str,
    data_dir: Path | None,
    database_url: str | None,
    until_stdin_closes: bool,
    say: Say,
) -> None:
    """One lane in this process until SIGTERM or SIGINT (or, as a child of serve, until its parent is gone)."""
    telemetry.configure(level=settings.log_level, form=settings.log_format)
    stopping = _stop_on_signals()
    if until_stdin_closes:
        await _stop_on_eof(stopping)
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(
            open_database(data_dir, database_url, settings=settings, on_progress=say)
        )
        lane = await stack.enter_async_context(
            open_lane(database.runtime_url, settings, label=label, draw_key=database.draw_key)
        )
        _collect_seldom()
        if not until_stdin_closes:
            say(f"{label} is at work")
        await lane.run(stopping)


def _collect_seldom() -> None:
    """Leave what is there by now, which stays, out of all collections to come, and make those few."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_GENERATION_0, 20, 50)


def _stop_on_signals() -> asyncio.Event:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    return stopping


async def _stop_on_eof(stopping: asyncio.Event) -> None:
    """Stop when the pipe on stdin closes: the parent is gone, however it went."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)

    async def watch() -> None:
        await reader.read()
        structlog.get_logger("lane").warning("parent_gone")
        stopping.set()

    task = asyncio.create_task(watch())
    task.add_done_callback(lambda _: None)
    _watchers.add(task)


_watchers: set[asyncio.Task[None]] = set()
"""Keeps the watchers of stdin alive for as long as the process."""
