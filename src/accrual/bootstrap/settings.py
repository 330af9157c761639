"""Hands the settings to the commands; what they are stands in accrual.settings."""

from __future__ import annotations

from pydantic import ValidationError

from accrual.domain.errors import Invalid
from accrual.settings import Settings


def read_settings() -> Settings:
    """The settings of this process. Raises Invalid `setting_invalid`, naming the variables, never their values."""
    try:
        return Settings()
    except ValidationError as error:
        told = "; ".join(f"ACCRUAL_{'_'.join(map(str, e['loc'])).upper()}: {e['msg']}" for e in error.errors())
        raise Invalid(f"The settings cannot be used: {told}.", code="setting_invalid") from error
