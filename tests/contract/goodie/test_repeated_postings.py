"""The same posting twice: one effect and one answer, to the byte, whatever has changed meanwhile; other content is refused."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from accrual.domain.facts import Identity
from accrual.domain.ids import member_id_of
from accrual.domain.programme import IdempotencyPolicy, KeyScope
from accrual.engine.views import Previewed, TicketView
from tests.contract.goodie_desk import (
    AMOUNT_RULE,
    INQUIRY,
    ISSUING_RULE,
    MEMBER,
    MERCHANT,
    POSTING,
    Desk,
    basic,
    catalogue_of,
    custom,
)
from tests.desk import PROGRAMME, promo_of


def _call_member(desk: Desk, name: str) -> None:
    """Another client says what the member is called."""
    people = desk.engine.lane.books.people
    member_id = member_id_of(PROGRAMME, "goodie.member_id", MEMBER)
    people[member_id] = people[member_id]._replace(name=name)


async def test_first_reply_comes_again_to_the_byte_whatever_has_changed() -> None:
    desk = Desk()
    await desk.ask(basic("before"))
    _call_member(desk, 'hana "susan"\n\u00e9')
    first = await desk.ask(basic("R-1"))
    assert first.json["memberName"] == 'hana "susan"\n\u00e9'
    _call_member(desk, "anadia salsabella")
    desk.later(days=40)
    desk.engine.revise(
        catalogue_of(
            desk.document, promo_of(code="NEW", trigger="purchase", benefits=[{"asset": "PTS", "fixed": 1}]), revision=2
        )
    )
    again = await desk.ask(basic("R-1"))
    assert again.text == first.text
    assert desk.commands == 2
    fresh = await desk.ask(basic("R-2"))
    assert (fresh.given, fresh.json["memberName"]) == ({"NEW": 1}, "anadia salsabella")
    assert fresh.json["transactionDate"] == "2026-04-10"


async def test_rule_that_is_gone_still_answers_for_what_it_gave() -> None:
    desk = Desk()
    first = await desk.ask(custom(AMOUNT_RULE, ISSUING_RULE), key="one")
    assert first.status == 200
    ended = promo_of(code="NEW", trigger="purchase", benefits=[{"asset": "PTS", "fixed": 1}])
    desk.engine.revise(catalogue_of(desk.document, ended, revision=2))
    assert (await desk.ask(custom(AMOUNT_RULE, ISSUING_RULE), key="one")).text == first.text
    assert (await desk.ask(custom(AMOUNT_RULE, ISSUING_RULE), key="two")).failure == "INQ920"


async def test_day_of_the_posting_is_that_of_the_programmes_zone() -> None:
    desk = Desk()
    desk.engine.lane.now = desk.engine.lane.now.replace(hour=17, minute=1)
    assert (await desk.ask(basic())).json["transactionDate"] == "2026-03-02"


OTHER: dict[str, dict[str, Any]] = {
    "amount": basic(amount="100001"),
    "product": basic() | {"basic": {"productCode": "P", "totalTrxAmount": "100000", "refNumber": "R-1"}},
    "store": basic(storeId="STORE-1"),
    "member": basic(memberId="8A2EC944-3E83-4D9F-9E0C-D47CEBF5C20C"),
}


@pytest.mark.parametrize("name", OTHER)
@pytest.mark.parametrize("scope", KeyScope)
async def test_reference_with_other_content_is_refused_and_changes_nothing(name: str, scope: KeyScope) -> None:
    """Also for another member, whatever scope the client's own keys have: a merchant's reference is one payment."""
    desk = Desk(key_scope=scope)
    first = await desk.ask(basic())
    answer = await desk.ask(OTHER[name])
    assert (answer.status, answer.failure) == (200, "INQ923")
    assert answer.message == "This refNumber was used before, with another content."
    assert desk.commands == 1
    assert (await desk.ask(basic())).text == first.text


async def test_reference_of_another_merchant_is_another_payment() -> None:
    desk = Desk()
    first = await desk.ask(basic())
    second = await desk.ask(basic(merchantId="another"))
    assert first.json["transactionId"] != second.json["transactionId"]
    assert desk.commands == 2


async def test_header_key_does_not_take_the_place_of_the_reference() -> None:
    desk = Desk()
    first = await desk.ask(basic(), key="one")
    assert (await desk.ask(basic(), key="two")).text == first.text
    assert (await desk.ask(basic("R-2"), key="one")).json["transactionId"] != first.json["transactionId"]
    assert desk.commands == 2


async def test_custom_rules_are_kept_apart_by_the_header_key() -> None:
    desk = Desk()
    first = await desk.ask(custom(ISSUING_RULE), key="one")
    assert (await desk.ask(custom(ISSUING_RULE), key="one")).text == first.text
    other = await desk.ask(custom(AMOUNT_RULE), key="one")
    assert (other.failure, other.message) == ("INQ923", "This Idempotency-Key was used before, with another content.")
    assert (await desk.ask(custom(ISSUING_RULE, memberId="M"), key="one")).failure == "INQ923"
    assert desk.commands == 1


async def test_header_key_of_a_client_whose_keys_are_each_members_counts_for_one_member() -> None:
    desk = Desk(key_scope=KeyScope.MEMBER)
    await desk.ask(custom(ISSUING_RULE), key="one")
    assert (await desk.ask(custom(ISSUING_RULE, memberId="M"), key="one")).status == 200
    assert desk.commands == 2


async def test_custom_rule_without_a_key_is_new_each_time() -> None:
    desk = Desk()
    replies = [await desk.ask(custom(ISSUING_RULE)) for _ in range(3)]
    assert len({reply.json["transactionId"] for reply in replies}) == 3
    assert desk.commands == 3


async def test_client_that_must_send_keys_is_told_so_for_custom_rules_only() -> None:
    desk = Desk(idempotency=IdempotencyPolicy.REQUIRE)
    answer = await desk.ask(custom(ISSUING_RULE))
    assert (answer.status, answer.failure) == (400, "INQ906")
    assert (await desk.ask(basic())).status == 200
    desk = Desk(idempotency=IdempotencyPolicy.WARN)
    assert (await desk.ask(custom(ISSUING_RULE))).status == 200
    assert desk.engine.warnings == [("key_missing", "goodie")]


async def test_posting_that_is_not_decided_in_time_is_no_failure_of_business_and_may_be_sent_again() -> None:
    desk = Desk()
    desk.engine.is_stuck = True
    late = await desk.ask(basic())
    assert (late.status, late.failure) == (503, "INQ990")
    assert late.headers["retry-after"] == "1"
    assert desk.engine.waited_s == [4.0]
    desk.engine.is_stuck = False
    answer = await desk.ask(basic())
    assert (answer.status, answer.given["GD-GENERAL"]) == (200, 200)
    assert desk.commands == 1


@pytest.mark.parametrize("to", [POSTING, INQUIRY])
@pytest.mark.parametrize(
    ("changes", "failure"),
    [
        ({"status": "waiting"}, (503, "INQ990")),
        ({"complete": False}, (503, "INQ990")),
        ({"status": "parked"}, (500, "INQ999")),
    ],
)
async def test_what_is_not_decided_to_the_end_is_never_answered_as_if_it_were(
    to: str, changes: dict[str, Any], failure: tuple[int, str]
) -> None:
    desk = Desk()
    await desk.ask(basic("seen"))
    view = await desk.engine.wait(await desk.engine.submit(desk.taken), deadline_s=1)
    assert view is not None
    view = msgspec.structs.replace(view, **changes)

    async def wait(*_: Any, **__: Any) -> TicketView:
        return view

    async def preview(*_: Any) -> Previewed:
        return Previewed(view=view, payload=None)

    desk.engine.wait, desk.engine.preview = wait, preview  # type: ignore[method-assign]
    answer = await desk.ask(basic(), to=to)
    assert (answer.status, answer.failure) == failure


async def test_name_that_the_store_keeps_is_the_members_and_not_the_clients() -> None:
    desk = Desk()
    answer = await desk.ask(basic() | {"memberName": "mallory"})
    assert answer.json["memberName"] == ""
    assert desk.taken.name is None
    assert await desk.engine.member_name(PROGRAMME, Identity("goodie.member_id", MEMBER)) is None
    assert MERCHANT in desk.taken.body.decode()
