"""What marketing writes: the promo document, as data. How it is judged lives in rules, never here."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated

import msgspec

from accrual.domain.amounts import INT64_MAX, Rounding
from accrual.domain.facts import Trigger

Code = Annotated[
    str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$(?!\n)", description="1 to 64 of A-Z a-z 0-9 . _ -")
]
Points = Annotated[int, msgspec.Meta(ge=1, le=INT64_MAX, description="a whole number of units of the asset, above 0")]


class PromoStatus(StrEnum):
    """Where a promo stands in its life. Only `active` gives."""

    DRAFT = "draft"
    APPROVED = "approved"
    ACTIVE = "active"
    PAUSED = "paused"
    ENDED = "ended"


WAITING = (PromoStatus.DRAFT, PromoStatus.APPROVED)
"""What a version is called while it waits: it judges no fact, and the version before it goes on holding."""


class WeekDay(StrEnum):
    """A day of the week, Monday first."""

    MON = "mon"
    TUE = "tue"
    WED = "wed"
    THU = "thu"
    FRI = "fri"
    SAT = "sat"
    SUN = "sun"


class Recipient(StrEnum):
    """Who gets a benefit: the member of the fact, or the one who referred that member."""

    MEMBER = "member"
    REFERRER = "referrer"


class Period(StrEnum):
    """In which stretch of calendar a limit counts, in the promo's zone. Weeks are ISO weeks."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"
    EVER = "ever"


class OnLimit(StrEnum):
    """What happens when a limit is reached: give what is left, or nothing."""

    REDUCE = "reduce"
    DECLINE = "decline"


