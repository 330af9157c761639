"""Draws many entries of a table in memory, with a secret of its own, to see how prizes come over time. Nothing is posted."""

from __future__ import annotations

import hashlib
from datetime import datetime

import msgspec

from accrual.domain.draws import DrawSecret
from accrual.domain.errors import Invalid
from accrual.domain.facts import DrawEntry, Identity
from accrual.domain.ids import bucket_of, ticket_of
from accrual.domain.programme import Catalogue
from accrual.domain.stocks import StockLeft
from accrual.engine.draws import compile_draw_of, find_draw
from accrual.rules.compile import compile_programme
from accrual.rules.draw_tables import CompiledDraw
from accrual.rules.draws import draw_entry
from accrual.rules.snapshot import CounterKey, Snapshot

ENTRIES_MAX = 5_000_000
SLICES = 20
BUCKETS = 256
NOBODY = Identity("", "")


class SimulatedPrize(msgspec.Struct, frozen=True, kw_only=True):
    """How often a prize came, what was left of it, and how often in each part of the time."""

    prize: str
    wins: int
    left: int | None
    over_time: tuple[int, ...]


class SimulatedDraw(msgspec.Struct, frozen=True, kw_only=True):
    """What so many entries of so many members brought."""

    draw: str
    entries: int
    members: int
    helped: int
    prizes: tuple[SimulatedPrize, ...]


def simulate_draw(
    catalogue: Catalogue, code: str, *, entries: int, members: int, seed: str, now: datetime
) -> SimulatedDraw:
    """Entries of members in turn, all at `now`, out of the whole stock. The same seed draws the same.

    Raises Missing `draw_unknown`, Invalid for a raffle or numbers out of bounds.
    """
    if not 1 <= entries <= ENTRIES_MAX or not 1 <= members <= entries:
        raise Invalid(f"There are 1 to {ENTRIES_MAX:,} entries, of 1 to as many members.", code="invalid_field")
    found = find_draw(catalogue, code)
    if found.draw.closes_at is not None:
        raise Invalid(f"{code} is a raffle: each of its tickets has the same chance.", code="draw_is_raffle")
    secret = hashlib.sha256(f"accrual draw simulate {seed}".encode()).digest()
    draw = compile_draw_of(
        found.version, catalogue, DrawSecret(promo_id=found.version.promo_id, round=0, secret=secret)
    )
    table = _Table(draw, catalogue, members, now)
    for number in range(entries):
        table.enter(number, number * SLICES // entries)
    return SimulatedDraw(
        draw=code,
        entries=entries,
        members=members,
        helped=table.helped,
        prizes=tuple(
            SimulatedPrize(
                prize=prize.code,
                wins=sum(table.over_time[prize.code]),
                left=None if prize.stock is None else table.stocks[prize.stock],
                over_time=tuple(table.over_time[prize.code]),
            )
            for prize in draw.prizes
        ),
    )


class _Table:
    """A prize table with its members and what is left of its stocks."""

    def __init__(self, draw: CompiledDraw, catalogue: Catalogue, members: int, now: datetime) -> None:
        self._draw = draw
        self._programme = compile_programme(msgspec.structs.replace(catalogue, promos=()))
        self._members = members
        self._now = now
        self._fact = DrawEntry(occurred_at=now)
        self._counters: dict[int, dict[CounterKey, int]] = {}
        self.stocks = {prize.stock: prize.stock.cap for prize in draw.prizes if prize.stock is not None}
        self.over_time: dict[str, list[int]] = {prize.code: [0] * SLICES for prize in draw.prizes}
        self.helped = 0

    def enter(self, number: int, part: int) -> None:
        """One entry, in so-manieth part of the time."""
        member = number % self._members
        member_id = member.to_bytes(16, "big")
        mine = self._counters.setdefault(member, {})
        snapshot = Snapshot(
            self._programme,
            None,
            member_id,
            NOBODY,
            self._now,
            lambda key: mine.get(key, 0),
            lambda key: StockLeft(self.stocks[key], True),
            ticket=ticket_of(0, 0, member_id, b"s%d" % number, bucket_of(member_id, BUCKETS)),
        )
        result = draw_entry(self._draw, self._fact, snapshot, {}, {}, {})
        mine.update(result.counters)
        if result.stock is not None:
            self.stocks[result.stock] -= 1
        self.over_time[result.prize.code][part] += 1
        self.helped += result.receipt["helped"]
