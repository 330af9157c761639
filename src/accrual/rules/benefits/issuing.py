"""So many units for each named rule that a fact asks for. Amounts of money play no part."""

from __future__ import annotations

from collections.abc import Callable

from accrual.domain.programme import Settings
from accrual.domain.promos import Benefit
from accrual.rules.benefits.measure import Computed, Measure


def compile_benefit(benefit: Benefit, settings: Settings) -> Callable[[Measure], Computed]:
    """`issuing: {rules: {REVIEW: 50}}`: fifty units for each fact whose attribute `rule` is REVIEW; other rules give none."""
    if benefit.issuing is None:
        raise ValueError("issuing is not set")
    rules = dict(benefit.issuing.rules)

    def compute(measure: Measure) -> Computed:
        known = [rules[name] for name in measure.rules if name in rules]
        return Computed(sum(known), len(known))

    return compute
