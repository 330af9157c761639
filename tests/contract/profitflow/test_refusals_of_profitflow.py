"""What Profitflow's calls are refused for, by name, in the partner's shape; nothing is stored then."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accrual.api.dialects.profitflow.reply import DOCUMENTED_ONLY, USER, failure
from accrual.domain.errors import (
    CODES,
    AccrualError,
    Broken,
    Busy,
    Conflict,
    Forbidden,
    Invalid,
    Missing,
    Refused,
    Unauthorized,
)
from accrual.domain.promos import Promo, PromoVersion
from accrual.domain.stored_programme import CatalogueChange, SavedVersion, StoredPromo
from accrual.engine import point_reward_step
from accrual.rules import check
from tests.contract.profitflow_desk import HERE, KEY, NOW, OUTLET, OWNER, SETTINGS, Desk
from tests.desk import promo_of

RULE = {**HERE, "name": "Rule"}
NEW = {**HERE, "name": "Another rule"}
FIRST = {**HERE, "reward_id": "RWD-01"}
KINDS: dict[str, type[AccrualError]] = {
    "invalid": Invalid,
    "unauthorized": Unauthorized,
    "missing": Missing,
    "conflict": Conflict,
    "refused": Refused,
    "busy": Busy,
    "broken": Broken,
}
STATUS_OF_KIND = {
    "invalid": 400,
    "unauthorized": 401,
    "missing": 404,
    "conflict": 409,
    "refused": 422,
    "busy": 503,
    "broken": 500,
}
STATUS_OF = {"forbidden": 403, "unknown_route": 404, "too_large": 413, "busy": 429}


@pytest.mark.parametrize("documented_only", [False, True])
@pytest.mark.parametrize("code", CODES)
def test_every_code_has_its_status_in_the_partners_shape(code: str, documented_only: bool) -> None:
    kind = Forbidden if code == "forbidden" else KINDS[CODES[code]]
    details = {USER: OWNER, DOCUMENTED_ONLY: documented_only}
    reply = failure(kind("Something is so.", code=code, details=details))
    assert reply.status == (500 if documented_only else STATUS_OF.get(code) or STATUS_OF_KIND[CODES[code]])
    told = json.loads(reply.body, object_pairs_hook=list)
    assert told == [("user_id", OWNER), ("message", "Something is so.")]
    assert reply.media_type == "application/json"


@pytest.mark.parametrize(
    ("action", "body", "status", "message"),
    [
        ("show", {"outlet_id": OUTLET}, 400, "user_id: is needed."),
        ("show", {"user_id": OWNER}, 400, "outlet_id: is needed."),
        ("show", {"user_id": OWNER, "outlet_id": "  "}, 400, "outlet_id: is needed."),
        ("add", HERE, 400, "name: is needed."),
        ("add", {**HERE, "name": " "}, 400, "name: is needed."),
        ("add", {**RULE, "name": "x" * 201}, 400, "name: has more than 200 characters."),
        ("add", {**RULE, "name": "a\x00"}, 400, "name: has control characters in it."),
        ("add", {**RULE, "name": ["a"]}, 400, "name: expected text or a number."),
        ("add", {**RULE, "outlet_id": "Semua"}, 400, "outlet_id: means all outlets; here one is needed."),
        ("add", {**RULE, "total_spend": -1}, 400, "total_spend: The amount is negative."),
        ("add", {**RULE, "total_spend": "1.234"}, 400, "total_spend: The amount has more than 2 decimals."),
        ("add", {**RULE, "total_spend": "a lot"}, 400, "total_spend: The amount is not a plain decimal number."),
        ("add", {**RULE, "total_spend": 10**20}, 400, "total_spend: The amount is too large."),
        ("add", {**RULE, "total_spend": True}, 400, "total_spend: expected a number."),
        ("add", {**RULE, "points_gain": -1}, 400, "points_gain: expected a whole number of points, 0 or more."),
        ("add", {**RULE, "Points-Gain": 1.5}, 400, "Points-Gain: expected a whole number of points, 0 or more."),
        ("add", {**RULE, "points_gain": 2**63}, 400, "points_gain: expected a whole number of points, 0 or more."),
        ("add", {**RULE, "new_member_points": "five"}, 400, "new_member_points: expected a whole number"),
        ("add", {**RULE, "buy_products": {"a": 1}}, 400, "buy_products: expected a list, or a text with commas."),
        ("add", {**RULE, "buy_products": True}, 400, "buy_products: expected a list, or a text with commas."),
        ("add", {**RULE, "buy_products": [5.5]}, 400, "buy_products[0]: expected text or a whole number."),
        ("add", {**RULE, "buy_products": ["a", ["b"]]}, 400, "buy_products[1]: expected text or a number."),
        ("add", {**RULE, "buy_products": [f"P{n}" for n in range(201)]}, 400, "buy_products: has more than 200"),
        ("add", {**RULE, "reward_list": ["x\x1b"]}, 400, "reward_list[0]: has control characters in it."),
        ("add", {**RULE, "start_dtm": "tomorrow"}, 400, "start_dtm: expected a date such as"),
        ("add", {**RULE, "end_dtm": "2025-02-30T00:00:00Z"}, 400, "end_dtm: is no day or time of the calendar."),
        ("add", {**RULE, "end_dtm": 20251231}, 400, "end_dtm: expected a date as text."),
        ("add", {**NEW, "start_dtm": "2026-01-02", "end_dtm": "2026-01-01"}, 400, "It would end before it begins."),
        ("add", {**RULE, "is_active": "maybe"}, 400, "is_active: expected Yes or No."),
        ("add", {**RULE, "send_validation_code": 2}, 400, "send_validation_code: expected Yes or No."),
        ("set", {**FIRST}, 400, "is_active: is needed."),
        ("set", {**FIRST, "is_active": ""}, 400, "is_active: is needed."),
        ("set", {**HERE, "is_active": "Yes"}, 400, "reward_id: is needed."),
        ("set", {**FIRST, "point_reward_id": "RWD-02", "is_active": "Yes"}, 400, "is another one than reward_id."),
        ("set", {**HERE, "reward_id": "RWD-99", "is_active": "No"}, 404, "There is no point reward RWD-99"),
        ("set", {**HERE, "reward_id": "text", "is_active": "No"}, 404, "There is no such point reward"),
        ("set", {**HERE, "reward_id": "RWD-00", "is_active": "No"}, 404, "There is no such point reward"),
        ("set", {**FIRST, "outlet_id": "OTL-002", "is_active": "No"}, 404, "There is no point reward RWD-01"),
        ("set", {**FIRST, "user_id": "+1", "is_active": "No"}, 404, "There is no point reward RWD-01"),
        ("update", FIRST, 400, "name: is needed."),
        ("update", {**RULE, "reward_id": "RWD-99"}, 404, "There is no point reward RWD-99"),
        ("del", HERE, 400, "reward_id: is needed."),
        ("del", {**HERE, "reward_id": "RWD-99"}, 404, "There is no point reward RWD-99"),
        ("show", b"", 400, "The body is empty; JSON is expected."),
        ("show", b"user_id=1", 400, "The body is not JSON"),
        ("show", b"[]", 400, "The body is JSON, but no object."),
        ("show", b'{"user_id":"a","user_id":"b"}', 400, "A key stands twice in one object."),
        ("show", b'{"user_id":"a","User-Id":"b"}', 400, "User-Id: is the same field as user_id, with another value."),
    ],
)
async def test_failure_is_named_and_stores_nothing(action: str, body: Any, status: int, message: str) -> None:
    desk = Desk()
    await desk.add(points_gain=1, buy_products=["A"])
    before = desk.shelves.programme
    answer = await desk.post(action, body)
    assert (answer.status, list(answer.json)) == (status, ["user_id", "message"])
    assert message in answer.json["message"]
    sent = body.get("user_id", "") if isinstance(body, dict) else ""
    assert answer.json["user_id"] == sent
    assert desk.shelves.programme == before
    assert len(desk.rules) == 1


@pytest.mark.parametrize(
    ("action", "body"),
    [("add", HERE), ("set", {**FIRST, "is_active": "No"}), ("update", RULE), ("del", FIRST), ("show", b"{")],
)
async def test_client_that_knows_only_documented_statuses_gets_500(action: str, body: Any) -> None:
    answer = await Desk(documented_statuses_only=True).post(action, body)
    assert answer.status == 500
    assert list(answer.json) == ["user_id", "message"]
    assert (await Desk(documented_statuses_only=True).post("add", RULE)).status == 200


async def test_key_is_required_and_has_to_be_known() -> None:
    desk = Desk()
    for headers, message in (
        ({}, "No key was sent"),
        ({"API-Key": "wrong"}, "The key is not known."),
        ({"API-Key": ""}, "No key was sent"),
    ):
        answer = await desk.post("add", RULE, headers=headers)
        assert (answer.status, answer.json["user_id"]) == (401, "")
        assert message in answer.json["message"]
    assert (await desk.post("add", RULE, headers={"Authorization": "Bearer demo-profitflow"})).status == 200


async def test_client_without_the_right_is_refused() -> None:
    desk = Desk(rights=("submit", "promos"))
    answer = await desk.post("add", RULE)
    assert (answer.status, answer.json["message"]) == (403, "This client has no right to profitflow.")
    assert desk.rules == []


async def test_open_client_needs_no_key_on_this_machine_and_nowhere_else() -> None:
    desk = Desk(open=True)
    assert (await desk.post("add", RULE, headers={}, host="127.0.0.1")).json["message"] == "point reward created"
    assert (await desk.post("show", HERE, headers={}, host="::1")).status == 200
    for host in ("192.168.1.7", "10.0.0.1", "::ffff:192.168.1.7", "", "testclient"):
        assert (await desk.post("show", HERE, headers={}, host=host)).status == 401, host
    for header in ("X-Forwarded-For", "Forwarded", "X-Real-IP"):
        assert (await desk.post("show", HERE, headers={header: "127.0.0.1"})).status == 401, header
    assert (await desk.post("show", HERE, headers={"API-Key": "wrong"})).status == 401
    assert (await desk.post("show", HERE, headers={"API-Key": ""})).status == 401
    assert (await desk.post("show", HERE, headers=KEY)).status == 200


async def test_body_over_the_limit_is_refused() -> None:
    answer = await Desk().post("add", {**RULE, "reward_category": "x" * 70_000})
    assert (answer.status, list(answer.json)) == (413, ["user_id", "message"])


async def test_products_and_category_whose_promo_would_be_too_much_are_refused_whole() -> None:
    desk = Desk()
    products = [f"{n:03}-{'p' * 40}" for n in range(150)]
    answer = await desk.post("add", {**RULE, "points_gain": 1, "buy_products": products, "buy_category": "C"})
    assert answer.status == 400
    assert answer.json["message"].startswith("No promo can be made of this: ")
    assert (desk.rules, desk.shelves.programme.promos) == ([], ())
    assert (await desk.post("add", {**RULE, "points_gain": 1, "buy_products": products})).status == 200


async def test_one_user_has_only_so_many_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(point_reward_step, "OWNED_MAX", 2)
    desk = Desk()
    await desk.add(name="A")
    await desk.add(name="B", outlet_id="OTL-002")
    answer = await desk.post("add", {**RULE, "name": "C"})
    assert (answer.status, answer.json["message"]) == (422, "This user has 2 point rewards already, which is the most.")
    await desk.post("del", {**HERE, "reward_id": "RWD-01"})
    await desk.add(name="C")


@pytest.mark.parametrize(("what", "count"), [("promos", 1), ("outlets", 2)])
async def test_programme_takes_only_so_many(monkeypatch: pytest.MonkeyPatch, what: str, count: int) -> None:
    monkeypatch.setitem(check.COUNTS_MAX, what, count)
    desk = Desk()
    answer = await desk.post("add", {**RULE, "outlet_id": "OTL-9", "points_gain": 1, "buy_products": ["A"]})
    assert answer.status == 422
    assert f"more than {count} {what}" in answer.json["message"]
    assert desk.rules == []


async def test_programme_without_assets_cannot_have_rules() -> None:
    desk = Desk()
    desk.shelves.programme = msgspec.structs.replace(desk.shelves.programme, assets=())
    answer = await desk.post("add", RULE)
    assert answer.status == 422
    assert "it needs an asset" in answer.json["message"]


async def test_promo_of_a_file_is_never_touched_whatever_its_code() -> None:
    desk = Desk()
    _file_promo(desk, "PROFITFLOW-1-WELCOME")
    await desk.add(points_gain=1, buy_products=["A"])
    assert {promo.code for promo in desk.shelves.programme.promos if promo.origin == "profitflow"} == {
        "PROFITFLOW-2-PRODUCTS",
        "PROFITFLOW-2-SKU-PRODUCTS",
    }
    _file_promo(desk, "PROFITFLOW-2-WELCOME")
    answer = await desk.post("update", {**RULE, "reward_id": "RWD-01", "new_member_points": 5})
    assert answer.status == 409
    assert (await desk.post("set", {**FIRST, "is_active": "No"})).status == 200


def _file_promo(desk: Desk, code: str) -> None:
    promo: Promo = promo_of(code=code, trigger="purchase", benefits=[{"asset": "PTS", "fixed": 1}])
    desk.shelves.programme = msgspec.structs.replace(
        desk.shelves.programme,
        promos=(*desk.shelves.programme.promos, _stored(promo, len(desk.shelves.programme.promos) + 1)),
    )


def _stored(promo: Promo, promo_id: int) -> StoredPromo:
    version = PromoVersion(
        promo_version_id=promo_id, promo_id=promo_id, version=1, revision=1, effective_from=None, promo=promo
    )
    return StoredPromo(
        promo_id=promo_id,
        origin="file",
        saved=(SavedVersion(version=version, actor="file", recorded_at=NOW),),
    )


async def test_every_change_says_in_the_audit_who_did_what_to_which_promo() -> None:
    desk = Desk()
    await desk.add(points_gain=1, buy_products=["A"])
    await desk.post("set", {**FIRST, "is_active": "No"})
    await desk.post("del", FIRST)
    assert [_subjects(change) for change in desk.shelves.changes] == [
        [
            ("add", "point reward 1", None),
            ("create", "promo PROFITFLOW-1-PRODUCTS", "RWD-01 at OTL-001: add"),
            ("create", "promo PROFITFLOW-1-SKU-PRODUCTS", "RWD-01 at OTL-001: add"),
        ],
        [
            ("set", "point reward 1", None),
            ("set", "promo PROFITFLOW-1-PRODUCTS", "RWD-01 at OTL-001: set"),
            ("set", "promo PROFITFLOW-1-SKU-PRODUCTS", "RWD-01 at OTL-001: set"),
        ],
        [
            ("del", "point reward 1", None),
            ("del", "promo PROFITFLOW-1-PRODUCTS", "RWD-01 at OTL-001: del"),
            ("del", "promo PROFITFLOW-1-SKU-PRODUCTS", "RWD-01 at OTL-001: del"),
        ],
    ]


def _subjects(change: CatalogueChange) -> list[tuple[str, str, Any]]:
    return [
        (entry.action, entry.subject, entry.after.get("reason") if isinstance(entry.after, dict) else None)
        for entry in change.audit
    ]


NAMES = [
    "user_id", "User-Id", "outlet_id", "name", "loyalty_type", "total_spend", "buy_products", "buy_category",
    "points_gain", "new_member_points", "reward_list", "start_dtm", "end_dtm", "is_active", "reward_id",
]  # fmt: skip
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(["", "spending", "RWD-01", "Semua", OUTLET, OWNER, "Yes", "[1,2]", "1e5", "2025-06-01", "0"]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=6,
)
BODIES = st.one_of(
    st.dictionaries(st.sampled_from(NAMES), VALUES), VALUES, st.fixed_dictionaries({"user_id": VALUES, "name": VALUES})
)


@settings(deadline=None, max_examples=60)
@given(body=BODIES, raw=st.binary(max_size=40), action=st.sampled_from(["show", "add", "set", "update", "del"]))
async def test_whatever_is_sent_gets_a_reply_in_one_of_the_shapes(body: Any, raw: bytes, action: str) -> None:
    desk = Desk(settings=SETTINGS)
    await desk.add(points_gain=1, buy_products=["A"])
    said = {**HERE, "name": "B", "reward_id": "RWD-01", "is_active": "Yes"}
    merged = said | body if isinstance(body, dict) else body
    for sent in (json.dumps(body).encode(), raw, json.dumps(merged, ensure_ascii=False).encode(errors="surrogatepass")):
        answer = await desk.post(action, sent)
        assert answer.status in (200, 400, 404)
        assert isinstance(answer.json, list) or list(answer.json) == ["user_id", "message"]
