"""Units for each whole so-much of the amount: `1 per 1000 IDR`. Parts of a step give nothing unless it says so."""

from __future__ import annotations

from collections.abc import Callable

from accrual.domain.amounts import Rounding, divide
from accrual.domain.programme import Settings
from accrual.domain.promos import Benefit
from accrual.rules.benefits.measure import Computed, Measure
from accrual.rules.money import read_money


def compile_benefit(benefit: Benefit, settings: Settings) -> Callable[[Measure], Computed]:
    """`points_per: {every: 1000 IDR, give: 1}`: whole steps in the sum of the amounts, times `give`.

    A `rounding` that the benefit itself names rounds the number of steps; the programme's does not: a step begun is not
    a step made unless the promo says so. What the steps give is multiplied by the level's factor, and that is rounded.
    """
    if benefit.points_per is None:
        raise ValueError("points_per is not set")
    every_minor = read_money(benefit.points_per.every, settings)
    if every_minor == 0:
        raise ValueError("points_per.every must be above zero")
    give = benefit.points_per.give
    rounding = benefit.rounding or Rounding.FLOOR

    of_award = benefit.rounding or settings.rounding

    def compute_by_level(measure: Measure) -> Computed:
        earn = measure.earn
        units = divide(measure.amount_minor, every_minor, rounding) * give
        return Computed(divide(units * earn.numerator, earn.denominator, of_award), measure.amount_minor)

    if benefit.by_level:
        return compute_by_level

    def compute(measure: Measure) -> Computed:
        return Computed(divide(measure.amount_minor, every_minor, rounding) * give, measure.amount_minor)

    return compute
