"""Each form that the partner's tables, samples and mobile SDKs show: whatever a client makes of them, one command comes out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from accrual.api.dialects.goodie.wire import fields
from tests.contract.goodie_desk import AMOUNT_RULE, HEADERS, ISSUING_RULE, MEMBER, MERCHANT, Desk, basic, custom

Change = Callable[[dict[str, Any]], dict[str, Any]]

PAYMENT = {"productCode": "T30H", "totalTrxAmount": "100000", "refNumber": "R-1"}
ALIKE: dict[str, Change] = {
    "a space before the memberId, as in the partner's sample": lambda b: b | {"memberId": f" {MEMBER}"},
    "spaces around everything": lambda b: {
        "memberId": f"{MEMBER} ",
        "merchantId": f" {MERCHANT}",
        "storeId": " ",
        "basic": {name: f" {value} " for name, value in PAYMENT.items()},
    },
    "Basic, as in the table": lambda b: {("Basic" if name == "basic" else name): value for name, value in b.items()},
    "an array of one": lambda b: b | {"basic": [b["basic"]]},
    "an amount that is a number": lambda b: b | {"basic": PAYMENT | {"totalTrxAmount": 100000}},
    "an amount with decimals": lambda b: b | {"basic": PAYMENT | {"totalTrxAmount": "100000.00"}},
    "an amount with an exponent": lambda b: b | {"basic": PAYMENT | {"totalTrxAmount": 1e5}},
    "no store": lambda b: {name: value for name, value in b.items() if name != "storeId"},
    "a store that is null": lambda b: b | {"storeId": None},
    "names in other letters": lambda b: {
        "MEMBERID": MEMBER,
        "merchant_id": MERCHANT,
        "store-id": "",
        "BASIC": {"ProductCode": "T30H", "total_trx_amount": "100000", "RefNumber": "R-1"},
    },
    "empty custom rules beside it": lambda b: b | {"custom": []},
    "custom rules that are null": lambda b: b | {"custom": None},
    "an empty object for custom rules": lambda b: b | {"custom": {}},
    "fields that nobody knows": lambda b: b | {"note": {"deep": [1, 2]}, "basic": PAYMENT | {"till": 4}},
    "keys in another order": lambda b: dict(reversed(b.items())),
}


@pytest.mark.parametrize("name", ALIKE)
async def test_payment_that_is_spelt_otherwise_is_the_same_payment(name: str) -> None:
    desk = Desk()
    body = basic() | {"basic": dict(PAYMENT)}
    first = await desk.ask(body)
    assert first.given["GD-GENERAL"] == 200
    assert (await desk.ask(ALIKE[name](body))).text == first.text
    assert desk.commands == 1


RULES: dict[str, Any] = {
    "an object for the array, as in the table": {"custom": dict(AMOUNT_RULE)},
    "capitals, as in the table": {"custom": [{"ruleName": "CUSTOM RULE API", "Issuing": 0, "Amount": 100000}]},
    "texts for numbers": {"custom": [{"ruleName": "CUSTOM RULE API", "issuing": "0", "amount": "100000"}]},
    "Custom": {"Custom": [dict(AMOUNT_RULE)]},
    "an empty payment beside it": {"custom": [dict(AMOUNT_RULE)], "basic": {}},
    "no payment beside it": {"custom": [dict(AMOUNT_RULE)], "basic": []},
}


@pytest.mark.parametrize("name", RULES)
async def test_custom_rule_that_is_spelt_otherwise_is_the_same_rule(name: str) -> None:
    desk = Desk()
    first = await desk.ask(custom(AMOUNT_RULE), key="one")
    assert first.given == {"GD-CUSTOM-API": 100}
    said = {"memberId": MEMBER, "merchantId": MERCHANT, "storeId": ""} | RULES[name]
    assert (await desk.ask(said, key="one")).text == first.text
    assert desk.commands == 1


async def test_amount_beside_a_rule_with_points_of_its_own_is_not_looked_at() -> None:
    desk = Desk()
    first = await desk.ask(custom(ISSUING_RULE), key="one")
    for amount in (0, -5, "x", None, [], 10**40):
        assert (await desk.ask(custom({**ISSUING_RULE, "amount": amount}), key="one")).text == first.text


@pytest.mark.parametrize(
    "spelt", ["authtoken deviceuniqueid", "AUTHTOKEN DEVICEUNIQUEID", "Auth-Token Device_Unique_Id"]
)
async def test_headers_are_known_however_they_are_spelt(spelt: str) -> None:
    headers = dict(zip(spelt.split(), HEADERS.values(), strict=True))
    assert (await Desk().ask(basic(), headers=headers)).status == 200


async def test_reply_repeats_identifiers_as_they_are_compared() -> None:
    answer = await Desk().ask(basic(memberId=f"  {MEMBER}\t", storeId=" STORE-1 "))
    assert (answer.json["memberId"], answer.json["storeId"]) == (MEMBER, "STORE-1")


@pytest.mark.parametrize(("amount", "points"), [("6843.5", 13), (6843.5, 13), ("0", 0), (499, 0), (500, 1)])
async def test_amount_is_read_exactly_and_points_are_floored(amount: Any, points: int) -> None:
    assert (await Desk().ask(basic(amount=amount))).given["GD-GENERAL"] == points


async def test_history_shows_what_was_sent_in_the_partners_spelling() -> None:
    desk = Desk()
    await desk.ask(
        {"MEMBERID": MEMBER, "merchantid": MERCHANT, "Basic": {"REFNUMBER": "R", "totaltrxamount": 1.5, "x": 1}}
    )
    assert fields(desk.taken.body) == {
        "memberId": MEMBER,
        "merchantId": MERCHANT,
        "basic": {"refNumber": "R", "totalTrxAmount": "1.5", "x": 1},
        "memberName": "",
    }
    assert fields(b"") == {}
