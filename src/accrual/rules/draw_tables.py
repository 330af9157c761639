"""Prize tables as drawing wants them: instants, keys of stocks and counters, the secret. Made by compile, never changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from accrual.domain.draw_tables import Draw, EntryCost, Prize, Raffle
from accrual.domain.draws import SCHEME_BY_PLACE, DrawKey, DrawSecret
from accrual.domain.facts import Fact
from accrual.domain.ids import digest16
from accrual.domain.promos import Benefit, Period
from accrual.domain.stocks import StockKey
from accrual.rules.calendar import period_key, read_stored_instant

SLOT_PITY = 300
_SLOT_FIRST = 301
_SLOTS = 32_000
"""Slots of prizes lie above those of limits; a slot is told by the prize's code, so that it outlives changes of the table."""

COMMITMENT_ID_DIGITS = 16
"""How much of its commitment a receipt carries."""

UNCOMMITTED = 0
"""The round of a draw that nobody has published a commitment for: what is drawn in it is for looking at only."""


class Drawing(NamedTuple):
    """Which promo and round a table is drawn in."""

    promo_id: int
    promo: str
    version: int
    secret: DrawSecret
    zone: ZoneInfo


class CompiledCost(NamedTuple):
    """What an entry takes."""

    asset_id: int
    asset: str
    amount: int


