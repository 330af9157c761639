"""Vouchers with a code of their own: one unit of the asset each. Codes come from the drawn text handed in."""

from __future__ import annotations

from collections.abc import Callable

from accrual.domain.programme import Settings
from accrual.domain.promos import Benefit
from accrual.rules.benefits.measure import Computed, Measure


def compile_benefit(benefit: Benefit, settings: Settings) -> Callable[[Measure], Computed]:
    """`voucher: {prefix: BD-, length: 12}`: one voucher whose code nobody can guess; a replay makes the same code."""
    voucher = benefit.voucher
    if voucher is None:
        raise ValueError("voucher is not set")

    def compute(measure: Measure) -> Computed:
        draw = measure.draw
        if draw is None:
            raise ValueError("a voucher needs something to draw its code from")
        codes = tuple(voucher.prefix + draw(number, voucher.length) for number in range(voucher.count))
        return Computed(voucher.count, measure.facts, codes)

    return compute
