"""What a benefit sees of the matched facts, and what it answers. No benefit looks at anything else."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from accrual.domain.amounts import Ratio

ONE = Ratio(1, 1)


class Measure(msgspec.Struct, frozen=True, gc=False):
    """What matched, summed up.

    `facts` is how many matched, `amount_minor` the sum of their amounts (0 when none was sent), `given_base` and
    `given_all` what this command has given of the asset so far in the base lane and in all lanes, `rules` the names of
    the rules that facts ask for. `draw` makes a text nobody can guess from a number and a length, the same on a replay.
    `earn` is what the member's level multiplies by, where the benefit goes by level.
    """

    facts: int
    amount_minor: int
    given_base: int = 0
    given_all: int = 0
    rules: tuple[str, ...] = ()
    draw: Callable[[int, int], str] | None = None
    earn: Ratio = ONE


class Computed(msgspec.Struct, frozen=True, gc=False):
    """Units of the asset, the value they were computed from as shown to people, and codes that were made."""

    amount: int
    basis: int
    codes: tuple[str, ...] = ()
