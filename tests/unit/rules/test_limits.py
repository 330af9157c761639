"""Limits a member: by count or by amount, in periods of the promo's zone, reducing or declining, over versions and facts."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accrual.domain.facts import Purchase
from accrual.domain.promos import Promo, PromoVersion
from accrual.rules.snapshot import CounterKey
from tests.desk import START, promo_of
from tests.unit.rules.judging import compiled, declined, gave, judge

TODAY = 1_2026_03_01
DAY_COUNT, MONTH_COUNT, EVER_COUNT, DAY_AMOUNT, MONTH_AMOUNT = 8, 10, 12, 16, 18


def promo(*limits: dict[str, Any], **changes: Any) -> Promo:
    benefits = [{"asset": "PTS", "points_per": {"every": "1 IDR"}}]
    return promo_of(**{"code": "P", "trigger": "purchase", "benefits": benefits, "limits": list(limits), **changes})


def pay(amount: int, at: datetime | None = None) -> Purchase:
    return Purchase(amount_minor=amount * 100, occurred_at=at)


def test_count_declines_when_it_is_used_up() -> None:
    programme = compiled(promo({"count": 2, "every": "day"}))
    first = judge(programme, pay(5), counters={(1, DAY_COUNT, TODAY): 1})
    assert gave(first) == [(101, 1, 5)]
    assert first.counters == {(1, DAY_COUNT, TODAY): 2}
    second = judge(programme, pay(5), counters=first.counters)
    assert gave(second) == []
    assert declined(second) == [(101, "limit_reached")]
    told = second.declines[0].details or {}
    assert (told["limit"], told["used"], told["every"], told["by"]) == (2, 2, "day", "count")
    assert second.counters == {}


def test_amount_is_reduced_to_what_is_left_and_says_so() -> None:
    programme = compiled(promo({"amount": 10, "every": "day"}))
    judgement = judge(programme, pay(7), counters={(1, DAY_AMOUNT, TODAY): 6})
    assert gave(judgement) == [(101, 1, 4)]
    told = judgement.awards[0].details or {}
    assert (told["limit"], told["used"], told["every"], told["wanted"]) == (10, 6, "day", 7)
    assert judgement.counters == {(1, DAY_AMOUNT, TODAY): 10}


def test_amount_that_declines_gives_all_or_nothing() -> None:
    programme = compiled(promo({"amount": 10, "every": "day", "on_limit": "decline"}))
    judgement = judge(programme, pay(7), counters={(1, DAY_AMOUNT, TODAY): 6})
    assert gave(judgement) == []
    assert declined(judgement) == [(101, "limit_reached")]
    assert judgement.counters == {}
    assert gave(judge(programme, pay(4), counters={(1, DAY_AMOUNT, TODAY): 6})) == [(101, 1, 4)]


def test_count_that_reduces_still_never_passes_its_cap() -> None:
    programme = compiled(promo({"count": 1, "on_limit": "reduce"}))
    assert declined(judge(programme, pay(4), counters={(1, EVER_COUNT, 500_000_000): 1})) == [(101, "limit_reached")]


def test_period_is_that_of_the_promos_own_zone() -> None:
    """At three in the morning UTC it is the first of March in Jakarta and still the last of February in New York."""
    programme = compiled(promo({"count": 1, "every": "day"}, window={"zone": "America/New_York"}))
    assert judge(programme, pay(1)).counters == {(1, DAY_COUNT, 1_2026_02_28): 1}


def test_limit_counts_in_the_period_in_which_the_fact_happened() -> None:
    programme = compiled(promo({"count": 1, "every": "day"}))
    late = judge(programme, pay(1, START - timedelta(days=3)), counters={(1, DAY_COUNT, TODAY): 1})
    assert late.counters == {(1, DAY_COUNT, 1_2026_02_26): 1}


def test_one_award_of_several_facts_counts_once_in_the_period_of_the_first() -> None:
    programme = compiled(promo({"count": 1, "every": "day"}))
    judgement = judge(programme, pay(1, START - timedelta(days=1)), pay(2), pay(3))
    assert gave(judgement) == [(101, 1, 6)]
    assert judgement.counters == {(1, DAY_COUNT, 1_2026_02_28): 1}


def test_first_matching_fact_is_the_first_as_sent_whatever_else_it_names() -> None:
    """Facts are looked up in groups of the same outlet; the order of the call must not be lost by that."""
    window = {"from": "2026-02-28T00:00"}
    programme = compiled(promo({"count": 1, "every": "day"}, window=window))
    too_early = Purchase(amount_minor=100, outlet="A", occurred_at=START - timedelta(days=9))
    first = Purchase(amount_minor=200, outlet="B", occurred_at=START - timedelta(days=1))
    second = Purchase(amount_minor=400, outlet="A", occurred_at=START)
    judgement = judge(programme, too_early, first, second)
    assert gave(judgement) == [(101, 1, 6)]
    assert judgement.counters == {(1, DAY_COUNT, 1_2026_02_28): 1}


def test_all_limits_of_a_promo_hold_at_once() -> None:
    programme = compiled(promo({"amount": 10, "every": "day"}, {"amount": 12, "every": "month"}, {"count": 9}))
    judgement = judge(programme, pay(20), counters={(1, DAY_AMOUNT, TODAY): 1, (1, MONTH_AMOUNT, 3_2026_03_00): 5})
    assert gave(judgement) == [(101, 1, 7)]
    assert judgement.counters == {
        (1, DAY_AMOUNT, TODAY): 8,
        (1, MONTH_AMOUNT, 3_2026_03_00): 12,
        (1, EVER_COUNT, 500_000_000): 1,
    }


def test_limit_is_shared_by_the_benefits_of_a_promo() -> None:
    benefits = [{"asset": "PTS", "fixed": 6}, {"asset": "LD", "fixed": 6}]
    judgement = judge(compiled(promo({"amount": 10}, benefits=benefits)), pay(1))
    assert gave(judgement) == [(101, 1, 6), (101, 2, 4)]


def test_counter_goes_on_over_versions_even_within_one_command() -> None:
    def version(number: int, effective_from: datetime | None) -> PromoVersion:
        return PromoVersion(
            promo_version_id=number,
            promo_id=1,
            version=number,
            revision=number,
            effective_from=effective_from,
            promo=promo({"amount": 10, "every": "month"}),
        )

    programme = compiled(version(1, None), version(2, START))
    judgement = judge(programme, pay(7, START - timedelta(hours=1)), pay(7, START))
    assert gave(judgement) == [(1, 1, 7), (2, 1, 3)]
    assert judgement.counters == {(1, MONTH_AMOUNT, 3_2026_03_00): 10}


def test_limits_of_another_promo_do_not_count() -> None:
    programme = compiled(promo({"count": 1}), promo({"count": 1}, code="Q"))
    assert gave(judge(programme, pay(1), counters={(1, EVER_COUNT, 500_000_000): 1})) == [(102, 1, 1)]


@pytest.mark.parametrize("on_limit", ["reduce", "decline"])
@given(
    caps=st.lists(st.integers(1, 30), min_size=1, max_size=3),
    count=st.integers(1, 5) | st.none(),
    amounts=st.lists(st.integers(1, 20), max_size=12),
)
def test_no_sequence_of_commands_ever_passes_a_limit(
    on_limit: str, caps: list[int], count: int | None, amounts: list[int]
) -> None:
    everies = ("day", "month", "ever")
    limits: list[dict[str, Any]] = [
        {"amount": cap, "every": every, "on_limit": on_limit} for cap, every in zip(caps, everies, strict=False)
    ]
    if count is not None:
        limits.append({"count": count})
    programme = compiled(promo(*limits))
    counters: dict[CounterKey, int] = {}
    given_units: list[int] = []
    for amount in amounts:
        judgement = judge(programme, pay(amount), counters=counters)
        counters.update(judgement.counters)
        given_units.extend(award.amount for award in judgement.awards)
        assert len(judgement.awards) + len(judgement.declines) == 1
    assert sum(given_units) <= min(caps)
    assert count is None or len(given_units) <= count
    if on_limit == "reduce" and count is None:
        assert sum(given_units) == min(*caps, sum(amounts), 10**9)
