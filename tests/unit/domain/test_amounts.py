"""Amounts are exact, bounded and plain: what is no plain decimal is refused, and whole points are rounded as named."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, ROUND_HALF_UP, Context, Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accrual.domain.amounts import INT64_MAX, Ratio, Rounding, divide, read_decimal, read_ratio, to_minor
from accrual.domain.errors import Invalid

DECIMAL_ROUNDING = {
    Rounding.FLOOR: ROUND_FLOOR,
    Rounding.CEIL: ROUND_CEILING,
    Rounding.HALF_UP: ROUND_HALF_UP,
    Rounding.HALF_EVEN: ROUND_HALF_EVEN,
}


@pytest.mark.parametrize(
    "text",
    [
        "\uff11\uff12",  # full-width digits, which int() would read as 12
        "\u0661\u0662",  # Arabic-Indic digits
        "1_000",
        "NaN",
        "nan",
        "sNaN",
        "Infinity",
        "-inf",
        "1e3",
        "1E3",
        "1e400",
        "1e1000000",
        "0x10",
        "True",
        "",
        " 1",
        "1 ",
        "1\n",
        "+1",
        "--1",
        "1.",
        ".5",
        "1.2.3",
        "1,000",
        "1" * 31,
        "1" * 5_000,
        "0." + "1" * 31,
        "1\u00a0000",
    ],
)
def test_text_that_is_no_plain_decimal_is_refused(text: str) -> None:
    with pytest.raises(Invalid) as caught:
        read_decimal(text)
    assert caught.value.code == "invalid_amount"
    with pytest.raises(Invalid):
        to_minor(text, 2)
    with pytest.raises(Invalid):
        read_ratio(text)


@pytest.mark.parametrize(
    ("text", "minor_units", "minor"),
    [
        ("6843.5", 2, 684_350),
        ("6843", 2, 684_300),
        ("6843.50", 2, 684_350),
        ("6843.500000", 2, 684_350),
        ("0", 2, 0),
        ("0.00", 2, 0),
        ("007", 0, 7),
        ("9007199254740993", 0, 2**53 + 1),
        ("9223372036854775807", 0, INT64_MAX),
        ("92233720368547758.07", 2, INT64_MAX),
        ("0.00000001", 8, 1),
    ],
)
def test_money_is_read_exactly(text: str, minor_units: int, minor: int) -> None:
    assert to_minor(text, minor_units) == minor


@pytest.mark.parametrize(
    ("text", "minor_units"),
    [
        ("6843.555", 2),
        ("0.5", 0),
        ("1.000000000000000000000000000001", 2),  # more digits than a decimal context keeps
        ("123456789012345.010000000000000000000000000001", 2),
        ("9223372036854775808", 0),
        ("92233720368547758.08", 2),
        ("9" * 30, 0),
        ("-1", 2),
        ("-0.01", 2),
        ("-0", 2),
        ("-0.00", 2),
    ],
)
def test_money_too_fine_too_large_or_negative_is_refused(text: str, minor_units: int) -> None:
    with pytest.raises(Invalid) as caught:
        to_minor(text, minor_units)
    assert caught.value.code == "invalid_amount"


@given(st.integers(0, INT64_MAX), st.integers(0, 8), st.integers(0, 5))
def test_every_amount_that_fits_is_read_back(minor: int, minor_units: int, zeros: int) -> None:
    whole, rest = divmod(minor, 10**minor_units)
    decimals = f"{rest:0{minor_units}d}" if minor_units else ""
    text = f"{whole}.{decimals}{'0' * zeros}" if decimals or zeros else f"{whole}"
    assert to_minor(text, minor_units) == minor


def test_rates_are_exact() -> None:
    assert read_ratio("2.5") == Ratio(5, 2)
    assert read_ratio("0.1") == Ratio(1, 10)
    assert read_ratio("0") == Ratio(0, 1)
    assert read_ratio("0." + "0" * 29 + "1") == Ratio(1, 10**30)
    with pytest.raises(Invalid):
        read_ratio("-0.1")


@pytest.mark.parametrize(
    ("numerator", "floor", "half_up", "half_even", "ceil"),
    [
        (10, 2, 3, 2, 3),
        (14, 3, 4, 4, 4),
        (8, 2, 2, 2, 2),
        (9, 2, 2, 2, 3),
        (11, 2, 3, 3, 3),
        (2, 0, 1, 0, 1),
        (0, 0, 0, 0, 0),
    ],
)
def test_quarters_round_as_named(numerator: int, floor: int, half_up: int, half_even: int, ceil: int) -> None:
    rounded = [divide(numerator, 4, rounding) for rounding in Rounding]
    assert rounded == [floor, half_up, half_even, ceil]


@given(st.integers(0, 2**80), st.integers(1, 2**40), st.sampled_from(list(Rounding)))
def test_division_agrees_with_decimal_arithmetic(numerator: int, denominator: int, rounding: Rounding) -> None:
    whole, rest = divmod(numerator, denominator)
    with localcontext(Context(prec=120)):
        part = Decimal(rest) / Decimal(denominator)
        expected = (
            whole + int((part + (whole & 1)).quantize(Decimal(1), rounding=DECIMAL_ROUNDING[rounding])) - (whole & 1)
        )
    assert divide(numerator, denominator, rounding) == expected
