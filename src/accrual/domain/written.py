"""What every part of a programme file is made of: codes, counts, periods, and the document that refuses unknown fields."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec

from accrual.domain.amounts import INT64_MAX

Code = Annotated[
    str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$(?!\n)", description="1 to 64 of A-Z a-z 0-9 . _ -")
]
Points = Annotated[int, msgspec.Meta(ge=1, le=INT64_MAX, description="a whole number of units of the asset, above 0")]


class Period(StrEnum):
    """In which stretch of calendar a limit counts, in the promo's zone. Weeks are ISO weeks."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"
    EVER = "ever"


class _Document(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Base of everything a programme file may hold: unknown fields are errors."""
