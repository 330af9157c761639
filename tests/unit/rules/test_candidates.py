"""Which promos give for a fact: by trigger, outlet and product, in total order, by version, window and status."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from accrual.domain.facts import Item, ProductPurchase, Purchase
from accrual.domain.promos import Limit, Promo, PromoVersion
from accrual.rules.compile import compile_limit
from accrual.rules.compiled import CompiledProgramme
from tests.desk import START, promo_of
from tests.unit.rules.judging import compiled, declined, gave, judge

NEW_YEAR = "2026-01-01T00:00"


def promo(code: str, **changes: Any) -> Promo:
    return promo_of(**{"code": code, "trigger": "purchase", "benefits": [{"asset": "PTS", "fixed": 1}], **changes})


def version(number: int, effective_from: Any, **changes: Any) -> PromoVersion:
    return PromoVersion(
        promo_version_id=number,
        promo_id=1,
        version=number,
        revision=number,
        effective_from=effective_from,
        promo=promo("P", **changes),
    )


def givers(programme: CompiledProgramme, **of_fact: Any) -> list[str]:
    """Codes of the promos that give for a purchase, in the order in which they give."""
    codes = {stored.promo_version_id: stored.promo.code for stored in programme.catalogue.promos}
    return [codes[version_id] for version_id, _, _ in gave(judge(programme, Purchase(amount_minor=1, **of_fact)))]


def test_promos_of_the_outlet_and_of_everywhere_give_and_no_others() -> None:
    programme = compiled(
        promo("EVERYWHERE"),
        promo("ONE", where={"outlets": ["O1"]}),
        promo("TWO", where={"outlets": ["O1", "O2"]}),
        promo("OTHER", trigger="check_in"),
    )
    assert givers(programme) == ["EVERYWHERE"]
    assert givers(programme, outlet="O1") == ["EVERYWHERE", "ONE", "TWO"]
    assert givers(programme, outlet="O2") == ["EVERYWHERE", "TWO"]
    assert givers(programme, outlet="O3") == ["EVERYWHERE"]


def test_promos_of_a_product_give_when_the_fact_or_any_of_its_lines_names_it() -> None:
    programme = compiled(
        promo("OF-A", where={"products": ["A"]}), promo("OF-A-HERE", where={"products": ["A"], "outlets": ["O1"]})
    )
    assert givers(programme) == []
    assert givers(programme, product="A") == ["OF-A"]
    assert givers(programme, product="a") == []
    assert givers(programme, items=(Item(product="B"), Item(product="A")), outlet="O1") == ["OF-A", "OF-A-HERE"]
    assert givers(programme, items=(Item(category="A"),)) == []


def test_promos_give_by_priority_and_then_by_code_each_once() -> None:
    programme = compiled(
        promo("B"),
        promo("A"),
        promo("LOW", stacking={"priority": -5}),
        promo("HIGH", stacking={"priority": 7}, where={"products": ["A", "B"]}),
    )
    assert givers(programme, items=(Item(product="B"), Item(product="A"))) == ["HIGH", "A", "B", "LOW"]


@pytest.mark.parametrize("status", ["draft", "approved", "ended"])
def test_promo_that_is_not_running_gives_nothing_and_declines_nothing(status: str) -> None:
    judgement = judge(compiled(promo("P", status=status)), Purchase())
    assert (judgement.awards, judgement.declines) == ((), ())


def test_paused_promo_says_so() -> None:
    assert declined(judge(compiled(promo("P", status="paused")), Purchase())) == [(101, "promo_paused")]


@pytest.mark.parametrize(
    ("occurred", "reason"),
    [
        ("2025-12-31T16:59:59.999999", "not_started"),
        ("2025-12-31T17:00:00", None),
        ("2026-01-31T16:59:59.999999", None),
        ("2026-01-31T17:00:00", "window_closed"),
    ],
)
def test_window_begins_with_its_first_moment_and_ends_before_its_last_in_its_zone(
    occurred: str, reason: str | None
) -> None:
    """Read in Jakarta, the programme's zone; its New Year is at 17:00 UTC."""
    programme = compiled(promo("P", window={"from": NEW_YEAR, "until": "2026-02-01T00:00"}))
    judgement = judge(programme, Purchase(occurred_at=_utc(occurred)))
    assert declined(judgement) == ([] if reason is None else [(101, reason)])
    assert len(judgement.awards) == (1 if reason is None else 0)


def test_window_of_another_zone_is_read_there() -> None:
    programme = compiled(promo("P", window={"from": NEW_YEAR, "zone": "America/New_York"}))
    assert declined(judge(programme, Purchase(occurred_at=_utc("2026-01-01T04:59:59")))) == [(101, "not_started")]
    assert len(judge(programme, Purchase(occurred_at=_utc("2026-01-01T05:00:00"))).awards) == 1


def test_command_that_is_partly_in_the_window_is_given_for_that_part_without_a_decline() -> None:
    benefits = [{"asset": "PTS", "points_per": {"every": "1 IDR"}}]
    programme = compiled(promo("P", window={"from": NEW_YEAR}, benefits=benefits))
    early, late = _utc("2025-12-01T00:00:00"), _utc("2026-02-01T00:00:00")
    judgement = judge(
        programme, Purchase(amount_minor=300, occurred_at=early), Purchase(amount_minor=500, occurred_at=late)
    )
    assert (gave(judgement), declined(judgement)) == ([(101, 1, 5)], [])