class _Document(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Base of everything a programme file may hold: unknown fields are errors."""


class Except(_Document, frozen=True):
    """Places and things a promo leaves out, whatever else it names."""

    outlets: tuple[str, ...] = ()
    products: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    clients: tuple[str, ...] = ()


class Where(_Document, frozen=True):
    """Narrows a promo to facts of these outlets, products, categories and clients. Empty means everywhere."""

    outlets: tuple[str, ...] = ()
    products: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    clients: tuple[str, ...] = ()
    except_: Except = msgspec.field(default=Except(), name="except")


class Window(_Document, frozen=True):
    """When a promo runs: `from` inclusive, `until` exclusive. A time without offset is read in `zone`, else the programme's.

    `days` are week days (`fri`), `hours` spans such as `10:00-22:00` (past midnight allowed), `dates` are `2026-11-11`,
    `12-25` each year, `25` or `last` of each month, `birthday`. All that are named must hold; of one kind any will do.
    """

    from_: str | None = msgspec.field(default=None, name="from")
    until: str | None = None
    zone: str | None = None
    days: tuple[WeekDay, ...] = ()
    hours: tuple[str, ...] = ()
    dates: tuple[str, ...] = ()


class Audience(_Document, frozen=True):
    """Who a promo is for: members of any of these lists or segments; `holdout` keeps a share of them as control group.

    `holdout` is a percentage such as `10`; who is held out follows from member and promo and never changes.
    """

    lists: tuple[str, ...] = ()
    segments: tuple[str, ...] = ()
    holdout: str | None = None


class Lane(StrEnum):
    """Where in the order of stacking a promo stands; the lanes are judged in this order."""

    BASE = "base"
    BONUS = "bonus"
    MULTIPLIER = "multiplier"
    CAP = "cap"


class Stacking(_Document, frozen=True):
    """A promo's place: lanes in order, inside a lane the higher priority first, then by code.

    An `exclusive` promo ends its lane, but only if it gave something.
    """

    lane: Lane = Lane.BASE
    priority: Annotated[int, msgspec.Meta(ge=-1000, le=1000)] = 0
    exclusive: bool = False


class PointsPer(_Document, frozen=True):
    """`give` units for each whole `every` of the amount; `every` is money such as `1000 IDR`."""

    every: str
    give: Points = 1


class Band(_Document, frozen=True):
    """From this amount of money on (`50000 IDR`), until the next band: so many units, or a percentage of the amount."""

    from_: str = msgspec.field(name="from")
    give: Annotated[int, msgspec.Meta(ge=0, le=INT64_MAX)] | None = None
    percent: str | None = None


class Issuing(_Document, frozen=True):
    """So many units for each named rule that the fact asks for (its attribute `rule`)."""

    rules: dict[str, Points]


class Scope(StrEnum):
    """What a multiplier multiplies: what the base lane gave, or everything given so far."""

    BASE = "base"
    ALL = "all"


class Multiplier(_Document, frozen=True):
    """`times: "2"` doubles: it gives what is missing to that many times the sum, rounded once."""

    times: str
    of: Scope = Scope.BASE


class Voucher(_Document, frozen=True):
    """A voucher code of its own, `length` characters after `prefix`; `count` of them."""

    prefix: Annotated[str, msgspec.Meta(pattern="^[A-Z0-9-]{0,16}$")] = ""
    length: Annotated[int, msgspec.Meta(ge=8, le=24)] = 12
    count: Annotated[int, msgspec.Meta(ge=1, le=10)] = 1


class Benefit(_Document, frozen=True):
    """What a promo gives. Exactly one of fixed, points_per, percent, issuing, multiplier, bracket, voucher, ceiling is set.

    `ceiling` (lane `cap` only) gives nothing: it reduces what the command has given of the asset to so many units.
    """

    asset: Code
    to: Recipient = Recipient.MEMBER
    fixed: Points | None = None
    points_per: PointsPer | None = None
    percent: str | None = None
    issuing: Issuing | None = None
    multiplier: Multiplier | None = None
    bracket: Annotated[tuple[Band, ...], msgspec.Meta(min_length=1, max_length=100)] | None = None
    voucher: Voucher | None = None
    ceiling: Points | None = None
    max: Points | None = None
    rounding: Rounding | None = None
    per_fact: bool = False
    expires: str | None = None
    active_after: str | None = None


class LimitPer(StrEnum):
    """Whose use a limit counts."""

    MEMBER = "member"
    PROMO = "promo"
    OUTLET = "outlet"
    DEVICE = "device"


class Limit(_Document, frozen=True):
    """A cap by `count` of awards or by `amount` of units, in each `every`, for each member, outlet, device, or the promo."""

    per: LimitPer = LimitPer.MEMBER
    count: Points | None = None
    amount: Points | None = None
    every: Period = Period.EVER
    on_limit: OnLimit | None = None


class Budget(_Document, frozen=True):
    """All that a promo may ever give of an asset, handed out to lanes in shares: never exceeded."""

    asset: Code
    amount: Points
    on_limit: OnLimit = OnLimit.REDUCE


class Promo(_Document, frozen=True):
    """One promo as written. `number` is a label shown to clients and may repeat; the code is the identity."""

    code: Code
    trigger: Trigger
    benefits: Annotated[tuple[Benefit, ...], msgspec.Meta(min_length=1, max_length=20)]
    event: Code | None = None
    name: Annotated[str, msgspec.Meta(max_length=200)] = ""
    number: int = 0
    where: Where = Where()
    window: Window = Window()
    audience: Audience = Audience()
    promo_codes: Annotated[tuple[str, ...], msgspec.Meta(max_length=1000)] = ()
    condition: Annotated[str, msgspec.Meta(max_length=4000)] | None = None
    limits: Annotated[tuple[Limit, ...], msgspec.Meta(max_length=20)] = ()
    budget: Budget | None = None
    stacking: Stacking = Stacking()
    status: PromoStatus = PromoStatus.ACTIVE
    effective_from: str | None = None


class PromoVersion(msgspec.Struct, frozen=True, kw_only=True):
    """One saved, immutable version of a promo. It holds for facts from `effective_from` (None: from the beginning)."""

    promo_version_id: int
    promo_id: int
    version: int
    revision: int
    effective_from: datetime | None
    promo: Promo
