"""Keeps one member's backlog of returns standing, by bulk calls as fast as the API takes them; counts what was accepted."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from accrual.bench.askers import HOST
from accrual.domain.errors import Broken

BULK = 500
BUSY = (429, 503)
BUSY_PAUSE_S = 0.25
"""A client that is told to come back in a second comes sooner here, so that the backlog never runs empty."""
HEADERS = "Content-Type: application/json\r\nAPI-Key: demo-qoin\r\n"
MEMBER = {"kind": "qoin.user_id", "value": "8000000"}


class Backlog:
    """One member with one purchase, and returns of it. `accepted` are the returns that the log has taken."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.accepted = 0
        self.busy = 0

    async def buy(self) -> None:
        """Make the purchase, and wait until it is decided."""
        command = {"key": "backlog/bought", "member": MEMBER, "facts": [{"type": "purchase", "amount": 25_000}]}
        status, _ = await self._post(command, "Prefer: wait=10\r\n")
        if status not in (200, 202):
            raise Broken(f"The purchase to return was answered {status}.", code="bench_nothing_accepted")

    async def keep_up(self, enough: int, done: asyncio.Event) -> None:
        """Submit returns until there are enough and `done` is set. A busy API is asked again soon."""
        number = 0
        while self.accepted < enough or not done.is_set():
            move = {"type": "reverse", "key": "backlog/bought"}
            commands = [{"key": f"backlog/{number}/{n}", "member": MEMBER, "move": move} for n in range(BULK)]
            status, reply = await self._post(commands, "")
            if status not in (200, 202, *BUSY):
                raise Broken(f"A bulk call of {BULK} returns was answered {status}.", code="bench_nothing_accepted")
            accepted = reply.get("accepted", 0)
            self.accepted += accepted
            number += 1
            if accepted < BULK:
                self.busy += 1
                await asyncio.sleep(BUSY_PAUSE_S)

    async def _post(self, body: object, headers: str) -> tuple[int, dict[str, Any]]:
        raw = json.dumps(body).encode()
        reader, writer = await asyncio.open_connection(HOST, self._port)
        head = f"POST /v1/commands HTTP/1.1\r\nHost: {HOST}:{self._port}\r\nConnection: close\r\n{HEADERS}{headers}"
        writer.write(f"{head}Content-Length: {len(raw)}\r\n\r\n".encode() + raw)
        try:
            reply = await reader.read()
        finally:
            writer.close()
        return int(reply[9:12]), json.loads(reply[reply.index(b"\r\n\r\n") + 4 :])
