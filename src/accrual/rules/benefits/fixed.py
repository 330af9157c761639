"""A fixed number of units, once a command. Amounts of money play no part."""

from __future__ import annotations

from collections.abc import Callable

from accrual.domain.amounts import divide
from accrual.domain.programme import Settings
from accrual.domain.promos import Benefit
from accrual.rules.benefits.measure import Computed, Measure


def compile_benefit(benefit: Benefit, settings: Settings) -> Callable[[Measure], Computed]:
    """`fixed: 10`: ten units; with `per_fact` the caller asks once a fact. The basis is the number of facts."""
    amount = benefit.fixed
    if amount is None:
        raise ValueError("fixed is not set")

    rounding = benefit.rounding or settings.rounding

    def compute_by_level(measure: Measure) -> Computed:
        earn = measure.earn
        return Computed(divide(amount * earn.numerator, earn.denominator, rounding), measure.facts)

    if benefit.by_level:
        return compute_by_level

    def compute(measure: Measure) -> Computed:
        return Computed(amount, measure.facts)

    return compute
