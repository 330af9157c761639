"""Holds requests to what the HTTP server leaves to its application: one Host, bodies that end, an answer to each."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from contextlib import suppress
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

DISCARD_TIMEOUT_S = 10.0
"""How long the rest of a refused body is read and thrown away, so that its sender lives to read the refusal."""

_SERVER = (b"server", b"accrual")
_CLOSE = (b"connection", b"close")
_HTTP_1_0 = "1"
"""As Granian writes it. Where a request has no Host, Granian says that it is empty."""


class WholeRequests:
    """An ASGI application around another: refuses requests with no or several hosts, odd targets and broken bodies.

    The server has parsed the head and frames the body. Nothing here looks at bytes of the connection.
    """

    def __init__(self, app: Application) -> None:
        self._app = app
        self._in_progress: set[asyncio.Task[Any]] = set()

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        request = _Request(scope["headers"], receive, send)
        if request.hosts != 1 and (request.hosts or scope["http_version"] != _HTTP_1_0):
            await request.refuse(b"Send exactly one Host header.")
            return
        if not scope["path"].startswith("/"):
            await request.refuse(b"Send a path that begins with / as the target of the request.")
            return
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine of the event loop runs in a task
        self._in_progress.add(task)
        try:
            await self._app(scope, request.receive, request.send)
            if not request.answered:
                await request.refuse(b"The body is not whole.")
            elif request.unread:
                await request.discard()
        finally:
            self._in_progress.discard(task)
            request.release()

    def cancel(self) -> int:
        """Cancel the requests in progress. Their number."""
        cancelled = [task for task in self._in_progress if task.cancel()]
        return len(cancelled)


class _Request:
    """One request: how many Host headers it has, how many bytes of a declared body are to come, whether it was answered.

    `unread` is 0 too where nobody waits for the rest: the connection closes, or the client waits for `100 Continue`.
    """

    __slots__ = ("_receive", "_send", "answered", "expects", "hosts", "unread")

    def __init__(self, headers: Iterable[tuple[bytes, bytes]], receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self.unread = 0
        self.hosts = 0
        self.answered = False
        self.expects = False
        chunked = False
        for name, value in headers:
            if name == b"host":
                self.hosts += 1 if value else 0
            elif name == b"content-length":
                self.unread = int(value)
            elif name == b"transfer-encoding":
                chunked = True
            elif name == b"expect":
                self.expects = True
        if chunked:
            self.unread = 0

    async def receive(self) -> Message:
        """The next part of the body.

        The server says only with one more message that a body has ended; one of declared length is known to end before.
        """
        message = await self._receive()
        if message["type"] != "http.request":
            self.unread = 0
        elif self.unread:
            self.unread -= len(message["body"])
            if self.unread <= 0:
                message["more_body"] = False
        self.expects = False
        return message

    def send(self, message: Message) -> Awaitable[None]:
        """Pass on a part of the answer."""
        if not self.answered:
            self.answered = True
            headers = message["headers"]
            if self.expects or _CLOSE in headers:
                self.unread = 0
            headers.append(_SERVER)
        return self._send(message)

    async def discard(self) -> None:
        """Read what is left of the body and throw it away, while it comes."""
        with suppress(TimeoutError):
            async with asyncio.timeout(DISCARD_TIMEOUT_S):
                while self.unread > 0:
                    await self.receive()

    def release(self) -> None:
        """Let go of the connection: it stays open for as long as anything, such as a traceback, could read its body."""
        self._receive = _nothing_more
        self._send = _nobody

    async def refuse(self, why: bytes) -> None:
        """Answer 400 and close the connection."""
        headers = [
            (b"content-type", b"text/plain; charset=utf-8"),
            (b"content-length", b"%d" % len(why)),
            _CLOSE,
        ]
        await self.send({"type": "http.response.start", "status": 400, "headers": headers})
        await self.send({"type": "http.response.body", "body": why})


async def _nothing_more() -> Message:
    return {"type": "http.disconnect"}


async def _nobody(message: Message) -> None:
    """There is nobody left to answer."""