class CompiledPrize(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A row of a table. `asset_id` None wins nothing; `stock` is its shared stock, `wins_max` what one member may win."""

    code: str
    weight: int
    asset_id: int | None
    amount: int
    stock: StockKey | None
    slot: int
    window_from: datetime | None
    window_until: datetime | None
    wins_max: int | None
    wins_every: Period

    @property
    def may_leave(self) -> bool:
        """Whether it can run out, have its time, or be won enough."""
        bounds = (self.stock, self.window_from, self.window_until, self.wins_max)
        return any(bound is not None for bound in bounds)


class CompiledDraw(msgspec.Struct, frozen=True, kw_only=True):
    """An instant draw or, with `closes_at`, a raffle; `units` are the tickets of one entry."""

    drawing: Drawing
    key: DrawKey
    """Promo and round."""
    commitment: str
    commitment_id: str
    """How receipts name the commitment."""
    point_key: bytes | None = None
    """What points are made with; None where this process lacks a part of the secret."""
    by_place: bool = False
    """Whether points are made of an entry's place and time of acceptance, else of its ticket."""
    cost: CompiledCost | None
    prizes: tuple[CompiledPrize, ...] = ()
    fallback: str | None = None
    pity_after: int | None = None
    pity_prizes: frozenset[str] = frozenset()
    closes_at: datetime | None = None
    units: int = 1
    whole: tuple[tuple[CompiledPrize, int], ...] = ()
    """The table with all its prizes in it."""
    whole_weight: int = 0
    """The sum of their weights."""
    whole_told: tuple[tuple[str, int], ...] = ()
    """The same as receipts tell it."""
    watched: tuple[CompiledPrize, ...] = ()
    """The prizes that can leave the table."""
    pity_key: tuple[int, int, int] = (0, SLOT_PITY, 0)
    """The counter of a member's entries in a row without any of the prizes that pity is about."""

    largest: int = 0
    """Units of the largest prize; 0 of a raffle, whose prizes are given later."""

    @property
    def by_period(self) -> bool:
        """Whether what it counts begins anew with a day, week, month or year."""
        return any(prize.wins_max is not None and prize.wins_every is not Period.EVER for prize in self.prizes)

    def keys(self, fact: Fact, now: datetime) -> Iterator[StockKey | tuple[int, int, int]]:
        """The stocks and counters that an entry looks at."""
        if self.pity_after is not None:
            yield self.pity_key
        for prize in self.prizes:
            if prize.stock is not None:
                yield prize.stock
            if prize.wins_max is not None:
                yield self.wins_key(prize, fact.occurred_at or now)

    def wins_key(self, prize: CompiledPrize, moment: datetime) -> tuple[int, int, int]:
        """The counter of a member's wins of a prize."""
        return self.drawing.promo_id, prize.slot, period_key(moment, prize.wins_every, self.drawing.zone)


def slot_of(code: str) -> int:
    """The slot under which the stock and the wins of a prize are counted, told by its code alone."""
    return _SLOT_FIRST + int.from_bytes(digest16(b"prize slot", code.encode())[:4], "big") % _SLOTS


def stock_of(promo_id: int, prize: Prize) -> StockKey | None:
    """The shared stock of a prize; None where there is no end of it."""
    if prize.stock is None:
        return None
    subject = digest16(b"prize", b"%d" % promo_id, prize.code.encode())
    return StockKey(subject, promo_id, slot_of(prize.code), 0, prize.stock)


def compile_draw(benefit: Benefit, draw: Draw, drawing: Drawing, assets: Mapping[str, int]) -> CompiledDraw:
    """A prize table with its round's secret."""
    prizes = tuple(_prize(prize, benefit, drawing, assets) for prize in draw.prizes)
    commitment = drawing.secret.commitment
    return CompiledDraw(
        drawing=drawing,
        key=(drawing.promo_id, drawing.secret.round),
        commitment=commitment,
        commitment_id=commitment[:COMMITMENT_ID_DIGITS],
        point_key=drawing.secret.point_key,
        by_place=drawing.secret.scheme >= SCHEME_BY_PLACE,
        cost=_cost(draw.cost, assets),
        prizes=prizes,
        whole=tuple((prize, prize.weight) for prize in prizes if prize.weight),
        whole_weight=sum(prize.weight for prize in prizes),
        whole_told=tuple((prize.code, prize.weight) for prize in prizes if prize.weight),
        watched=tuple(prize for prize in prizes if prize.may_leave),
        pity_key=(drawing.promo_id, SLOT_PITY, 0),
        fallback=draw.fallback,
        pity_after=None if draw.pity is None else draw.pity.after,
        pity_prizes=frozenset(() if draw.pity is None else draw.pity.prizes),
        largest=max([prize.amount for prize in prizes], default=0),
    )


def compile_raffle(raffle: Raffle, drawing: Drawing, assets: Mapping[str, int]) -> CompiledDraw:
    """What entering a raffle needs to know of it."""
    commitment = drawing.secret.commitment
    return CompiledDraw(
        drawing=drawing,
        key=(drawing.promo_id, drawing.secret.round),
        commitment=commitment,
        commitment_id=commitment[:COMMITMENT_ID_DIGITS],
        point_key=drawing.secret.point_key,
        by_place=drawing.secret.scheme >= SCHEME_BY_PLACE,
        cost=_cost(raffle.cost, assets),
        closes_at=read_stored_instant(raffle.at, drawing.zone.key),
        units=raffle.tickets,
    )


def _cost(cost: EntryCost | None, assets: Mapping[str, int]) -> CompiledCost | None:
    return None if cost is None else CompiledCost(assets[cost.asset], cost.asset, cost.amount)


def _prize(prize: Prize, benefit: Benefit, drawing: Drawing, assets: Mapping[str, int]) -> CompiledPrize:
    zone = drawing.zone.key
    limit, window = prize.per_member, prize.window
    return CompiledPrize(
        code=prize.code,
        weight=prize.weight,
        asset_id=None if prize.nothing else assets[prize.asset or benefit.asset],
        amount=prize.amount,
        stock=stock_of(drawing.promo_id, prize),
        slot=slot_of(prize.code),
        window_from=None if window.from_ is None else read_stored_instant(window.from_, zone),
        window_until=None if window.until is None else read_stored_instant(window.until, zone),
        wins_max=None if limit is None else limit.count,
        wins_every=Period.EVER if limit is None else limit.every,
    )
