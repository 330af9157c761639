"""Changes of profiles, events, promo codes and payments over the native API: what is taken, what is refused and where."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from accrual.api.limits import EdgeLimits
from accrual.api.mount import build_app
from accrual.api.native.again import content_of
from accrual.domain.commands import Profile, Reward
from accrual.domain.facts import Event, Identity
from tests.unit.api.engine_double import CATALOGUE, KEY, EngineDouble, client

ADDRESS = "/v1/members/msisdn/62%2F811/profile"
CHANGE: dict[str, Any] = {
    "key": "crm/1",
    "tier": "gold",
    "birthday": "12-25",
    "attributes": {"city": "Bandung", "children": 2, "newsletter": True, "old": None},
    "segments": {"add": ["coffee", "new"], "remove": ["gone"]},
    "lists": {"add": ["VIP"], "remove": []},
}


@pytest.fixture
def engine() -> EngineDouble:
    return EngineDouble(
        (KEY, client(rights=("submit", "profile", "tiers"))), ("qoin-key", client(code="qoin", rights=("qoin_task",)))
    )


@pytest.fixture
async def http(engine: EngineDouble) -> AsyncIterator[httpx.AsyncClient]:
    app = build_app(engine, edge=EdgeLimits())
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app), base_url="http://api", headers={"API-Key": KEY}
    ) as http:
        yield http


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
async def test_profile_is_changed_at_the_members_address(
    http: httpx.AsyncClient, engine: EngineDouble, method: str
) -> None:
    reply = await http.request(method, ADDRESS, json=CHANGE)
    assert reply.status_code == 202, reply.text
    (submission,) = engine.submissions.values()
    assert submission.key == b"kcrm/1"
    command = submission.command
    assert isinstance(command, Profile)
    assert command.identity == Identity("msisdn", "62/811")
    assert (command.tier, command.birthday, command.action) == ("gold", "12-25", "profile")
    assert command.attributes == {"city": "Bandung", "children": 2, "newsletter": True, "old": None}
    assert (command.segments_in, command.segments_out) == (("coffee", "new"), ("gone",))
    assert (command.lists_in, command.lists_out) == (("VIP",), ())


async def test_profile_sent_as_a_command_is_the_same_command(http: httpx.AsyncClient, engine: EngineDouble) -> None:
    first = await http.put(ADDRESS, json=CHANGE)
    profile = {name: value for name, value in CHANGE.items() if name != "key"}
    profile["segments"] = {"remove": ["gone"], "add": ["new", "coffee", "new"]}
    command = {"key": "crm/1", "member": {"kind": "msisdn", "value": "62/811"}, "profile": profile}
    again = await http.post("/v1/commands", json=command)
    assert (again.json()["ticket"], again.json()["repeated"]) == (first.json()["ticket"], True)
    other = await http.put(ADDRESS, json=CHANGE | {"tier": "silver"})
    assert (other.status_code, other.json()["error"]["code"]) == (409, "key_reused")


async def test_stored_profile_is_translated_again_from_its_own_bytes(
    http: httpx.AsyncClient, engine: EngineDouble
) -> None:
    await http.patch(ADDRESS, json=CHANGE)
    (submission,) = engine.submissions.values()
    assert content_of(submission.body, CATALOGUE, client()) == submission.content


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({}, "invalid_field"),
        ({"tier": "x" * 65}, "profile_name"),
        ({"birthday": "30-02"}, "profile_birthday"),
        ({"birthday": "02-30"}, "profile_birthday"),
        ({"attributes": {"": 1}}, "profile_name"),
        ({"attributes": {"city": "x" * 201}}, "profile_value"),
        ({"attributes": {"n": 9_999_999_999_999_999_999}}, "profile_value"),
        ({"attributes": {"n": 1.5}}, "invalid_field"),
        ({"attributes": {"n": [1]}}, "invalid_field"),
        ({"attributes": {f"n{n}": 1 for n in range(201)}}, "invalid_field"),
        ({"segments": {"add": [" x"]}}, "profile_name"),
        ({"lists": {"add": [f"l{n}" for n in range(201)]}}, "invalid_field"),
        ({"lists": ["VIP"]}, "invalid_field"),
        ({"points": 5}, "invalid_field"),
    ],
)
async def test_profile_that_cannot_be_is_refused_before_it_is_accepted(
    http: httpx.AsyncClient, engine: EngineDouble, change: dict[str, Any], code: str
) -> None:
    reply = await http.put(ADDRESS, json=change)
    assert (reply.status_code, reply.json()["error"]["code"]) == (400, code)
    assert not engine.submissions


async def test_profile_needs_the_right_and_a_member_that_can_be(http: httpx.AsyncClient) -> None:
    assert (await http.put(ADDRESS, json=CHANGE, headers={"API-Key": "qoin-key"})).status_code == 403
    reply = await http.put("/v1/members/msisdn/%20/profile", json=CHANGE)
    assert (reply.status_code, reply.json()["error"]["code"]) == (400, "invalid_identity")


async def _post(http: httpx.AsyncClient, **changes: Any) -> httpx.Response:
    command = {"member": {"kind": "msisdn", "value": "1"}, "facts": [{"type": "purchase", "amount": 10}]}
    return await http.post("/v1/commands", json=command | changes)


async def test_event_promo_codes_and_payment_come_with_the_command(
    http: httpx.AsyncClient, engine: EngineDouble
) -> None:
    event = {"type": "event", "name": " app_review ", "attributes": {"stars": 5, "rule": "REVIEW", "photo": False}}
    reply = await _post(http, facts=[event], promo_codes=["HELLO ", "B"], payment="qris")
    assert reply.status_code == 202, reply.text
    (submission,) = engine.submissions.values()
    command = submission.command
    assert isinstance(command, Reward)
    assert command.facts == (Event(name="app_review", attributes={"photo": False, "rule": "REVIEW", "stars": 5}),)
    assert (command.promo_codes, command.payment) == (("HELLO", "B"), "qris")


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"facts": []}, "facts"),
        ({"profile": {"tier": "gold"}}, "facts"),
        ({"facts": [], "profile": {"tier": "gold"}, "payment": "qris"}, "payment"),
        ({"facts": [], "profile": {"tier": "gold"}, "promo_codes": ["A"]}, "promo_codes"),
        ({"facts": [{"type": "event"}]}, "facts[0].name"),
        ({"facts": [{"type": "event", "name": "x", "attributes": {"a": 2**63}}]}, "facts[0].attributes"),
        ({"facts": [{"type": "check_in", "name": "x"}]}, "facts[0].name"),
        ({"facts": [{"type": "check_in", "attributes": {}}]}, "facts[0].attributes"),
        ({"promo_codes": ["A", " "]}, "promo_codes[1]"),
        ({"promo_codes": ["A"] * 21}, "promo_codes"),
        ({"payment": ""}, "payment"),
    ],
)
async def test_field_in_the_wrong_place_is_named(
    http: httpx.AsyncClient, engine: EngineDouble, changes: dict[str, Any], path: str
) -> None:
    error = (await _post(http, **changes)).json()["error"]
    assert (error["code"], error["details"]["path"]) == ("invalid_field", path)
    assert not engine.submissions


async def test_other_promo_code_payment_or_attribute_is_other_content(http: httpx.AsyncClient) -> None:
    event = {"type": "event", "name": "review", "attributes": {"stars": 5}}
    for changes in ({"promo_codes": ["A"]}, {"payment": "qris"}, {"facts": [event]}):
        assert (await _post(http, key=str(changes), **changes)).status_code == 202
        assert (await _post(http, key=str(changes), **changes)).json()["repeated"]
    for key, changes in (
        ({"promo_codes": ["A"]}, {"promo_codes": ["B"]}),
        ({"payment": "qris"}, {"payment": "card"}),
        ({"facts": [event]}, {"facts": [event | {"attributes": {"stars": 4}}]}),
    ):
        assert (await _post(http, key=str(key), **changes)).status_code == 409, key
