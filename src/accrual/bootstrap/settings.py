"""Hands the settings to the commands; what they are stands in accrual.settings."""

from __future__ import annotations

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from accrual.domain.errors import Invalid
from accrual.settings import Settings


def read_settings() -> Settings:
    """The settings of this process. Raises Invalid `setting_invalid`, naming the variables, never their values."""
    try:
        return Settings()
    except ValidationError as error:
        told = "; ".join(f"ACCRUAL_{'_'.join(map(str, e['loc'])).upper()}: {_reason(e)}" for e in error.errors())
        raise Invalid(f"The settings cannot be used: {told}.", code="setting_invalid") from error


def _reason(error: ErrorDetails) -> str:
    if error["type"] == "too_short":
        return f"at least {error['ctx']['min_length']} characters are needed"
    return error["msg"]
