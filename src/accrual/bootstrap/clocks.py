"""Where time and chance enter: the only place that hands out clocks and fresh bytes."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime

from accrual.worker.lane import Clocks


def utc_now() -> datetime:
    """The wall clock, aware, UTC."""
    return datetime.now(UTC)


def fresh_bytes(count: int) -> bytes:
    """So many bytes that nobody can guess."""
    return os.urandom(count)


def new_id() -> bytes:
    """16 fresh bytes in the shape of a random UUID."""
    raw = bytearray(os.urandom(16))
    raw[6] = (raw[6] & 0x0F) | 0x40
    raw[8] = (raw[8] & 0x3F) | 0x80
    return bytes(raw)


SYSTEM_CLOCKS = Clocks(now=utc_now, monotonic=time.monotonic, new_id=new_id)
