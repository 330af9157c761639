"""The edge around every route: keys, bounds, what fails and how it is answered, counted and logged."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

import httpx
import pytest
from structlog.testing import capture_logs

from accrual.api.app import App
from accrual.api.auth import authenticate, client_of_key
from accrual.api.call import Call, Caller, Engine, Reply
from accrual.api.limits import DISCARD_TIMES, EdgeLimits
from accrual.api.metrics import Meter
from accrual.api.native.reply import failure
from accrual.api.routing import Authenticate, Mounted, Probe
from accrual.domain.errors import AccrualError, Busy, DatabaseDown, LaneLost
from accrual.domain.programme import Catalogue, StoredClient
from accrual.engine.report import EngineReport, SubmitReport
from tests.unit.api.engine_double import KEY, EngineDouble

Answer = Callable[[Call, Engine], Awaitable[Reply]]


async def echo(call: Call, _engine: Engine) -> Reply:
    return Reply(status=200, body=call.body)


def raising(error: Exception) -> Answer:
    async def answer(_call: Call, _engine: Engine) -> Reply:
        raise error

    return answer


def edge_of(
    answer: Answer,
    *,
    meter: Meter | None = None,
    engine: EngineDouble | None = None,
    authenticate: Authenticate = authenticate,
    rights: Sequence[str] = ("submit",),
    **limits: int,
) -> App:
    engine = engine or EngineDouble()

    async def broken_probe() -> Reply:
        raise RuntimeError("secret 62811")

    return App(
        engine,
        mounted=[
            Mounted(
                name=name,
                path=path,
                methods=frozenset({"POST"}),
                answer=answer,
                failure=failure,
                body_bytes_max=limits.get("body_bytes_max", 100),
                rights=rights,
                authenticate=authenticate,
            )
            for name, path in (("fixed", "/fixed"), ("parted", "/parted/{one}/{rest:path}"))
        ],
        probes=[Probe(name="probe", path="/probe", answer=broken_probe)],
        failure=failure,
        limits=EdgeLimits(body_timeout_s=0.2, **limits),
        meter=meter or Meter(),
    )


def caller(app: App, key: str | None = KEY) -> httpx.AsyncClient:
    headers = {} if key is None else {"API-Key": key}
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://edge", headers=headers)


@pytest.mark.parametrize(
    "headers",
    [
        {"API-Key": KEY},
        {"Api_Key": KEY},
        {"X-Api-Key": f" {KEY} "},
        {"Authorization": f"Bearer {KEY}"},
        {"authorization": f"bearer  {KEY}"},
        {"API-Key": KEY, "Authorization": f"Bearer {KEY}"},
        {"API-Key": KEY, "Authorization": "Basic eDp5"},
    ],
)
async def test_key_is_taken_from_each_header_a_client_may_use(headers: dict[str, str]) -> None:
    async with caller(edge_of(echo), key=None) as http:
        assert (await http.post("/fixed", content=b"x", headers=headers)).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"API-Key": ""},
        {"API-Key": "other"},
        {"API-Key": KEY + "x"},
        {"API-Key": "x" * 5000},
        {"API-Key": KEY, "X-Api-Key": "other"},
        {"Authorization": KEY},
        {"Authorization": "Basic " + KEY},
        {"Authorization": "Bearer"},
        {"API-Key": b"\xff\xfe"},
    ],
)
async def test_without_its_own_key_nobody_comes_in(headers: dict[str, str]) -> None:
    async with caller(edge_of(raising(AssertionError("reached"))), key=None) as http:
        reply = await http.post("/fixed", content=b"x", headers=headers)
    assert reply.status_code == 401
    assert reply.json()["error"]["code"] == "unauthorized"
    assert reply.headers["www-authenticate"] == "Bearer"


async def test_route_may_find_its_client_in_headers_of_its_own() -> None:
    callers: list[Caller] = []

    def by_token(caller: Caller, engine: Engine) -> tuple[StoredClient, Catalogue]:
        callers.append(caller)
        return client_of_key(caller.headers.get("authtoken", ""), engine)

    async with caller(edge_of(echo, authenticate=by_token), key=None) as http:
        known = await http.post("/fixed", content=b"x", headers={"authToken": KEY})
        parted = await http.post("/parted/a/b", content=b"y", headers={"AUTHTOKEN": KEY})
        elsewhere = await http.post("/fixed", content=b"x", headers={"API-Key": KEY})
    assert (known.status_code, parted.status_code, elsewhere.status_code) == (200, 200, 401)
    assert {one.host for one in callers} == {"127.0.0.1"}


async def test_body_up_to_the_limit_arrives_whole_also_in_pieces() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(10):
            yield b"0123456789"

    async with caller(edge_of(echo)) as http:
        assert (await http.post("/fixed", content=b"x" * 100)).content == b"x" * 100
        assert (await http.post("/fixed", content=pieces())).content == b"0123456789" * 10
        assert (await http.post("/fixed", content=b"")).content == b""


async def test_larger_body_is_refused_by_its_declared_length_before_it_is_read() -> None:
    read = []

    async def body() -> AsyncIterator[bytes]:
        read.append(1)
        yield b"x" * 101

    async with caller(edge_of(echo)) as http:
        reply = await http.post("/fixed", content=body(), headers={"content-length": "101"})
    assert (reply.status_code, reply.json()["error"]["code"]) == (413, "too_large")
    assert read == []
    assert "connection" not in reply.headers  # so small a rest is thrown away as it comes


@pytest.mark.parametrize("size", [101, 100 * DISCARD_TIMES + 1, 10**6])
async def test_body_without_length_is_counted_and_refused(size: int) -> None:
    sent = []

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(size):
            sent.append(1)
            yield b"x"

    async with caller(edge_of(echo)) as http:
        reply = await http.post("/fixed", content=pieces())
    assert (reply.status_code, reply.headers["connection"]) == (413, "close")
    assert len(sent) <= 100 * DISCARD_TIMES + 2


@pytest.mark.parametrize("length", ["abc", "-1", "1_0", "9" * 5000, str(2**64)])
async def test_odd_content_length_is_refused_and_closes(length: str) -> None:
    async with caller(edge_of(echo)) as http:
        reply = await http.post("/fixed", content=b"x", headers={"content-length": length})
    assert reply.status_code in {400, 413}
    assert reply.headers["connection"] == "close"


async def test_body_that_does_not_come_is_given_up() -> None:
    async def slow() -> AsyncIterator[bytes]:
        yield b"x"
        await asyncio.sleep(5)
        yield b"y"

    async with caller(edge_of(echo)) as http:
        reply = await http.post("/fixed", content=slow())
    assert (reply.status_code, reply.headers["connection"]) == (400, "close")
    assert "0.2 seconds" in reply.json()["error"]["message"]


async def test_unknown_path_and_wrong_method_are_answered_in_json() -> None:
    async with caller(edge_of(echo), key=None) as http:
        for path in ("/", "/nowhere", "/fixed/", "/parted/", "/parted/x", "//fixed"):
            reply = await http.post(path)
            assert (path, reply.status_code, reply.json()["error"]["code"]) == (path, 404, "unknown_route")
        for path in ("/fixed", "/parted/a/b"):
            reply = await http.get(path)
            assert (reply.status_code, reply.headers["allow"]) == (405, "POST")


async def test_parts_of_a_path_are_decoded() -> None:
    async def parts(call: Call, _engine: Engine) -> Reply:
        return Reply(status=200, body="|".join(call.params.values()).encode())

    async with caller(edge_of(parts)) as http:
        assert (await http.post("/parted/a%20b/%2B62%2F811%C3%A9")).text == "a b|+62/811é"


async def test_unforeseen_error_is_logged_by_id_without_its_message_and_answered() -> None:
    async with caller(edge_of(raising(RuntimeError("Budi 62811 demo-key")))) as http:
        with capture_logs() as logs:
            reply = await http.post("/fixed", content=b"secret body")
    assert reply.status_code == 500
    error = reply.json()["error"]
    assert error["code"] == "broken"
    assert error["request_id"] == reply.headers["x-request-id"] == logs[0]["request_id"]
    assert logs[0]["error"] == "RuntimeError"
    assert any("test_edge.py" in where for where in logs[0]["where"])
    for secret in ("Budi", "62811", "demo-key", "secret body"):
        assert secret not in repr(logs) + reply.text


async def test_broken_probe_is_answered_like_any_other_failure() -> None:
    async with caller(edge_of(echo), key=None) as http:
        reply = await http.get("/probe")
    assert (reply.status_code, reply.json()["error"]["code"]) == (500, "broken")


@pytest.mark.parametrize(
    ("error", "status"),
    [(Busy(), 429), (DatabaseDown(), 503), (LaneLost(), 503)],
)
async def test_whoever_should_come_back_is_told_when(error: AccrualError, status: int) -> None:
    async with caller(edge_of(raising(error))) as http:
        reply = await http.post("/fixed", content=b"x")
    assert (reply.status_code, reply.headers["retry-after"]) == (status, "1")


async def test_requests_beyond_the_limit_are_told_to_come_back_and_the_others_end_well() -> None:
    go = asyncio.Event()

    async def waits(_call: Call, _engine: Engine) -> Reply:
        await go.wait()
        return Reply(status=200, body=b"")

    async with caller(edge_of(waits, requests_max=3)) as http:
        waiting = [asyncio.create_task(http.post("/fixed", content=b"x")) for _ in range(3)]
        await asyncio.sleep(0.05)
        refused = await http.post("/fixed", content=b"x")
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
        go.set()
        assert [reply.status_code for reply in await asyncio.gather(*waiting)] == [200, 200, 200]
        assert (await http.post("/fixed", content=b"x")).status_code == 200


async def test_slots_come_back_after_every_kind_of_failure() -> None:
    async with caller(edge_of(raising(RuntimeError("x")), requests_max=1)) as http:
        for _ in range(3):
            assert (await http.post("/fixed", content=b"x")).status_code == 500
            assert (await http.post("/fixed", content=b"x" * 200)).status_code == 413
            assert (await http.post("/fixed", content=b"x", headers={"API-Key": "no"})).status_code == 401


async def test_each_request_is_counted_by_route_and_status_only() -> None:
    meter = Meter()
    async with caller(edge_of(echo, meter=meter)) as http:
        await http.post("/fixed", content=b"x")
        await http.post("/fixed", content=b"x" * 101)
        await http.post("/parted/62811/a", content=b"x")
        await http.post("/nowhere/62811")
    text = meter.exposition(EngineReport(submit=SubmitReport())).decode()
    for line in (
        'accrual_http_requests_total{route="fixed",status="200"} 1.0',
        'accrual_http_requests_total{route="fixed",status="413"} 1.0',
        'accrual_http_requests_total{route="parted",status="200"} 1.0',
        'accrual_http_requests_total{route="unknown",status="404"} 1.0',
        'accrual_http_request_seconds_count{route="fixed"} 2.0',
    ):
        assert line in text
    assert "62811" not in text


async def test_caller_who_hung_up_is_counted_and_not_answered() -> None:
    meter = Meter()
    sent: list[object] = []

    async def receive() -> dict[str, object]:
        return {"type": "http.disconnect"}

    async def send(message: object) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/fixed",
        "query_string": b"",
        "headers": [(b"api-key", KEY.encode())],
    }
    await edge_of(echo, meter=meter)(scope, receive, send)
    assert sent == []
    assert b'route="fixed",status="499"' in meter.exposition(EngineReport(submit=SubmitReport()))
