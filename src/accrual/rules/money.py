"""Money as people write it in promos: `1000 IDR`. Only reading lives here."""

from __future__ import annotations

from accrual.domain.amounts import to_minor
from accrual.domain.errors import Invalid
from accrual.domain.programme import Settings


def read_money(text: str, settings: Settings) -> int:
    """Minor units of `1000 IDR` or `1000` (the programme's currency).

    Raises Invalid `invalid_amount`: malformed, negative, too finely divided, or another currency.
    """
    number, _, currency = text.strip().partition(" ")
    currency = currency.strip()
    if currency and currency != settings.currency:
        raise Invalid(f"The currency is {currency}, the programme's is {settings.currency}.", code="invalid_amount")
    return to_minor(number, settings.minor_units)
