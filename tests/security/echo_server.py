"""The real server and the real edge on a loopback port, in a thread of its own, over a route that echoes and remembers."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from accrual.api.app import App
from accrual.api.call import Call, Caller, Engine, Reply
from accrual.api.limits import EdgeLimits
from accrual.api.metrics import Meter
from accrual.api.routing import Mounted
from accrual.api.serving import serve_http
from accrual.domain.errors import AccrualError
from tests.unit.api.engine_double import CATALOGUE, EngineDouble, client

STATUS = {"unknown_route": 404, "too_large": 413, "busy": 429}


class EchoServer:
    """Its port, and every request that reached the application whole: method, path and body, in order."""

    def __init__(self) -> None:
        self.port = 0
        self.requests: list[tuple[str, str, bytes]] = []
        self.at_once_max = 0
        self.gate = threading.Event()
        self.gate.set()
        self._at_once = 0

    async def echo(self, call: Call, _engine: Engine) -> Reply:
        """Answer with path and body, once the gate is open."""
        self.requests.append((call.method, call.path, call.body))
        self._at_once += 1
        self.at_once_max = max(self.at_once_max, self._at_once)
        while not self.gate.is_set():  # noqa: ASYNC110 - the test opens the gate from another thread
            await asyncio.sleep(0.005)
        self._at_once -= 1
        status = 204 if call.path == "/nothing" else 200
        return Reply(status=status, body=b"" if status == 204 else call.path.encode() + b"=" + call.body)

    def app(self) -> App:
        """The edge with everything under `/` echoed."""

        def authenticate(_caller: Caller, _engine: Engine) -> Any:
            return client(), CATALOGUE

        def failure(error: AccrualError, _request_id: str) -> Reply:
            return Reply(status=STATUS.get(error.code, 400), body=error.code.encode())

        echoing = Mounted(
            name="echo",
            path="/{rest:path}",
            methods=frozenset({"GET", "HEAD", "POST", "PUT"}),
            answer=self.echo,
            failure=failure,
            rights=("submit",),
            body_bytes_max=1 << 16,
            authenticate=authenticate,
        )
        limits = EdgeLimits(body_timeout_s=0.3)
        return App(EngineDouble(), mounted=[echoing], probes=[], failure=failure, limits=limits, meter=Meter())


@contextmanager
def echo_server(**limits: Any) -> Iterator[EchoServer]:
    """A server until the end of the block; `limits` go to `serve_http`."""
    server = EchoServer()
    started = threading.Event()
    loop = asyncio.new_event_loop()

    def on_started(port: int) -> None:
        server.port = port
        started.set()

    task = loop.create_task(serve_http(server.app(), "127.0.0.1", 0, grace_s=0.2, on_started=on_started, **limits))

    def run() -> None:
        asyncio.set_event_loop(loop)
        try:
            loop.run_until_complete(task)
        except asyncio.CancelledError:
            loop.run_until_complete(loop.shutdown_default_executor())
        finally:
            loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        assert started.wait(10)
        yield server
    finally:
        server.gate.set()
        loop.call_soon_threadsafe(task.cancel)
        thread.join(10)
