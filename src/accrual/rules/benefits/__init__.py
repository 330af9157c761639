"""The benefits a promo may give, one file each, and the one map that names them. Only arithmetic lives here."""

from __future__ import annotations

from collections.abc import Callable

from accrual.domain.programme import Settings
from accrual.domain.promos import Benefit
from accrual.rules.benefits import (
    bracket,
    draw,
    fixed,
    issuing,
    multiplier,
    percent,
    points_per,
    raffle,
    streak,
    voucher,
)
from accrual.rules.benefits.measure import Computed, Measure

Compute = Callable[[Measure], Computed]

KINDS: dict[str, Callable[[Benefit, Settings], Compute]] = {
    "fixed": fixed.compile_benefit,
    "points_per": points_per.compile_benefit,
    "percent": percent.compile_benefit,
    "issuing": issuing.compile_benefit,
    "multiplier": multiplier.compile_benefit,
    "bracket": bracket.compile_benefit,
    "voucher": voucher.compile_benefit,
    "draw": draw.compile_benefit,
    "raffle": raffle.compile_benefit,
    "streak": streak.compile_benefit,
}

CEILING = "ceiling"
"""What a promo of the cap lane does instead of giving: it is no computation, so it has no file."""


def kind_of(benefit: Benefit) -> str:
    """Which one of KINDS, or CEILING, this benefit is. Raises ValueError unless exactly one is set."""
    named = [kind for kind in (*KINDS, CEILING) if getattr(benefit, kind) is not None]
    if len(named) != 1:
        raise ValueError(f"exactly one of {', '.join((*KINDS, CEILING))} must be set, not {len(named)}")
    return named[0]
