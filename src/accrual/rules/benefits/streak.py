"""A ladder of check-ins in a row. Which day it is follows from the member's days, so nothing is computed here."""

from __future__ import annotations

from collections.abc import Callable

from accrual.domain.programme import Settings
from accrual.domain.promos import Benefit
from accrual.rules.benefits.measure import Computed, Measure


def compile_benefit(benefit: Benefit, settings: Settings) -> Callable[[Measure], Computed]:
    """`streak: {steps: {1: 1, 7: 10}}`: what a day is worth is counted (rules.streaks), never computed from amounts."""
    if benefit.streak is None:
        raise ValueError("streak is not set")

    def compute(measure: Measure) -> Computed:
        raise ValueError("a streak is counted, not computed")

    return compute
