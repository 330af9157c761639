"""Exact amounts: points and money minor units as int64, rates as decimals, the four roundings; never a binary fraction."""

from __future__ import annotations

import re
from decimal import Decimal
from enum import StrEnum

import msgspec

from accrual.domain.errors import Invalid

INT64_MAX = 2**63 - 1
DIGITS_MAX = 30
_DECIMAL = re.compile(rf"-?[0-9]{{1,{DIGITS_MAX}}}(\.[0-9]{{1,{DIGITS_MAX}}})?\Z", re.ASCII)


class Rounding(StrEnum):
    """How an award becomes whole points; applied once an award."""

    FLOOR = "floor"
    HALF_UP = "half_up"
    HALF_EVEN = "half_even"
    CEIL = "ceil"


class Money(msgspec.Struct, frozen=True, kw_only=True):
    """An amount of money: minor units (int64) and an ISO 4217 code."""

    amount_minor: int
    currency: str


class Ratio(msgspec.Struct, frozen=True):
    """An exact rate: numerator over denominator, both integers, denominator above zero."""

    numerator: int
    denominator: int


def divide(numerator: int, denominator: int, rounding: Rounding) -> int:
    """numerator / denominator as a whole number, for a numerator of at least 0 and a denominator above 0."""
    whole, rest = divmod(numerator, denominator)
    if rounding is Rounding.FLOOR or rest == 0:
        return whole
    if rounding is Rounding.CEIL:
        return whole + 1
    twice = rest * 2
    if twice != denominator:
        return whole + (1 if twice > denominator else 0)
    return whole + 1 if rounding is Rounding.HALF_UP else whole + (whole & 1)


def read_decimal(text: str) -> Decimal:
    """A plain decimal such as `6843` or `-0.5`; ASCII digits only, no exponent, at most 30 digits a side.

    Raises Invalid `invalid_amount` for anything else: full-width digits, underscores, NaN, Infinity, exponents.
    """
    if not _DECIMAL.match(text):
        raise Invalid("The amount is not a plain decimal number.", code="invalid_amount")
    return Decimal(text)


def to_minor(text: str, minor_units: int) -> int:
    """Money text to minor units, `minor_units` decimals kept: IDR 2: `6843.5` is 684350, `6843.555` is refused.

    Raises Invalid `invalid_amount`: malformed, negative, too finely divided, or beyond int64.
    """
    numerator, denominator = read_decimal(text).as_integer_ratio()
    if text.startswith("-"):
        raise Invalid("The amount is negative.", code="invalid_amount")
    # In whole numbers: arithmetic on decimals rounds to 28 digits without a word.
    whole, rest = divmod(numerator * int(10**minor_units), denominator)
    if rest:
        raise Invalid(f"The amount has more than {minor_units} decimals.", code="invalid_amount")
    if whole > INT64_MAX:
        raise Invalid("The amount is too large.", code="invalid_amount")
    return whole


def read_ratio(text: str) -> Ratio:
    """An exact decimal rate such as `2.5` as a ratio; raises Invalid `invalid_amount` when malformed or negative."""
    value = read_decimal(text)
    if value < 0:
        raise Invalid("The rate is negative.", code="invalid_amount")
    numerator, denominator = value.as_integer_ratio()
    return Ratio(numerator, denominator)
