"""The child that asks and waits for answers (`python -m accrual.bench.askers`): at a fixed rate, however slow replies are."""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time
from collections import Counter
from random import Random
from typing import Any

import msgspec

from accrual.bench.results import percentile_ms

HOST = "127.0.0.1"
LIMIT_S = 120.0
TELL_EVERY_S = 0.5
REDEEM_SHARE = 0.4
_LENGTH = b"content-length: "


class AskOrder(msgspec.Struct, frozen=True, kw_only=True):
    """What to ask: `count` requests of a dialect, `rate_per_s` of them started each second, over kept connections."""

    port: int
    dialect: str
    count: int
    rate_per_s: int
    members: int
    seed: int
    connections_max: int = 256


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """What came back. Times are from the moment a request was due, so that waiting to be sent counts too."""

    statuses: dict[int, int]
    answers: dict[str, int]
    seconds: float
    cpu_s: float
    late_ms_max: float
    p50_ms: float | None
    p99_ms: float | None


def make_requests(order: AskOrder) -> list[bytes]:
    """Every request of an order, head and body: three payments to two redemptions, of members drawn evenly."""
    draw = Random(order.seed)  # noqa: S311 - a benchmark wants the same requests again
    make = {"native": _native, "dsquares": _dsquares, "goodie": _goodie}[order.dialect]
    requests = []
    for number in range(order.count):
        path, headers, body = make(order, number, draw.randrange(order.members), draw.random() < REDEEM_SHARE)
        raw = json.dumps(body).encode()
        head = f"POST {path} HTTP/1.1\r\nHost: {HOST}:{order.port}\r\nContent-Type: application/json\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        requests.append(f"{head}Content-Length: {len(raw)}\r\n\r\n".encode() + raw)
    return requests


Made = tuple[str, dict[str, str], dict[str, Any]]


def _native(order: AskOrder, number: int, member: int, redeems: bool) -> Made:
    command: dict[str, Any] = {
        "key": f"{order.seed}/{number}",
        "member": {"kind": "qoin.user_id", "value": str(9_000_000 + member)},
    }
    if redeems:
        command["move"] = {"type": "redeem", "asset": "PTS", "amount": 1}
    else:
        command["facts"] = [{"type": "purchase", "amount": 25_000}]
    return "/v1/commands", {"API-Key": "demo-shop", "Prefer": "wait=10"}, command


def _dsquares(order: AskOrder, number: int, member: int, redeems: bool) -> Made:
    headers = {"ClientId": "demo-dsquares"}
    asked: dict[str, Any] = {
        "WalletCode": f"02{member:010}",
        "ContactMsisdn": f"0{member:010}",
        "BranchMsisdn": "201020792658",
        "PointsValue": 1 if redeems else 100,
    }
    if redeems:
        return "/api/Integration/v1/RedeemUser", headers, asked
    return "/api/Integration/v1/Reward", headers, {**asked, "ExternalLogId": f"{order.seed}-{number}"}


def _goodie(order: AskOrder, number: int, member: int, redeems: bool) -> Made:
    asked = {
        "memberId": f"M-{member}",
        "merchantId": "5F773EA1-1E66-4F9E-B9C8-E1FA8156AD20",
        "storeId": "",
        "basic": {"totalTrxAmount": "25000", "refNumber": f"{order.seed}-{number}"},
    }
    return "/api-rest/promotion/posting", {"authToken": "demo-goodie", "deviceUniqueId": "bench"}, asked


class _Asking:
    """Requests under way, over connections that are kept and used again."""

    def __init__(self, order: AskOrder) -> None:
        self._order = order
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self._open = asyncio.Semaphore(order.connections_max)
        self.statuses: Counter[int] = Counter()
        self.answers: Counter[str] = Counter()
        self.times_s: list[float] = []

    async def ask(self, request: bytes, due_s: float) -> None:
        """One request and its whole reply. Raises OSError when the server goes away."""
        async with self._open:
            reader, writer = self._idle.pop() if self._idle else await asyncio.open_connection(HOST, self._order.port)
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            lowered = head.lower()
            at = lowered.index(_LENGTH) + len(_LENGTH)
            body = await reader.readexactly(int(lowered[at : lowered.index(b"\r\n", at)]))
            self.times_s.append(time.perf_counter() - due_s)
            self._idle.append((reader, writer))
        self.statuses[int(head[9:12])] += 1
        self.answers[_said(self._order.dialect, body)] += 1

    def close(self) -> None:
        """End every connection."""
        for _, writer in self._idle:
            writer.close()


def _said(dialect: str, body: bytes) -> str:
    """In a word, what an answer says: `given`, `taken`, why not, or that it did not come in time."""
    reply = json.loads(body)
    if dialect == "dsquares":
        return f"{reply.get('errorCode', '')} {reply.get('errorMessage', reply.get('message'))}"
    if dialect == "goodie":
        return str(reply.get("abstractResponse", {}).get("responseStatus"))
    outcome = reply.get("outcome")
    if outcome is None:
        return "not decided in time"
    if outcome["declines"]:
        return str(outcome["declines"][0]["reason"])
    return "taken" if outcome["booked"] else "given"


async def ask_all(order: AskOrder, requests: list[bytes]) -> Answered:
    """Start each request when it is due. Raises OSError when the server goes away, TimeoutError after LIMIT_S."""
    asking = _Asking(order)
    before = resource.getrusage(resource.RUSAGE_SELF)
    started_s = time.perf_counter()
    telling = asyncio.create_task(_tell(asking))
    late_s = 0.0
    async with asyncio.timeout(LIMIT_S), asyncio.TaskGroup() as group:
        for number, request in enumerate(requests):
            due_s = started_s + number / order.rate_per_s
            pause_s = due_s - time.perf_counter()
            if pause_s > 0:
                await asyncio.sleep(pause_s)
            late_s = max(late_s, time.perf_counter() - due_s)
            group.create_task(asking.ask(request, due_s))
    telling.cancel()
    seconds = time.perf_counter() - started_s
    after = resource.getrusage(resource.RUSAGE_SELF)
    asking.close()
    asking.times_s.sort()
    return Answered(
        statuses=dict(asking.statuses),
        answers=dict(asking.answers),
        seconds=seconds,
        cpu_s=after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        late_ms_max=round(late_s * 1000, 1),
        p50_ms=percentile_ms(asking.times_s, 50),
        p99_ms=percentile_ms(asking.times_s, 99),
    )


async def _tell(asking: _Asking) -> None:
    while True:
        await asyncio.sleep(TELL_EVERY_S)
        sys.stdout.write(f"{len(asking.times_s)}\n")
        sys.stdout.flush()


def main() -> None:
    """Read the order, make the requests, say `ready`, wait for a line, ask, print the result."""
    import uvloop

    order = msgspec.json.decode(sys.stdin.buffer.readline(), type=AskOrder)
    requests = make_requests(order)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    if not sys.stdin.buffer.readline():
        sys.exit("whoever started this is gone")
    answered = uvloop.run(ask_all(order, requests))
    sys.stdout.write(msgspec.json.encode(answered).decode() + "\n")


if __name__ == "__main__":
    main()
