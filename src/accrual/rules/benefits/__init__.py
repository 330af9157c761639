"""The benefits a promo may give, one file each, and the one map that names them. Only arithmetic lives here."""

from __future__ import annotations

from collections.abc import Callable

from accrual.domain.programme import Settings
from accrual.domain.promos import Benefit
from accrual.rules.benefits import fixed, percent, points_per
from accrual.rules.benefits.measure import Computed, Measure

Compute = Callable[[Measure], Computed]
"""(facts matched, sum of their amounts in minor units) -> (units before `max`, the basis shown to people)."""

KINDS: dict[str, Callable[[Benefit, Settings], Compute]] = {
    "fixed": fixed.compile_benefit,
    "points_per": points_per.compile_benefit,
    "percent": percent.compile_benefit,
}


def kind_of(benefit: Benefit) -> str:
    """Which one of KINDS this benefit is. Raises ValueError unless exactly one is set."""
    named = [kind for kind in KINDS if getattr(benefit, kind) is not None]
    if len(named) != 1:
        raise ValueError(f"exactly one of {', '.join(KINDS)} must be set, not {len(named)}")
    return named[0]
