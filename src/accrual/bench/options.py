"""What a benchmark is asked to do, and how it tells how far it is; nothing is measured here."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Protocol

import msgspec


class Distribution(StrEnum):
    """Which members the commands are of: all alike, Zipf(1.0), or one member with half of everything."""

    UNIFORM = "uniform"
    ZIPF = "zipf"
    HOT = "hot"


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """One benchmark's order. `commands` None: what suits the benchmark. `facts`: transactions a call, 1 to 4.

    `compared` is a second programme for `evaluate`, whose drain is set beside that of `programme`. `rate_per_s` and
    `dialects` are how many requests a second, in whose words, `answer` sends. `one_award_each`: the programme gives one
    award a call, which the books are checked for.
    """

    members: int
    programme: Path
    compared: Path | None = None
    one_award_each: bool = True
    commands: int | None = None
    lanes: int = 2
    apis: int = 2
    rate_per_s: int = 300
    dialects: tuple[str, ...] = ("native",)
    batch: int = 4096
    facts: int = 4
    distributions: tuple[Distribution, ...] = (Distribution.UNIFORM, Distribution.ZIPF)
    seed: int = 1
    tpcb: bool = True
    deadline_s: float = 270.0
    """A run is made smaller when the time left until then would not do."""


class Progress(Protocol):
    """Where a benchmark says what it does."""

    def stage(self, text: str, total: int | None = None) -> Callable[[int], None]:
        """Begin a stage; the function given back is told how many of `total` are done."""
