"""What a programme may say of too much too fast: rules of velocity, as data. How they count lives in rules."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec

from accrual.domain.facts import Trigger
from accrual.domain.written import Code, Points, _Document

RULES_MAX = 20


class VelocityPer(StrEnum):
    """Whose facts are counted together. An `install_id` is what any client sent; a `device` one that its client vouches for."""

    DEVICE = "device"
    INSTALL_ID = "install_id"
    MEMBER = "member"
    CLIENT = "client"


class Span(StrEnum):
    """A stretch of calendar: UTC minutes and hours; days, ISO weeks and months of the programme's zone."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class VelocityAction(StrEnum):
    """What becomes of a command that is too much: nothing is given, or nothing until somebody has looked at it."""

    DECLINE = "decline"
    HOLD = "hold"


class VelocityRule(_Document, frozen=True):
    """At most `count` facts, or an `amount` of money, in each `every` for each `per`; what is more is declined or held."""

    name: Annotated[Code, msgspec.Meta(description="Its identity in the programme; declines name it.")]
    per: Annotated[
        VelocityPer,
        msgspec.Meta(description="Whose facts count together: a `member`, a `device`, an `install_id`, a `client`."),
    ]
    every: Annotated[Span, msgspec.Meta(description="In each calendar `minute`, `hour`, `day`, ISO `week`, `month`.")]
    triggers: Annotated[
        tuple[Trigger, ...], msgspec.Meta(description="The kinds of fact that count; empty: all of them.")
    ] = ()
    count: Annotated[Points | None, msgspec.Meta(description="The most facts.")] = None
    amount: Annotated[str | None, msgspec.Meta(description="The most money, such as `5000000 IDR`.")] = None
    action: Annotated[VelocityAction, msgspec.Meta(description="`decline` what is more, or `hold` it for review.")] = (
        VelocityAction.DECLINE
    )
