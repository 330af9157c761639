"""Every example of the task's seed, to the letter: the reply it gets and the command it becomes."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from accrual.domain.commands import Dialect
from accrual.domain.facts import (
    CheckIn,
    DrawEntry,
    Fact,
    Identity,
    ProductPurchase,
    Purchase,
    Referral,
    ReferralPurchase,
    Registration,
)
from tests.contract.qoin_desk import Desk, as_pairs, fixture, masked

AT_HALF_PAST_TEN = datetime(2024, 4, 30, 3, 30, tzinfo=UTC)

FACTS: dict[str, tuple[Fact, ...]] = {
    "transaction": (Purchase(amount_minor=10_000_00),),
    "luckydraw": (DrawEntry(amount_minor=10_000_00),),
    "register": (Registration(amount_minor=10_000_00),),
    "registerreferral": (
        Registration(occurred_at=AT_HALF_PAST_TEN, amount_minor=1_000_00),
        Referral(occurred_at=AT_HALF_PAST_TEN, amount_minor=1_000_00, referrer=None),
    ),
    "transactionreferral": (
        Purchase(occurred_at=AT_HALF_PAST_TEN, amount_minor=1_000_00, product="10"),
        ReferralPurchase(occurred_at=AT_HALF_PAST_TEN, amount_minor=1_000_00, product="10", referrer=None),
    ),
    "dailycheckin": (CheckIn(occurred_at=AT_HALF_PAST_TEN, amount_minor=0),),
    "productsku": (ProductPurchase(occurred_at=AT_HALF_PAST_TEN, amount_minor=0, product="T30H"),),
}


@pytest.mark.parametrize("name", FACTS)
async def test_example_gets_the_reply_of_the_seed(name: str) -> None:
    example = fixture("qoin_task", name)
    expected = example["response"]
    if expected is None:  # two sections show none: the reply all the others have
        expected = fixture("qoin_task", "transaction")["response"] | {"Action": name}

    answer = await Desk().hand_in(example["request"])

    assert answer.status == 200
    assert masked(answer.pairs) == masked(as_pairs(json.dumps(expected)))
    assert answer.json["TicketId"].startswith("34352d31-")


@pytest.mark.parametrize("name", FACTS)
async def test_example_becomes_its_facts(name: str) -> None:
    example = fixture("qoin_task", name)
    data = example["request"]["Data"]

    answer = await Desk().hand_in(example["request"])

    assert answer.command.facts == FACTS[name]
    assert answer.command.dialect is Dialect.QOIN_TASK
    assert answer.command.action == name
    assert answer.command.identity == Identity("qoin.user_id", str(data["userId"]))
    assert (answer.command.install_id, answer.command.device_type) == (data["installId"], data["deviceType"])
    assert answer.taken.name == data["memberName"]
    assert json.loads(answer.taken.body) == example["request"]
    assert (answer.taken.programme_id, answer.taken.client_id) == (1, 3)


def test_no_example_is_left_out() -> None:
    assert sorted(FACTS) == sorted(path.stem for path in (Path(__file__).parent / "fixtures").glob("*.json"))
