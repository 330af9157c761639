"""Every form of posting and inquiry, to the letter: the reply it gets under the example programme, and its command."""

from __future__ import annotations

import json
import re
import uuid
from pathlib import Path
from typing import Any

import msgspec
import pytest

from accrual.domain.commands import Dialect, Reward
from accrual.domain.facts import Event, Identity, Purchase
from accrual.domain.tiers import Tiers
from tests.contract.goodie_desk import (
    AMOUNT_RULE,
    HEADERS,
    INQUIRY,
    ISSUING_RULE,
    MEMBER,
    MERCHANT,
    REQUESTS,
    Desk,
    basic,
    custom,
    fixture,
    request,
)
from tests.desk import promo_of

UUID = re.compile("[0-9A-F]{8}-[0-9A-F]{4}-8[0-9A-F]{3}-[89AB][0-9A-F]{3}-[0-9A-F]{12}")
NAMES = sorted(path.stem for path in (Path(__file__).parent / "fixtures").glob("*.json"))


def _pairs(value: Any) -> Any:
    return json.loads(json.dumps(value), object_pairs_hook=list)


@pytest.mark.parametrize("name", NAMES)
async def test_request_gets_its_reply_to_the_letter(name: str) -> None:
    example = fixture(name)
    answer = await Desk().ask(example["request"], to=example["path"])
    assert answer.status == 200
    transaction_id = answer.json["transactionId"]
    shown = answer.text.replace(transaction_id, "<uuid>") if transaction_id else answer.text
    assert json.loads(shown, object_pairs_hook=list) == _pairs(example["response"])
    assert bool(transaction_id) is (example["path"] != INQUIRY)
    assert not transaction_id or UUID.fullmatch(transaction_id)


@pytest.mark.parametrize("name", sorted(path.stem for path in REQUESTS.glob("*.json")))
async def test_request_of_the_example_programme_gives_points(name: str) -> None:
    answer = await Desk().ask(request(name))
    assert answer.json["totalPointIssuing"] > 0


async def test_payment_becomes_a_purchase_of_the_member_at_the_outlet() -> None:
    desk = Desk()
    answer = await desk.ask({**basic(), "basic": {"productCode": "T30H", "totalTrxAmount": "6843.5", "refNumber": "7"}})
    command = desk.taken.command
    assert isinstance(command, Reward)
    assert command.facts == (Purchase(amount_minor=684350, product="T30H", outlet="GD-MERCHANT"),)
    assert (command.dialect, command.action) == (Dialect.GOODIE, "basic")
    assert command.identity == Identity("goodie.member_id", MEMBER)
    assert command.install_id == HEADERS["deviceUniqueId"]
    row = next(row for log in desk.engine.lane.books.log.values() for row in log)
    assert answer.json["transactionId"] == str(uuid.UUID(bytes=row.ticket)).upper()


async def test_custom_rules_become_events_with_the_rules_name() -> None:
    desk = Desk()
    await desk.ask(custom(AMOUNT_RULE, {**ISSUING_RULE, "amount": "ignored"}))
    command = desk.taken.command
    assert isinstance(command, Reward)
    assert command.facts == (
        Event(
            amount_minor=10_000_000,
            outlet="GD-MERCHANT",
            name="goodie.custom",
            attributes={"rule": "CUSTOM RULE API", "issuing": 0},
        ),
        Event(outlet="GD-MERCHANT", name="goodie.custom", attributes={"rule": "CUSTOM RULE ISSUING", "issuing": 1}),
    )


@pytest.mark.parametrize(
    ("merchant", "store", "outlet"),
    [
        (MERCHANT, "", "GD-MERCHANT"),
        (MERCHANT, "STORE-1", "GD-STORE"),
        (MERCHANT, "STORE-2", "GD-MERCHANT"),
        ("another", "", "another"),
        ("another", "STORE-1", "another"),
    ],
)
async def test_outlet_is_the_one_of_merchant_and_store_else_of_the_merchant(
    merchant: str, store: str, outlet: str
) -> None:
    desk = Desk()
    answer = await desk.ask(basic(merchantId=merchant, storeId=store))
    command = desk.taken.command
    assert isinstance(command, Reward)
    assert command.facts[0].outlet == outlet  # type: ignore[union-attr]
    assert (answer.json["merchantId"], answer.json["storeId"]) == (merchant, store)
    assert ("GD-BNI" in answer.given) is (outlet == "GD-MERCHANT")


async def test_several_rules_of_one_promo_are_told_apart() -> None:
    answer = await Desk().ask(
        custom(ISSUING_RULE, {"ruleName": "PROFILE COMPLETE", "issuing": 1}, ISSUING_RULE, AMOUNT_RULE)
    )
    assert answer.given == {"GD-CUSTOM-API": 100, "GD-CUSTOM-ISSUING": 120}
    issued = next(p for p in answer.json["promotionNumberIssued"] if p["promotionCode"] == "GD-CUSTOM-ISSUING")
    assert issued["customRulePoints"] == [
        {"customRuleName": "CUSTOM RULE ISSUING", "customRulePoint": 100},
        {"customRuleName": "PROFILE COMPLETE", "customRulePoint": 20},
    ]


