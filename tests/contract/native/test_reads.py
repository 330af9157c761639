"""GET of tickets and members, the description, and what the whole application serves besides."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import httpx
import msgspec
import pytest

from accrual.api.mount import build_app, build_probes_app
from accrual.api.native import shapes
from accrual.api.native.routes import NativeLimits
from accrual.api.probes import READY_AGE_MAX_S
from accrual.domain.facts import Identity
from accrual.domain.ids import ticket_of
from accrual.engine.render import member_json, ticket_json
from accrual.engine.views import (
    AwardView,
    BalanceView,
    DeclineView,
    DueView,
    LineView,
    MemberView,
    NextExpiryView,
    TicketView,
)
from tests.unit.api.engine_double import KEY, EngineDouble

TICKET = ticket_of(1, 3, b"x", b"k", 5)
WIB = timezone(timedelta(hours=7))


def ticket_view(**changes: Any) -> TicketView:
    view = TicketView(
        ticket=TICKET,
        programme_id=1,
        client_id=3,
        bucket=5,
        position=12,
        dialect=2,
        action="transaction",
        identity=Identity("qoin.user_id", "16659"),
        occurred_at=datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=WIB),
        recorded_at=datetime(2026, 3, 1, 5, 0, 1, tzinfo=UTC),
        status="decided",
        complete=True,
        revision=7,
        awards=(
            AwardView(
                asset=35,
                code="PTS",
                name="Point Reddem",
                amount=2**60,
                promo="P1",
                promo_name="One",
                promo_number=52,
                promo_version=3,
                reason="fixed",
                recipient=Identity("qoin.user_id", "16659"),
                expires_at=datetime(2027, 3, 1, tzinfo=UTC),
            ),
        ),
        declines=(DeclineView(reason="limit_reached", text="The limit was reached.", promo="P2", promo_version=1),),
        lines=(LineView(code="PTS", role="main", kind="award", amount=1, balance_after=1, leg=0),),
        follow_ups=(TICKET,),
        parent=TICKET,
        fields={"trxId": 0},
    )
    return msgspec.structs.replace(view, **changes)


MEMBER = MemberView(
    member_id=bytes(16),
    programme_id=1,
    bucket=5,
    name="Budi",
    enrolled_at=datetime(2026, 1, 1, tzinfo=UTC),
    identities=(Identity("qoin.user_id", "16659"),),
    referrer=Identity("qoin.user_id", "462"),
    balances=(
        BalanceView(
            asset=35,
            code="PTS",
            name="P",
            posted=5,
            held=1,
            pending=2,
            available=4,
            debt=0,
            due=(DueView(days=30, until=datetime(2026, 3, 31, tzinfo=UTC), amount=3),),
            next_expiry=NextExpiryView(
                date=date(2026, 3, 2), expires_at=datetime(2026, 3, 2, 17, tzinfo=UTC), amount=2
            ),
        ),
    ),
    history=(ticket_view(),),
    next_before=12,
)


@pytest.fixture
def engine() -> EngineDouble:
    engine = EngineDouble()
    engine.tickets[TICKET] = ticket_view()
    engine.members[Identity("qoin.user_id", "16659")] = MEMBER
    return engine


@pytest.fixture
async def http(engine: EngineDouble) -> AsyncIterator[httpx.AsyncClient]:
    app = build_app(engine, native=NativeLimits(page_default=20, page_max=100))
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app), base_url="http://api", headers={"API-Key": KEY}
    ) as http:
        yield http


async def test_ticket_is_shown_whole(http: httpx.AsyncClient) -> None:
    reply = await http.get(f"/v1/tickets/{uuid.UUID(bytes=TICKET)}")
    assert reply.status_code == 200
    assert reply.json() == ticket_json(ticket_view())
    shown = msgspec.convert(reply.json(), shapes.Ticket)
    assert shown.occurred_at == datetime(2026, 3, 1, 5, 0, 0, 250_000, tzinfo=UTC)
    assert reply.json()["occurred_at"] == "2026-03-01T05:00:00.250000Z"
    assert (shown.dialect, shown.awards[0].amount, shown.follow_ups) == (
        "qoin_task",
        2**60,
        (str(uuid.UUID(bytes=TICKET)),),
    )


@pytest.mark.parametrize(
    "text", ["x", "0", str(uuid.UUID(int=1)), str(uuid.UUID(bytes=ticket_of(1, 3, b"x", b"other", 5))), "a%00b"]
)
async def test_ticket_that_is_none_is_not_found(http: httpx.AsyncClient, text: str) -> None:
    reply = await http.get(f"/v1/tickets/{text}")
    assert (reply.status_code, reply.json()["error"]["code"]) == (404, "ticket_unknown")


async def test_ticket_of_another_programme_is_not_found(http: httpx.AsyncClient, engine: EngineDouble) -> None:
    engine.tickets[TICKET] = ticket_view(programme_id=2)
    assert (await http.get(f"/v1/tickets/{uuid.UUID(bytes=TICKET)}")).status_code == 404


async def test_member_is_shown_with_balances_and_history(http: httpx.AsyncClient, engine: EngineDouble) -> None:
    reply = await http.get("/v1/members/qoin.user_id/16659")
    assert reply.status_code == 200
    assert reply.json() == member_json(MEMBER)
    msgspec.convert(reply.json(), shapes.Member)
    assert list(reply.json()) == ["member", "at", "balances", "history", "next_before"]
    amounts = {"posted": 5, "held": 1, "pending": 2, "available": 4, "debt": 0}
    due = [{"days": 30, "until": "2026-03-31T00:00:00Z", "amount": 3}]
    next_expiry = {"date": "2026-03-02", "expires_at": "2026-03-02T17:00:00Z", "amount": 2}
    assert reply.json()["balances"] == [
        {"asset": 35, "code": "PTS", "name": "P", **amounts, "due": due, "next_expiry": next_expiry}
    ]
    assert engine.member_calls == [(1, Identity("qoin.user_id", "16659"), 20, None)]


async def test_history_is_paged_as_asked(http: httpx.AsyncClient, engine: EngineDouble) -> None:
    await http.get("/v1/members/qoin.user_id/16659?limit=100&before=12")
    assert engine.member_calls == [(1, Identity("qoin.user_id", "16659"), 100, 12)]


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=101", "limit=-1", "limit=", "limit=x", "limit=%EF%BC%91", "limit=1.5", "before=-1",
     "before=9223372036854775808", "before=" + "9" * 5000],
)  # fmt: skip
async def test_page_outside_the_limits_is_refused(http: httpx.AsyncClient, engine: EngineDouble, query: str) -> None:
    reply = await http.get(f"/v1/members/qoin.user_id/16659?{query}")
    assert (reply.status_code, reply.json()["error"]["code"]) == (400, "invalid_field")
    assert reply.json()["error"]["details"]["path"] == query.partition("=")[0]
    assert engine.member_calls == []


async def test_identity_in_a_path_is_decoded_and_trimmed(http: httpx.AsyncClient, engine: EngineDouble) -> None:
    for path in ("msisdn/%2B62%20811", "msisdn/a%2Fb", "msisdn/a/b", "msisdn/%20caf%C3%A9%20"):
        await http.get(f"/v1/members/{path}")
    values = [identity.value for _, identity, _, _ in engine.member_calls]
    assert values == ["+62 811", "a/b", "a/b", "café"]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2026-01-02T03:04:05Z", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2026-01-02T10:04:05%2B07:00", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2026-01-02T10:04:05+07:00", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2026-01-02", datetime(2026, 1, 1, 17, tzinfo=UTC)),
        ("2026-01-02%2000:30", datetime(2026, 1, 1, 17, 30, tzinfo=UTC)),
    ],
)
async def test_member_is_asked_for_as_of_a_past_instant(
    http: httpx.AsyncClient, engine: EngineDouble, written: str, read: datetime
) -> None:
    assert (await http.get(f"/v1/members/qoin.user_id/16659?at={written}")).status_code == 200
    assert engine.members_asked_at == [read]


@pytest.mark.parametrize(
    "written", ["", "x", "2026-13-01", "2999-01-01T00:00:00Z", "2026-01-01" + "0" * 5000, "0001-01-01"]
)
async def test_instant_that_is_none_or_lies_ahead_is_refused(
    http: httpx.AsyncClient, engine: EngineDouble, written: str
) -> None:
    reply = await http.get(f"/v1/members/qoin.user_id/16659?at={written}")
    assert (reply.status_code, reply.json()["error"]["code"]) == (400, "invalid_field")
    assert reply.json()["error"]["details"]["path"] == "at"
    assert engine.members_asked_at == []


@pytest.mark.parametrize("value", ["nobody", "%20", "a%00b", "x" * 201, "%FF"])
async def test_unknown_member_is_not_found(http: httpx.AsyncClient, value: str) -> None:
    reply = await http.get(f"/v1/members/qoin.user_id/{value}")
    assert (reply.status_code, reply.json()["error"]["code"]) == (404, "member_unknown")


async def test_description_needs_no_key_and_all_its_references_lead_somewhere(http: httpx.AsyncClient) -> None:
    reply = await http.get("/v1/openapi.json", headers={"API-Key": ""})
    document = reply.json()
    assert document["openapi"] == "3.1.0"
    schemas = document["components"]["schemas"]

    def references(node: object) -> set[str]:
        if isinstance(node, dict):
            own = {str(node["$ref"])} if "$ref" in node else set()
            return own.union(*map(references, node.values()))
        return set().union(*map(references, node)) if isinstance(node, list) else set()

    assert {name.removeprefix("#/components/schemas/") for name in references(document)} <= set(schemas)
    assert set(document["paths"]) == {
        "/v1/commands",
        "/v1/preview",
        "/v1/tickets/{ticket}",
        "/v1/members/{kind}/{value}",
        "/v1/members/{kind}/{value}/statement",
        "/v1/members/{kind}/{value}/profile",
        "/v1/parked",
        "/v1/parked/{ticket}/retry",
        "/v1/promos",
        "/v1/checkpoints",
        "/v1/draws/{code}",
        "/v1/draws/{code}/claims",
        "/v1/promos/{code}",
        "/v1/promos/{code}/history",
        "/v1/promos/{code}/{action}",
        "/v1/rewards",
        "/v1/rewards/{code}",
        "/v1/referrals",
        "/v1/referrals/{id}/{action}",
    }
    assert schemas["NativeCommand"]["additionalProperties"] is False
    assert json.dumps(document["paths"]).count('"operationId"') == sum(map(len, document["paths"].values()))


async def test_qoin_routes_answer_in_qoins_shape(http: httpx.AsyncClient) -> None:
    for path in ("/saas/requestin", "/saas/requestout"):
        for content, headers, status in (
            (b"{", {}, 400),
            (b"{}", {"API-Key": "other"}, 401),
            (b"x" * ((1 << 20) + 1), {}, 413),
        ):
            reply = await http.post(path, content=content, headers=headers)
            assert (reply.status_code, list(reply.json())) == (status, ["Status", "StatusCode", "Message", "Data"])
            assert reply.json()["StatusCode"] == status


async def test_health_is_open_and_readiness_names_the_problems(http: httpx.AsyncClient, engine: EngineDouble) -> None:
    probes = httpx.AsyncClient(transport=httpx.ASGITransport(app=build_probes_app(engine)), base_url="http://probes")
    async with probes:
        for client in (http, probes):
            engine.problems = {}
            assert (await client.get("/healthz", headers={"API-Key": ""})).json() == {"status": "ok"}
            assert (await client.head("/healthz")).status_code == 200
            assert (await client.get("/readyz")).json() == {"status": "ready", "problems": {}}
            engine.problems = {"database": "does not answer"}
            await asyncio.sleep(READY_AGE_MAX_S)  # the answer may be so old
            reply = await client.get("/readyz")
            assert (reply.status_code, reply.json()["problems"]) == (503, {"database": "does not answer"})
            assert (await client.get("/healthz")).status_code == 200
            assert "accrual_commands_accepted_total" in (await client.get("/metrics")).text
        assert (await probes.post("/v1/commands", content=b"{}")).status_code == 404
