"""Amounts as this partner writes them, `100.0`, made of whole numbers: no binary fraction is ever near one. Pure.

Factors are plain decimals above 0, as a programme's levels have them.
"""

from __future__ import annotations

from fractions import Fraction

import msgspec

Decimal = msgspec.Raw
"""A JSON number with a fraction, as bytes."""


def of_minor(amount_minor: int, minor_units: int) -> Decimal:
    """Minor units as a number with a fraction and no needless zeros: 10050 with 2 is `100.5`, 10000 is `100.0`."""
    sign = "-" if amount_minor < 0 else ""
    whole, rest = divmod(abs(amount_minor), int(10**minor_units))
    fraction = str(rest).zfill(minor_units).rstrip("0") if rest else "0"
    return msgspec.Raw(f"{sign}{whole}.{fraction}".encode())


def of_text(factor: str) -> Decimal:
    """A plain decimal such as a level's factor: `3` and `3.00` are `3.0`."""
    whole, _, fraction = factor.partition(".")
    return msgspec.Raw(f"{whole}.{fraction.rstrip('0') or '0'}".encode())


def whole(number: int) -> Decimal:
    """A whole number where a fraction stands: `74743.0`."""
    return msgspec.Raw(b"%d.0" % number)


def worth_minor(units: int, factor: str, minor_units: int) -> int:
    """What so many units are worth in minor units, at so many units for one whole of money, rounded down."""
    worth = Fraction(units) * int(10**minor_units) / Fraction(factor)
    return worth.numerator // worth.denominator


def cost_minor(units: int, factor: str, minor_units: int) -> int:
    """The least amount, in minor units, from which a factor makes so many units."""
    cost = Fraction(units) * int(10**minor_units) / Fraction(factor)
    return -(-cost.numerator // cost.denominator)
