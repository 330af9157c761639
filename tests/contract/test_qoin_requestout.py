"""What a client of Qoin gets for a ticket: still in process, the grant list of the seed, parked, or not found."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from accrual.api.dialects.qoin.fields import TRANSLATE_AGAIN
from accrual.api.dialects.qoin.tickets import read_ticket_id
from accrual.domain.commands import Dialect
from accrual.domain.facts import Identity
from accrual.engine.views import AwardView, TicketView
from tests.contract.qoin_desk import NOW, SETTINGS, Answer, Desk, as_pairs, fixture, refusal, request

MEMBER = Identity("qoin.user_id", "16659")


def award(**changes: Any) -> AwardView:
    fields = {
        "asset": 35, "code": "PTS", "name": "Point Reddem", "amount": 1, "promo": "SPEND", "promo_name": "Spend",
        "promo_number": 52, "promo_version": 1, "reason": "fixed", "recipient": MEMBER,
    }  # fmt: skip
    return AwardView(**fields | changes)


def view(answer: Answer, ticket: bytes, **changes: Any) -> TicketView:
    command = answer.command
    fields: dict[str, Any] = {
        "ticket": ticket, "programme_id": 1, "client_id": 3, "bucket": 5, "position": 1, "dialect": command.dialect,
        "action": command.action, "identity": command.identity, "occurred_at": NOW, "recorded_at": NOW,
        "status": "waiting", "complete": False, "revision": None, "awards": (), "declines": (), "lines": (),
        "follow_ups": (), "parent": None, "fields": {},
    }  # fmt: skip
    return TicketView(**fields | changes)


class Counter(Desk):
    """A desk at which one command was handed in, and what became of it can be told."""

    ticket_id: str
    handed_in: Answer

    async def take(self, dialect: str, name: str) -> None:
        self.handed_in = await self.hand_in(request(dialect, name))
        reply = self.handed_in.json
        self.ticket_id = reply["TicketId"] if dialect == "qoin_task" else reply["data"]["TicketId"]

    def tell(self, **changes: Any) -> None:
        ticket = read_ticket_id(self.ticket_id)
        assert ticket is not None
        self.engine.tickets[ticket] = view(self.handed_in, ticket, **changes)

    async def ask(self, identifier: str, ticket_id: str | None = None) -> Answer:
        return await self.fetch(
            {"TicketId": ticket_id or self.ticket_id}
            | {"Subject": "loyalty", "SubjectType": "reward", "SubjectIdentifier": identifier}
        )


def envelope(ticket_id: str, identifier: str, action: str, *, result: Any, message: str) -> str:
    """The task's reply of the seed with what a fetched result changes in it."""
    response = fixture("qoin_task", "transaction")["response"]
    changed = {"TicketId": ticket_id, "SubjectIdentifier": identifier, "Action": action}
    return json.dumps(response | changed | {"Result": result, "Message": message})


