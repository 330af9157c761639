"""Each call gets its reply to the letter: the partner's own figures, from an empty wallet, by a sequence of calls."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from tests.contract.dsquares_desk import BASE, WALLET, Answer, Desk

FIXTURES = Path(__file__).parent / "fixtures"
OURS = re.compile(
    r'("(?:id|walletId|actorWalletId|userId|refundedLogId)":)\d+(?=[,}])|'
    r'("(?:createdDate|optedInDate|invoiceDate|date|expiryDate)":)"\d{4}-\d\d-\d\d[^"]*"'
)
"""What depends on when and where a test runs: numbers that the log gives, and moments."""


def masked(text: str) -> str:
    """A reply with the numbers and moments that are ours left out."""
    return OURS.sub(lambda found: f'{found[1] or found[2]}"..."', text)


def fixture(name: str) -> Any:
    """A golden pair of request and response, keys in the order of the wire and decimals as they are written."""
    text = (FIXTURES / f"{name}.json").read_text(encoding="utf-8")
    return json.loads(text, parse_float=lambda number: f"decimal {number}")


def ordered(value: Any) -> Any:
    """Objects as lists of pairs, so that the order of keys counts."""
    if isinstance(value, dict):
        return [[name, ordered(inner)] for name, inner in value.items()]
    return [ordered(inner) for inner in value] if isinstance(value, list) else value


def _without_ours(pairs: Any) -> Any:
    ours = {"id", "walletId", "actorWalletId", "userId", "createdDate", "optedInDate"}
    if isinstance(pairs, list) and all(isinstance(each, list | tuple) and len(each) == 2 for each in pairs):
        in_segment = any(name == "rewValueFactor" for name, _ in pairs)
        return [[n, "..." if n in ours and not in_segment else _without_ours(inner)] for n, inner in pairs]
    return pairs


def _stands(answer: Answer, *, total: int, accumulated: int, red: int, bill: int, value: str) -> None:
    """The wallet's figures after a call, and that they agree with each other."""
    wallet = answer.wallet
    assert (wallet["totalPoints"], wallet["accumulatedPoints"], wallet["redPoints"]) == (total, accumulated, red)
    assert wallet["totalPoints"] == wallet["accumulatedPoints"] - wallet["redPoints"]
    assert answer.log["balanceAfter"] == wallet["totalPoints"]
    assert wallet["billRewardPoints"] == bill
    assert f'"billRewardValue":{value},' in answer.text


def test_partners_figures_come_from_an_empty_wallet_by_a_sequence_of_calls(desk: Desk) -> None:
    golden = fixture("reward")
    first = desk.reward(WALLET, 99_991)
    _stands(first, total=299_973, accumulated=299_973, red=0, bill=299_973, value="99991.0")
    desk.redeem(WALLET, 125)
    redeemed = desk.redeem(WALLET, 125)
    _stands(redeemed, total=298_973, accumulated=299_973, red=1000, bill=299_973, value="99991.0")
    assert redeemed.text.endswith('"couponDetails":null,"transaction":null,"totalAmount":74743.0}')
    assert '"amount":125.0,"amountValue":500,' in redeemed.text

    rewarded = desk.ask(f"{BASE}/Reward", golden["request"])
    _stands(rewarded, total=299_273, accumulated=300_273, red=1000, bill=300_273, value="100091.0")
    assert _without_ours(rewarded.pairs) == _without_ours(ordered(golden["response"]))
    assert rewarded.log["invoiceDate"] == "2023-07-12T12:02:54.5791878+03:00"

    refunded = desk.refund(redeemed.log["id"], WALLET)
    _stands(refunded, total=299_773, accumulated=300_273, red=500, bill=300_273, value="100091.0")
    assert (refunded.log["logTypeId"], refunded.log["amountValue"]) == (3, 500)
    assert refunded.log["refundedLogId"] == redeemed.log["id"]
    assert rewarded.log["userId"] == redeemed.log["userId"] == refunded.log["userId"]
    assert {answer.log["walletId"] for answer in (first, redeemed, rewarded, refunded)} == {rewarded.wallet["id"]}


def test_every_call_has_its_keys_in_its_own_order(desk: Desk) -> None:
    rewarded = desk.reward("golden", 100, InvoiceNumber="INV-7", ExternalLogId="golden-1")
    redeemed = desk.redeem("golden", 12.5, Comment="Two coffees")
    refunded = desk.refund(redeemed.log["id"], "golden", ExternalLogId="golden-2", InvoiceNumber="INV-8")
    data = desk.data("golden")
    for name, answer in (("reward", rewarded), ("redeem", redeemed), ("refund", refunded), ("data", data)):
        kept = (FIXTURES / f"{name}.reply.txt").read_text(encoding="utf-8").strip()
        assert masked(answer.text) == kept, name


def test_failures_have_the_order_of_their_call_and_show_nothing(desk: Desk) -> None:
    strict = {"ClientId": "strict", "API-Key": "demo-strict"}
    rewarded = desk.reward("nobody", headers=strict)
    assert rewarded.text == (
        '{"errorCode":"3","errorMessage":"Wallet_Not_Found","pointsLog":null,"wallet":null,'
        '"offerNumber":0,"couponNumber":""}'
    )
    assert desk.redeem("nobody").text == (
        '{"errorCode":"3","errorMessage":"Wallet_Not_Found","offerNumber":0,"couponNumber":null,"wallet":null,'
        '"pointsLog":null,"couponDetails":null,"transaction":null,"totalAmount":null}'
    )
    assert desk.refund(1, "nobody").text == rewarded.text.replace('""', "null")
    assert desk.data("nobody").text == '{"errorCode":"3","errorMessage":"Wallet_Not_Found","data":null}'


def test_moments_are_written_as_dotnet_writes_them(desk: Desk) -> None:
    for sent, shown in (
        ("2023-07-12T12:02:54.5000000+03:00", "2023-07-12T12:02:54.5+03:00"),
        ("2023-07-12T12:02:54.0000000+03:00", "2023-07-12T12:02:54+03:00"),
        ("2023-07-12T09:02:54.123Z", "2023-07-12T12:02:54.123+03:00"),
        ("2023-12-12 12:02:54", "2023-12-12T12:02:54+02:00"),
        ("2023-12-12", "2023-12-12T00:00:00+02:00"),
    ):
        assert desk.reward("moments", 1, TransactionDate=sent).log["invoiceDate"] == shown
    now = desk.reward("moments", 1, TransactionDate="").log
    assert now["invoiceDate"] == now["createdDate"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{0,6}[1-9])?\+0[23]:00", now["createdDate"])
