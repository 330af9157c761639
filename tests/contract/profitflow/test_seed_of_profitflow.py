"""The five calls of Profitflow's page, answered as it shows: names, order, messages and JSON types."""

from __future__ import annotations

import json

import msgspec
import pytest

from accrual.domain.programme import Language
from tests.contract.profitflow_desk import NOW, OUTLET, OWNER, SETTINGS, Desk, fixture, request

ACTIONS = ("show", "add", "set", "update", "del")


def as_pairs(text: str) -> object:
    return json.loads(text, object_pairs_hook=list)


def expected(name: str) -> object:
    """The example's reply with the placeholder for the user replaced by the request's."""
    return as_pairs(json.dumps(fixture(name)["response"]).replace('"text"', json.dumps(OWNER)))


@pytest.mark.parametrize("name", ACTIONS)
def test_content_length_of_the_example_is_that_of_its_body(name: str) -> None:
    body = json.dumps(request(name), separators=(",", ":"), ensure_ascii=False)
    assert str(len(body.encode())) == fixture(name)["headers"]["Content-Length"]


@pytest.mark.parametrize("name", ["add", "set", "update", "del"])
async def test_change_of_the_seed_is_answered_with_its_message(name: str) -> None:
    desk = Desk()
    if name != "add":
        await desk.add(name="Loyalty Program 1")
    answer = await desk.post(name, request(name))
    assert answer.status == 200
    assert as_pairs(answer.text) == expected(name)


async def test_show_of_the_seed_has_its_eight_members_in_order_with_their_types() -> None:
    desk = Desk()
    await desk.post("add", request("add"))
    answer = await desk.post("show", request("show"))
    (shown,) = answer.json
    (example,) = fixture("show")["response"]
    assert list(shown) == list(example)
    assert [type(value) for value in shown.values()] == [type(value) for value in example.values()]
    assert shown == {
        "point_reward_id": "RWD-01",
        "user_id": OWNER,
        "outlet_id": OUTLET,
        "name": "Loyalty Program 1",
        "description": "10 points for every 50000 IDR; 10 points for buying PRD-001, PRD-002 or CAT-001; "
        "5 points for the first purchase",
        "create_dtm": "2025-12-06T06:02:56.120Z",
        "points": 10,
        "is_active": "Yes",
    }


async def test_add_of_the_seed_becomes_a_promo_for_each_thing_it_rewards() -> None:
    desk = Desk()
    await desk.post("add", request("add"))
    promos = {part: stored.newest.promo for part, stored in desk.promos().items()}
    assert set(promos) == {"SPEND", "PRODUCTS", "CATEGORY", "SKU-PRODUCTS", "SKU-CATEGORY", "WELCOME"}
    for part, promo in promos.items():
        assert promo.code == f"PROFITFLOW-1-{part}"
        assert (promo.name, promo.where.outlets, promo.status.value) == ("Loyalty Program 1", (OUTLET,), "active")
        assert (promo.window.from_, promo.window.until) == ("2025-06-01T00:00:00Z", "2026-01-01T00:00:00Z")
        assert [benefit.asset for benefit in promo.benefits] == ["PTS"]
    (step,) = promos["SPEND"].benefits
    assert step.points_per is not None
    assert (step.points_per.every, step.points_per.give) == ("50000 IDR", 10)
    assert promos["PRODUCTS"].where.products == promos["SKU-PRODUCTS"].where.products == ("PRD-001", "PRD-002")
    assert promos["CATEGORY"].where.categories == ("CAT-001",)
    assert promos["CATEGORY"].condition == '!["PRD-001", "PRD-002"].exists(wanted, wanted in purchase.products)'
    assert promos["WELCOME"].benefits[0].fixed == 5
    assert {stored.origin for stored in desk.shelves.programme.promos} == {"profitflow"}
    assert all(stored.newest.effective_from is not None for stored in desk.shelves.programme.promos)


async def test_everything_that_was_sent_is_kept_with_the_rule() -> None:
    desk = Desk()
    await desk.post("add", request("add"))
    (rule,) = desk.rules
    sent = {name: value for name, value in request("add").items() if name not in ("user_id", "outlet_id")}
    assert rule.sent == sent
    assert rule.terms.reward_list == ("Voucher 10%", "Produk Gratis")
    assert (rule.terms.reward_category, rule.terms.send_validation_code) == ("Voucher", False)
    assert rule.created_at == NOW


async def test_update_of_the_seed_changes_promos_and_ends_none_that_is_still_meant() -> None:
    desk = Desk()
    await desk.post("add", request("add"))
    await desk.post("update", request("update"))
    promos = {part: stored.newest.promo for part, stored in desk.promos().items()}
    assert {promo.status.value for promo in promos.values()} == {"active"}
    assert {promo.name for promo in promos.values()} == {"Loyalty 50rb"}
    assert promos["PRODUCTS"].where.products == ("P-001", "P-002")
    assert promos["WELCOME"].benefits[0].fixed == 10
    (shown,) = await desk.shown()
    assert (shown["name"], shown["points"]) == ("Loyalty 50rb", 5)


async def test_description_is_in_the_programmes_language() -> None:
    desk = Desk(settings=msgspec.structs.replace(SETTINGS, language=Language.ID))
    await desk.post("add", request("add"))
    (shown,) = await desk.shown()
    assert shown["description"].startswith(
        "10 poin untuk setiap 50000 IDR; 10 poin untuk pembelian PRD-001, PRD-002 atau"
    )