async def test_rules_of_one_promo_share_what_it_gave_by_their_amounts() -> None:
    both = promo_of(
        code="BOTH",
        trigger="event",
        event="goodie.custom",
        condition='event.attributes["rule"] in ["A", "B"]',
        benefits=[{"asset": "PTS", "percent": "10", "max": 10}],
    )
    answer = await Desk(both).ask(
        custom({"ruleName": "A", "issuing": 0, "amount": 200}, {"ruleName": "B", "issuing": 0, "amount": "100.0"})
    )
    assert answer.json["promotionNumberIssued"][0]["customRulePoints"] == [
        {"customRuleName": "A", "customRulePoint": 7},
        {"customRuleName": "B", "customRulePoint": 3},
    ]


def _promo(code: str, **changes: Any) -> Any:
    return promo_of(**{"code": code, "trigger": "purchase", "benefits": [{"asset": "PTS", "fixed": 5}]} | changes)


async def test_promotions_that_are_applicable_and_give_nothing_are_listed_and_others_are_not() -> None:
    """Applicable is what holds for this member, place and day; what it came to is another matter."""
    desk = Desk(
        _promo("GIVES"),
        _promo("CONDITION", condition='purchase.amount >= money("200000 IDR")'),
        _promo("TOO-SMALL", benefits=[{"asset": "PTS", "points_per": {"every": "200000 IDR", "give": 1}}]),
        _promo("LIMITED", limits=[{"count": 1}], stacking={"lane": "bonus"}),
        _promo("EXCLUSIVE", stacking={"lane": "bonus", "exclusive": True, "priority": 5}, limits=[{"count": 1}]),
        _promo("PAUSED", status="paused"),
        _promo("DRAFT", status="draft"),
        _promo("OVER", window={"until": "2026-01-01T00:00:00"}),
        _promo("NOT-YET", window={"from": "2027-01-01T00:00:00"}),
        _promo("MONDAYS", window={"days": ["mon"]}),
        _promo("NIGHTS", window={"hours": ["22:00-23:00"]}),
        _promo("CHRISTMAS", window={"dates": ["12-25"]}),
        _promo("FRIENDS", audience={"lists": ["friends"]}),
        _promo("CODED", promo_codes=["KOPI"]),
        _promo("ELSEWHERE", where={"outlets": ["GD-STORE"]}),
        _promo("EVENT", trigger="event", event="goodie.custom"),
    )
    first = await desk.ask(basic("1"))
    assert first.given == {"EXCLUSIVE": 5, "GIVES": 5, "CONDITION": 0, "LIMITED": 0, "TOO-SMALL": 0}
    second = await desk.ask(basic("2"))
    assert second.given == {"GIVES": 5, "LIMITED": 5, "CONDITION": 0, "EXCLUSIVE": 0, "TOO-SMALL": 0}
    for promotion in second.json["promotionNumberIssued"]:
        named = bool(promotion["basicRuleName"])
        assert named is (promotion["basicRulePoint"] > 0)


async def test_promotion_of_another_custom_rule_is_not_listed() -> None:
    answer = await Desk().ask(custom(AMOUNT_RULE))
    assert list(answer.given) == ["GD-CUSTOM-API"]


async def test_promo_for_any_custom_rule_gives_beside_the_rule_that_is_asked_for() -> None:
    bonus = _promo("BONUS", trigger="event", event="goodie.custom")
    rule = _promo(
        "RULE", trigger="event", event="goodie.custom", benefits=[{"asset": "PTS", "issuing": {"rules": {"R": 7}}}]
    )
    answer = await Desk(bonus, rule).ask(custom({"ruleName": "R", "issuing": 1}))
    assert answer.given == {"BONUS": 5, "RULE": 7}


@pytest.mark.parametrize(
    ("assets", "tiers", "given"),
    [
        (("LD", "PTS"), None, {"BOTH": 5, "TICKET": 0}),
        (("LD",), None, {"TICKET": 3}),
        (("LD", "PTS"), {"asset": "LD", "levels": [{"code": "gold"}]}, {"BOTH": 3, "TICKET": 3}),
    ],
)
async def test_only_points_count_as_points(
    assets: tuple[str, ...], tiers: dict[str, Any] | None, given: dict[str, int]
) -> None:
    ticket = {"asset": "LD", "fixed": 3}
    promos = [_promo("TICKET", benefits=[ticket])]
    if "PTS" in assets:
        promos.append(_promo("BOTH", benefits=[{"asset": "PTS", "fixed": 5}, ticket]))
    settings = {} if tiers is None else {"tiers": msgspec.convert(tiers, Tiers)}
    assert (await Desk(*promos, assets=assets, settings=settings).ask(basic())).given == given


async def test_inquiry_says_what_a_posting_gives_and_posts_nothing() -> None:
    desk = Desk()
    asked = await desk.ask(basic(), to=INQUIRY)
    assert desk.commands == 0
    posted = await desk.ask(basic())
    assert desk.commands == 1
    same = {**posted.json, "transactionId": ""}
    assert asked.json == same
    assert list(asked.json) == list(posted.json)
    before, after = desk.engine.preview_calls[0], desk.taken
    assert (before.key, before.content, before.command) == (after.key, after.content, after.command)
