"""What a wallet's totals are made of: whatever happens to points, each reply agrees with itself and with the ledger."""

from __future__ import annotations

from typing import Any

from accrual.api.dialects.dsquares.decimals import cost_minor, of_minor, of_text, worth_minor
from tests.contract.dsquares_desk import BASE, Answer, Desk, reward


def figures(answer: Answer) -> tuple[int, int, int, int, str]:
    """total, accumulated, red, bill points and bill value (as written); their relations are checked."""
    wallet = answer.wallet
    assert wallet["totalPoints"] == wallet["accumulatedPoints"] - wallet["redPoints"]
    assert answer.log["balanceAfter"] == wallet["totalPoints"]
    value = answer.text.split('"billRewardValue":')[1].split(",")[0]
    return wallet["totalPoints"], wallet["accumulatedPoints"], wallet["redPoints"], wallet["billRewardPoints"], value


def test_bonus_counts_in_points_and_not_in_the_bill(desk: Desk) -> None:
    answer = desk.reward("bonus", 100, SkuId="SKU-10")
    assert (answer.log["amountValue"], figures(answer)) == (310, (310, 310, 0, 300, "100.0"))
    assert figures(desk.reward("bonus", "0.50")) == (311, 311, 0, 301, "100.5")


def test_refund_of_a_redemption_lowers_red_points_alone(desk: Desk) -> None:
    desk.reward("red", 1000)
    first = desk.redeem("red", 125)
    assert figures(first) == (2500, 3000, 500, 3000, "1000.0")
    assert figures(desk.refund(first.log["id"], "red", PointsValue=100)) == (2900, 3000, 100, 3000, "1000.0")
    assert figures(desk.refund(first.log["id"], "red")) == (3000, 3000, 0, 3000, "1000.0")


def test_returned_reward_leaves_totals_and_bill_as_if_it_had_never_been(desk: Desk) -> None:
    desk.reward("as-if", "0.50")
    bought = desk.reward("as-if", 33.5, SkuId="SKU-10")
    assert figures(bought) == (111, 111, 0, 101, "34.0")
    back = desk.refund(bought.log["id"], "as-if")
    assert (figures(back), back.log["amountValue"]) == ((1, 1, 0, 1, "0.5"), 110)


def test_returned_reward_whose_points_were_spent_is_owed_and_paid_by_the_next(desk: Desk) -> None:
    bought = desk.reward("owing", 100)
    desk.redeem("owing", 50)
    assert figures(desk.refund(bought.log["id"], "owing")) == (0, 200, 200, 0, "0.0")
    assert figures(desk.reward("owing", 100)) == (100, 300, 200, 300, "100.0")


def test_points_by_other_ways_count_as_accumulated_and_not_as_billed(desk: Desk) -> None:
    desk.reward("ways", 100)
    desk.move("ways", type="grant", asset="PTS", amount=50)
    assert figures(desk.redeem("ways", 1)) == (346, 350, 4, 300, "100.0")
    desk.reward("ways-2", 1)
    desk.move("ways", type="transfer", asset="PTS", amount=46, to={"kind": "wallet_code", "value": "ways-2"})
    assert figures(desk.redeem("ways", 1)) == (296, 304, 8, 300, "100.0")
    assert figures(desk.reward("ways-2", 1)) == (52, 52, 0, 6, "2.0")


def test_points_that_are_not_active_yet_are_suspended(desk: Desk) -> None:
    desk.reward("pending", 1)
    desk.move("pending", type="grant", asset="PTS", amount=70, active_after="P1D")
    answer = desk.reward("pending", 1)
    assert (answer.wallet["suspendedPoints"], answer.wallet["totalPoints"]) == (70, 6)


def test_points_that_were_due_already_are_shown_as_expired(desk: Desk) -> None:
    old = desk.reward("due", 100, SkuId="SKU-10", TransactionDate="2023-01-01")
    assert (old.log["isExpired"], old.wallet["totalPoints"]) == (False, 300)
    assert desk.data("due").json["data"]["pointsToExpire"] == 0
    desk.move("due", type="grant", asset="PTS", amount=20, expires="P3D")
    data = desk.data("due").json["data"]
    assert (data["pointsToExpire"], data["totalPoints"], len(data["expiryDate"])) == (20, 320, 10)


