"""POST /v1/preview: the same body and rights as a command; the engine is asked to look ahead and nothing is submitted."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import httpx
import msgspec
import pytest

from accrual.api.mount import build_app
from accrual.api.native import shapes
from accrual.engine.views import Previewed
from tests.contract.native.test_commands import COMMAND, view
from tests.unit.api.engine_double import KEY, EngineDouble, client


@pytest.fixture
def engine() -> EngineDouble:
    double = EngineDouble((KEY, client()), ("qoin-key", client(code="qoin", rights=("qoin_task",))))
    double.previewed = Previewed(view=view(ticket=bytes(16)), payload=b"", waiting_before=2)
    return double


@pytest.fixture
async def http(engine: EngineDouble) -> AsyncIterator[httpx.AsyncClient]:
    app = build_app(engine, now=lambda: datetime(2026, 3, 1, 12, tzinfo=UTC))
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app), base_url="http://api", headers={"API-Key": KEY}
    ) as http:
        yield http


async def test_preview_has_the_published_shape_and_submits_nothing(
    http: httpx.AsyncClient, engine: EngineDouble
) -> None:
    reply = await http.post("/v1/preview", json=COMMAND)
    assert reply.status_code == 200
    told = msgspec.convert(reply.json(), shapes.Preview)
    assert (told.repeated, told.waiting_before, told.outcome.status) == (False, 2, "decided")
    assert engine.submissions == {}
    (asked,) = engine.preview_calls
    assert asked.key == b"ktill-7/123"


async def test_preview_takes_its_key_from_the_header_too(http: httpx.AsyncClient, engine: EngineDouble) -> None:
    keyless = {name: value for name, value in COMMAND.items() if name != "key"}
    await http.post("/v1/preview", json=keyless, headers={"Idempotency-Key": "h-1"})
    assert engine.preview_calls[0].key == b"kh-1"


async def test_preview_takes_one_command_only(http: httpx.AsyncClient, engine: EngineDouble) -> None:
    reply = await http.post("/v1/preview", json=[COMMAND])
    assert (reply.status_code, reply.json()["error"]["code"]) == (400, "invalid_json")
    assert engine.preview_calls == []


async def test_preview_needs_the_right_to_the_native_api(http: httpx.AsyncClient) -> None:
    reply = await http.post("/v1/preview", json=COMMAND, headers={"API-Key": "qoin-key"})
    assert reply.status_code == 403