@pytest.fixture(params=["qoin_task", "qoin_processor"])
def dialect(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.parametrize("status", ["waiting", "decided"])
async def test_ticket_that_is_not_complete_is_in_process(dialect: str, status: str) -> None:
    counter = Counter()
    await counter.take(dialect, "luckydraw")
    counter.tell(status=status, awards=(award(),))
    identifier = dialect.removeprefix("qoin_")
    answer = await counter.ask(identifier)
    expected = envelope(counter.ticket_id, identifier, "luckydraw", result=None, message="Success request on process")
    assert answer.status == 200
    assert answer.pairs == as_pairs(expected)


@pytest.mark.parametrize("name", ["transactionpromo", "luckydraw"])
async def test_complete_ticket_has_the_grant_list_of_the_third_block(name: str) -> None:
    counter = Counter()
    await counter.take("qoin_processor", name)
    code, label = ("PTS", "Point Reddem") if name == "transactionpromo" else ("LD", "Lucky Draw")
    counter.tell(status="decided", complete=True, awards=(award(code=code, name=label),))
    third_block = fixture("qoin_processor", f"{name}.third-block")["response"]
    expected = envelope(
        counter.ticket_id, "processor", name, result=third_block, message="Success process data(Success)"
    )
    assert (await counter.ask("processor")).pairs == as_pairs(expected)


async def test_complete_ticket_that_earned_nothing_has_an_empty_list(dialect: str) -> None:
    counter = Counter()
    await counter.take(dialect, "register")
    counter.tell(status="decided", complete=True)
    answer = await counter.ask("task")
    assert answer.json["Result"] == {"Data": []}
    assert answer.json["TicketId"] == counter.ticket_id


async def test_one_entry_an_award_in_their_order() -> None:
    counter = Counter()
    await counter.take("qoin_processor", "registerreferral")
    sharer = Identity("qoin.user_id", "462")
    counter.tell(status="decided", complete=True, awards=(award(amount=10), award(amount=5, recipient=sharer)))
    assert [entry["value"] for entry in (await counter.ask("processor")).json["Result"]["Data"]] == [10, 5]


async def test_parked_ticket_says_failed(dialect: str) -> None:
    counter = Counter()
    await counter.take(dialect, "register")
    counter.tell(status="parked", error="KeyError: 'secret'")
    answer = await counter.ask("task")
    assert answer.status == 500
    assert answer.json["StatusCode"] == 500
    assert answer.json["Status"] == "failed"
    assert answer.json["Result"] is None
    assert "secret" not in answer.text
    assert list(answer.json) == list(fixture("qoin_task", "transaction")["response"])


async def test_ticket_is_found_in_each_form_and_case(dialect: str) -> None:
    counter = Counter()
    await counter.take(dialect, "register")
    counter.tell()
    bare = counter.ticket_id[-36:]
    for form in (
        bare,
        f"34352d31-{bare}",
        f"Reward:register:{bare}",
        counter.ticket_id.upper(),
        f"  {counter.ticket_id} ",
    ):
        answer = await counter.ask("task", form)
        assert answer.json["TicketId"] == counter.ticket_id, form


async def test_ticket_unknown_or_of_another_client_is_not_found() -> None:
    counter = Counter()
    await counter.take("qoin_task", "register")
    message = "No command of yours has this TicketId."
    assert (await counter.ask("task")).pairs == refusal(404, message)
    counter.tell(client_id=4)
    assert (await counter.ask("task")).pairs == refusal(404, message)
    for foreign in ("34352d31-69bb2a81-cb51-4595-b621-bfdd34b0841a", "Reward:x:y", "1", "x" * 200):
        assert (await counter.ask("task", foreign)).pairs == refusal(404, message)


async def test_fetching_needs_a_route_a_ticket_and_a_right() -> None:
    counter = Counter()
    await counter.take("qoin_task", "register")
    counter.tell()
    assert (await counter.ask("tasks")).pairs == refusal(400, "Access route not found")
    assert (await counter.fetch({"TicketId": counter.ticket_id})).pairs == refusal(400, "Access route not found")
    routed = {"Subject": "loyalty", "SubjectType": "reward", "SubjectIdentifier": "task"}
    assert (await counter.fetch(routed)).pairs == refusal(400, "TicketId: is needed.")
    assert (await counter.fetch(routed | {"TicketId": 7.5})).status == 404
    counter.client = msgspec.structs.replace(
        counter.client, client=msgspec.structs.replace(counter.client.client, rights=("submit", "read"))
    )
    assert (await counter.ask("task")).status == 403


async def test_older_routing_fetches_too() -> None:
    counter = Counter()
    await counter.take("qoin_processor", "register")
    counter.tell()
    routed = {"Subject": "reward", "SubjectType": "transaction", "SubjectIdentifier": "register"}
    answer = await counter.fetch(routed | {"TicketId": counter.ticket_id})
    assert (answer.json["Subject"], answer.json["SubjectType"]) == ("reward", "transaction")


@pytest.mark.parametrize("late_limit", [None, "P1D"])
async def test_stored_bytes_translated_again_give_the_content_they_had(dialect: str, late_limit: str | None) -> None:
    desk = Desk()
    taken = (await desk.hand_in(request(dialect, "registerreferral"))).taken
    catalogue = msgspec.structs.replace(
        desk.catalogue, settings=msgspec.structs.replace(SETTINGS, late_limit=late_limit)
    )
    again = TRANSLATE_AGAIN[Dialect[dialect.upper()]]
    assert again(taken.body, catalogue, desk.client) == taken.content
