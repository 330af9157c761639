"""POST /v1/commands: one command, many, waiting for the outcome, keys and every refusal."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx
import msgspec
import pytest

from accrual.api.limits import EdgeLimits
from accrual.api.mount import build_app
from accrual.api.native import shapes
from accrual.api.native.again import content_of
from accrual.api.native.reply import status_of
from accrual.api.native.routes import NativeLimits
from accrual.domain.errors import CODES, AccrualError
from accrual.domain.facts import Identity
from accrual.domain.programme import IdempotencyPolicy
from accrual.engine.views import TicketView
from tests.unit.api.engine_double import CATALOGUE, KEY, EngineDouble, client

NDJSON = {"content-type": "application/x-ndjson"}
COMMAND: dict[str, Any] = {
    "key": "till-7/123",
    "member": {"kind": "msisdn", "value": "62811"},
    "facts": [{"type": "purchase", "amount": "6843.50", "occurred_at": "2026-03-01T12:00:00+07:00"}],
}


def view(**changes: Any) -> TicketView:
    fields: dict[str, Any] = {
        "ticket": b"",
        "programme_id": 1,
        "client_id": 3,
        "bucket": 5,
        "position": 1,
        "dialect": 1,
        "action": "purchase",
        "identity": Identity("msisdn", "62811"),
        "occurred_at": datetime(2026, 3, 1, 5, tzinfo=UTC),
        "recorded_at": datetime(2026, 3, 1, 12, tzinfo=UTC),
        "status": "decided",
        "complete": True,
        "revision": 7,
        "awards": (),
        "declines": (),
        "lines": (),
        "follow_ups": (),
        "parent": None,
        "fields": {"key": "till-7/123"},
    }
    return TicketView(**(fields | changes))


@pytest.fixture
def engine() -> EngineDouble:
    return EngineDouble(
        (KEY, client()),
        ("qoin-key", client(code="qoin", rights=("qoin_task",))),
        ("warned-key", client(code="warned", idempotency=IdempotencyPolicy.WARN)),
        ("strict-key", client(code="strict", idempotency=IdempotencyPolicy.REQUIRE)),
    )


@pytest.fixture
async def http(engine: EngineDouble) -> AsyncIterator[httpx.AsyncClient]:
    app = build_app(
        engine,
        edge=EdgeLimits(bulk_body_bytes_max=100_000),
        native=NativeLimits(bulk_max=5, wait_max_s=8.0),
        now=lambda: datetime(2026, 3, 1, 12, tzinfo=UTC),
    )
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app), base_url="http://api", headers={"API-Key": KEY}
    ) as http:
        yield http


async def test_command_is_accepted_with_its_ticket(http: httpx.AsyncClient, engine: EngineDouble) -> None:
    reply = await http.post("/v1/commands", json=COMMAND)
    assert reply.status_code == 202
    receipt = msgspec.convert(reply.json(), shapes.Receipt)
    assert reply.headers["location"] == f"/v1/tickets/{receipt.ticket}"
    assert not receipt.repeated
    (submission,) = engine.submissions.values()
    assert submission.key == b"ktill-7/123"
    assert submission.body == json.dumps(COMMAND, separators=(",", ":")).encode()


async def test_second_send_with_the_same_key_returns_the_first_ticket(http: httpx.AsyncClient) -> None:
    first, second = [(await http.post("/v1/commands", json=COMMAND)).json() for _ in range(2)]
    assert (second["ticket"], second["repeated"]) == (first["ticket"], True)


async def test_same_key_with_other_content_is_refused(http: httpx.AsyncClient, engine: EngineDouble) -> None:
    await http.post("/v1/commands", json=COMMAND)
    reply = await http.post("/v1/commands", json=COMMAND | {"action": "other"})
    assert (reply.status_code, reply.json()["error"]["code"]) == (409, "key_reused")
    assert len(engine.submissions) == 1


async def test_without_a_key_every_call_is_a_command_of_its_own(http: httpx.AsyncClient, engine: EngineDouble) -> None:
    keyless = {name: value for name, value in COMMAND.items() if name != "key"}
    for _ in range(3):
        assert (await http.post("/v1/commands", json=keyless)).status_code == 202
    assert (await http.post("/v1/commands", json=[keyless, keyless])).json()["accepted"] == 2
    assert len(engine.submissions) == 5


async def test_header_may_carry_the_key_and_must_not_contradict_it(
    http: httpx.AsyncClient, engine: EngineDouble
) -> None:
    keyless = {name: value for name, value in COMMAND.items() if name != "key"}
    for body in (keyless, keyless, COMMAND | {"key": "k1"}):
        await http.post("/v1/commands", json=body, headers={"Idempotency-Key": "k1"})
    assert [submission.key for submission in engine.submissions.values()] == [b"kk1"]
    reply = await http.post("/v1/commands", json=COMMAND, headers={"Idempotency-Key": "k1"})
    assert (reply.status_code, reply.json()["error"]["code"]) == (400, "invalid_field")


async def test_missing_key_is_warned_of_or_refused_as_the_client_is_set(
    http: httpx.AsyncClient, engine: EngineDouble
) -> None:
    keyless = {name: value for name, value in COMMAND.items() if name != "key"}
    assert (await http.post("/v1/commands", json=keyless, headers={"API-Key": "warned-key"})).status_code == 202
    assert engine.warnings == [("key_missing", "warned")]
    reply = await http.post("/v1/commands", json=keyless, headers={"API-Key": "strict-key"})
    assert (reply.status_code, reply.json()["error"]["code"]) == (400, "key_missing")


async def test_waiting_call_gets_the_outcome(http: httpx.AsyncClient, engine: EngineDouble) -> None:
    engine.decided = view()
    reply = await http.post("/v1/commands", json=COMMAND, headers={"Prefer": "respond-async, wait=5"})
    assert (reply.status_code, reply.headers["preference-applied"]) == (200, "wait=5")
    answer = msgspec.convert(reply.json(), shapes.Answer)
    assert answer.outcome.ticket == answer.ticket
    assert engine.waited_s == [5.0]


async def test_waiting_call_gets_the_ticket_when_time_is_up(http: httpx.AsyncClient, engine: EngineDouble) -> None:
    for undecided in (None, view(status="waiting", complete=False, revision=None)):
        engine.decided = undecided
        reply = await http.post("/v1/commands", json=COMMAND, headers={"Prefer": "wait=600"})
        assert (reply.status_code, reply.headers["preference-applied"]) == (202, "wait=8")
        msgspec.convert(reply.json(), shapes.Receipt)


@pytest.mark.parametrize("prefer", ["", "wait", "wait=-1", "wait=x", "wait=1e3", "wait=１", "return=minimal"])
async def test_odd_preferences_are_ignored(http: httpx.AsyncClient, engine: EngineDouble, prefer: str) -> None:
    reply = await http.post("/v1/commands", json=COMMAND, headers={"Prefer": prefer.encode()})
    assert reply.status_code == 202
    assert engine.waited_s == []


def _bulk(*commands: dict[str, Any]) -> list[dict[str, Any]]:
    return [COMMAND | command for command in commands]


@pytest.mark.parametrize("form", ["array", "ndjson"])
async def test_each_of_many_gets_its_own_answer_in_order(
    http: httpx.AsyncClient, engine: EngineDouble, form: str
) -> None:
    many = _bulk({"key": "1"}, {"key": "2", "extra": 1}, {"key": "1"}, {"key": "1", "action": "x"}, {"key": "3"})
    lines = [json.dumps(command).encode() for command in many]
    body = b" [" + b",".join(lines) + b"]\n" if form == "array" else b"\n".join(lines) + b"\n\n"
    reply = await http.post("/v1/commands", content=body, headers=NDJSON if form == "ndjson" else {})
    assert reply.status_code == 202
    receipts = msgspec.convert(reply.json(), shapes.Receipts)
    assert (receipts.accepted, receipts.refused) == (3, 2)
    codes = [item.get("error", {}).get("code") for item in receipts.commands]
    assert codes == [None, "invalid_field", None, "key_reused", None]
    assert receipts.commands[0]["ticket"] == receipts.commands[2]["ticket"]
    assert [submission.body for submission in engine.submissions.values()] == [lines[0], lines[4]]
    for item in receipts.commands:
        msgspec.convert(item, shapes.Refusal if "error" in item else shapes.Receipt)


async def test_broken_line_fails_alone_and_a_broken_array_as_a_whole(
    http: httpx.AsyncClient, engine: EngineDouble
) -> None:
    good = json.dumps(COMMAND).encode()
    reply = await http.post("/v1/commands", content=good + b"\n{broken\n", headers=NDJSON)
    assert (reply.status_code, reply.json()["accepted"], reply.json()["refused"]) == (202, 1, 1)
    reply = await http.post("/v1/commands", content=b"[" + good + b",{broken]")
    assert (reply.status_code, reply.json()["error"]["code"]) == (400, "invalid_json")
    assert len(engine.submissions) == 1


async def test_many_that_all_fail_answer_with_the_first_ones_status(http: httpx.AsyncClient) -> None:
    reply = await http.post("/v1/commands", json=_bulk({"extra": 1}, {"extra": 2}))
    assert (reply.status_code, reply.json()["accepted"], reply.json()["refused"]) == (400, 0, 2)


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        (b"[]", {}, 400, "invalid_json"),
        (b"\n \n", NDJSON, 400, "invalid_json"),
        (json.dumps([COMMAND] * 6).encode(), {}, 413, "too_large"),
        (b"\n".join([json.dumps(COMMAND).encode()] * 6), NDJSON, 413, "too_large"),
        (b"x" * 100_001, {}, 413, "too_large"),
    ],
)  # fmt: skip
async def test_none_and_too_many_are_refused(
    http: httpx.AsyncClient, engine: EngineDouble, body: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    reply = await http.post("/v1/commands", content=body, headers=headers)
    assert (reply.status_code, reply.json()["error"]["code"]) == (status, code)
    assert engine.submissions == {}


def _with(**changes: Any) -> bytes:
    return json.dumps(COMMAND | changes).encode()


def _fact(text: str) -> bytes:
    return b'{"member": {"kind": "a", "value": "b"}, "facts": [{"type": "purchase", %s}]}' % text.encode()


@pytest.mark.parametrize(
    ("body", "code", "path"),
    [
        (b"", "invalid_json", None),
        (b"hello", "invalid_json", None),
        (b"null", "invalid_field", None),
        (b'"text"', "invalid_field", None),
        (b'{"a":' * 10_000, "invalid_json", None),
        (b"[" * 10_000, "invalid_json", None),
        (b'{"key": "a", "key": "b"}', "invalid_json", None),
        (b'{"key": NaN}', "invalid_json", None),
        (_with(extra=1), "invalid_field", None),
        (_with(key=7), "invalid_field", "key"),
        (_with(key=" "), "invalid_field", "key"),
        (_with(member={"kind": "msisdn", "value": 62811}), "invalid_field", "member.value"),
        (_with(member={"kind": "msisdn", "value": " "}), "invalid_identity", "member.value"),
        (_with(member={"kind": "msisdn", "value": "x" * 10_240}), "invalid_identity", "member.value"),
        (_with(member={"kind": "msisdn", "value": "a\0b"}), "invalid_identity", "member.value"),
        (_with(facts=[]), "invalid_field", "facts"),
        (_with(facts=[{"type": "purchase", "amount": 1}] * 101), "invalid_field", "facts"),
        (_with(facts=[{"type": "gift"}]), "invalid_field", "facts[0].type"),
        (_fact('"amount": -5'), "invalid_amount", "facts[0].amount"),
        (_fact('"amount": 1e999'), "invalid_amount", "facts[0].amount"),
        (_fact('"amount": Infinity'), "invalid_json", None),
        (_fact('"amount": ' + "9" * 5000), "invalid_amount", "facts[0].amount"),
        (_fact('"amount": 6843.555'), "invalid_amount", "facts[0].amount"),
        (_fact('"amount": true'), "invalid_field", "facts[0].amount"),
        (_fact('"amount": "１２"'), "invalid_amount", "facts[0].amount"),
        (_fact('"amount": 1, "lines": [{"quantity": 1.5}]'), "invalid_field", "facts[0].lines[0].quantity"),
        (_fact('"amount": 1, "product": 1.5'), "invalid_field", "facts[0].product"),
        (_fact('"amount": 1, "occurred_at": "31/12/2025"'), "invalid_date", "facts[0].occurred_at"),
        (_fact('"amount": 1, "occurred_at": "2025-01-01T00:00:00Z"'), "date_out_of_range", "facts[0].occurred_at"),
    ],
)  # fmt: skip
async def test_bad_input_is_refused_with_its_place_and_changes_nothing(
    http: httpx.AsyncClient, engine: EngineDouble, body: bytes, code: str, path: str | None
) -> None:
    reply = await http.post("/v1/commands", content=body, headers={"content-type": "application/json"})
    error = msgspec.convert(reply.json(), shapes.Error).error
    assert (reply.status_code, error.code, error.details.get("path")) == (400, code, path)
    assert "_Number" not in error.message
    assert engine.submissions == {}
    assert (await http.post("/v1/commands", json=COMMAND)).status_code == 202


async def test_retry_gets_its_first_ticket_however_old_its_date_has_become(engine: EngineDouble) -> None:
    now = datetime(2026, 3, 1, 12, tzinfo=UTC)
    app = build_app(engine, now=lambda: now)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app), base_url="http://api", headers={"API-Key": KEY}
    ) as http:
        first = await http.post("/v1/commands", json=COMMAND)
        now = datetime(2027, 3, 1, 12, tzinfo=UTC)
        again = await http.post("/v1/commands", json=COMMAND)
        assert (again.status_code, again.json()["ticket"]) == (202, first.json()["ticket"])
        new = await http.post("/v1/commands", json=COMMAND | {"key": "new"})
        assert (new.status_code, new.json()["error"]["code"]) == (400, "date_out_of_range")
        both = (await http.post("/v1/commands", json=[COMMAND, COMMAND | {"key": "new"}])).json()
        assert (both["accepted"], both["refused"]) == (1, 1)


async def test_number_with_decimals_is_read_by_its_text(http: httpx.AsyncClient, engine: EngineDouble) -> None:
    body = _fact('"amount": 9007199254740.91, "lines": [{"amount": 0.10}]')
    assert (await http.post("/v1/commands", content=body)).status_code == 202
    (submission,) = engine.submissions.values()
    (fact,) = submission.command.facts  # type: ignore[union-attr]
    assert (fact.amount_minor, fact.items[0].amount_minor) == (900_719_925_474_091, 10)


async def test_stored_bytes_give_their_content_again_however_old_they_are(
    http: httpx.AsyncClient, engine: EngineDouble
) -> None:
    await http.post("/v1/commands", json=COMMAND)
    (submission,) = engine.submissions.values()
    assert content_of(submission.body, CATALOGUE, client(idempotency=IdempotencyPolicy.REQUIRE)) == submission.content
    ancient = COMMAND | {"facts": [{"type": "check_in", "occurred_at": "2001-01-01T00:00:00Z"}]}
    assert content_of(json.dumps(ancient).encode(), CATALOGUE, client()) != submission.content


async def test_client_without_the_right_is_refused(http: httpx.AsyncClient, engine: EngineDouble) -> None:
    for method, path in (("POST", "/v1/commands"), ("GET", "/v1/tickets/x"), ("GET", "/v1/members/a/b")):
        reply = await http.request(method, path, headers={"API-Key": "qoin-key"})
        assert (path, reply.status_code, reply.json()["error"]["code"]) == (path, 403, "forbidden")
    assert engine.submissions == {}
    assert engine.member_calls == []


def test_every_code_has_its_status() -> None:
    expected = {
        "invalid": {400}, "unauthorized": {401, 403}, "missing": {404}, "conflict": {409}, "refused": {422},
        "busy": {429, 503}, "broken": {500},
    }  # fmt: skip
    kinds = {error.kind: error for error in AccrualError.__subclasses__() if error.kind in expected}
    for code, kind in CODES.items():
        status = status_of(kinds[kind](code=code))
        allowed = expected[kind] | ({404} if code == "unknown_route" else {413} if code == "too_large" else set())
        assert status in allowed, code
