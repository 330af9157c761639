"""Promos that do nothing but give take a shorter way; what they give on it is what they give beside promos that do more."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from accrual.domain.facts import Purchase
from accrual.domain.outcomes import Award, Declined
from tests.desk import START, promo_of
from tests.unit.rules.judging import compiled, judge

BENEFITS = (
    {"fixed": 7},
    {"points_per": {"every": "1000 IDR", "give": 2}},
    {"percent": "1.5"},
)
MORE: tuple[dict[str, Any], ...] = (
    {"limits": [{"per": "member", "every": "ever", "count": 1_000}]},
    {"stacking": {"lane": "cap"}, "benefits": [{"asset": "PTS", "ceiling": 10**15}]},
    {"stacking": {"lane": "bonus", "exclusive": True}},
    {"benefits": [{"asset": "PTS", "fixed": 1, "expires": "P1Y"}]},
    {"condition": 'purchase.amount >= money("0 IDR")'},
)


def promo(code: str, benefit: dict[str, Any], **changes: Any) -> Any:
    return promo_of(**{"code": code, "trigger": "purchase", "benefits": [{"asset": "PTS", **benefit}], **changes})


@given(
    st.lists(st.tuples(st.sampled_from(BENEFITS), st.integers(0, 3)), max_size=5),
    st.lists(st.none() | st.integers(0, 10_000_000), min_size=1, max_size=4),
    st.sampled_from(MORE),
)
def test_gifts_are_the_same_alone_and_beside_promos_that_do_more(
    wanted: list[tuple[dict[str, Any], int]], amounts: list[int | None], more: dict[str, Any]
) -> None:
    gifts = [
        promo(f"G-{number}", benefit, stacking={"priority": priority})
        for number, (benefit, priority) in enumerate(wanted)
    ]
    facts = [Purchase(occurred_at=START, amount_minor=amount) for amount in amounts]
    alone = judge(compiled(*gifts), *facts)
    programme = compiled(*gifts, promo("Z", {"fixed": 1}, **more))
    last = programme.catalogue.promos[-1].promo_version_id
    beside = judge(programme, *facts)
    assert of_gifts(alone.awards, last) == of_gifts(beside.awards, last)
    assert of_gifts(alone.declines, last) == of_gifts(beside.declines, last)


def of_gifts(given: tuple[Award, ...] | tuple[Declined, ...], last: int) -> list[Award | Declined]:
    return [each for each in given if each.promo_version_id != last]
