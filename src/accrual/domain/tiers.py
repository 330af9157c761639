"""Levels of membership as a programme file writes them: what is earned in a window decides. Nothing is judged here."""

from __future__ import annotations

from typing import Annotated

import msgspec

from accrual.domain.facts import Scalar
from accrual.domain.promos import Code, Period, _Document


class Level(_Document, frozen=True):
    """One level. `earn` multiplies what benefits marked `by_level` give, `redeem` says how many units one whole of money costs.

    `threshold` is what must have been earned in the window to be at it, `redeem_from` the least balance from which
    members at it may spend. `labels` are for clients, such as a colour or a number of their own.
    """

    code: Code
    name: Annotated[str, msgspec.Meta(max_length=200)] = ""
    threshold: Annotated[int, msgspec.Meta(ge=0)] = 0
    earn: str = "1"
    redeem: str = "1"
    redeem_from: Annotated[int, msgspec.Meta(ge=0)] = 0
    labels: dict[str, Scalar] = msgspec.field(default_factory=dict)


class Tiers(_Document, frozen=True):
    """The levels of a programme, lowest first: points of `asset` earned within `window` decide.

    Up at once; down by one level at the end of a `period` (of the calendar, in the programme's zone), `grace` after it.
    """

    asset: Code
    levels: Annotated[tuple[Level, ...], msgspec.Meta(min_length=1, max_length=20)]
    window: str = "P12M"
    period: Period = Period.YEAR
    grace: str = "P30D"
