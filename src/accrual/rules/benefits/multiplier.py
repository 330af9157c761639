"""Multiplies what the command has given so far, and gives the difference; rounded once an award."""

from __future__ import annotations

from collections.abc import Callable

from accrual.domain.amounts import divide, read_ratio
from accrual.domain.programme import Settings
from accrual.domain.promos import Benefit, Scope
from accrual.rules.benefits.measure import Computed, Measure


def compile_benefit(benefit: Benefit, settings: Settings) -> Callable[[Measure], Computed]:
    """`multiplier: {times: "2"}`: as much again as the base lane gave of the asset; `of: all` counts every lane so far."""
    if benefit.multiplier is None:
        raise ValueError("multiplier is not set")
    times = read_ratio(benefit.multiplier.times)
    extra = times.numerator - times.denominator
    if extra <= 0:
        raise ValueError("multiplier.times must be above 1")
    of_all = benefit.multiplier.of is Scope.ALL
    rounding = benefit.rounding or settings.rounding

    def compute(measure: Measure) -> Computed:
        given = measure.given_all if of_all else measure.given_base
        return Computed(divide(given * extra, times.denominator, rounding), given)

    return compute
