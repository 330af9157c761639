"""What a benefit sees of the matched facts, and what it answers. No benefit looks at anything else."""

from __future__ import annotations

from typing import NamedTuple


class Measure(NamedTuple):
    """How many facts matched, and the sum of their amounts in minor units (0 when none was sent)."""

    facts: int
    amount_minor: int


class Computed(NamedTuple):
    """Units of the asset, and the value they were computed from, as shown to people."""

    amount: int
    basis: int
