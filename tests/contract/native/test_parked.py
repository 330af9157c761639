"""GET /v1/parked and POST /v1/parked/{ticket}/retry: the right they need, paging, waiting for the outcome."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator

import httpx
import msgspec
import pytest

from accrual.api.mount import build_app
from accrual.api.native import shapes
from accrual.api.native.routes import NativeLimits
from accrual.engine.views import ParkedPage, RetryView
from tests.contract.native.test_commands import view
from tests.unit.api.engine_double import KEY, EngineDouble, client

TICKET = bytes.fromhex("ba6b3a0e0b1280349d560123456789ab")
OTHER = bytes.fromhex("ba6b3a0e0b1280349d560123456789ac")
PARKED = view(ticket=TICKET, status="parked", error="ZeroDivisionError")


@pytest.fixture
def engine() -> EngineDouble:
    return EngineDouble((KEY, client(rights=("operate",))), ("till", client(rights=("submit", "read"))))


@pytest.fixture
async def http(engine: EngineDouble) -> AsyncIterator[httpx.AsyncClient]:
    app = build_app(engine, native=NativeLimits(wait_max_s=8.0, page_max=200))
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app), base_url="http://api", headers={"API-Key": KEY}
    ) as http:
        yield http


async def test_page_of_parked_commands_has_its_shape(http: httpx.AsyncClient, engine: EngineDouble) -> None:
    retried = msgspec.structs.replace(PARKED, retries=(RetryView(ticket=OTHER, status="parked"),))
    engine.page = ParkedPage(tickets=(PARKED, retried), next_after=TICKET)
    reply = await http.get(f"/v1/parked?limit=2&after={uuid.UUID(bytes=OTHER)}")
    page = msgspec.json.decode(reply.content, type=shapes.Parked)
    assert [(each.status, each.error) for each in page.parked] == [("parked", "ZeroDivisionError")] * 2
    assert page.parked[1].retries == (shapes.Retry(ticket=str(uuid.UUID(bytes=OTHER)), status="parked"),)
    assert page.next_after == str(uuid.UUID(bytes=TICKET))
    assert engine.parked_calls == [(1, 2, OTHER)]
    assert (await http.get("/v1/parked")).status_code == 200
    assert engine.parked_calls[1:] == [(1, 50, None)]


async def test_retry_waits_for_its_outcome_as_long_as_is_preferred(
    http: httpx.AsyncClient, engine: EngineDouble
) -> None:
    path = f"/v1/parked/{uuid.UUID(bytes=TICKET)}/retry"
    reply = await http.post(path)
    assert (reply.status_code, engine.waited_s) == (202, [8.0])
    msgspec.json.decode(reply.content, type=shapes.Receipt)
    engine.decided = view(status="decided", retry_of=TICKET)
    reply = await http.post(path, headers={"Prefer": "wait=2"})
    answer = msgspec.json.decode(reply.content, type=shapes.Answer)
    assert (reply.status_code, engine.waited_s[1:]) == (200, [2.0])
    assert answer.outcome.retry_of == str(uuid.UUID(bytes=TICKET))
    assert reply.headers["location"] == f"/v1/tickets/{answer.ticket}"
    assert engine.retried == [(TICKET, 1)] * 2


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/v1/parked"), ("POST", f"/v1/parked/{uuid.UUID(bytes=TICKET)}/retry")]
)
async def test_only_who_may_operate_sees_and_retries(
    http: httpx.AsyncClient, engine: EngineDouble, method: str, path: str
) -> None:
    reply = await http.request(method, path, headers={"API-Key": "till"})
    assert (reply.status_code, reply.json()["error"]["details"]) == (403, {"right": "operate"})
    assert (engine.parked_calls, engine.retried) == ([], [])


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/parked?limit=0", 400),
        ("/v1/parked?limit=201", 400),
        ("/v1/parked?after=x", 404),
        ("/v1/parked/x/retry", 404),
    ],
)
async def test_bad_question_is_refused(http: httpx.AsyncClient, path: str, status: int) -> None:
    assert (await http.request("POST" if "retry" in path else "GET", path)).status_code == status
