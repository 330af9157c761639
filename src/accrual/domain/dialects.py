"""In whose words a command came: the dialects by number. What each of them says lives at the API's edge."""

from __future__ import annotations

from enum import IntEnum


class Dialect(IntEnum):
    """In whose words a command came. Numbers are stored; never renumber."""

    INTERNAL = 0
    NATIVE = 1
    QOIN_TASK = 2
    QOIN_PROCESSOR = 3
    DSQUARES = 4
    GOODIE = 5
    PROFITFLOW = 6
