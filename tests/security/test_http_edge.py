"""What one caller can do to others at the HTTP edge: slow and large bodies, repeated headers, long queries, caches."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, MutableMapping
from typing import Any

import httpx
import pytest

from accrual.api.app import App
from accrual.api.limits import EdgeLimits
from accrual.api.mount import build_app
from tests.unit.api.engine_double import EngineDouble, client

pytestmark = pytest.mark.security

RIGHTS = ("submit", "read", "operate", "promos", "qoin_task", "goodie", "dsquares", "profitflow")
COMMAND = {"member": {"kind": "m", "value": "1"}, "facts": [{"type": "check_in"}], "key": "k"}
QUERIED = [
    "/v1/members/a/b",
    "/v1/members/a/b/statement",
    "/v1/parked",
    "/v1/promos",
    "/v1/referrals",
    "/v1/rewards",
    "/v1/checkpoints",
    "/api-rest/member/points",
    "/api/Integration/v1/GetWalletData",
]
POSTED = [
    "/v1/commands",
    "/v1/preview",
    "/v1/parked/x/retry",
    "/v1/promos/x/pause",
    "/v1/referrals/x/approve",
    "/v1/draws/x/claims",
    "/saas/requestin",
    "/saas/requestout",
    "/api-rest/promotion/posting",
    "/api-rest/promotion/inquiry",
    "/api/pointreward/show",
    "/api/Integration/v1/Reward",
    "/api/Integration/v1/RedeemUser",
    "/api/Integration/v1/Refund",
]
CREDENTIALS = (
    "API-Key",
    "api_key",
    "X-API-Key",
    "Authorization",
    "authToken",
    "auth-token",
    "ClientId",
    "deviceUniqueId",
)


def _engine() -> EngineDouble:
    other = client(code="other", rights=RIGHTS)
    return EngineDouble(
        ("slow", client(rights=RIGHTS)),
        ("other", type(other)(client_id=4, programme_id=1, client=other.client, key_digest=None)),
        ("nothing", client(code="nothing", rights=())),
    )


def _headers(key: str) -> dict[str, str]:
    return {"API-Key": key, "authToken": key, "deviceUniqueId": "d", "ClientId": {"slow": "partner"}.get(key, key)}


async def _ask(app: App, path: str, key: str, *, method: str = "POST", body: bytes = b"") -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://edge") as http:
        return await http.request(method, path, headers=_headers(key), content=body)


class _Slow:
    """A request that announces a body and sends the first byte of it; `read` counts what the app asked for."""

    def __init__(self, app: App, path: str, *headers: tuple[str, str]) -> None:
        self.read = 0
        self.status = 0
        self.answer: list[MutableMapping[str, Any]] = []
        self._begun = asyncio.Event()
        scope = {
            "type": "http",
            "method": "POST",
            "path": path,
            "query_string": b"",
            "headers": [(name.lower().encode(), value.encode()) for name, value in headers],
        }
        self.task = asyncio.create_task(app(scope, self._receive, self._send))

    async def _receive(self) -> dict[str, Any]:
        self.read += 1
        if self.read > 1:
            await asyncio.Event().wait()
        return {"type": "http.request", "body": b"{", "more_body": True}

    async def _send(self, message: MutableMapping[str, Any]) -> None:
        self.status = message.get("status", self.status)
        self.answer.append(message)

    async def end(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


async def _slow(app: App, count: int, *, key: str = "slow", length: int = 50) -> AsyncIterator[list[_Slow]]:
    slow = [_Slow(app, "/v1/commands", *_headers(key).items(), ("Content-Length", str(length))) for _ in range(count)]
    await asyncio.sleep(0)
    yield slow
    for each in slow:
        await each.end()


async def test_slow_bodies_of_one_key_leave_room_for_every_other() -> None:
    app = build_app(_engine(), edge=EdgeLimits(requests_max=512))
    async for slow in _slow(app, 512):
        assert sum(each.status == 429 for each in slow) == 512 - 128
        reply = await _ask(app, "/v1/commands", "other", body=json.dumps(COMMAND).encode())
        assert reply.status_code == 202
        own = await _ask(app, "/v1/commands", "slow", body=json.dumps(COMMAND).encode())
        assert (own.status_code, own.headers["retry-after"]) == (429, "1")
    assert (await _ask(app, "/v1/commands", "slow", body=json.dumps(COMMAND).encode())).status_code == 202


async def test_large_bodies_of_one_key_leave_room_for_every_other() -> None:
    app = build_app(_engine(), edge=EdgeLimits())
    large = (b"[" + json.dumps(COMMAND).encode()).ljust((8 << 20) - 1) + b"]"
    async for slow in _slow(app, 10, length=8 << 20):
        assert [each.status for each in slow] == [0, 0] + [429] * 8
        assert (await _ask(app, "/v1/commands", "other", body=large)).status_code == 202
    assert (await _ask(app, "/v1/commands", "slow", body=large)).status_code == 202


async def test_bodies_of_unknown_length_are_counted_as_they_come() -> None:
    app = build_app(_engine(), edge=EdgeLimits(client_held_bytes_max=8 << 20))

    async def pieces() -> AsyncIterator[bytes]:
        yield b"["
        for _ in range(80):
            yield b" " * (100 << 10)

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://edge") as http:
        async for _ in _slow(app, 1, length=1 << 20):
            reply = await http.post("/v1/commands", headers=_headers("slow"), content=pieces())
            assert (reply.status_code, reply.json()["error"]["code"]) == (429, "busy")
            assert "large bodies" in reply.json()["error"]["message"]
        assert (await http.post("/v1/commands", headers=_headers("slow"), content=pieces())).status_code == 400


@pytest.mark.parametrize("path", POSTED)
@pytest.mark.parametrize("key", ["unknown", "nothing"])
async def test_body_of_a_caller_without_a_right_is_not_read(path: str, key: str) -> None:
    slow = _Slow(build_app(_engine()), path, *_headers(key).items(), ("Content-Length", "50"))
    await asyncio.wait_for(slow.task, 5)
    assert slow.read == 0
    assert slow.status in {200, 401, 403}
    assert slow.status != 200 or b'"status":false' in slow.answer[-1]["body"].lower().replace(b" ", b"")


@pytest.mark.parametrize(("length", "closes"), [(60_000, False), (70_000, True)])
async def test_connection_with_a_large_body_of_an_unknown_caller_is_closed(length: int, closes: bool) -> None:
    slow = _Slow(build_app(_engine()), "/v1/commands", ("API-Key", "unknown"), ("Content-Length", str(length)))
    await asyncio.wait_for(slow.task, 5)
    assert slow.status == 401
    assert ((b"connection", b"close") in slow.answer[0]["headers"]) is closes


@pytest.mark.parametrize("path", QUERIED)
async def test_query_of_many_fields_is_a_mistake_of_the_caller(path: str) -> None:
    reply = await _ask(build_app(_engine()), f"{path}?{'a=1&' * 20}a=1", "slow", method="GET")
    assert reply.status_code == 400


@pytest.mark.parametrize("path", ["/v1/commands", "/saas/requestin", *QUERIED[-2:]])
@pytest.mark.parametrize("name", CREDENTIALS)
@pytest.mark.parametrize("second", ["slow", "other", ""])
async def test_repeated_credential_is_refused_also_with_the_same_value(path: str, name: str, second: str) -> None:
    method = "GET" if path in QUERIED else "POST"
    both = [*_headers("slow").items(), (name, "slow"), (name, second)]
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=build_app(_engine())), base_url="http://edge"
    ) as http:
        reply = await http.request(method, path, headers=both, content=b"{}" if method == "POST" else None)
    assert reply.status_code == 401
    assert "more than once" in reply.text


async def test_repeated_idempotency_key_is_refused_and_other_headers_may_repeat() -> None:
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=build_app(_engine())), base_url="http://edge"
    ) as http:
        for name, status in (("Idempotency-Key", 400), ("Via", 202)):
            headers = [*_headers("slow").items(), (name, "k"), (name, "k")]
            assert (await http.post("/v1/commands", headers=headers, json=COMMAND)).status_code == status


@pytest.mark.parametrize("path", [*POSTED, *(path for path in QUERIED if path != "/v1/checkpoints")])
@pytest.mark.parametrize("key", ["slow", "unknown"])
async def test_no_answer_to_a_client_may_be_kept_by_a_cache(path: str, key: str) -> None:
    method = "GET" if path in QUERIED else "POST"
    reply = await _ask(build_app(_engine()), path, key, method=method, body=b"{}" if method == "POST" else b"")
    assert reply.headers.get_list("cache-control") == ["no-store"]
