"""Reads instants out of the query of an address, whichever way their offset came through. Pure; knows no route."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from accrual.domain.errors import Invalid
from accrual.rules.calendar import read_instant

_BARE_PLUS = re.compile(r" (?=[0-9]{2}(:?[0-9]{2})?\Z)", re.ASCII)
"""A plus sign that was not percent-encoded arrives as a space: before an offset, behind a time of day."""
TEXT_MAX = 64
"""Characters that are looked at; no time is as long as that."""


def read_moment(query: Mapping[str, Sequence[str]], name: str, zone: str) -> datetime | None:
    """The instant of a parameter, in UTC; one without offset is read in `zone`; None when it is not there.

    Raises Invalid `invalid_field`.
    """
    values = query.get(name)
    if values is None:
        return None
    text = values[-1].strip()
    # What is too long for a time is none; the reader refuses the empty text that stands for it.
    text = text if len(text) <= TEXT_MAX else ""
    day, mark, time = text.partition("T")
    try:
        return read_instant(day + mark + _BARE_PLUS.sub("+", time), zone)
    except Invalid as error:
        raise Invalid(
            f"`{name}` must be a time such as 2026-11-25T00:00 or 2026-11-25T00:00:00Z, from 1970-01-01 to 2262-01-01.",
            code="invalid_field",
            details={"path": name},
        ) from error
