"""Runs an ASGI application on a socket and stops it cleanly; what the application does is none of its business."""

from __future__ import annotations

import asyncio
import math
import socket
from asyncio import TimerHandle, Transport
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from accrual.api.addresses import reaches_beyond
from accrual.domain.errors import Refused

HEAD_BYTES_MAX = 64 << 10
HEAD_TIMEOUT_S = 10.0
KEEP_ALIVE_S = 75
CONNECTIONS_MAX = 2000
BACKLOG = 1024


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
    share_port: bool = False,
) -> None:
    """Serve until cancelled, then take no more requests and give those in progress `grace_s` seconds to end.

    With `share_port` several processes take connections of one port in turn, where all of them say so.
    `port` 0 takes any free port; `on_started` is told the port once requests are taken. Signals are the caller's.
    Raises OSError when the address cannot be bound.
    """
    listener = _bind(host, port, share_port)
    server = _Server(
        uvicorn.Config(
            app,
            http=_BoundedHead,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=math.ceil(grace_s),
            limit_concurrency=connections_max,
            backlog=BACKLOG,
        ),
        on_started=lambda: on_started(listener.getsockname()[1]) if on_started else None,
    )
    serving = asyncio.ensure_future(server.serve(sockets=[listener]))
    try:
        await asyncio.shield(serving)
    except asyncio.CancelledError:
        server.should_exit = True
        await serving
        raise
    finally:
        listener.close()


def _bind(host: str, port: int, share_port: bool) -> socket.socket:
    """A bound socket, so that a taken port is an OSError here and not an exit of the process inside uvicorn."""
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if share_port:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind(address)
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    return listener


class _Server(uvicorn.Server):
    """uvicorn's server, with the caller's signal handlers left alone and a word when it takes requests."""

    def __init__(self, config: uvicorn.Config, *, on_started: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_started = on_started

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_started()


class _BoundedHead(HttpToolsProtocol):
    """uvicorn's protocol with what it lacks: an end to how long and how large the head of a request may be."""

    _timer: TimerHandle | None = None
    _head_bytes: int = 0
    _in_head: bool = True

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]  # as uvicorn does
        super().connection_made(cast(Transport, _Gathering(transport, self.loop)))
        self._timer = self.loop.call_later(HEAD_TIMEOUT_S, self._give_up)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = True

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._head_bytes = 0
        self._stop_timer()
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        was_in_head = self._in_head
        super().data_received(data)
        if self._in_head and not self.transport.is_closing():
            if self._timer is None:  # most heads come in one piece and need none
                self._timer = self.loop.call_later(HEAD_TIMEOUT_S, self._give_up)
            if was_in_head:
                self._head_bytes += len(data)
                if self._head_bytes > HEAD_BYTES_MAX:
                    self.send_400_response("The head of the request is too large.")

    def _give_up(self) -> None:
        self._timer = None
        if not self.transport.is_closing():
            self.transport.close()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class _Gathering:
    """A transport that sends what is written in one turn of the loop at once.

    uvicorn writes head and body of an answer one by one; as two packets they cost both sides a second system call.
    """

    def __init__(self, transport: Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._call_soon = loop.call_soon
        self.is_closing = transport.is_closing
        self._waiting: list[bytes] = []

    def write(self, data: bytes) -> None:
        self._waiting.append(data)
        if len(self._waiting) == 1:
            self._call_soon(self._send)

    def close(self) -> None:
        self._send()
        self._transport.close()

    def _send(self) -> None:
        if self._waiting:
            data = b"".join(self._waiting)
            self._waiting.clear()
            if not self._transport.is_closing():
                self._transport.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
