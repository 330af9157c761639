"""Tickets of a raffle, so many an entry. Who wins is drawn later, out of all of them; nothing is drawn here."""

from __future__ import annotations

from collections.abc import Callable

from accrual.domain.programme import Settings
from accrual.domain.promos import Benefit
from accrual.rules.benefits.measure import Computed, Measure


def compile_benefit(benefit: Benefit, settings: Settings) -> Callable[[Measure], Computed]:
    """`raffle: {tickets: 3}`: three units of the benefit's asset, which stand for three chances."""
    if benefit.raffle is None:
        raise ValueError("raffle is not set")
    tickets = benefit.raffle.tickets

    def compute(measure: Measure) -> Computed:
        return Computed(tickets, measure.facts)

    return compute