def test_version_that_held_when_the_fact_happened_decides_however_late_it_comes() -> None:
    programme = compiled(
        version(1, None), version(2, START - timedelta(days=2), benefits=[{"asset": "PTS", "fixed": 9}])
    )
    assert gave(judge(programme, Purchase(occurred_at=START - timedelta(days=3)))) == [(1, 1, 1)]
    assert gave(judge(programme, Purchase(occurred_at=START - timedelta(days=2)))) == [(2, 1, 9)]
    assert gave(judge(programme, Purchase())) == [(2, 1, 9)]


def test_version_that_reaches_back_takes_the_place_of_older_ones_from_there() -> None:
    programme = compiled(
        version(1, None),
        version(2, START),
        version(3, START - timedelta(days=1), benefits=[{"asset": "LD", "fixed": 1}]),
    )
    assert gave(judge(programme, Purchase(occurred_at=START - timedelta(days=2)))) == [(1, 1, 1)]
    assert gave(judge(programme, Purchase(occurred_at=START - timedelta(days=1)))) == [(3, 2, 1)]
    assert gave(judge(programme, Purchase())) == [(3, 2, 1)]


def test_facts_under_two_versions_give_one_award_a_version() -> None:
    benefits = [{"asset": "PTS", "points_per": {"every": "10 IDR"}}]
    programme = compiled(version(1, None, benefits=benefits), version(2, START, benefits=benefits))
    before = [Purchase(amount_minor=600, occurred_at=START - timedelta(hours=n)) for n in (2, 1)]
    after = [Purchase(amount_minor=900), Purchase(amount_minor=1_200)]
    assert gave(judge(programme, after[0], before[0], after[1], before[1])) == [(1, 1, 1), (2, 1, 2)]


def test_promo_that_was_ended_still_gives_for_what_happened_before() -> None:
    programme = compiled(version(1, None), version(2, START, status="ended"))
    assert gave(judge(programme, Purchase(occurred_at=START - timedelta(seconds=1)))) == [(1, 1, 1)]
    assert judge(programme, Purchase()).awards == ()


def test_promo_that_does_not_hold_yet_gives_nothing() -> None:
    programme = compiled(version(1, START))
    assert judge(programme, Purchase(occurred_at=START - timedelta(microseconds=1))).awards == ()
    assert len(judge(programme, Purchase(occurred_at=START)).awards) == 1


def test_promo_whose_trigger_changed_listens_to_each_in_its_time() -> None:
    programme = compiled(version(1, None), version(2, START, trigger="product_purchase"))
    assert gave(judge(programme, Purchase(occurred_at=START - timedelta(days=1)))) == [(1, 1, 1)]
    assert judge(programme, Purchase()).awards == ()
    assert gave(judge(programme, ProductPurchase(amount_minor=0))) == [(2, 1, 1)]
    assert judge(programme, ProductPurchase(amount_minor=0, occurred_at=START - timedelta(days=1))).awards == ()


def test_activation_and_expiry_run_from_when_the_fact_happened() -> None:
    benefit = {"asset": "PTS", "fixed": 1, "active_after": "P7D", "expires": "P1M"}
    programme = compiled(promo("P", benefits=[benefit]))
    (award,) = judge(programme, Purchase()).awards
    assert (award.active_at, award.expires_at) == (START + timedelta(days=7), _utc("2026-04-08T03:00:00"))
    (late,) = judge(programme, Purchase(occurred_at=START - timedelta(days=30))).awards
    assert (late.active_at, late.expires_at) == (None, START + timedelta(days=5))


def test_routes_of_long_baskets_are_not_kept() -> None:
    """Two hundred products a call, all different, would fill the memory long before the bound on entries."""
    programme = compiled(promo("P", where={"products": ["A"]}))
    basket = (Item(product="A"), *(Item(product=f"B{number}") for number in range(199)))
    assert givers(programme, items=basket) == ["P"]
    assert programme.routes == {}


@pytest.mark.parametrize(
    ("document", "by_amount", "reduces"),
    [
        ({"count": 1}, False, False),
        ({"amount": 5}, True, True),
        ({"count": 1, "on_limit": "reduce"}, False, True),
        ({"amount": 5, "on_limit": "decline"}, True, False),
    ],
)
def test_amounts_reduce_and_counts_decline_unless_said_otherwise(
    document: dict[str, Any], by_amount: bool, reduces: bool
) -> None:
    limit = compile_limit(msgspec.convert(document, Limit))
    assert (limit.by_amount, limit.reduces) == (by_amount, reduces)


def test_slots_of_counters_never_change() -> None:
    """They are stored; a new number would give everybody a fresh limit."""
    everies = ("day", "week", "month", "year", "ever")
    slots = [
        compile_limit(msgspec.convert({kind: 1, "every": every}, Limit)).slot
        for kind in ("count", "amount")
        for every in everies
    ]
    assert slots == [8, 9, 10, 11, 12, 16, 17, 18, 19, 20]


def _utc(text: str) -> Any:
    return START.fromisoformat(f"{text}+00:00")
