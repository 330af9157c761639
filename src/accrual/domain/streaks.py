"""What a promo may say of check-ins in a row: ladder, calendar, freezes, late posts. How days are counted lives in rules."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec

from accrual.domain.written import Code, _Document

DAY_LAST = 3_660
UNITS_MAX = 1_000_000_000
MAKE_UP_MAX = 92
IN_A_ROW_MAX = 31

_Give = Annotated[int, msgspec.Meta(ge=0, le=UNITS_MAX)]


class StreakEvery(StrEnum):
    """What follows what in a streak: calendar days, or ISO weeks."""

    DAY = "day"
    WEEK = "week"


class AfterLast(StrEnum):
    """What comes after the last step: it stays, the ladder repeats from its first day, or the streak itself restarts."""

    STAY = "stay"
    REPEAT = "repeat"
    RESTART = "restart"


class Freeze(_Document, frozen=True):
    """Missed days are bridged, each by one unit of `asset`, at most `in_a_row` of them between two check-ins."""

    asset: Annotated[Code, msgspec.Meta(description="The asset of which a missed day takes one unit.")]
    in_a_row: Annotated[
        Annotated[int, msgspec.Meta(ge=1, le=IN_A_ROW_MAX)],
        msgspec.Meta(description="The most missed days between two check-ins that can be bridged."),
    ] = 1


class Streak(_Document, frozen=True):
    """Units by the day of the streak (`steps`: the highest day that is reached decides) or of the month (`dates`)."""

    steps: Annotated[
        dict[Annotated[int, msgspec.Meta(ge=1, le=DAY_LAST)], _Give],
        msgspec.Meta(description="Units by day of the streak, such as `{1: 1, 3: 2, 7: 10}`; from that day on."),
    ] = msgspec.field(default_factory=dict)
    dates: Annotated[
        dict[Annotated[int, msgspec.Meta(ge=1, le=31)], _Give],
        msgspec.Meta(description="Units by day of the month, such as `{1: 5, 25: 20}`, in the place of `steps`."),
    ] = msgspec.field(default_factory=dict)
    after_last: Annotated[
        AfterLast,
        msgspec.Meta(
            description="After the last step: `stay` on it, `repeat` the ladder, or `restart` the streak at day 1."
        ),
    ] = AfterLast.STAY
    every: Annotated[StreakEvery, msgspec.Meta(description="One check-in each `day`, or each ISO `week`.")] = (
        StreakEvery.DAY
    )
    day_offset: Annotated[
        Annotated[str, msgspec.Meta(pattern=r"^(0\d|1[01]):[0-5]\d$(?!\n)|^12:00$(?!\n)")],
        msgspec.Meta(description="When the day begins, `00:00` to `12:00`, such as `04:00`."),
    ] = "00:00"
    make_up: Annotated[
        Annotated[int, msgspec.Meta(ge=0, le=MAKE_UP_MAX)],
        msgspec.Meta(description="How many days, or weeks, back a check-in may still be posted."),
    ] = 1
    freeze: Annotated[Freeze | None, msgspec.Meta(description="What bridges missed days.")] = None
