"""What marketing writes: the promo document, as data. How it is judged lives in rules, never here."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated

import msgspec

from accrual.domain.amounts import INT64_MAX, Rounding
from accrual.domain.draw_tables import Draw, Raffle
from accrual.domain.facts import Trigger
from accrual.domain.streaks import Streak
from accrual.domain.written import Code as Code
from accrual.domain.written import Period as Period
from accrual.domain.written import Points as Points
from accrual.domain.written import _Document as _Document


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


class OnLimit(StrEnum):
    """What happens when a limit is reached: give what is left, or nothing."""

    REDUCE = "reduce"
    DECLINE = "decline"


class Except(_Document, frozen=True):
    """Places and things a promo leaves out, whatever else it names."""

    outlets: Annotated[tuple[str, ...], msgspec.Meta(description="Outlets at which it does not hold.")] = ()
    products: Annotated[tuple[str, ...], msgspec.Meta(description="Products that do not count.")] = ()
    categories: Annotated[tuple[str, ...], msgspec.Meta(description="Categories that do not count.")] = ()
    clients: Annotated[tuple[str, ...], msgspec.Meta(description="Clients from which it does not hold.")] = ()


class Where(_Document, frozen=True):
    """Narrows a promo to facts of these outlets, products, categories and clients. Empty means everywhere."""

    outlets: Annotated[
        tuple[str, ...], msgspec.Meta(description="Only facts at these outlets; empty: everywhere.")
    ] = ()
    products: Annotated[tuple[str, ...], msgspec.Meta(description="Only lines, or facts, of these products.")] = ()
    categories: Annotated[tuple[str, ...], msgspec.Meta(description="Only lines of these categories.")] = ()
    clients: Annotated[tuple[str, ...], msgspec.Meta(description="Only facts that these clients tell of.")] = ()
    except_: Annotated[Except, msgspec.Meta(description="What is left out of the above, or of everything.")] = (
        msgspec.field(default=Except(), name="except")
    )


class Window(_Document, frozen=True):
    """When a promo runs: `from` inclusive, `until` exclusive. A time without offset is read in `zone`, else the programme's.

    `days` are week days (`fri`), `hours` spans such as `10:00-22:00` (past midnight allowed), `dates` are `2026-11-11`,
    `12-25` each year, `25` or `last` of each month, `birthday`. All that are named must hold; of one kind any will do.
    """

    from_: Annotated[
        str | None, msgspec.Meta(description="Its first moment, such as `2026-11-25T00:00`; absent: since ever.")
    ] = msgspec.field(default=None, name="from")
    until: Annotated[str | None, msgspec.Meta(description="The first moment after it; absent: for ever.")] = None
    zone: Annotated[
        str | None,
        msgspec.Meta(
            description="An IANA zone such as `Asia/Jakarta`, for times, days and periods of limits; absent: the programme's."
        ),
    ] = None
    days: Annotated[tuple[WeekDay, ...], msgspec.Meta(description="Days of the week.")] = ()
    hours: Annotated[
        tuple[str, ...],
        msgspec.Meta(
            description="Spans of the day such as `10:00-22:00`, the end exclusive; `22:00-02:00` goes past midnight."
        ),
    ] = ()
    dates: Annotated[
        tuple[str, ...],
        msgspec.Meta(description="`2026-11-11`, `12-25` each year, `25` or `last` of each month, `birthday`."),
    ] = ()


class Audience(_Document, frozen=True):
    """Who a promo is for: members of any of these lists or segments; `holdout` keeps a share of them as control group.

    `holdout` is a percentage such as `10`; who is held out follows from member and promo and never changes.
    """

    lists: Annotated[tuple[str, ...], msgspec.Meta(description="Members on any of these lists.")] = ()
    segments: Annotated[tuple[str, ...], msgspec.Meta(description="Members in any of these segments.")] = ()
    holdout: Annotated[
        str | None,
        msgspec.Meta(
            description="The percentage of them, such as `10`, that gets nothing and is compared with the rest."
        ),
    ] = None


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

    lane: Annotated[Lane, msgspec.Meta(description="`base`, `bonus`, `multiplier`, `cap`: judged in this order.")] = (
        Lane.BASE
    )
    priority: Annotated[
        Annotated[int, msgspec.Meta(ge=-1000, le=1000)],
        msgspec.Meta(description="Within its lane the higher goes first."),
    ] = 0
    exclusive: Annotated[
        bool, msgspec.Meta(description="Whether those behind it in its lane get nothing once it gave.")
    ] = False


class PointsPer(_Document, frozen=True):
    """`give` units for each whole `every` of the amount; `every` is money such as `1000 IDR`."""

    every: Annotated[str, msgspec.Meta(description="Money, such as `1000 IDR`.")]
    give: Annotated[Points, msgspec.Meta(description="Units for each whole step.")] = 1


class Band(_Document, frozen=True):
    """From this amount of money on (`50000 IDR`), until the next band: so many units, or a percentage of the amount."""

    from_: Annotated[str, msgspec.Meta(description="Where the band begins, such as `50000 IDR`.")] = msgspec.field(
        name="from"
    )
    give: Annotated[
        Annotated[int, msgspec.Meta(ge=0, le=INT64_MAX)] | None, msgspec.Meta(description="So many units.")
    ] = None
    percent: Annotated[
        str | None, msgspec.Meta(description="So many units for each 100 of the currency, such as `2.5`.")
    ] = None


class Issuing(_Document, frozen=True):
    """So many units for each named rule that the fact asks for (its attribute `rule`)."""

    rules: Annotated[dict[str, Points], msgspec.Meta(description="Units by the name of the rule.")]


class Scope(StrEnum):
    """What a multiplier multiplies: what the base lane gave, or everything given so far."""

    BASE = "base"
    ALL = "all"


class Multiplier(_Document, frozen=True):
    """`times: "2"` doubles: it gives what is missing to that many times the sum, rounded once."""

    times: Annotated[str, msgspec.Meta(description="By how much, above 1, such as `2` or `1.5`.")]
    of: Annotated[
        Scope, msgspec.Meta(description="`base`: what the base lane gave; `all`: everything given so far.")
    ] = Scope.BASE


class Voucher(_Document, frozen=True):
    """A voucher code of its own, `length` characters after `prefix`; `count` of them."""

    prefix: Annotated[
        Annotated[str, msgspec.Meta(pattern="^[A-Z0-9-]{0,16}$")],
        msgspec.Meta(description="What each code begins with."),
    ] = ""
    length: Annotated[
        Annotated[int, msgspec.Meta(ge=8, le=24)], msgspec.Meta(description="Characters after the prefix.")
    ] = 12
    count: Annotated[
        Annotated[int, msgspec.Meta(ge=1, le=10)], msgspec.Meta(description="How many, each with a code of its own.")
    ] = 1


class Benefit(_Document, frozen=True):
    """What a promo gives. Exactly one of fixed, points_per, percent, issuing, multiplier, bracket, voucher, draw, raffle,
    streak, ceiling is set.

    `ceiling` (lane `cap` only) gives nothing: it reduces what the command has given of the asset to so many units.
    """

    asset: Annotated[Code, msgspec.Meta(description="Code of the asset that is given.")]
    to: Annotated[Recipient, msgspec.Meta(description="`member`, or `referrer`, who brought the member.")] = (
        Recipient.MEMBER
    )
    level: Annotated[
        Annotated[int, msgspec.Meta(ge=1, le=5)],
        msgspec.Meta(description="With `to: referrer`: 1 who brought the member, 2 who brought that one, up to 5."),
    ] = 1
    fixed: Annotated[Points | None, msgspec.Meta(description="So many units.")] = None
    points_per: Annotated[PointsPer | None, msgspec.Meta(description="Units for each whole so-much of the amount.")] = (
        None
    )
    percent: Annotated[str | None, msgspec.Meta(description="Units for each 100 of the currency, such as `2.5`.")] = (
        None
    )
    issuing: Annotated[
        Issuing | None, msgspec.Meta(description="Units for each named rule that an event asks for.")
    ] = None
    multiplier: Annotated[Multiplier | None, msgspec.Meta(description="Multiplies what was given so far.")] = None
    bracket: Annotated[
        Annotated[tuple[Band, ...], msgspec.Meta(min_length=1, max_length=100)] | None,
        msgspec.Meta(description="Bands of the amount, rising."),
    ] = None
    voucher: Annotated[Voucher | None, msgspec.Meta(description="Vouchers with codes of their own.")] = None
    draw: Annotated[Draw | None, msgspec.Meta(description="One of the prizes of a table, drawn at once.")] = None
    raffle: Annotated[
        Raffle | None, msgspec.Meta(description="Tickets of a raffle, out of which winners are drawn at its time.")
    ] = None
    streak: Annotated[Streak | None, msgspec.Meta(description="Units by the day of a streak of check-ins.")] = None
    ceiling: Annotated[
        Points | None, msgspec.Meta(description="Lane `cap` only: the most that one command may give of the asset.")
    ] = None
    max: Annotated[
        Points | None,
        msgspec.Meta(description="The most that this benefit gives in one command, or with `per_fact` for one fact."),
    ] = None
    rounding: Annotated[Rounding | None, msgspec.Meta(description="Of this benefit; absent: the programme's.")] = None
    per_fact: Annotated[bool, msgspec.Meta(description="Compute for each fact by itself instead of for their sum.")] = (
        False
    )
    by_level: Annotated[
        bool, msgspec.Meta(description="Multiply by the `earn` of the member's level, before rounding.")
    ] = False
    expires: Annotated[
        str | None,
        msgspec.Meta(
            description="When what is given expires: a duration such as `P12M`, or `end_of_day`, `end_of_month`, `end_of_year`."
        ),
    ] = None
    active_after: Annotated[
        str | None, msgspec.Meta(description="How long after the fact it becomes active, such as `P14D`.")
    ] = None


class LimitPer(StrEnum):
    """Whose use a limit counts."""

    MEMBER = "member"
    PROMO = "promo"
    OUTLET = "outlet"
    DEVICE = "device"


class Limit(_Document, frozen=True):
    """A cap by `count` of awards or by `amount` of units, in each `every`, for each member, outlet, device, or the promo."""

    per: Annotated[
        LimitPer,
        msgspec.Meta(
            description="Whose use is counted: each `member`, the whole `promo`, each `outlet`, each `device`."
        ),
    ] = LimitPer.MEMBER
    count: Annotated[Points | None, msgspec.Meta(description="The most awards.")] = None
    amount: Annotated[Points | None, msgspec.Meta(description="The most units, of all assets together.")] = None
    every: Annotated[
        Period, msgspec.Meta(description="In each calendar `day`, ISO `week`, `month`, `year`, or for `ever`.")
    ] = Period.EVER
    on_limit: Annotated[
        OnLimit | None,
        msgspec.Meta(description="`reduce` to what is left (default for amounts) or `decline` (default for counts)."),
    ] = None


class Budget(_Document, frozen=True):
    """All that a promo may ever give of an asset, handed out to lanes in shares: never exceeded."""

    asset: Annotated[Code, msgspec.Meta(description="Code of the asset it is counted in.")]
    amount: Annotated[Points, msgspec.Meta(description="Units that the promo may ever give.")]
    on_limit: Annotated[
        OnLimit, msgspec.Meta(description="`reduce` the last award to what is left, or `decline` it.")
    ] = OnLimit.REDUCE


class Promo(_Document, frozen=True):
    """One promo as written. `number` is a label shown to clients and may repeat; the code is the identity."""

    code: Annotated[Code, msgspec.Meta(description="Its identity in the programme.")]
    trigger: Annotated[Trigger, msgspec.Meta(description="The kind of fact that it listens to.")]
    benefits: Annotated[
        Annotated[tuple[Benefit, ...], msgspec.Meta(min_length=1, max_length=20)],
        msgspec.Meta(description="What it gives."),
    ]
    event: Annotated[Code | None, msgspec.Meta(description="With trigger `event`: the name of the event.")] = None
    name: Annotated[Annotated[str, msgspec.Meta(max_length=200)], msgspec.Meta(description="For people.")] = ""
    number: Annotated[int, msgspec.Meta(description="A label shown to clients; may repeat.")] = 0
    where: Annotated[Where, msgspec.Meta(description="Narrows it to outlets, products, categories, clients.")] = Where()
    window: Annotated[Window, msgspec.Meta(description="When it runs.")] = Window()
    audience: Annotated[Audience, msgspec.Meta(description="Whom it is for.")] = Audience()
    promo_codes: Annotated[
        Annotated[tuple[str, ...], msgspec.Meta(max_length=1000)],
        msgspec.Meta(description="It holds only where the call brings one of these codes; case does not matter."),
    ] = ()
    condition: Annotated[
        Annotated[str, msgspec.Meta(max_length=4000)] | None,
        msgspec.Meta(description='What must be true, in CEL, such as `purchase.amount >= money("50000 IDR")`.'),
    ] = None
    limits: Annotated[
        Annotated[tuple[Limit, ...], msgspec.Meta(max_length=20)], msgspec.Meta(description="Caps on its use.")
    ] = ()
    budget: Annotated[Budget | None, msgspec.Meta(description="All that it may ever give.")] = None
    stacking: Annotated[Stacking, msgspec.Meta(description="Its place among other promos.")] = Stacking()
    status: Annotated[
        PromoStatus,
        msgspec.Meta(
            description="Where it stands in its life; a file that names none leaves it as it is, and a new promo is active."
        ),
    ] = PromoStatus.ACTIVE
    effective_from: Annotated[
        str | None,
        msgspec.Meta(
            description="From when this version holds; absent: the first from its window's start, later ones from activation."
        ),
    ] = None


class PromoVersion(msgspec.Struct, frozen=True, kw_only=True):
    """One saved, immutable version of a promo. It holds for facts from `effective_from` (None: from the beginning)."""

    promo_version_id: int
    promo_id: int
    version: int
    revision: int
    effective_from: datetime | None
    promo: Promo
