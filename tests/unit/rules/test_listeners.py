"""What is remembered of promos and moments changes no judgement: whatever was asked before, the answer is a fresh one's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accrual.domain.facts import Item, ProductPurchase, Purchase
from accrual.domain.promos import Promo, PromoVersion
from accrual.rules import listeners
from accrual.rules.compiled import CompiledProgramme
from tests.desk import START, promo_of
from tests.unit.rules.judging import compiled, gave, judge

FEBRUARY = datetime(2027, 2, 26, tzinfo=UTC)
WINDOWS: tuple[dict[str, Any], ...] = (
    {},
    {"hours": ["10:00-12:00", "22:00-02:00"]},
    {"days": ["sat", "sun"], "hours": ["10:00-12:00"]},
    {"dates": ["birthday", "last"]},
    {"dates": ["2027-03-01"], "hours": ["10:00-12:00"]},
    {"from": "2027-02-27T10:00", "until": "2027-02-28T10:00:30", "zone": "America/New_York"},
    {"hours": ["01:30-03:30"], "zone": "Europe/Berlin"},
)
WHERES: tuple[dict[str, Any], ...] = (
    {},
    {"outlets": ["O1"]},
    {"products": ["A"]},
    {"except": {"categories": ["x"]}, "products": ["A"]},
)
LIMITS: tuple[list[dict[str, Any]], ...] = ([], [{"count": 1, "every": "day"}], [{"amount": 5, "per": "outlet"}])


def promo(code: str, **changes: Any) -> Promo:
    return promo_of(**{"code": code, "trigger": "purchase", "benefits": [{"asset": "PTS", "fixed": 1}], **changes})


def programme() -> CompiledProgramme:
    promos: list[Promo | PromoVersion] = []
    for number, window in enumerate(WINDOWS):
        for place, where in enumerate(WHERES):
            limits = LIMITS[(number + place) % len(LIMITS)]
            promos.append(promo(f"P{number}{place}", window=window, where=where, limits=limits))
    return compiled(*promos)


moments = st.integers(0, 4 * 1440 * 60).map(lambda seconds: FEBRUARY + timedelta(seconds=seconds))
edges = st.sampled_from(
    [FEBRUARY + timedelta(hours=hours, minutes=minutes) for hours in (17, 3, 39) for minutes in (0,)]
)
items = st.lists(
    st.builds(Item, product=st.sampled_from(["A", "B"]), category=st.sampled_from([None, "x"])), max_size=6
).map(tuple)
facts = st.builds(
    Purchase,
    occurred_at=moments | edges,
    amount_minor=st.just(500),
    outlet=st.sampled_from([None, "O1", "O2"]),
    product=st.sampled_from([None, "A"]),
    items=st.none() | items,
) | st.builds(ProductPurchase, occurred_at=moments, product=st.sampled_from(["A", "B"]))
WARM = programme()


@given(st.lists(facts, min_size=1, max_size=4))
def test_judgement_depends_on_nothing_that_was_asked_before(asked: list[Purchase]) -> None:
    assert judge(WARM, *asked) == judge(programme(), *asked)


@given(st.lists(facts, min_size=1, max_size=4))
def test_judgement_is_the_same_when_nothing_can_be_remembered_for_long(asked: list[Purchase]) -> None:
    with pytest.MonkeyPatch.context() as patched:
        for bound in ("LOOKUPS_MAX", "STRETCHES_MAX", "TOLD_MAX"):
            patched.setattr(listeners, bound, 1)
        forgetful = programme()
        assert [judge(forgetful, fact) for fact in asked] == [judge(WARM, fact) for fact in asked]
        assert len(forgetful.routes) <= 1 and len(forgetful.stretches) <= 1 and len(forgetful.told) <= 1


def test_facts_of_two_days_are_judged_by_the_birthday_of_each() -> None:
    """Nothing else tells the two days apart, and a birthday is asked for by day."""
    promos = compiled(promo("P", window={"dates": ["birthday"]}))
    judge(promos, Purchase(occurred_at=START))
    judgement = judge(promos, Purchase(occurred_at=START), Purchase(occurred_at=START + timedelta(days=1)))
    assert gave(judgement) == []
    assert len(promos.stretches) == 2
    assert len(promos.openings) == 2


def test_minutes_of_declines_are_those_of_the_command_and_not_of_an_earlier_one() -> None:
    promos = compiled(promo("P", window={"hours": ["22:00-23:00"]}))
    told = [
        judge(promos, Purchase(occurred_at=START + timedelta(minutes=minutes))).declines[0].details
        for minutes in (0, 1, 0, 2)
    ]
    at = [str(details["at"])[-5:] for details in told if details is not None]
    assert at == ["10:00", "10:01", "10:00", "10:02"]