def test_data_of_a_wallet_agrees_with_its_last_reply(desk: Desk) -> None:
    desk.reward("asked", 100)
    last = desk.redeem("asked", 12.5)
    data = desk.data("asked").json["data"]
    wallet = last.wallet
    assert (data["totalPoints"], data["lifeTimePoints"], data["reedemPoints"]) == (
        wallet["totalPoints"], wallet["accumulatedPoints"], wallet["redPoints"],
    )  # fmt: skip
    assert (data["totalValue"], data["redeemValue"], data["totalTransactions"]) == (62.5, 12.5, 2)
    assert [(each["points"], each["pointsValue"]) for each in data["redemptionTransactions"]] == [(50, 12.5)]
    assert [(each["points"], each["pointsValue"]) for each in data["accumulationTransactions"]] == [(300, 100.0)]


def test_merged_wallet_is_a_child_that_acts_on_its_parents_points(desk: Desk) -> None:
    desk.reward("child", 10)
    parent = desk.reward("parent", 100)
    before = desk.ask(f"{BASE}/Reward", reward("child", 1, ExternalLogId="child-1"))
    taken = desk.redeem("child", 1, key="child-2")
    desk.move("child", type="merge", into={"kind": "wallet_code", "value": "parent"})
    after = desk.reward("child", 10)
    assert figures(after)[:3] == (300 + 29 + 30, 300 + 29 + 30, 0)
    log, wallet = after.log, after.wallet
    assert (wallet["walletCode"], wallet["parentWalletCode"], wallet["contactMsisdn"]) == ("child", "parent", "c-child")
    assert (wallet["id"], wallet["parentWalletId"]) == (before.wallet["id"], parent.wallet["id"])
    assert (log["actorWalletId"], log["walletId"]) == (before.wallet["id"], parent.wallet["id"])
    assert desk.redeem("child", 25).log["amountValue"] == 100
    ours = desk.reward("parent", 1)
    assert (ours.wallet["isParent"], parent.wallet["isParent"], ours.wallet["parentWalletId"]) == (True, False, None)
    assert ours.log["actorWalletId"] == ours.log["walletId"]
    assert desk.refund(taken.log["id"], "child").log["amountValue"] == 4
    spent = desk.redeem("child", 10)
    assert desk.refund(spent.log["id"], "parent").log["amountValue"] == 40
    assert desk.ask(f"{BASE}/Reward", reward("child", 1, ExternalLogId="child-1")).text == before.text
    assert desk.redeem("child", 1, key="child-2").text == taken.text
    data = desk.data("child").json["data"]
    assert data["parentData"] == {"walletId": parent.wallet["id"], "walletCode": "parent"}
    assert data["totalPoints"] == desk.data("parent").json["data"]["totalPoints"]
    assert desk.redeem("child", 10_000).failed == ("18", "Amount_Exceeded_Total_Balance")


BY_POINTS: Any = {"headers": {"ClientId": "demo-by-points"}}


def test_client_that_means_points_gets_so_many_points(desk: Desk) -> None:
    answer = desk.reward("points", 300, **BY_POINTS)
    assert '"amount":100.0,"amountValue":300,' in answer.text
    answer = desk.reward("points", 100, **BY_POINTS)
    assert '"amount":33.34,"amountValue":100,' in answer.text
    redeemed = desk.redeem("points", 125, **BY_POINTS)
    assert '"amount":31.25,"amountValue":125,' in redeemed.text
    refunded = desk.refund(redeemed.log["id"], "points", PointsValue=25, **BY_POINTS)
    assert '"amount":6.25,"amountValue":25,' in refunded.text
    assert figures(refunded) == (300, 400, 100, 400, "133.34")
    assert desk.reward("points", 1.5, **BY_POINTS).mistake == 400
    assert desk.reward("points", 0, **BY_POINTS).failed == ("34", "Invalid_SkuPoints_OrPointsValue")
    assert desk.redeem("points", -1, **BY_POINTS).failed == ("34", "Invalid_SkuPoints_OrPointsValue")


def test_amounts_are_written_with_a_fraction_and_without_needless_zeros() -> None:
    shown = [bytes(of_minor(minor, 2)).decode() for minor in (0, 5, 10, 100, 10_050, 10**20 + 1, -150)]
    assert shown == ["0.0", "0.05", "0.1", "1.0", "100.5", "1000000000000000000.01", "-1.5"]
    assert [bytes(of_minor(7, decimals)).decode() for decimals in (0, 3)] == ["7.0", "0.007"]
    assert [bytes(of_text(text)).decode() for text in ("3", "3.00", "0.250")] == ["3.0", "3.0", "0.25"]


def test_worth_is_rounded_down_and_cost_up() -> None:
    assert (worth_minor(298_973, "4.0", 0), worth_minor(10, "3", 2)) == (74_743, 333)
    assert (cost_minor(300, "3.0", 2), cost_minor(100, "3.0", 2)) == (10_000, 3334)
