"""A percentage of the amount, in units of the asset for units of the currency, rounded once an award."""

from __future__ import annotations

from collections.abc import Callable

from accrual.domain.amounts import divide, read_ratio
from accrual.domain.programme import Settings
from accrual.domain.promos import Benefit
from accrual.rules.benefits.measure import Computed, Measure


def compile_benefit(benefit: Benefit, settings: Settings) -> Callable[[Measure], Computed]:
    """`percent: "2.5"`: 2.5 units for each 100 of the currency (not of its minor unit)."""
    if benefit.percent is None:
        raise ValueError("percent is not set")
    rate = read_ratio(benefit.percent)
    denominator = rate.denominator * 100 * 10**settings.minor_units
    rounding = benefit.rounding or settings.rounding

    def compute_by_level(measure: Measure) -> Computed:
        earn = measure.earn
        exact = measure.amount_minor * rate.numerator * earn.numerator
        return Computed(divide(exact, denominator * earn.denominator, rounding), measure.amount_minor)

    if benefit.by_level:
        return compute_by_level

    def compute(measure: Measure) -> Computed:
        return Computed(divide(measure.amount_minor * rate.numerator, denominator, rounding), measure.amount_minor)

    return compute
