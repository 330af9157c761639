"""A table of amount bands: the highest band that the amount reaches decides. Bands do not add up."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable

from accrual.domain.amounts import Ratio, divide, read_ratio
from accrual.domain.programme import Settings
from accrual.domain.promos import Benefit
from accrual.rules.benefits.measure import Computed, Measure
from accrual.rules.money import read_money


def compile_benefit(benefit: Benefit, settings: Settings) -> Callable[[Measure], Computed]:
    """`bracket: [{from: 0 IDR, give: 0}, {from: 100000 IDR, give: 20}, {from: 500000 IDR, percent: "0.1"}]`."""
    if benefit.bracket is None:
        raise ValueError("bracket is not set")
    starts: list[int] = []
    gives: list[int | Ratio] = []
    for band in benefit.bracket:
        start = read_money(band.from_, settings)
        if starts and start <= starts[-1]:
            raise ValueError("bands must start at rising amounts")
        if (band.give is None) == (band.percent is None):
            raise ValueError("a band has either give or percent")
        starts.append(start)
        gives.append(band.give if band.give is not None else read_ratio(band.percent or "0"))
    scale = 100 * 10**settings.minor_units
    rounding = benefit.rounding or settings.rounding

    def compute_by_level(measure: Measure) -> Computed:
        earn = measure.earn
        band = bisect_right(starts, measure.amount_minor) - 1
        if band < 0:
            return Computed(0, measure.amount_minor)
        give = gives[band]
        if isinstance(give, int):
            amount = divide(give * earn.numerator, earn.denominator, rounding)
        else:
            exact = measure.amount_minor * give.numerator * earn.numerator
            amount = divide(exact, give.denominator * scale * earn.denominator, rounding)
        return Computed(amount, measure.amount_minor)

    if benefit.by_level:
        return compute_by_level

    def compute(measure: Measure) -> Computed:
        band = bisect_right(starts, measure.amount_minor) - 1
        if band < 0:
            return Computed(0, measure.amount_minor)
        give = gives[band]
        if isinstance(give, int):
            return Computed(give, measure.amount_minor)
        amount = divide(measure.amount_minor * give.numerator, give.denominator * scale, rounding)
        return Computed(amount, measure.amount_minor)

    return compute
