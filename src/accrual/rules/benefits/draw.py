"""An instant draw: a prize of a table. It is chosen where secret and stocks are known, so nothing is computed here."""

from __future__ import annotations

from collections.abc import Callable

from accrual.domain.programme import Settings
from accrual.domain.promos import Benefit
from accrual.rules.benefits.measure import Computed, Measure


def compile_benefit(benefit: Benefit, settings: Settings) -> Callable[[Measure], Computed]:
    """`draw: {prizes: [...]}`: what is won is drawn (rules.draws), never computed from amounts."""
    if benefit.draw is None:
        raise ValueError("draw is not set")

    def compute(measure: Measure) -> Computed:
        raise ValueError("a prize is drawn, not computed")

    return compute
