"""What Profitflow's calls may look like, and what a call leaves out, empties or repeats."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from accrual.domain.promos import PromoStatus
from tests.contract.profitflow_desk import HERE, OUTLET, OWNER, SETTINGS, Desk

SPEND = {"loyalty_type": "spending", "total_spend": 50000, "points_gain": 10}


@pytest.mark.parametrize(
    "body",
    [
        {"User_id": OWNER, "Outlet_id": OUTLET, "Name": "A", "Points_Gain": 7, "New-Member-Points": 0},
        {"userId": f" {OWNER} ", "OUTLET-ID": OUTLET, "name": " A ", "pointsGain": "7", "extra": {"x": 1}},
        {**HERE, "name": "A", "points_gain": 7.0, "buy_category": None},
    ],
)
async def test_names_are_folded_and_texts_trimmed(body: dict[str, Any]) -> None:
    desk = Desk()
    assert (await desk.post("add", body)).json["message"] == "point reward created"
    (rule,) = desk.rules
    assert (rule.corner.owner, rule.corner.outlet, rule.terms.name, rule.terms.points_gain) == (OWNER, OUTLET, "A", 7)


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (["P-1", "P-2"], ("P-1", "P-2")),
        ("P-1,P-2", ("P-1", "P-2")),
        (" P-1 , ,P-2, P-1", ("P-1", "P-2")),
        ('["P-1", "P-2"]', ("P-1", "P-2")),
        ([10, " T30H ", ""], ("10", "T30H")),
        ("[10, 12]", ("10", "12")),
        ("[P-1,P-2", ("[P-1", "P-2")),
        ([], ()),
        ("", ()),
        ("[]", ()),
        (None, ()),
    ],
)
async def test_lists_come_as_array_as_text_with_commas_or_as_json_text(sent: Any, kept: tuple[str, ...]) -> None:
    desk = Desk()
    await desk.add(buy_products=sent, reward_list=sent)
    (rule,) = desk.rules
    assert (rule.terms.buy_products, rule.terms.reward_list) == (kept, kept)


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (50000, "50000"),
        (50000.0, "50000"),
        ("50000", "50000"),
        ("6843.50", "6843.5"),
        (0.05, "0.05"),
        (0, None),
        ("", None),
        (b"5e4", "50000"),
    ],
)
async def test_money_comes_as_number_or_text_and_zero_is_none(sent: Any, kept: str | None) -> None:
    desk = Desk()
    body = json.dumps({**HERE, "name": "A", "total_spend": "?"}).encode()
    raw = sent if isinstance(sent, bytes) else json.dumps(sent).encode()
    assert (await desk.post("add", body.replace(b'"?"', raw))).status == 200
    assert desk.rules[0].terms.total_spend == kept


@pytest.mark.parametrize(
    ("start", "end", "starts_at", "ends_at"),
    [
        ("2025-06-01T00:00:00Z", "2025-12-31T23:59:59Z", (2025, 6, 1), (2026, 1, 1)),
        ("2025-06-01T07:00:00", "2026-01-01 06:59:59", (2025, 6, 1), (2026, 1, 1)),
        ("2025-06-01T07:00:00+07:00", "2025-12-31T23:59:59.999Z", (2025, 6, 1), (2026, 1, 1)),
        ("2025-06-01 07-00-00", "2026-01-01 06:59:59 WIB", (2025, 6, 1), (2026, 1, 1)),
        ("", None, None, None),
        (None, "", None, None),
    ],
)
async def test_dates_of_every_form_are_read_and_the_end_is_inclusive(
    start: str | None, end: str | None, starts_at: tuple[int, int, int] | None, ends_at: tuple[int, int, int] | None
) -> None:
    desk = Desk()
    await desk.add(start_dtm=start, end_dtm=end)
    terms = desk.rules[0].terms
    wanted = [None if day is None else datetime(*day, tzinfo=UTC) for day in (starts_at, ends_at)]
    assert [terms.starts_at, terms.ends_at] == wanted


async def test_day_without_time_is_whole_at_both_ends() -> None:
    desk = Desk()
    await desk.add(start_dtm="2025-06-01", end_dtm="31/12/2025")
    terms = desk.rules[0].terms
    assert terms.starts_at == datetime(2025, 5, 31, 17, tzinfo=UTC)
    assert terms.ends_at == datetime(2025, 12, 31, 17, tzinfo=UTC)


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        *((said, "Yes") for said in ("Yes", "YES", "ya", True, 1, "", None)),
        *((said, "No") for said in ("No", "no", "tidak", False, "0")),
    ],
)
async def test_is_active_is_yes_or_no_however_it_is_said(sent: Any, shown: str) -> None:
    desk = Desk()
    await desk.add(**SPEND, is_active=sent)
    assert (await desk.shown())[0]["is_active"] == shown
    assert desk.statuses() == {"SPEND": "active" if shown == "Yes" else "paused"}


@pytest.mark.parametrize(
    "named",
    [
        {"reward_id": "RWD-01"},
        {"point_reward_id": "RWD-01"},
        {"reward_id": "rwd-1", "Reward-Id": "rwd-1"},
        {"RewardId": " RWD-001 "},
        {"reward_id": "RWD-01", "point_reward_id": "RWD-01"},
        {"reward_id": "", "point_reward_id": "RWD-01"},
    ],
)
async def test_reward_is_named_by_either_field(named: dict[str, str]) -> None:
    desk = Desk()
    await desk.add()
    answer = await desk.post("set", {**HERE, **named, "is_active": "No"})
    assert (answer.status, answer.json["message"]) == (200, "Point reward set")


@pytest.mark.parametrize("kind", ["spending", "Spend", "SPENDING MONEY"])
async def test_loyalty_type_that_begins_with_spend_pays_for_money(kind: str) -> None:
    desk = Desk()
    await desk.add(loyalty_type=kind, total_spend=1000, points_gain=1)
    assert set(desk.promos()) == {"SPEND"}


@pytest.mark.parametrize(
    "said",
    [
        {"loyalty_type": "visit", "total_spend": 1000, "points_gain": 1},
        {"loyalty_type": "spending", "points_gain": 1},
        {"loyalty_type": "spending", "total_spend": 1000},
        {"buy_products": ["A"]},
        {"points_gain": 1},
        {},
    ],
)
async def test_rule_that_gives_nothing_is_kept_without_a_promo(said: dict[str, Any]) -> None:
    desk = Desk()
    await desk.add(**said)
    assert desk.promos() == {}
    (shown,) = await desk.shown()
    assert (shown["description"], shown["points"], shown["is_active"]) == ("", said.get("points_gain", 0), "Yes")
    await desk.post("set", {**HERE, "reward_id": "RWD-01", "is_active": "No"})
    assert (await desk.shown())[0]["is_active"] == "No"


@pytest.mark.parametrize(
    ("said", "parts"),
    [
        ({"buy_products": ["A"], "points_gain": 1}, {"PRODUCTS", "SKU-PRODUCTS"}),
        ({"buy_category": "C", "points_gain": 1}, {"CATEGORY", "SKU-CATEGORY"}),
        ({"new_member_points": 5}, {"WELCOME"}),
    ],
)
async def test_products_category_and_welcome_count_by_being_there(said: dict[str, Any], parts: set[str]) -> None:
    desk = Desk()
    await desk.add(**said)
    assert set(desk.promos()) == parts
    assert all(stored.newest.promo.condition is None for stored in desk.promos().values())


async def test_products_with_quotes_and_signs_beyond_ascii_are_good_names() -> None:
    desk = Desk()
    await desk.add(points_gain=1, buy_products=['a"b\\c', "kopi é😀"], buy_category="C")
    assert desk.promos()["CATEGORY"].newest.promo.condition is not None


@pytest.mark.parametrize("all_outlets", ["Semua", "All", "semua", " ALL "])
async def test_wildcard_shows_all_outlets_of_the_user_newest_first(all_outlets: str) -> None:
    desk = Desk()
    for outlet, name in (("OTL-001", "A"), ("OTL-002", "B"), ("OTL-001", "C")):
        await desk.add(outlet_id=outlet, name=name)
    await desk.post("add", {"user_id": "+620", "outlet_id": "OTL-001", "name": "D"})
    shown = await desk.shown(outlet_id=all_outlets)
    assert [(each["outlet_id"], each["point_reward_id"], each["name"]) for each in shown] == [
        ("OTL-001", "RWD-02", "C"),
        ("OTL-002", "RWD-01", "B"),
        ("OTL-001", "RWD-01", "A"),
    ]
    assert [each["name"] for each in await desk.shown()] == ["C", "A"]


async def test_show_of_nothing_is_an_empty_array() -> None:
    answer = await Desk().post("show", HERE)
    assert (answer.status, answer.text) == (200, "[]")


async def test_other_client_sees_and_changes_nothing_of_it() -> None:
    desk = Desk()
    await desk.add()
    other = {"API-Key": "other"}
    assert (await desk.post("show", HERE, headers=other)).text == "[]"
    assert (await desk.post("del", {**HERE, "reward_id": "RWD-01"}, headers=other)).status == 404
    assert (await desk.post("add", {**HERE, "name": "Rule"}, headers=other)).json["message"] == "point reward created"
    assert [rule.number for rule in desk.rules] == [1, 1]
    assert desk.rules[0].point_reward_id != desk.rules[1].point_reward_id


async def test_second_rule_of_a_name_is_not_stored() -> None:
    desk = Desk()
    await desk.add(name="Loyalty Program 1")
    revision = desk.shelves.programme.revision
    for name in ("Loyalty Program 1", " loyalty  PROGRAM 1 "):
        answer = await desk.post("add", {**HERE, "name": name, "points_gain": 99})
        assert (answer.status, answer.json) == (200, {"user_id": OWNER, "message": "point reward name already exists"})
    assert (len(desk.rules), desk.shelves.programme.revision) == (1, revision)
    await desk.add(name="Loyalty Program 1", outlet_id="OTL-002")


async def test_name_of_another_rule_is_not_taken_by_an_update() -> None:
    desk = Desk()
    await desk.add(name="A")
    await desk.add(name="B")
    answer = await desk.post("update", {**HERE, "reward_id": "RWD-02", "name": "a", "points_gain": 5})
    assert (answer.status, answer.json["message"]) == (200, "point reward name already exists")
    assert [(rule.terms.name, rule.terms.points_gain) for rule in desk.rules] == [("A", 0), ("B", 0)]
    answer = await desk.post("update", {**HERE, "reward_id": "RWD-02", "name": "b"})
    assert answer.json["message"] == "point reward edit successfully"


async def test_update_changes_what_is_sent_and_leaves_the_rest() -> None:
    desk = Desk()
    await desk.add(**SPEND, buy_products=["A"], new_member_points=5, is_active="No", end_dtm="2030-01-01T00:00:00Z")
    await desk.post("update", {**HERE, "reward_id": "RWD-01", "name": "New", "points_gain": 3, "buy_category": None})
    terms = desk.rules[0].terms
    assert (terms.name, terms.points_gain, terms.total_spend, terms.buy_products) == ("New", 3, "50000", ("A",))
    assert (terms.new_member_points, terms.ends_at is not None) == (5, True)
    assert set(desk.statuses().values()) == {"paused"}
    assert desk.rules[0].sent["total_spend"] == 50000
    assert desk.rules[0].sent["points_gain"] == 3


async def test_field_sent_empty_is_taken_away_and_its_promos_end() -> None:
    desk = Desk()
    await desk.add(**SPEND, buy_products=["A"], new_member_points=5)
    await desk.post(
        "update",
        {**HERE, "reward_id": "RWD-01", "name": "Rule", "buy_products": "", "new_member_points": "", "total_spend": 0},
    )
    assert set(desk.statuses().values()) == {"ended"}
    await desk.post("update", {**HERE, "reward_id": "RWD-01", "name": "Rule", "new_member_points": 7})
    assert desk.statuses()["WELCOME"] == "active"
    assert desk.promos()["WELCOME"].newest.version == 3


async def test_set_pauses_and_resumes_all_promos_as_one() -> None:
    desk = Desk()
    await desk.add(**SPEND, buy_products=["A"], new_member_points=5)
    body = {**HERE, "reward_id": "RWD-01"}
    await desk.post("set", {**body, "is_active": "No"})
    assert set(desk.statuses().values()) == {"paused"}
    assert (await desk.shown())[0]["is_active"] == "No"
    changes = len(desk.shelves.changes)
    await desk.post("set", {**body, "is_active": "No"})
    assert len(desk.shelves.changes) == changes
    await desk.post("set", {**body, "is_active": "Yes"})
    assert set(desk.statuses().values()) == {"active"}


async def test_deleted_rule_is_gone_its_name_free_and_its_number_not() -> None:
    desk = Desk()
    await desk.add(**SPEND, name="A")
    answer = await desk.post("del", {**HERE, "reward_id": "RWD-01"})
    assert answer.json == {"user_id": OWNER, "message": "point reward delete"}
    assert await desk.shown() == []
    assert desk.statuses() == {"SPEND": "ended"}
    assert (await desk.post("del", {**HERE, "reward_id": "RWD-01"})).status == 404
    await desk.add(**SPEND, name="A")
    assert [each["point_reward_id"] for each in await desk.shown()] == ["RWD-02"]
    assert [promo.code for promo in desk.shelves.programme.promos] == ["PROFITFLOW-1-SPEND", "PROFITFLOW-2-SPEND"]


async def test_hundredth_rule_has_three_digits() -> None:
    desk = Desk()
    for number in range(100):
        await desk.add(name=f"Rule {number}")
    shown = await desk.shown()
    assert [shown[0]["point_reward_id"], shown[1]["point_reward_id"], shown[-1]["point_reward_id"]] == [
        "RWD-100",
        "RWD-99",
        "RWD-01",
    ]


async def test_unknown_outlet_becomes_one_of_the_programmes_and_an_alias_is_looked_up() -> None:
    desk = Desk()
    await desk.add(**SPEND, outlet_id="OTL-777")
    await desk.add(**SPEND, outlet_id="Toko Utama")
    await desk.add(**SPEND, outlet_id="Toko #5 (Bali)")
    where = [promo.newest.promo.where.outlets[0] for promo in desk.shelves.programme.promos]
    assert where[:2] == ["OTL-777", "MAIN"]
    outlets = {outlet.code: outlet for outlet in desk.shelves.programme.outlets}
    assert outlets["OTL-777"].aliases == {}
    assert where[2].startswith("Toko-5-Bali-")
    assert outlets[where[2]].aliases == {"pos": ("Toko #5 (Bali)",)}
    assert [each["outlet_id"] for each in await desk.shown(outlet_id="Toko #5 (Bali)")] == ["Toko #5 (Bali)"]
    await desk.add(**SPEND, name="Second", outlet_id="Toko #5 (Bali)")
    assert len(desk.shelves.programme.outlets) == 4


async def test_client_may_name_the_asset_its_rules_give() -> None:
    desk = Desk(asset="LD")
    await desk.add(**SPEND)
    assert desk.promos()["SPEND"].newest.promo.benefits[0].asset == "LD"


async def test_under_four_eyes_a_rule_waits_for_approval_and_is_shown_as_not_giving() -> None:
    desk = Desk(settings=msgspec.structs.replace(SETTINGS, four_eyes=True))
    await desk.add(**SPEND)
    assert desk.statuses() == {"SPEND": "draft"}
    assert (await desk.shown())[0]["is_active"] == "No"


async def test_promo_paused_by_hand_stays_so_at_an_update_and_resumes_when_set() -> None:
    desk = Desk()
    await desk.add(**SPEND)
    _pause(desk, "PROFITFLOW-1-SPEND")
    await desk.post("update", {**HERE, "reward_id": "RWD-01", "name": "Rule", "points_gain": 11})
    assert desk.statuses() == {"SPEND": "paused"}
    assert (await desk.shown())[0]["is_active"] == "No"
    await desk.post("set", {**HERE, "reward_id": "RWD-01", "is_active": "Yes"})
    assert desk.statuses() == {"SPEND": "active"}


def _pause(desk: Desk, code: str) -> None:
    """As `accrual promo pause` does, behind the dialect's back."""
    programme = desk.shelves.programme
    (promo,) = [each for each in programme.promos if each.code == code]
    last = promo.saved[-1]
    paused = msgspec.structs.replace(last.version.promo, status=PromoStatus.PAUSED)
    version = msgspec.structs.replace(
        last.version, version=last.version.version + 1, promo=paused, effective_from=desk.now
    )
    saved = (*promo.saved, msgspec.structs.replace(last, version=version))
    others = tuple(each for each in programme.promos if each.code != code)
    desk.shelves.programme = msgspec.structs.replace(
        programme, promos=(*others, msgspec.structs.replace(promo, saved=saved))
    )
