"""What benefits are worth: fixed, so many for each so much, percentages; summed over the facts and rounded once."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from accrual.domain.amounts import INT64_MAX, Rounding
from accrual.domain.facts import Fact, ProductPurchase, Purchase
from accrual.domain.outcomes import Outcome, Status, encode_outcome
from accrual.rules.benefits import kind_of
from tests.desk import SETTINGS, promo_of
from tests.unit.rules.judging import compiled, declined, gave, judge

PER_1000 = {"asset": "PTS", "points_per": {"every": "1000 IDR", "give": 1}}


def idr(*amounts: int | None) -> list[Fact]:
    """Purchases of so many rupiah."""
    return [Purchase(amount_minor=None if amount is None else amount * 100) for amount in amounts]


def worth(benefit: dict[str, Any], facts: list[Fact], **of_settings: Any) -> list[tuple[int, int | None]]:
    """(amount, basis) of the awards."""
    settings = msgspec.structs.replace(SETTINGS, **of_settings)
    trigger = facts[0].trigger.value
    promo = promo_of(code="P", trigger=trigger, benefits=[benefit])
    return [(award.amount, award.basis) for award in judge(compiled(promo, settings=settings), *facts).awards]


def test_fixed_is_given_once_a_command_whatever_was_paid() -> None:
    assert worth({"asset": "PTS", "fixed": 10}, idr(5, 6, None)) == [(10, 3)]


def test_fixed_per_fact_is_given_for_each() -> None:
    assert worth({"asset": "PTS", "fixed": 10, "per_fact": True}, idr(5, 6, None)) == [(30, 3)]


@pytest.mark.parametrize(
    ("amounts", "points"), [((999,), None), ((1000,), 1), ((1999,), 1), ((600, 600), 1), ((10_000,), 10)]
)
def test_points_per_counts_whole_steps_of_the_sum(amounts: tuple[int, ...], points: int | None) -> None:
    found = worth(PER_1000, idr(*amounts))
    assert found == ([] if points is None else [(points, sum(amounts) * 100)])


def test_per_fact_rounds_each_fact_by_itself() -> None:
    assert worth({**PER_1000, "per_fact": True}, idr(600, 600, 2500)) == [(2, 370_000)]


def test_max_caps_an_award_or_each_fact_of_it() -> None:
    assert worth({**PER_1000, "max": 3}, idr(5_000, 5_000)) == [(3, 1_000_000)]
    assert worth({**PER_1000, "max": 3, "per_fact": True}, idr(5_000, 5_000)) == [(6, 1_000_000)]


@pytest.mark.parametrize(("rounding", "points"), [("floor", 2), ("half_up", 3), ("half_even", 2), ("ceil", 3)])
def test_percentage_is_rounded_as_the_benefit_names(rounding: str, points: int) -> None:
    """2.5 % of 100 IDR are 2.5 points: of the currency, not of its minor unit."""
    assert worth({"asset": "PTS", "percent": "2.5", "rounding": rounding}, idr(100)) == [(points, 10_000)]


def test_percentage_falls_back_to_the_programmes_rounding() -> None:
    assert worth({"asset": "PTS", "percent": "2.5"}, idr(100), rounding=Rounding.CEIL) == [(3, 10_000)]
    assert worth({"asset": "PTS", "percent": "2.5", "rounding": "floor"}, idr(100), rounding=Rounding.CEIL) == [
        (2, 10_000)
    ]


def test_percentage_is_rounded_once_over_the_sum_of_facts() -> None:
    assert worth({"asset": "PTS", "percent": "1"}, idr(50, 50)) == [(1, 10_000)]


def test_percentage_counts_units_of_the_currency_whatever_its_decimals() -> None:
    assert worth({"asset": "PTS", "percent": "10"}, [Purchase(amount_minor=50)], minor_units=0) == [(5, 50)]


def test_amount_of_zero_is_valid_and_earns_nothing_by_amount() -> None:
    promo = promo_of(code="P", trigger="product_purchase", benefits=[PER_1000, {"asset": "LD", "fixed": 1}])
    judgement = judge(compiled(promo), ProductPurchase(amount_minor=0, product="A"))
    assert declined(judgement) == [(101, "amount_too_small")]
    assert judgement.declines[0].details == {"basis": 0}
    assert gave(judgement) == [(101, 2, 1)]


def test_award_beyond_the_bound_is_declined_not_cut() -> None:
    """A promo without a maximum gives what it says or nothing; giving less unseen would be a wrong balance."""
    promo = promo_of(code="P", trigger="purchase", benefits=[{"asset": "PTS", "percent": "100000"}])
    one = promo_of(code="Q", trigger="purchase", benefits=[{"asset": "PTS", "fixed": 1}])
    judgement = judge(compiled(promo, one), Purchase(amount_minor=INT64_MAX), Purchase(amount_minor=INT64_MAX))
    assert declined(judgement) == [(101, "amount_too_large")]
    assert gave(judgement) == [(102, 1, 1)]
    encode_outcome(Outcome(status=Status.DECIDED, revision=1, declines=judgement.declines))


def test_largest_award_is_given_whole() -> None:
    most = SETTINGS.bounds.units_per_command >> 20
    assert worth({"asset": "PTS", "fixed": most}, idr(1)) == [(most, 1)]


def test_benefit_is_of_exactly_one_kind() -> None:
    promo = promo_of(code="P", trigger="purchase", benefits=[{"asset": "PTS", "fixed": 1, "percent": "1"}])
    with pytest.raises(ValueError, match="exactly one"):
        kind_of(promo.benefits[0])


def test_vouchers_of_equal_payments_in_one_call_are_different() -> None:
    """Two equal payments are two: a code that is given twice can be used once."""
    promo = promo_of(
        code="P", trigger="purchase", benefits=[{"asset": "LD", "voucher": {"prefix": "V-"}, "per_fact": True}]
    )
    (award,) = judge(compiled(promo), *idr(100, 100, 100)).awards
    codes = (award.details or {})["codes"]
    assert len(set(codes)) == award.amount == 3
