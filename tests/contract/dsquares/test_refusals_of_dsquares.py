"""What dsquares' clients are told when a call cannot be taken: business by number, mistakes by status; nothing happens then."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest

from accrual.api.dialects.dsquares import reply
from accrual.api.dialects.dsquares.failures import NAMES, Failed, number_of
from accrual.domain.errors import CODES, AccrualError, Forbidden
from tests.arch.tree import ROOT
from tests.contract.dsquares_desk import BASE, BRANCH, HEADERS, Answer, Desk, reward, who, without_absent
from tests.contract.test_qoin_refusals import KINDS

PAGE = (ROOT / "docs" / "dialects" / "dsquares.md").read_text(encoding="utf-8")
STRICT = {"ClientId": "strict", "API-Key": "demo-strict"}
NUMBER_OF: Mapping[str, str] = {"member_unknown": "3", "invalid_identity": "1"}
STATUS_OF: Mapping[str, int] = {"unknown_route": 404, "too_large": 413, "forbidden": 403}
KIND_STATUS: Mapping[str, int] = {"invalid": 400, "unauthorized": 401, "busy": 503, "broken": 500}
FAILURES = (reply.reward_failure, reply.redeem_failure, reply.refund_failure, reply.data_failure)
SENT_BADLY = {
    "no wallet": ({"WalletCode": ...}, 400),
    "an empty wallet": ({"WalletCode": "  "}, 400),
    "a wallet that is none": ({"WalletCode": "0\u0007"}, "1"),
    "a wallet of other digits": ({"WalletCode": "０１２３"}, "1"),
    "a wallet of 201 characters": ({"WalletCode": "1" * 201}, "1"),
    "a wallet that is a list": ({"WalletCode": ["1"]}, "1"),
    "no contact": ({"ContactMsisdn": ...}, 400),
    "a contact that is none": ({"ContactMsisdn": "0\u0000"}, "8"),
    "a contact number of another wallet": ({"ContactMsisdn": "c-badly-2"}, "5"),
    "a contact number of nobody": ({"ContactMsisdn": "c-nobody"}, "5"),
    "no branch": ({"BranchMsisdn": ...}, 400),
    "an unknown branch": ({"BranchMsisdn": "201020792659"}, "7"),
    "a branch that is an object": ({"BranchMsisdn": {}}, 400),
}
OF_VALUE = {
    "no value": ({"PointsValue": ...}, 400),
    "an empty value": ({"PointsValue": ""}, 400),
    "a value of 0": ({"PointsValue": 0}, "34"),
    "a negative value": ({"PointsValue": -100}, "34"),
    "a negative value as text": ({"PointsValue": "-0.01"}, "34"),
    "a value that is text": ({"PointsValue": "a hundred"}, 400),
    "a value with a sign in front of text": ({"PointsValue": "-x"}, 400),
    "a value with two signs": ({"PointsValue": "--5"}, 400),
    "a value in other digits": ({"PointsValue": "１００"}, 400),
    "a value that is true": ({"PointsValue": True}, 400),
    "a value that is a list": ({"PointsValue": [100]}, 400),
    "a value too finely divided": ({"PointsValue": 100.001}, 400),
    "a value beyond all": ({"PointsValue": "9" * 30}, 400),
}
OF_REWARD = {
    "no ExternalLogId": ({"ExternalLogId": ...}, 400),
    "an empty ExternalLogId": ({"ExternalLogId": " "}, 400),
    "an ExternalLogId of 201 characters": ({"ExternalLogId": "x" * 201}, 400),
    "an unknown SKU": ({"SkuId": "SKU-11"}, "6"),
    "an invoice number that is none": ({"InvoiceNumber": "a\u0001b"}, "12"),
    "a date that is none": ({"TransactionDate": "yesterday"}, 400),
    "a date that no calendar has": ({"TransactionDate": "2023-02-29T00:00:00"}, 400),
    "a date ahead": ({"TransactionDate": "2099-01-01T00:00:00Z"}, 400),
}  # fmt: skip
OF_REFUND = {
    "no TransactionId": ({"TransactionId": ...}, "38"),
    "an empty TransactionId": ({"TransactionId": ""}, "38"),
    "a TransactionId that is text": ({"TransactionId": "the last one"}, "20"),
    "a TransactionId below zero": ({"TransactionId": -1}, "20"),
    "a TransactionId with a fraction": ({"TransactionId": 1.5}, "20"),
    "a TransactionId of 30 digits": ({"TransactionId": "9" * 30}, "20"),
    "a TransactionId of no command": ({"TransactionId": 999_999_999_999}, "40"),
    "a TransactionId of no bucket": ({"TransactionId": 4095}, "40"),
    "Points of 0": ({"Points": 0}, "39"),
    "negative Points": ({"Points": -1}, "39"),
    "Points with a fraction": ({"Points": 1.5}, 400),
    "Points that are text": ({"Points": "many"}, 400),
    "a PointsValue of 0": ({"PointsValue": 0}, "39"),
    "a negative PointsValue": ({"PointsValue": -5}, "39"),
    "a PointsValue that is text": ({"PointsValue": "all"}, 400),
    "a Comment of 1,001 characters": ({"Comment": "x" * 1001}, 400),
}  # fmt: skip


def _assert_refused(answer: Answer, expected: object) -> None:
    if isinstance(expected, int):
        assert answer.mistake == expected, answer.text
    else:
        assert answer.failed == (expected, NAMES[int(str(expected))])
    assert len(answer.text) < 400


@pytest.fixture(scope="module")
def redeemed(desk: Desk) -> int:
    """A redemption of the wallet that calls are made for here; another wallet is there too."""
    desk.reward("badly", 1000)
    desk.reward("badly-2", 1000)
    return int(desk.redeem("badly", 100).log["id"])


@pytest.mark.parametrize("name", SENT_BADLY | OF_VALUE | OF_REWARD)
def test_bad_reward_is_refused_by_name_and_changes_nothing(desk: Desk, redeemed: int, name: str) -> None:
    changes, expected = (SENT_BADLY | OF_VALUE | OF_REWARD)[name]
    before = desk.commands()
    body = reward("badly", 100, ExternalLogId=f"badly {list(OF_REWARD).index(name) if name in OF_REWARD else name}")
    _assert_refused(desk.ask(f"{BASE}/Reward", without_absent(body | changes)), expected)
    assert desk.commands() == before


@pytest.mark.parametrize("name", SENT_BADLY | OF_VALUE)
def test_bad_redemption_is_refused_by_name_and_changes_nothing(desk: Desk, redeemed: int, name: str) -> None:
    changes, expected = (SENT_BADLY | OF_VALUE)[name]
    before = desk.commands()
    body = who("badly") | {"PointsValue": 1} | changes
    _assert_refused(desk.ask(f"{BASE}/RedeemUser", without_absent(body)), expected)
    assert desk.commands() == before


@pytest.mark.parametrize("name", SENT_BADLY | OF_REFUND)
def test_bad_refund_is_refused_by_name_and_changes_nothing(desk: Desk, redeemed: int, name: str) -> None:
    changes, expected = (SENT_BADLY | OF_REFUND)[name]
    before = desk.commands()
    body = who("badly") | {"TransactionId": redeemed, "Points": 1} | changes
    if "PointsValue" in changes:
        del body["Points"]
    _assert_refused(desk.ask(f"{BASE}/Refund", without_absent(body)), expected)
    assert desk.commands() == before


@pytest.mark.parametrize(("query", "expected"), [
    ("", 400), ("query=", 400), ("other=1", 400), ("query=%07", "1"), ("query=nobody", "3"),
    ("&".join(f"a{n}=1" for n in range(30)), 400),
])  # fmt: skip
def test_bad_question_is_refused_by_name(desk: Desk, query: str, expected: object) -> None:
    _assert_refused(desk.ask(f"{BASE}/GetWalletData?{query}", method="GET"), expected)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'{"a":NaN}', b'{"a":1,"a":1}', b"\xff", b"[" * 100])
@pytest.mark.parametrize("call", ["Reward", "RedeemUser", "Refund"])
def test_body_that_cannot_be_read_is_the_callers_mistake(desk: Desk, call: str, body: bytes) -> None:
    answer = desk.ask(f"{BASE}/{call}", body)
    assert (answer.mistake, answer.json["statusName"]) == (400, "BadRequest")


def test_field_in_two_spellings_with_two_values_is_the_callers_mistake(desk: Desk) -> None:
    assert desk.ask(f"{BASE}/Reward", reward("badly", 1) | {"pointsValue": 2}).mistake == 400


def test_unknown_wallet_is_not_found_unless_the_client_enrols_on_reward(desk: Desk) -> None:
    before = desk.commands()
    assert desk.reward("unknown", headers=STRICT).failed == ("3", "Wallet_Not_Found")
    assert desk.redeem("unknown").failed == ("3", "Wallet_Not_Found")
    assert desk.refund(1, "unknown").failed == ("3", "Wallet_Not_Found")
    assert desk.data("unknown").failed == ("3", "Wallet_Not_Found")
    assert desk.commands() == before
    assert desk.reward("unknown").wallet["totalPoints"] == 300
    assert desk.reward("unknown", headers=STRICT).wallet["totalPoints"] == 600


def test_first_contact_of_a_wallet_is_its_contact_and_no_others(desk: Desk) -> None:
    desk.reward("first", ContactMsisdn="+20 1")
    assert desk.reward("first", ContactMsisdn="+20 2").failed == ("5", "Not_Matched_WalletCode")
    assert desk.reward("second", ContactMsisdn="+20 1").failed == ("5", "Not_Matched_WalletCode")
    assert desk.data("second").failed == ("3", "Wallet_Not_Found")
    assert desk.redeem("first", 1, ContactMsisdn="+20 1").wallet["contactMsisdn"] == "+20 1"
    desk.native("/v1/members/wallet_code/first/profile", {"attributes": {"contact_msisdn": "+20 2"}}, "PUT")
    assert desk.reward("first", ContactMsisdn="+20 1").code == "5"
    assert desk.reward("first", ContactMsisdn="+20 2").code == "0"


def test_redemption_over_the_balance_below_the_threshold_and_of_held_points(desk: Desk) -> None:
    desk.reward("spender", 100)
    assert desk.redeem("spender", 75.25).failed == ("18", "Amount_Exceeded_Total_Balance")
    desk.move("spender", type="hold", asset="PTS", amount=200)
    assert desk.redeem("spender", 75).failed == ("35", "Insufficient_Points")
    assert desk.redeem("spender", 25).wallet["totalPoints"] == 200
    desk.reward("below", 0.01)
    assert desk.redeem("below", 0.25).failed == ("35", "Insufficient_Points")


def test_refund_twice_of_more_than_was_taken_and_of_more_than_is_left(desk: Desk) -> None:
    desk.reward("giver", 1000)
    taken = desk.redeem("giver", 125).log["id"]
    assert desk.refund(taken, "giver", Points=501).failed == ("41", "Amount_Greater_Original")
    assert desk.refund(taken, "giver", PointsValue=125.01).failed == ("41", "Amount_Greater_Original")
    part = desk.refund(taken, "giver", PointsValue=25)
    assert (part.log["amountValue"], part.wallet["redPoints"]) == (100, 400)
    assert '"amount":25.0,' in part.text
    assert desk.refund(taken, "giver", Points=401).failed == ("41", "Amount_Greater_Original")
    assert desk.refund(taken, "giver", Points=300).wallet["redPoints"] == 100
    rest = desk.refund(taken, "giver")
    assert (rest.log["amountValue"], rest.wallet["redPoints"]) == (100, 0)
    assert desk.refund(taken, "giver").failed == ("21", "Transaction_Already_Refunded")
    assert desk.refund(taken, "giver", Points=1).failed == ("21", "Transaction_Already_Refunded")


def test_refund_is_of_the_wallets_own_redemptions_and_rewards_only(desk: Desk) -> None:
    rewarded = desk.reward("owner", 1000).log["id"]
    taken = desk.redeem("owner", 1).log["id"]
    refunded = desk.refund(taken, "owner", Points=1).log["id"]
    desk.reward("stranger", 1000)
    for entry in (rewarded, taken):
        assert desk.refund(entry, "stranger").failed == ("40", "Transation_Not_Found")
    assert desk.refund(refunded, "owner").failed == ("20", "Invalid_Transaction_Id")


def test_reward_is_refunded_whole_and_once(desk: Desk) -> None:
    bought = desk.reward("returner", 100).log["id"]
    assert desk.refund(bought, "returner", Points=301).failed == ("41", "Amount_Greater_Original")
    assert desk.refund(bought, "returner", PointsValue=100.01).failed == ("41", "Amount_Greater_Original")
    assert desk.refund(bought, "returner", Points=299).failed == ("-1", "Action_Can_Not_Executed")
    assert desk.refund(bought, "returner", Points=0).failed == ("39", "Invalid_Amount")
    back = desk.refund(bought, "returner", Points=300)
    assert (back.log["amountValue"], back.log["comments"]) == (300, "Points refunded from returner")
    assert (back.wallet["totalPoints"], back.wallet["billRewardPoints"]) == (0, 0)
    assert desk.refund(bought, "returner").failed == ("37", "Accumulation_Refunded_Before")


@pytest.mark.parametrize(
    "headers",
    [
        {}, {"ClientId": ""}, {"ClientId": "demo-unknown"}, {"ClientId": "dsquares"}, {"ClientId": "demo-strict"},
        {"ClientId": "strict"}, {"ClientId": "strict", "API-Key": "demo-dsquares"},
        {"ClientId": "dsquares", "API-Key": "demo-strict"}, {"ClientId": "strict", "API-Key": ""},
        {"API-Key": "demo-strict"}, {"ClientId": "strict", "Client-Id": "demo-dsquares", "API-Key": "demo-strict"},
        {"ClientId": "x" * 10_000},
    ],
)  # fmt: skip
def test_nobody_comes_in_without_client_id_and_its_key(desk: Desk, headers: dict[str, str]) -> None:
    answer = desk.reward("nobody", headers=headers)
    assert (answer.mistake, answer.json["statusName"]) == (401, "Unauthorized")


@pytest.mark.parametrize(
    "headers",
    [
        STRICT,
        {"ClientId": "dsquares", "API-Key": "demo-dsquares"},
        {"ClientId": "demo-dsquares", "X-Api-Key": "demo-dsquares"},
    ],
)
def test_client_id_names_the_client_and_the_key_proves_it(desk: Desk, headers: dict[str, str]) -> None:
    desk.reward("proven", 1)
    assert desk.reward("proven", 1, headers=headers).code == "0"


def test_client_without_the_right_is_refused(desk: Desk) -> None:
    for path, method in (("Reward", "POST"), ("RedeemUser", "POST"), ("Refund", "POST"), ("GetWalletData", "GET")):
        answer = desk.ask(
            f"{BASE}/{path}",
            reward() if method == "POST" else b"",
            method=method,
            headers={"ClientId": "demo-no-right"},
        )
        assert (answer.mistake, answer.json["statusName"]) == (403, "Forbidden")


def test_wrong_method_and_unknown_call_are_told_so(desk: Desk) -> None:
    wrong = desk.ask(f"{BASE}/Reward", method="GET", headers=HEADERS)
    assert (wrong.mistake, wrong.json["statusName"]) == (405, "MethodNotAllowed")
    assert desk.ask(f"{BASE}/GetWalletData?query=1", b"{}").mistake == 405


@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: str(failure.__name__))
@pytest.mark.parametrize("code", CODES)
def test_every_code_is_business_by_number_or_a_mistake_by_status(code: str, failure: Any) -> None:
    kind = Forbidden if code == "forbidden" else KINDS[CODES[code]]
    found = failure(kind("Something is so.", code=code), "")
    body = json.loads(found.body)
    if kind.kind in ("missing", "conflict", "refused") or code in NUMBER_OF:
        number = NUMBER_OF.get(code, "-1")
        assert (found.status, body["errorCode"], body["errorMessage"]) == (200, number, NAMES[int(number)])
    else:
        status = STATUS_OF.get(code, KIND_STATUS.get(kind.kind))
        assert (found.status, body["statusCode"], body["message"]) == (status, status, "Something is so.")


@pytest.mark.parametrize("number", NAMES)
def test_every_number_has_the_vendors_name(number: int) -> None:
    body = json.loads(reply.reward_failure(Failed(number)).body)
    assert (body["errorCode"], body["errorMessage"]) == (str(number), NAMES[number])


def test_page_lists_every_number_that_is_ever_said() -> None:
    listed = {int(found) for found in re.findall(r"^\| (-?\d+) \| `", PAGE, re.MULTILINE)}
    said = {1, 3, 5, 6, 7, 8, 12, 15, 18, 20, 21, 34, 35, 37, 38, 39, 40, 41, -1}
    assert listed == said
    for number in said:
        assert f"| {number} | `{NAMES[number]}` |" in PAGE


@pytest.mark.parametrize(
    ("reason", "details", "number"),
    [
        ("insufficient_points", {"available": 10, "held": 5, "wanted": 15}, 35),
        ("insufficient_points", {"available": 10, "held": 5, "wanted": 16}, 18),
        ("asset_unknown", None, -1),
        ("amount_too_small", {"amount": 0}, 39),
        ("budget_exhausted", {}, 15),
    ],
)
def test_decline_has_its_number(reason: str, details: dict[str, int] | None, number: int) -> None:
    assert number_of(reason, details) == number


def test_error_that_is_none_of_the_codes_is_still_answered() -> None:
    assert json.loads(reply.redeem_failure(AccrualError("?")).body)["statusCode"] == 500


def test_branch_is_known_by_the_clients_own_name_for_it_alone(desk: Desk) -> None:
    assert desk.reward("branches", BranchMsisdn="DS-BRANCH").failed == ("7", "Invalid_Branch")
    assert desk.reward("branches", BranchMsisdn=BRANCH).log["merchantMSISDN"] == BRANCH
