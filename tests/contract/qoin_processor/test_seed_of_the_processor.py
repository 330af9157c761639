"""Every example of the processor's seed, to the letter: the reply it gets, the command it becomes, and what comes after."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from accrual.domain.commands import Dialect
from accrual.domain.facts import DrawEntry, Fact, Identity, Purchase, Referral, ReferralPurchase, Registration
from tests.contract.qoin_desk import Desk, as_pairs, fixture, masked

SHARER = Identity("qoin.user_id", "462")
SIGN_UP = datetime(2024, 3, 31, 4, 22, 6, tzinfo=UTC)


def _bought(hour: int, amount_minor: int) -> Purchase:
    return Purchase(occurred_at=datetime(2024, 3, 11, hour, 22, 6, tzinfo=UTC), amount_minor=amount_minor)


EXPECTED: dict[str, tuple[str, tuple[Fact, ...]]] = {
    "register": ("461", (Registration(occurred_at=datetime(2025, 3, 31, 4, 22, 6, tzinfo=UTC)),)),
    "registerreferral": (
        "463",
        (Registration(occurred_at=SIGN_UP), Referral(occurred_at=SIGN_UP, referrer=SHARER)),
    ),
    "transactionpromo": (
        "16659",
        (_bought(1, 6_843_00), _bought(2, 8_430_00), _bought(3, 2_300_00), _bought(4, 5_250_00)),
    ),
    "transactionreferral": (
        "463",
        (
            Purchase(occurred_at=SIGN_UP, product="10"),
            ReferralPurchase(occurred_at=SIGN_UP, product="10", referrer=SHARER),
            Purchase(occurred_at=SIGN_UP, product="12"),
            ReferralPurchase(occurred_at=SIGN_UP, product="12", referrer=SHARER),
        ),
    ),
    "luckydraw": (
        "16659",
        (DrawEntry(occurred_at=datetime(2024, 2, 8, 4, 22, 6, tzinfo=UTC), amount_minor=1_000_00),),
    ),
}


@pytest.mark.parametrize("name", EXPECTED)
async def test_example_gets_the_reply_of_the_seed(name: str) -> None:
    example = fixture("qoin_processor", name)
    answer = await Desk().hand_in(example["request"])
    assert answer.status == 200
    assert masked(answer.pairs) == masked(as_pairs(json.dumps(example["response"])))


@pytest.mark.parametrize("name", EXPECTED)
async def test_example_becomes_its_facts(name: str) -> None:
    example = fixture("qoin_processor", name)
    answer = await Desk().hand_in(example["request"])
    user, facts = EXPECTED[name]
    assert answer.command.facts == facts
    assert answer.command.identity == Identity("qoin.user_id", user)
    assert answer.command.dialect is Dialect.QOIN_PROCESSOR
    assert answer.command.action == name
    assert answer.taken.name is None
    assert json.loads(answer.taken.body) == example["request"]


def test_no_example_is_left_out() -> None:
    stems = {path.stem for path in (Path(__file__).parent / "fixtures").glob("*.json")}
    assert {stem for stem in stems if not stem.endswith(".third-block")} == set(EXPECTED)
