"""Runs an ASGI application on a port with Granian and stops it cleanly; it neither reads nor writes HTTP itself."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any

import structlog
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.embed import Server

from accrual.api.addresses import reaches_beyond
from accrual.api.framing import WholeRequests
from accrual.domain.errors import Broken, Refused

HEAD_BYTES_MAX = 64 << 10
IDLE_TIMEOUT_S = 75.0
CONNECTIONS_MAX = 2000
BACKLOG = 1024
START_TIMEOUT_S = 10.0
CUT_OFF_S = 1.0
"""How long requests that outlived the grace may take to end once they are cancelled."""

_LOGGING = {
    "formatters": {},
    "handlers": {},
    "loggers": {"_granian": {"propagate": True}, "granian.access": {"propagate": True}},
}
"""Granian logs to the root logger, as everything else does."""

_ending: set[asyncio.Future[None]] = set()
"""Servers that are stopped and still have a connection open; kept until their loop ends."""

_log = structlog.get_logger("accrual.api")


def check_bind(host: str, demo: bool) -> None:
    """Raises Refused when a demo programme, whose keys stand in its file, would be reachable from other machines."""
    if demo and reaches_beyond(host):
        raise Refused(
            f"A programme marked `demo: true` is served on loopback only, not on {host!r}: its keys are public.",
            details={"host": host},
        )


async def serve_http(
    app: Any,
    host: str,
    port: int,
    *,
    grace_s: float,
    on_started: Callable[[int], None] | None = None,
    connections_max: int = CONNECTIONS_MAX,
    head_bytes_max: int = HEAD_BYTES_MAX,
    idle_timeout_s: float = IDLE_TIMEOUT_S,
    share_port: bool = False,
) -> None:
    """Serve until cancelled, then accept no more requests and give those in progress `grace_s` seconds to end.

    A connection is closed when no whole head arrives within `idle_timeout_s`, before the first request and between two;
    when a head exceeds about `head_bytes_max` bytes (8 KiB at least); connections beyond `connections_max` wait until one
    is closed. The application limits bodies. With `share_port` several processes take connections of one port in turn,
    where all of them say so. `port` 0 takes any free port; `on_started` receives the port once it accepts connections.
    Signals are the caller's. Raises OSError when the address cannot be bound, Broken when the server ends unasked.
    """
    reserved = _reserve(host, port, share_port)
    requests = WholeRequests(app)
    address, bound = reserved.getsockname()[:2]
    server = Server(
        requests,
        address=address,
        port=bound,
        interface=Interfaces.ASGINL,
        http=HTTPModes.http1,
        websockets=False,
        backlog=BACKLOG,
        backpressure=connections_max,
        http1_settings=HTTP1Settings(
            header_read_timeout=max(1, round(idle_timeout_s * 1000)), max_buffer_size=max(8192, head_bytes_max)
        ),
        log_level=LogLevels.error,
        log_dictconfig=_LOGGING,
    )
    serving = asyncio.ensure_future(server.serve())
    try:
        await _wait_until_it_accepts(serving, reserved)
        if on_started is not None:
            on_started(bound)
        await asyncio.shield(serving)
    except asyncio.CancelledError:
        server.stop()  # type: ignore[no-untyped-call]  # Granian gives this one no types
        await _end(serving, requests, grace_s)
        raise
    finally:
        reserved.close()
    raise Broken("The HTTP server has ended unasked.", code="server_ended")


def _reserve(host: str, port: int, share_port: bool) -> socket.socket:
    """A bound socket that never listens: Granian binds the same port beside it.

    Granian always shares its port, so a second server would go unnoticed. This socket is bound alone first, which fails
    with OSError where another process listens, and shares the port only from then on.
    """
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    reserved = socket.socket(family, kind, protocol)
    try:
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if share_port:
            reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        reserved.bind(address)
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        reserved.setblocking(False)
    except OSError:
        reserved.close()
        raise
    return reserved


async def _wait_until_it_accepts(serving: asyncio.Future[None], reserved: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(START_TIMEOUT_S):
        while not serving.done():
            with socket.socket(reserved.family, reserved.type) as probe:
                probe.setblocking(False)
                try:
                    await loop.sock_connect(probe, reserved.getsockname())
                except ConnectionRefusedError:
                    await asyncio.sleep(0.005)
                else:
                    return
    await serving


async def _end(serving: asyncio.Future[None], requests: WholeRequests, grace_s: float) -> None:
    done, _ = await asyncio.wait({serving}, timeout=grace_s)
    if done:
        return
    cut_off = requests.cancel()
    done, _ = await asyncio.wait({serving}, timeout=CUT_OFF_S)
    if cut_off or not done:
        _log.warning("stopped_with_connections_open", requests_cancelled=cut_off)
    if not done:
        _ending.add(serving)
        serving.add_done_callback(_ending.discard)
