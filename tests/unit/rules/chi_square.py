"""Pearson's chi-square test in plain Python: the statistic, and how probable one as large is by chance alone."""

from __future__ import annotations

import math
from collections.abc import Mapping


def chi_square_p(observed: Mapping[str, int], weights: Mapping[str, int]) -> float:
    """How probable it is that counts differ from these weights by as much or more (regularised upper incomplete gamma)."""
    total, whole = sum(observed.values()), sum(weights.values())
    expected = {name: total * weight / whole for name, weight in weights.items()}
    statistic = sum((observed.get(name, 0) - count) ** 2 / count for name, count in expected.items())
    return _upper_gamma((len(weights) - 1) / 2, statistic / 2)


def _upper_gamma(shape: float, x: float) -> float:
    """Q(shape, x): by its series below shape + 1, by its continued fraction (Lentz) above."""
    if x <= 0:
        return 1.0
    scale = math.exp(-x + shape * math.log(x) - math.lgamma(shape))
    if x < shape + 1:
        term = total = 1 / shape
        n = shape
        while abs(term) > abs(total) * 1e-15:
            n += 1
            term *= x / n
            total += term
        return 1 - total * scale
    tiny = 1e-300
    b = x + 1 - shape
    c, d = 1 / tiny, 1 / b
    result = d
    for n in range(1, 10_000):
        a = -n * (n - shape)
        b += 2
        d = a * d + b
        d = 1 / (d if abs(d) > tiny else tiny)
        c = b + a / c
        c = c if abs(c) > tiny else tiny
        result *= d * c
        if abs(d * c - 1) < 1e-15:
            break
    return result * scale
