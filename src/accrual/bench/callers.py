"""The child that calls the API (`python -m accrual.bench.callers`): lean keep-alive connections, requests made beforehand."""

from __future__ import annotations

import asyncio
import resource
import sys
import time
from collections import Counter
from collections.abc import Iterator
from typing import cast

import msgspec

from accrual.bench.options import Distribution
from accrual.bench.results import percentile_ms
from accrual.bench.workload import FIRST_USER, SHAPES, draw_members, make_shapes, take

HOST = "127.0.0.1"
REPLY_BYTES_MAX = 64 << 10
LIMIT_S = 200.0
TELL_EVERY_S = 0.5
_HEAD_END = b"\r\n\r\n"
_LENGTH = b"content-length: "


class CallOrder(msgspec.Struct, frozen=True, kw_only=True):
    """What to send: `count` calls of members drawn, one after the other on each of so many connections."""

    port: int
    api_key: str
    connections: int
    count: int
    members: int
    distribution: Distribution
    seed: int
    facts: int


class Called(msgspec.Struct, frozen=True, kw_only=True):
    """What came back: how many replies of each status, in how many seconds, and how long a call took."""

    statuses: dict[int, int]
    seconds: float
    cpu_s: float
    p50_ms: float | None
    p99_ms: float | None


def make_requests(order: CallOrder) -> list[bytes]:
    """Every request of an order, head and body, with an Idempotency-Key of its own."""
    shapes = make_shapes(order.seed, order.facts)
    run = f"{order.seed} http {order.distribution.value}"
    head = (
        f"POST /saas/requestin HTTP/1.1\r\nHost: {HOST}:{order.port}\r\nContent-Type: application/json\r\n"
        f"API-Key: {order.api_key}\r\n"
    )
    requests = []
    for number, member in enumerate(take(draw_members(order.distribution, order.members, run), order.count)):
        body = shapes[(member + number) % SHAPES].body(FIRST_USER + member)
        own = f"Idempotency-Key: {run} {number}\r\nContent-Length: {len(body)}\r\n\r\n"
        requests.append((head + own).encode() + body)
    return requests


class Connection(asyncio.Protocol):
    """One caller: sends a request, waits for its whole reply, sends the next. Ends when none is left."""

    def __init__(self, requests: Iterator[bytes], statuses: Counter[int], times_s: list[float]) -> None:
        self._requests = requests
        self._statuses = statuses
        self._times_s = times_s
        self._received = b""
        self._sent_s = 0.0
        self._transport: asyncio.Transport | None = None
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where to write; the first request waits for `send`."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own class is no subclass of it

    def send(self) -> None:
        """Send the next request, or end."""
        if self._transport is None:
            return
        request = next(self._requests, None)
        if request is None:
            self._transport.close()
            return
        self._sent_s = time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        """Collect until the reply is whole: its head says how long it is."""
        received = self._received = self._received + data if self._received else data
        end = received.find(_HEAD_END)
        if end < 0 and len(received) < REPLY_BYTES_MAX:
            return
        head = received[:end].lower()
        length_at = head.find(_LENGTH)
        if length_at < 0:
            self._fail("a reply came without its length")
            return
        length = int(head[length_at + len(_LENGTH) :].split(b"\r\n", 1)[0])
        if len(received) < end + len(_HEAD_END) + length:
            return
        self._times_s.append(time.perf_counter() - self._sent_s)
        self._statuses[int(received[9:12])] += 1
        self._received = b""
        self.send()

    def connection_lost(self, exc: Exception | None) -> None:
        """The end: in good order when no request was left."""
        if self.ended.done():
            return
        if exc is not None or next(self._requests, None) is not None:
            self.ended.set_exception(exc or ConnectionResetError("the server closed a connection"))
        else:
            self.ended.set_result(None)

    def _fail(self, why: str) -> None:
        if not self.ended.done():
            self.ended.set_exception(ValueError(why))
        if self._transport is not None:
            self._transport.abort()


async def call_all(order: CallOrder, requests: list[bytes]) -> Called:
    """Send everything over so many connections. Raises OSError when the server goes away, TimeoutError after LIMIT_S."""
    statuses: Counter[int] = Counter()
    times_s: list[float] = []
    waiting = iter(requests)
    loop = asyncio.get_running_loop()
    connections = [
        (await loop.create_connection(lambda: Connection(waiting, statuses, times_s), HOST, order.port))[1]
        for _ in range(order.connections)
    ]
    before = resource.getrusage(resource.RUSAGE_SELF)
    started_s = time.perf_counter()
    for connection in connections:
        connection.send()
    telling = asyncio.create_task(_tell(times_s))
    await asyncio.wait_for(asyncio.gather(*(connection.ended for connection in connections)), LIMIT_S)
    telling.cancel()
    seconds = time.perf_counter() - started_s
    after = resource.getrusage(resource.RUSAGE_SELF)
    times_s.sort()
    return Called(
        statuses=dict(statuses),
        seconds=seconds,
        cpu_s=after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        p50_ms=percentile_ms(times_s, 50),
        p99_ms=percentile_ms(times_s, 99),
    )


async def _tell(times_s: list[float]) -> None:
    while True:
        await asyncio.sleep(TELL_EVERY_S)
        sys.stdout.write(f"{len(times_s)}\n")
        sys.stdout.flush()


def main() -> None:
    """Read the order, make the requests, say `ready`, wait for a line, call, print the result."""
    import uvloop

    order = msgspec.json.decode(sys.stdin.buffer.readline(), type=CallOrder)
    requests = make_requests(order)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    if not sys.stdin.buffer.readline():
        sys.exit("whoever started this is gone")
    called = uvloop.run(call_all(order, requests))
    sys.stdout.write(msgspec.json.encode(called).decode() + "\n")


if __name__ == "__main__":
    main()
