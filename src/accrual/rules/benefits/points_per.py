"""Units for each whole so-much of the amount: `1 per 1000 IDR`. Parts of a step give nothing."""

from __future__ import annotations

from collections.abc import Callable

from accrual.domain.programme import Settings
from accrual.domain.promos import Benefit
from accrual.rules.benefits.measure import Computed, Measure
from accrual.rules.money import read_money


def compile_benefit(benefit: Benefit, settings: Settings) -> Callable[[Measure], Computed]:
    """`points_per: {every: 1000 IDR, give: 1}`: whole steps in the sum of the amounts, times `give`."""
    if benefit.points_per is None:
        raise ValueError("points_per is not set")
    every_minor = read_money(benefit.points_per.every, settings)
    if every_minor == 0:
        raise ValueError("points_per.every must be above zero")
    give = benefit.points_per.give

    def compute(measure: Measure) -> Computed:
        return Computed(measure.amount_minor // every_minor * give, measure.amount_minor)

    return compute
