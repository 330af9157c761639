"""Dsquares over HTTP against a running server and its books: the partner's figures, at once, without a lane, at the end."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.arch.tree import ROOT
from tests.flow.books import assert_books_hold, value
from tests.flow.processes import Reply, Served, serving
from tests.pg_fixtures import Database, Postgres

EXAMPLE = ROOT / "examples" / "dsquares" / "programme.yaml"
HEADERS = {"ClientId": "demo-dsquares", "Content-Type": "application/json"}
BASE = "/api/Integration/v1"
WALLET = "011111111111"
AT_ONCE = 500
TEN = 10


class Standing(NamedTuple):
    """The server of this module and its database."""

    served: Served
    database: Database


@pytest.fixture(scope="module")
def standing(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standing]:
    """The example programme; other wallets than its own become members by a Reward too."""
    database = postgres.create()
    directory = tmp_path_factory.mktemp("dsquares")
    programme = directory / "programme.yaml"
    text = EXAMPLE.read_text(encoding="utf-8")
    assert "client_id_is_secret: true" in text
    programme.write_text(
        text.replace("client_id_is_secret: true", "client_id_is_secret: true\n    enrol_on_reward: true")
    )
    words = ("--database-url", database.owner_url, "--lanes", "1")
    with serving(directory, *words, programme=programme) as served:
        yield Standing(served, database)
    postgres.drop(database)


@pytest.fixture
def served(standing: Standing) -> Served:
    return standing.served


def _who(wallet: str) -> dict[str, Any]:
    contact = "01151618768" if wallet == WALLET else f"c-{wallet}"
    return {"WalletCode": wallet, "ContactMsisdn": contact, "BranchMsisdn": "201020792658"}


def _send(served: Served, call: str, wallet: str, headers: Mapping[str, str] = HEADERS, **fields: Any) -> Reply:
    return served.ask("POST", f"{BASE}/{call}", json.dumps(_who(wallet) | fields).encode(), headers)


def _code(reply: Reply) -> str:
    assert reply.status == 200, reply
    return str(reply.json["errorCode"])


def _figures(reply: Reply) -> tuple[int, int, int, int, str]:
    """total, accumulated, red, bill points, bill value as written; their relations are checked."""
    assert _code(reply) == "0", reply
    wallet = reply.json["wallet"]
    assert (
        wallet["totalPoints"]
        == wallet["accumulatedPoints"] - wallet["redPoints"]
        == reply.json["pointsLog"]["balanceAfter"]
    )
    bill = re.search(rb'"billRewardValue":([0-9.]+),', reply.body)
    assert bill
    return (
        wallet["totalPoints"], wallet["accumulatedPoints"], wallet["redPoints"], wallet["billRewardPoints"], bill[1].decode(),
    )  # fmt: skip


def test_partners_figures_come_from_an_empty_wallet_and_fall_back_by_a_refund(served: Served) -> None:
    first = _send(served, "Reward", WALLET, PointsValue=100, ExternalLogId="dass", InvoiceNumber="Inovice123456")
    assert b'"amount":100.0,"amountValue":300,"balanceAfter":300,' in first.body
    assert first.json["wallet"]["segment"]["rewValueFactor"] == 3.0
    assert _figures(first) == (300, 300, 0, 300, "100.0")
    assert _figures(_send(served, "Reward", WALLET, PointsValue=99_991, ExternalLogId="d-2")) == (
        300_273, 300_273, 0, 300_273, "100091.0",
    )  # fmt: skip
    redeemed = _send(served, "RedeemUser", WALLET, PointsValue=250)
    assert (_figures(redeemed), redeemed.json["totalAmount"]) == (
        (299_273, 300_273, 1000, 300_273, "100091.0"),
        74_818.0,
    )
    taken = redeemed.json["pointsLog"]["id"]
    part = _send(served, "Refund", WALLET, TransactionId=taken, Points=500)
    assert _figures(part) == (299_773, 300_273, 500, 300_273, "100091.0")
    assert _figures(_send(served, "Refund", WALLET, TransactionId=taken)) == (300_273, 300_273, 0, 300_273, "100091.0")
    assert _code(_send(served, "Refund", WALLET, TransactionId=taken)) == "21"
    again = _send(served, "Reward", WALLET, PointsValue=100, ExternalLogId="dass", InvoiceNumber="Inovice123456")
    assert again.body == first.body
    data = served.ask("GET", f"{BASE}/GetWalletData?query={WALLET}", None, HEADERS).json["data"]
    assert (data["totalPoints"], data["lifeTimePoints"], data["reedemPoints"]) == (300_273, 300_273, 0)


def test_500_redemptions_at_once_of_a_balance_for_ten_make_ten(standing: Standing) -> None:
    served, database = standing
    assert _code(_send(served, "Reward", "crowd", PointsValue=40, ExternalLogId="crowd")) == "0"

    def redeem(_: int) -> Reply:
        return _send(served, "RedeemUser", "crowd", PointsValue=3)

    with ThreadPoolExecutor(50) as threads:
        replies = list(threads.map(redeem, range(AT_ONCE)))
    codes = [_code(reply) for reply in replies]
    assert (codes.count("0"), codes.count("35")) == (TEN, AT_ONCE - TEN), "an empty wallet is below its threshold"
    done = sorted(
        (reply.json["wallet"]["redPoints"], reply.json["wallet"]["totalPoints"])
        for reply in replies
        if _code(reply) == "0"
    )
    assert done == [(12 * n, 120 - 12 * n) for n in range(1, TEN + 1)]
    assert value(database.owner_url, "select count(*) from line where kind = 5 and amount = -12") == TEN


def test_same_reward_50_times_at_once_has_one_effect_and_50_equal_replies(served: Served) -> None:
    def reward(_: int) -> Reply:
        return _send(served, "Reward", "echo", PointsValue=10, ExternalLogId="echo")

    with ThreadPoolExecutor(25) as threads:
        replies = list(threads.map(reward, range(50)))
    assert len({reply.body for reply in replies}) == 1
    assert _figures(replies[0]) == (30, 30, 0, 30, "10.0")


def test_one_number_for_two_wallets_at_once_is_the_contact_of_one(served: Served) -> None:
    def reward(number: int) -> str:
        return _code(
            _send(served, "Reward", f"twin-{number}", ContactMsisdn="one", PointsValue=1, ExternalLogId=f"t-{number}")
        )

    with ThreadPoolExecutor(8) as threads:
        codes = list(threads.map(reward, range(8)))
    assert (codes.count("0"), codes.count("5")) == (1, 7)


def test_refunds_at_once_give_back_no_more_than_was_taken(served: Served) -> None:
    assert _code(_send(served, "Reward", "greedy", PointsValue=100, ExternalLogId="greedy")) == "0"
    taken = _send(served, "RedeemUser", "greedy", PointsValue=25).json["pointsLog"]["id"]

    def refund(_: int) -> Reply:
        return _send(served, "Refund", "greedy", TransactionId=taken, Points=30)

    with ThreadPoolExecutor(10) as threads:
        codes = [_code(reply) for reply in threads.map(refund, range(10))]
    assert (codes.count("0"), codes.count("41")) == (3, 7)
    assert _figures(_send(served, "Refund", "greedy", TransactionId=taken)) == (300, 300, 0, 300, "100.0")


def test_call_without_a_lane_is_answered_503_and_done_once_there_is_one(postgres: Postgres, tmp_path: Path) -> None:
    database = postgres.create()
    words = ("--database-url", database.owner_url)
    body = {"PointsValue": 100, "ExternalLogId": "no-lane"}
    hurried = {"ACCRUAL_ANSWER_DEADLINE_S": "1"}
    with serving(tmp_path, *words, "--lanes", "1", programme=EXAMPLE) as served:
        assert _code(_send(served, "Reward", WALLET, PointsValue=1, ExternalLogId="first")) == "0"
    with serving(tmp_path, *words, "--lanes", "0", programme=EXAMPLE, environment=hurried) as served:
        for wallet in (WALLET, WALLET):
            late = _send(served, "Reward", wallet, **body)
            assert (late.status, list(late.json)) == (503, ["message", "statusCode", "statusName"]), late
    with serving(tmp_path, *words, "--lanes", "1", programme=EXAMPLE) as served:
        assert _figures(_send(served, "Reward", WALLET, **body)) == (303, 303, 0, 303, "101.0")
    postgres.drop(database)


def test_wallet_of_the_example_is_known_to_the_first_call_there_is(postgres: Postgres, tmp_path: Path) -> None:
    database = postgres.create()
    words = ("--database-url", database.owner_url, "--lanes", "1")
    with serving(tmp_path, *words, programme=EXAMPLE) as served:
        assert _code(_send(served, "Reward", "011111111112", PointsValue=1, ExternalLogId="a")) == "3"
        assert _code(_send(served, "Reward", WALLET, PointsValue=1, ExternalLogId="b")) == "0"
    postgres.drop(database)


def test_books_hold_after_all_of_it(standing: Standing) -> None:
    assert_books_hold(standing.database)
