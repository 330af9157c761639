"""The same call again: an ExternalLogId is one command for ever, answered to the byte as the first time; other calls are new."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.dsquares_desk import BASE, Answer, Desk, apply_document, example, reward
from tests.flow.processes import until

CANNOT = ("-1", "Action_Can_Not_Executed")


def _again(desk: Desk, wallet: str, **changes: Any) -> Answer:
    return desk.ask(f"{BASE}/Reward", reward(wallet, 100, ExternalLogId=f"{wallet}-again") | changes)


def test_first_reply_comes_again_to_the_byte_whatever_was_done_since(desk: Desk) -> None:
    desk.reward("repeats", 10)
    first = _again(desk, "repeats")
    redeemed = desk.redeem("repeats", 50, key="repeats-r")
    part = desk.refund(redeemed.log["id"], "repeats", Points=80, ExternalLogId="repeats-f")
    for points in (80, 40):
        desk.refund(redeemed.log["id"], "repeats", Points=points)
    desk.reward("repeats", 1000)
    desk.native(
        "/v1/members/wallet_code/repeats/profile", {"attributes": {"name": "Nour", "email": "n@example.com"}}, "PUT"
    )
    returned = desk.refund(first.log["id"], "repeats", ExternalLogId="repeats-b")
    assert _again(desk, "repeats").text == first.text
    assert desk.redeem("repeats", 50, key="repeats-r").text == redeemed.text
    assert desk.refund(redeemed.log["id"], "repeats", Points=80, ExternalLogId="repeats-f").text == part.text
    assert desk.refund(first.log["id"], "repeats", ExternalLogId="repeats-b").text == returned.text
    assert (first.wallet["totalPoints"], returned.wallet["totalPoints"]) == (330, 3030)


def test_first_reply_does_not_depend_on_what_the_process_remembers(desk: Desk) -> None:
    desk.reward("remembers", 7)
    first = _again(desk, "remembers")
    desk.redeem("remembers", 5)
    last = desk.reward("remembers", 3)
    desk.engine.wallets._kept.clear()  # as after a restart
    assert _again(desk, "remembers").text == first.text
    later = desk.reward("remembers", 1)
    assert later.wallet["billRewardPoints"] == last.wallet["billRewardPoints"] + 3
    assert later.wallet["redPoints"] == last.wallet["redPoints"] == 20


OTHER: dict[str, dict[str, Any]] = {
    "another amount": {"PointsValue": 101},
    "another branch": {"BranchMsisdn": "20"},
    "another contact": {"ContactMsisdn": "c-x"},
    "a date": {"TransactionDate": "2026-01-01"},
    "a SKU": {"SkuId": "SKU-10"},
    "an unknown SKU": {"SkuId": "SKU-11"},
    "an invoice": {"InvoiceNumber": "I"},
    "nothing to pay": {"PointsValue": 0},
    "another wallet": {"WalletCode": "others-2", "ContactMsisdn": "c-others-2"},
    "an unknown wallet": {"WalletCode": "others-3", "ContactMsisdn": "c-others-3"},
}


@pytest.mark.parametrize("name", OTHER)
def test_external_log_id_with_other_content_cannot_be_executed_and_changes_nothing(desk: Desk, name: str) -> None:
    first = _again(desk, "others")
    desk.reward("others-2", 1)
    if name == "an unknown wallet":  # its contact is written down on the way
        assert _again(desk, "others", **OTHER[name]).failed == CANNOT
    before = desk.commands()
    assert _again(desk, "others", **OTHER[name]).failed == CANNOT
    assert desk.commands() == before
    assert _again(desk, "others").text == first.text


def test_client_whose_keys_are_each_members_still_has_each_external_log_id_once(desk: Desk) -> None:
    headers = {"ClientId": "demo-member-keys"}
    body = reward("scoped", 1, ExternalLogId="scoped-1")
    assert desk.ask(f"{BASE}/Reward", body, headers=headers).code == "0"
    body |= {"WalletCode": "scoped-2", "ContactMsisdn": "c-scoped-2"}
    assert desk.ask(f"{BASE}/Reward", body, headers=headers).failed == CANNOT


def test_external_log_id_is_another_one_for_another_client(desk: Desk) -> None:
    body = reward("two-clients", 1, ExternalLogId="one-id")
    first = desk.ask(f"{BASE}/Reward", body)
    second = desk.ask(f"{BASE}/Reward", body, headers={"ClientId": "demo-by-points"})
    assert (first.log["id"] != second.log["id"], second.wallet["totalPoints"]) == (True, 3 + 1)


def test_redemption_without_a_key_is_new_each_time_and_with_one_it_is_not(desk: Desk) -> None:
    desk.reward("redeemers", 1000)
    assert desk.redeem("redeemers", 1).wallet["redPoints"] == 4
    assert desk.redeem("redeemers", 1).wallet["redPoints"] == 8
    first = desk.redeem("redeemers", 1, key="r-1")
    assert desk.redeem("redeemers", 1, key="r-1").text == first.text
    assert desk.redeem("redeemers", 2, key="r-1").failed == CANNOT
    assert desk.redeem("redeemers", 1, key="r-1", Comment="x").failed == CANNOT
    assert desk.redeem("redeemers", 1).wallet["redPoints"] == 16


def test_client_that_must_send_keys_is_told_so_for_redemptions(desk: Desk) -> None:
    headers = {"ClientId": "demo-member-keys"}
    assert desk.reward("must", 10, headers=headers).code == "0"
    assert desk.redeem("must", 1, headers=headers).mistake == 400
    assert desk.redeem("must", 1, headers=headers, key="m-1").code == "0"


def test_refund_is_one_by_its_external_log_id_which_is_no_rewards(desk: Desk) -> None:
    desk.reward("refunders", 100, ExternalLogId="same-id")
    taken = desk.redeem("refunders", 25).log["id"]
    first = desk.refund(taken, "refunders", Points=40, ExternalLogId="same-id")
    assert desk.refund(taken, "refunders", Points=40, ExternalLogId="same-id").text == first.text
    assert desk.refund(taken, "refunders", Points=41, ExternalLogId="same-id").failed == CANNOT
    assert desk.refund(taken, "refunders", Points=40).wallet["redPoints"] == 20


def test_call_that_is_not_decided_in_time_is_no_failure_of_business_and_may_be_sent_again(desk: Desk) -> None:
    desk.reward("hurried", 1)
    body = reward("hurried", 100, ExternalLogId="hurried-1")
    late = desk.ask(f"{BASE}/Reward", body, in_a_hurry=True)
    assert (late.mistake, late.json["statusName"]) == (503, "ServiceUnavailable")
    assert desk.ask(f"{BASE}/Reward", body).wallet["totalPoints"] == 303


def test_first_reply_outlives_the_branch_the_promo_and_the_factor(desk: Desk) -> None:
    first = desk.ask(f"{BASE}/Reward", reward("outlives", 100, ExternalLogId="outlives-1", SkuId="SKU-10"))
    redeemed = desk.redeem("outlives", 25, key="outlives-r")
    known = desk.engine.catalog.newest(1)
    document = example()
    document["programme"]["tiers"]["levels"][0] |= {"earn": "5", "redeem": "8", "name": "Renamed"}
    document["promos"] = document["promos"][:1]
    document["promos"][0] |= {"name": "Another"}
    document["outlets"][0]["aliases"] = {"dsquares": ["other"]}
    document["clients"][0]["enrol_on_reward"] = True
    try:
        desk.run(apply_document(desk.database, document))
        _until_revised(desk, known.revision)
        assert desk.ask(
            f"{BASE}/Reward", reward("outlives", 100, ExternalLogId="outlives-1", SkuId="SKU-10")
        ).text == first.text  # fmt: skip
        assert desk.redeem("outlives", 25, key="outlives-r").text == redeemed.text
        assert desk.reward("outlives", 100).failed == ("7", "Invalid_Branch")
        assert desk.reward("outlives", 100, BranchMsisdn="other").log["amountValue"] == 500
    finally:
        revision = desk.engine.catalog.newest(1).revision
        desk.run(apply_document(desk.database, desk.document))
        _until_revised(desk, revision)


def _until_revised(desk: Desk, revision: int) -> None:
    until(lambda: desk.engine.catalog.newest(1).revision != revision, within_s=10)
