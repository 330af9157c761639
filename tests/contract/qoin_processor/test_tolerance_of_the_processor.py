"""Each inconsistency that the processor's text has with itself: whatever a client made of it, the same command comes out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from accrual.api.dialects.qoin.fields import FIELDS_BY_DIALECT
from accrual.domain.commands import Dialect
from accrual.domain.facts import CheckIn, Identity, ProductPurchase, Referral
from tests.contract.qoin_desk import Desk, refusal, request

Change = Callable[[dict[str, Any]], None]
FIELDS = FIELDS_BY_DIALECT[Dialect.QOIN_PROCESSOR]
NAMES = ["register", "registerreferral", "transactionpromo", "transactionreferral", "luckydraw"]


def _ids_with_hyphens(body: dict[str, Any]) -> None:
    body["Data"] = {name.replace("_", "-"): value for name, value in body["Data"].items()}


def _ids_with_both(body: dict[str, Any]) -> None:
    body["Data"] |= {name.replace("_", "-"): value for name, value in body["Data"].items()}


def _numbers_as_text(body: dict[str, Any]) -> None:
    body["Data"] |= {name: str(value) for name, value in body["Data"].items() if isinstance(value, int)}
    for item in body["Data"]["transaction"]:
        item |= {name: str(value) for name, value in item.items() if isinstance(value, int)}


def _amounts_as_floats(body: dict[str, Any]) -> None:
    for item in body["Data"]["transaction"]:
        if "amount" in item:
            item["amount"] = float(item["amount"])


def _names_shouted(body: dict[str, Any]) -> None:
    body["Data"] = {name.upper(): value for name, value in body["Data"].items()}


def _envelope_in_lower_case(body: dict[str, Any]) -> None:
    for name in list(body):
        body[name.lower()] = body.pop(name)


def _routing_capitalised(body: dict[str, Any]) -> None:
    body |= {"Subject": "Loyalty", "SubjectType": " Reward", "Action": body["Action"].title()}


def _resources_as_the_task_has_them(body: dict[str, Any]) -> None:
    body |= {"ResourceType": "null", "Resource": "null", "ResourceId": "null"}


def _resources_as_the_older_page_has_them(body: dict[str, Any]) -> None:
    body |= {"ResourceType": "data", "Resource": "nik", "ResourceId": "3171"}


def _resources_left_out(body: dict[str, Any]) -> None:
    for name in ("ResourceType", "Resource", "ResourceId"):
        del body[name]


def _command_left_out(body: dict[str, Any]) -> None:
    del body["Data"]["command"]


def _command_empty(body: dict[str, Any]) -> None:
    body["Data"]["command"] = ""


def _action_left_out(body: dict[str, Any]) -> None:
    del body["Action"]


def _older_routing(body: dict[str, Any]) -> None:
    body |= {
        "Subject": "reward",
        "SubjectType": "transaction",
        "SubjectIdentifier": body["Action"],
        "Action": "process",
    }
    body |= {"UserId": "u-1", "MemberId": "m-1", "TicketId": "", "Date": "2024-04-30 15:02:08.670 WIB"}


def _older_routing_without_command(body: dict[str, Any]) -> None:
    _older_routing(body)
    del body["Data"]["command"]


CHANGES = [value for name, value in sorted(globals().items()) if name.startswith("_") and callable(value)]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("change", CHANGES)
async def test_other_reading_of_the_text_is_the_same_command(name: str, change: Change) -> None:
    desk = Desk()
    plain = await desk.hand_in(request("qoin_processor", name))
    other = request("qoin_processor", name)
    change(other)

    answer = await desk.hand_in(other)

    assert answer.status == 200, answer.text
    assert answer.command == plain.command
    assert answer.taken.content == plain.taken.content
    assert answer.json["data"]["TicketId"].startswith(f"Reward:{name}:")


@pytest.mark.parametrize("name", ["register", "registerreferral", "luckydraw"])
async def test_transaction_as_one_object_is_the_array_of_it(name: str) -> None:
    desk = Desk()
    plain = await desk.hand_in(request("qoin_processor", name))
    body = request("qoin_processor", name)
    body["Data"]["transaction"] = body["Data"]["transaction"][0]
    answer = await desk.hand_in(body)
    assert answer.command == plain.command
    assert answer.taken.content == plain.taken.content


async def test_dates_with_a_space_as_in_the_third_blocks() -> None:
    plain = await Desk().hand_in(request("qoin_processor", "luckydraw"))
    body = request("qoin_processor", "luckydraw")
    body["Data"]["transaction"][0]["date"] = "2024-02-08 11:22:06"
    assert (await Desk().hand_in(body)).command == plain.command


@pytest.mark.parametrize(("action", "kind"), [("dailycheckin", CheckIn), ("productsku", ProductPurchase)])
async def test_actions_of_the_introduction_and_of_the_task_work_by_analogy(action: str, kind: type) -> None:
    body = request("qoin_processor", "register") | {"Action": action}
    body["Data"] |= {"command": action, "transaction": [{"date": "2024-02-08 11-22-06", "product_code": "T30H"}]}
    answer = await Desk().hand_in(body)
    assert [type(fact) for fact in answer.command.facts] == [kind]
    assert answer.command.facts[0].product == "T30H"
    assert answer.json["data"]["TicketId"].startswith(f"Reward:{action}:")


@pytest.mark.parametrize("name", ["register", "registerreferral", "transactionreferral", "luckydraw"])
async def test_call_without_transaction_happens_now(name: str) -> None:
    body = request("qoin_processor", name)
    del body["Data"]["transaction"]
    facts = (await Desk().hand_in(body)).command.facts
    assert facts
    assert {fact.occurred_at for fact in facts} == {None}


async def test_promo_without_transaction_or_amount_is_refused() -> None:
    body = request("qoin_processor", "transactionpromo")
    del body["Data"]["transaction"][2]["amount"]
    message = "Data.transaction[2].amount: is needed for transactionpromo."
    assert (await Desk().hand_in(body)).pairs == refusal(400, message)
    for empty in ([], None):
        body["Data"]["transaction"] = empty
        message = "Data.transaction: is needed for transactionpromo."
        assert (await Desk().hand_in(body)).pairs == refusal(400, message)


async def test_client_number_never_stands_for_the_receiver() -> None:
    body = request("qoin_processor", "registerreferral")
    body["Data"]["clientid"] = body["Data"].pop("id_user_receive")
    answer = await Desk().hand_in(body)
    assert answer.pairs == refusal(400, "Data.id_user_receive: is needed, and 0 names no one.")
    assert answer.submission is None


async def test_sharer_that_is_unknown_leaves_the_receiver_alone() -> None:
    body = request("qoin_processor", "registerreferral")
    body["Data"]["id_user_share"] = 0
    referral = (await Desk().hand_in(body)).command.facts[1]
    assert isinstance(referral, Referral)
    assert referral.referrer is None


@pytest.mark.parametrize(("action", "command"), [("register", "luckydraw"), ("luckydraw", "register")])
async def test_action_and_command_that_differ_are_refused(action: str, command: str) -> None:
    body = request("qoin_processor", "register") | {"Action": action}
    body["Data"]["command"] = command
    answer = await Desk().hand_in(body)
    assert answer.pairs == refusal(400, "Action and Data.command name different commands.")
    _older_routing(body)
    answer = await Desk().hand_in(body)
    assert answer.pairs == refusal(400, "SubjectIdentifier and Data.command name different commands.")


async def test_older_routing_knows_no_other_action_than_process() -> None:
    body = request("qoin_processor", "register")
    _older_routing(body)
    body["Action"] = "register"
    assert (await Desk().hand_in(body)).pairs == refusal(400, "Access route not found")


async def test_history_shows_every_field_that_was_sent() -> None:
    body = request("qoin_processor", "transactionreferral")
    _older_routing(body)
    _ids_with_hyphens(body)
    body["Data"]["transaction"][0]["amount"] = 6843.5
    answer = await Desk().hand_in(body)
    assert FIELDS(answer.taken.body) == {
        "id_user_share": 462,
        "id_user_receive": 463,
        "command": "transactionreferral",
        "transaction": [
            {"date": "2024-03-31T11:22:06", "product_id": 10, "amount": "6843.5"},
            {"date": "2024-03-31T11:22:06", "product_id": 12},
        ],
        "UserId": "u-1",
        "MemberId": "m-1",
        "Date": "2024-04-30 15:02:08.670 WIB",
    }
    assert FIELDS(b"") == {}


async def test_id_is_the_user() -> None:
    command = (await Desk().hand_in(request("qoin_processor", "register"))).command
    assert command.identity == Identity("qoin.user_id", "461")
