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


class Where(_Document, frozen=True):
    """Narrows a promo to facts of these outlets and products. Empty means everywhere."""

    outlets: tuple[str, ...] = ()
    products: tuple[str, ...] = ()


class Window(_Document, frozen=True):
    """When a promo runs: `from` inclusive, `until` exclusive. A time without offset is read in `zone`, else the programme's."""

    from_: str | None = msgspec.field(default=None, name="from")
    until: str | None = None
    zone: str | None = None


class PointsPer(_Document, frozen=True):
    """`give` units for each whole `every` of the amount; `every` is money such as `1000 IDR`."""

    every: str
    give: Points = 1


class Benefit(_Document, frozen=True):
    """What a promo gives. Exactly one of `fixed`, `points_per`, `percent` is set."""

    asset: Code
    to: Recipient = Recipient.MEMBER
    fixed: Points | None = None
    points_per: PointsPer | None = None
    percent: str | None = None
    max: Points | None = None
    rounding: Rounding | None = None
    per_fact: bool = False
    expires: str | None = None
    active_after: str | None = None


class Limit(_Document, frozen=True):
    """A cap a member: by `count` of awards or by `amount` of `asset` units, in each `every`."""

    per: Annotated[str, msgspec.Meta(pattern="^member$")] = "member"
    count: Points | None = None
    amount: Points | None = None
    every: Period = Period.EVER
    on_limit: OnLimit | None = None


class Promo(_Document, frozen=True):
    """One promo as written. `number` is a label shown to clients and may repeat; the code is the identity."""

    code: Code
    trigger: Trigger
    benefits: Annotated[tuple[Benefit, ...], msgspec.Meta(min_length=1, max_length=20)]
    name: Annotated[str, msgspec.Meta(max_length=200)] = ""
    number: int = 0
    where: Where = Where()
    window: Window = Window()
    limits: Annotated[tuple[Limit, ...], msgspec.Meta(max_length=20)] = ()
    priority: Annotated[int, msgspec.Meta(ge=-1000, le=1000)] = 0
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
