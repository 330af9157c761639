"""GET of a member's statement: what is asked for, what is answered, and what is refused."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import httpx
import msgspec
import pytest

from accrual.api.mount import build_app
from accrual.api.native import shapes
from accrual.api.native.routes import NativeLimits
from accrual.domain.facts import Identity
from accrual.domain.ids import ticket_of
from accrual.engine.statement import Period
from accrual.engine.views import StatedAccountView, StatedLineView, StatementView
from tests.unit.api.engine_double import KEY, NOW, EngineDouble

WHO = Identity("msisdn", "62/811")
START = datetime(2026, 1, 31, 17, tzinfo=UTC)
VIEW = StatementView(
    member_id=bytes(16),
    since=START,
    until=NOW,
    accounts=(
        StatedAccountView(
            code="PTS", name="P", role="main", opening=5, closing=7, lines=2, totals={"grant": 3, "expire": -1}
        ),
    ),
    lines=(
        StatedLineView(
            recorded_at=START,
            occurred_at=START,
            code="PTS",
            role="main",
            kind="grant",
            amount=3,
            balance_after=8,
            held_after=0,
            ticket=ticket_of(1, 3, b"x", b"k", 5),
            action="grant",
            note="sorry",
            reference=None,
            promo=None,
            active_at=None,
            expires_at=NOW,
        ),
    ),
    next_after=(12, 3),
)


@pytest.fixture
def engine() -> EngineDouble:
    engine = EngineDouble()
    engine.statements[WHO] = VIEW
    return engine


@pytest.fixture
async def http(engine: EngineDouble) -> AsyncIterator[httpx.AsyncClient]:
    app = build_app(engine, native=NativeLimits(page_default=20, page_max=100))
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app), base_url="http://api", headers={"API-Key": KEY}
    ) as http:
        yield http


async def test_statement_is_shown_as_published_and_paged_on(http: httpx.AsyncClient, engine: EngineDouble) -> None:
    reply = await http.get("/v1/members/msisdn/62%2F811/statement?from=2026-02-01&asset=PTS&limit=7")
    assert reply.status_code == 200
    msgspec.convert(reply.json(), shapes.Statement)
    assert (reply.json()["from"], reply.json()["next_after"]) == ("2026-01-31T17:00:00Z", "12-3")
    await http.get("/v1/members/msisdn/62/811/statement?until=2026-02-01T00:00Z&after=12-3")
    first = Period(since=START, until=engine.statement_calls[0][2].until, asset="PTS")
    second = Period(since=None, until=datetime(2026, 2, 1, tzinfo=UTC))
    assert engine.statement_calls == [(1, WHO, first, 7, None), (1, WHO, second, 20, (12, 3))]


@pytest.mark.parametrize(
    "query",
    [
        "from=x",
        "until=",
        "from=2026-02-02&until=2026-02-01",
        "after=12",
        "after=-1-3",
        "after=12-99999",
        "limit=101",
        "after=99999999999999999999-1",
    ],
)
async def test_statement_that_cannot_be_is_refused(http: httpx.AsyncClient, engine: EngineDouble, query: str) -> None:
    reply = await http.get(f"/v1/members/msisdn/62%2F811/statement?{query}")
    assert (reply.status_code, reply.json()["error"]["code"]) == (400, "invalid_field")
    assert engine.statement_calls == []


async def test_statement_of_nobody_is_not_found(http: httpx.AsyncClient) -> None:
    reply = await http.get("/v1/members/msisdn/nobody/statement")
    assert (reply.status_code, reply.json()["error"]["code"]) == (404, "member_unknown")
