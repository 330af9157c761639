"""What dsquares' clients may spell otherwise: names, numbers, white space; the same call is the same call."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.contract.dsquares_desk import BASE, BRANCH, Desk, reward

SENT = reward("spelt", 100, ExternalLogId="spelt-1")


def _spelt(spell: Callable[[str], str]) -> dict[str, Any]:
    return {spell(name): value for name, value in SENT.items()}


SPELLINGS: dict[str, dict[str, Any]] = {
    "camel case": _spelt(lambda name: name[0].lower() + name[1:]),
    "capitals": _spelt(str.upper),
    "underlines": _spelt(lambda name: re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name)),
    "hyphens": _spelt(lambda name: re.sub(r"(?<=[a-z])(?=[A-Z])", "-", name).lower()),
    "numeric text": reward("spelt", "100", ExternalLogId="spelt-1"),
    "decimals": reward("spelt", "100.00", ExternalLogId="spelt-1"),
    "an exponent": reward("spelt", "1.0E2", ExternalLogId="spelt-1"),
    "a numeric branch": reward("spelt", 100, ExternalLogId="spelt-1", BranchMsisdn=int(BRANCH)),
    "white space": reward(" spelt ", 100, ExternalLogId=" spelt-1", BranchMsisdn=f"{BRANCH}\t", ContactMsisdn="c-spelt "),
    "empty for absent": reward("spelt", 100, ExternalLogId="spelt-1", TransactionDate="", SkuId="", InvoiceNumber=None),
    "fields of others": reward("spelt", 100, ExternalLogId="spelt-1", Channel="till", PinCode="1234"),
}  # fmt: skip


@pytest.mark.parametrize("name", SPELLINGS)
def test_reward_that_is_spelt_otherwise_is_the_same_reward(desk: Desk, name: str) -> None:
    first = desk.ask(f"{BASE}/Reward", SENT)
    assert first.log["amountValue"] == 300
    assert desk.ask(f"{BASE}/Reward", SPELLINGS[name]).text == first.text


@pytest.mark.parametrize("version", ["v1", "1.0", "2023-07", "x"])
def test_any_version_will_do(desk: Desk, version: str) -> None:
    assert desk.ask(f"/api/Integration/{version}/Reward", reward("versions", 1, ExternalLogId=version)).code == "0"


@pytest.mark.parametrize("spelt", ["clientid", "CLIENTID", "Client-Id", "client_id"])
def test_client_id_is_known_however_it_is_spelt(desk: Desk, spelt: str) -> None:
    assert desk.reward("headers", 1, headers={spelt: " demo-dsquares "}).code == "0"


@pytest.mark.parametrize(
    ("value", "amount", "points"),
    [(100, "100.0", 300), (33.5, "33.5", 100), ("0.01", "0.01", 0), ("10.05", "10.05", 30), (7, "7.0", 21)],
)
def test_amount_is_read_exactly_and_points_are_floored(desk: Desk, value: Any, amount: str, points: int) -> None:
    answer = desk.reward("floors", value)
    assert f'"amount":{amount},"amountValue":{points},' in answer.text


def test_history_shows_what_was_sent_in_the_partners_spelling(desk: Desk) -> None:
    desk.ask(f"{BASE}/Reward", {"walletcode": "told", "contactmsisdn": "c", "branchmsisdn": BRANCH, "pointsvalue": 5,
                                "externallogid": "told-1", "InvoiceNumber": "I-1", "till": 7})  # fmt: skip
    shown = desk.native("/v1/members/wallet_code/told", b"", method="GET")["history"]
    assert shown[0]["fields"] == {
        "WalletCode": "told", "ContactMsisdn": "c", "BranchMsisdn": BRANCH, "PointsValue": 5,
        "ExternalLogId": "told-1", "InvoiceNumber": "I-1", "till": 7,
    }  # fmt: skip
    assert [each["action"] for each in shown] == ["reward", "contact"]
