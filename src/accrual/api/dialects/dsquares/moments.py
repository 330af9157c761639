"""Moments as this partner's platform writes them: local time, its offset, at most seven decimals, no needless zeros. Pure."""

from __future__ import annotations

import re
from datetime import datetime
from zoneinfo import ZoneInfo

TICKS = 7
"""Decimals of a second that .NET counts in."""

_FRACTION = re.compile(r":[0-9]{2}\.([0-9]+)", re.ASCII)


def with_offset(moment: datetime, zone: ZoneInfo, *, sent: str | None = None) -> str:
    """`2023-07-12T12:02:54.613582+03:00`. `sent` is the text it was read from: its seventh decimal is kept."""
    local = moment.astimezone(zone)
    return _local(local, sent) + local.isoformat()[-len("+00:00") :]


def without_offset(moment: datetime, zone: ZoneInfo) -> str:
    """`2023-07-12T11:47:26.1333619`."""
    return _local(moment.astimezone(zone), None)


def _local(local: datetime, sent: str | None) -> str:
    ticks = f"{local.microsecond:06d}"
    told = None if sent is None else _FRACTION.search(sent)
    if told is not None and told[1][:6].ljust(6, "0") == ticks:
        ticks = told[1][:TICKS]
    ticks = ticks.rstrip("0")
    return local.replace(microsecond=0, tzinfo=None).isoformat() + (f".{ticks}" if ticks else "")
