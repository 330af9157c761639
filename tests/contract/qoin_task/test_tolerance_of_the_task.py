"""Each inconsistency that the task's text has with itself: whatever a client made of it, the same command comes out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from accrual.api.dialects.qoin.fields import FIELDS_BY_DIALECT
from accrual.domain.commands import Dialect
from accrual.domain.facts import Identity, Purchase, Referral, ReferralPurchase
from tests.contract.qoin_desk import Desk, fixture, refusal, request

Change = Callable[[dict[str, Any]], None]
FIELDS = FIELDS_BY_DIALECT[Dialect.QOIN_TASK]


def _numbers_as_text(body: dict[str, Any]) -> None:
    body["Data"] |= {name: str(value) for name, value in body["Data"].items() if isinstance(value, int)}
    for item in body["Data"]["data"]:
        item |= {name: str(value) for name, value in item.items() if isinstance(value, int)}


def _items_as_object(body: dict[str, Any]) -> None:
    body["Data"]["data"] = body["Data"]["data"][0]


def _items_flat(body: dict[str, Any]) -> None:
    body["Data"] |= body["Data"].pop("data")[0]


def _container_capitalised(body: dict[str, Any]) -> None:
    body["Data"]["Data"] = body["Data"].pop("data")


def _scope_source_left_out(body: dict[str, Any]) -> None:
    body.pop("ScopeSource", None)


def _scope_source_empty(body: dict[str, Any]) -> None:
    body["ScopeSource"] = ""


def _date_in_data(body: dict[str, Any]) -> None:
    body["Data"]["Date"] = "2024-04-30 15:02:08.670 WIB"


def _date_in_data_lower(body: dict[str, Any]) -> None:
    body["Data"]["date"] = "2024-04-30 10:30:00"


def _date_in_envelope(body: dict[str, Any]) -> None:
    body["Date"] = "2024-04-30 15:02:08.670 WIB"


def _names_shouted_with_hyphens(body: dict[str, Any]) -> None:
    words = {"trxId": "TRX-ID", "userId": "USER_ID", "installId": "install-id", "memberName": "Member_Name"}
    body["Data"] = {words.get(name, name): value for name, value in body["Data"].items()}


def _resource_attributes_left_out(body: dict[str, Any]) -> None:
    for name in ("ResourceType", "Resource", "ResourceId"):
        del body[name]


def _white_space_around(body: dict[str, Any]) -> None:
    body["Data"] |= {"userId": f" {body['Data']['userId']} ", "memberName": f" {body['Data']['memberName']}\t"}


def _signature_left_out(body: dict[str, Any]) -> None:
    del body["Data"]["signature"]


def _decimals_of_nothing(body: dict[str, Any]) -> None:
    for item in body["Data"]["data"]:
        item["trxAmount"] = float(item["trxAmount"])


def _unknown_field(body: dict[str, Any]) -> None:
    body["Data"]["appVersion"] = {"major": 3}


CHANGES = [value for name, value in sorted(globals().items()) if name.startswith("_") and callable(value)]
NAMES = [
    "transaction", "luckydraw", "register", "registerreferral", "transactionreferral", "dailycheckin", "productsku",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("change", CHANGES)
async def test_other_reading_of_the_text_is_the_same_command(name: str, change: Change) -> None:
    desk = Desk()
    plain = await desk.hand_in(request("qoin_task", name))
    other = request("qoin_task", name)
    change(other)

    answer = await desk.hand_in(other)

    assert answer.status == 200, answer.text
    assert answer.command == plain.command
    assert answer.taken.content == plain.taken.content
    assert answer.taken.name == plain.taken.name


async def test_example_without_scope_source_and_with_one_differ_only_there() -> None:
    assert "ScopeSource" not in fixture("qoin_task", "transaction")["request"]
    assert fixture("qoin_task", "luckydraw")["request"]["ScopeSource"] == ""


async def test_phone_tag_is_kept_where_it_is_sent_and_missed_nowhere() -> None:
    body = request("qoin_task", "productsku")
    body["Data"]["memberQtagPhone"] = "Q12345"
    tagged = await Desk().hand_in(body)
    plain = await Desk().hand_in(request("qoin_task", "productsku"))
    assert tagged.command == plain.command
    assert FIELDS(tagged.taken.body)["memberQtagPhone"] == "Q12345"
    assert "memberQtagPhone" not in FIELDS(plain.taken.body)


@pytest.mark.parametrize("spelling", ["product_id", "productID", "ProductId", "product-id"])
async def test_product_of_a_referral_under_the_name_of_table_or_example(spelling: str) -> None:
    body = request("qoin_task", "transactionreferral")
    item = body["Data"]["data"][0]
    item[spelling] = item.pop("product_id")
    answer = await Desk().hand_in(body)
    assert [fact.product for fact in answer.command.facts] == ["10", "10"]


async def test_product_of_a_sku_may_be_missing_as_in_the_table() -> None:
    body = request("qoin_task", "productsku")
    del body["Data"]["data"][0]["product_code"]
    answer = await Desk().hand_in(body)
    assert answer.command.facts[0].product is None


@pytest.mark.parametrize(
    ("date", "moment"),
    [
        ("", None),
        ("2024-04-30 10:30:00", datetime(2024, 4, 30, 3, 30, tzinfo=UTC)),
        ("2024-04-30 10-30-00", datetime(2024, 4, 30, 3, 30, tzinfo=UTC)),
        ("2024-04-30T10:30:00", datetime(2024, 4, 30, 3, 30, tzinfo=UTC)),
        ("2024-04-30 15:02:08.670 WIB", datetime(2024, 4, 30, 8, 2, 8, 670000, tzinfo=UTC)),
        ("2024-04-30T10:30:00Z", datetime(2024, 4, 30, 10, 30, tzinfo=UTC)),
    ],
)
async def test_date_in_each_form_of_the_examples(date: str, moment: datetime | None) -> None:
    body = request("qoin_task", "transaction")
    body["Data"]["data"][0]["trxDate"] = date
    assert (await Desk().hand_in(body)).command.facts[0].occurred_at == moment


@pytest.mark.parametrize("nobody", [0, "0", "", None])
async def test_sharer_nobody_is_accepted_in_a_referral(nobody: object) -> None:
    body = request("qoin_task", "registerreferral")
    body["Data"]["userIdShare"] = nobody
    referral = (await Desk().hand_in(body)).command.facts[1]
    assert isinstance(referral, Referral)
    assert referral.referrer is None


async def test_sharer_counts_in_the_two_referral_actions_only() -> None:
    for name in NAMES:
        body = request("qoin_task", name)
        body["Data"]["userIdShare"] = "456"
        facts = (await Desk().hand_in(body)).command.facts
        sharers = [fact.referrer for fact in facts if isinstance(fact, Referral | ReferralPurchase)]
        assert sharers == ([Identity("qoin.user_id", "456")] if "referral" in name else []), name


async def test_equal_refference_and_trx_id_never_merge_two_calls() -> None:
    desk = Desk()
    first = await desk.hand_in(request("qoin_task", "transaction"))
    second = await desk.hand_in(request("qoin_task", "transaction"))
    assert first.json["TicketId"] != second.json["TicketId"]


@pytest.mark.parametrize("signature", ["sssss", "", None, "not base64!", "Q5PR7cAbCq8J"])
async def test_signature_is_not_looked_at_unless_the_client_asks(signature: object) -> None:
    body = request("qoin_task", "transaction")
    body["Data"]["signature"] = signature
    assert (await Desk().hand_in(body)).status == 200


async def test_install_id_that_is_a_phone_model_is_kept_as_sent() -> None:
    assert (await Desk().hand_in(request("qoin_task", "dailycheckin"))).command.install_id == "S21+"


async def test_member_is_the_user_and_not_the_member_id() -> None:
    command = (await Desk().hand_in(request("qoin_task", "productsku"))).command
    assert command.identity == Identity("qoin.user_id", "92479")


@pytest.mark.parametrize("resource", ["null", "", "data", None, 7])
async def test_resource_attributes_are_not_echoed(resource: object) -> None:
    body = request("qoin_task", "transaction") | {
        "ResourceType": resource,
        "Resource": resource,
        "ResourceId": resource,
    }
    answer = (await Desk().hand_in(body)).json
    assert (answer["ResourceType"], answer["Resource"], answer["ResourceId"]) == ("data", "none", "none")


async def test_message_has_no_space_before_its_bracket() -> None:
    assert (await Desk().hand_in(request("qoin_task", "transaction"))).message == "Success process data(Success)"


@pytest.mark.parametrize("name", ["dailycheckin", "productsku"])
async def test_amount_of_zero_is_valid(name: str) -> None:
    assert (await Desk().hand_in(request("qoin_task", name))).command.facts[0].amount_minor == 0


@pytest.mark.parametrize("name", [name for name in NAMES if name != "transaction"])
async def test_amount_may_be_absent_where_nothing_is_paid(name: str) -> None:
    body = request("qoin_task", name)
    del body["Data"]["data"][0]["trxAmount"]
    assert (await Desk().hand_in(body)).command.facts[0].amount_minor is None


async def test_transaction_without_amount_is_refused() -> None:
    body = request("qoin_task", "transaction")
    del body["Data"]["data"][0]["trxAmount"]
    answer = await Desk().hand_in(body)
    assert answer.pairs == refusal(400, "Data.data[0].trxAmount: is needed for transaction.")
    del body["Data"]["data"]
    assert (await Desk().hand_in(body)).pairs == refusal(400, "Data.data: is needed for transaction.")


async def test_several_items_are_several_purchases_of_one_command() -> None:
    body = request("qoin_task", "transaction")
    body["Data"]["data"] = [{"trxAmount": amount, "trxDate": ""} for amount in (6843, "8430.5", 0)]
    assert (await Desk().hand_in(body)).command.facts == (
        Purchase(amount_minor=684300),
        Purchase(amount_minor=843050),
        Purchase(amount_minor=0),
    )


async def test_history_shows_every_field_that_was_sent() -> None:
    body = request("qoin_task", "transactionreferral")
    body |= {"ScopeSource": "app", "Date": "2024-04-30 15:02:08.670 WIB"}
    body["Data"] |= {"user_id_share": 456, "appVersion": "3.1"}
    del body["Data"]["userIdShare"]
    answer = await Desk().hand_in(body)
    assert FIELDS(answer.taken.body) == {
        "data": [{"trxAmount": 1000, "trxDate": "2024-04-30 10:30:00", "product_id": 10}],
        "deviceType": "android",
        "installId": "S21+",
        "memberId": 2784,
        "memberName": "Fares",
        "memberQtagPhone": "Q12345",
        "refference": "ref123",
        "trxId": 0,
        "userFromStatus": 0,
        "userId": 92479,
        "userIdShare": 456,
        "appVersion": "3.1",
        "ScopeSource": "app",
        "Date": "2024-04-30 15:02:08.670 WIB",
    }
    assert FIELDS(b"") == {}
