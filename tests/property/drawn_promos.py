"""Strategies for promos and for calls that they judge; every drawn programme is one that could be saved. No test is here."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, NamedTuple

from hypothesis import strategies as st

from accrual.domain.facts import Fact, Item, Purchase
from tests.desk import START

NAMES = ("ann", "bob", "eve", "joe", "kim")
ASSETS = {1: "PTS", 2: "LD"}
ROUNDINGS = st.sampled_from(["floor", "half_up", "half_even", "ceil"])
CONDITIONS = (
    'purchase.amount >= money("20 IDR")',
    'member.tier == "gold"',
    'history.purchases("P7D") < 3',
    'purchase.quantity > 1 || purchase.outlet == "OTL-1"',
    'purchase.lines.exists(l, l.category == "food")',
    'member.balance["PTS"] % 2 == 0',
    'purchase.lines.all(l, l.amount >= money("1 IDR"))',
)


class Deed(NamedTuple):
    """One call: who made it, their payments, on which device, hours since the call before."""

    who: str
    facts: tuple[Fact, ...]
    device: str | None
    pause_h: int


def _benefit(draw: st.DrawFn, lane: str) -> dict[str, Any]:
    kinds = ["fixed", "points_per", "percent", "bracket"]
    kind = draw(st.sampled_from([*kinds, "multiplier"] if lane in ("multiplier", "bonus") else kinds))
    benefit: dict[str, Any] = {"asset": draw(st.sampled_from(["PTS", "PTS", "LD"]))}
    match kind:
        case "fixed":
            benefit["fixed"] = draw(st.integers(1, 6))
        case "points_per":
            every = draw(st.sampled_from(["0.07 IDR", "3 IDR", "10 IDR"]))
            benefit["points_per"] = {"every": every, "give": draw(st.integers(1, 3))}
        case "percent":
            benefit["percent"] = draw(st.sampled_from(["1", "2.5", "33.3", "150"]))
        case "bracket":
            benefit["bracket"] = [{"from": "5 IDR", "give": 2}, {"from": "30 IDR", "percent": "10"}]
        case _:
            of = draw(st.sampled_from(["base", "all"]))
            benefit["multiplier"] = {"times": draw(st.sampled_from(["2", "1.5", "3.1"])), "of": of}
    if draw(st.booleans()):
        benefit["rounding"] = draw(ROUNDINGS)
    if draw(st.booleans()):
        benefit["max"] = draw(st.integers(1, 40))
    if draw(st.booleans()):
        benefit["per_fact"] = True
    return benefit


def _limits(draw: st.DrawFn) -> list[dict[str, Any]]:
    limits = {}
    for _ in range(draw(st.integers(0, 2))):
        per = draw(st.sampled_from(["member", "promo", "outlet", "device"]))
        every = draw(st.sampled_from(["day", "week", "month", "ever"]))
        by = draw(st.sampled_from(["count", "amount"]))
        cap = draw(st.integers(1, 30 if by == "amount" else 4))
        limits[per, every, by] = {"per": per, "every": every, by: cap}
        if draw(st.booleans()):
            limits[per, every, by]["on_limit"] = draw(st.sampled_from(["reduce", "decline"]))
    return list(limits.values())


@st.composite
def one_promo(draw: st.DrawFn, code: str) -> dict[str, Any]:
    """A promo on purchases that could be saved."""
    lane = draw(st.sampled_from(["base", "base", "bonus", "multiplier", "cap"]))
    stacking = {"lane": lane, "priority": draw(st.integers(-1, 1)), "exclusive": draw(st.booleans())}
    promo: dict[str, Any] = {"code": code, "trigger": "purchase", "stacking": stacking}
    if lane == "cap":
        promo["benefits"] = [{"asset": "PTS", "ceiling": draw(st.integers(1, 40))}]
    else:
        promo["benefits"] = [_benefit(draw, lane) for _ in range(draw(st.integers(1, 2)))]
        promo["limits"] = _limits(draw)
        if draw(st.integers(0, 3)) == 0:
            asset = promo["benefits"][0]["asset"]
            promo["budget"] = {"asset": asset, "amount": draw(st.integers(1, 60))}
    if draw(st.integers(0, 2)) == 0:
        promo["condition"] = draw(st.sampled_from(CONDITIONS))
    if draw(st.integers(0, 3)) == 0:
        promo["where"] = {"categories": ["food"]}
    if draw(st.integers(0, 4)) == 0:
        promo["audience"] = {"holdout": "30"}
    return promo


@st.composite
def programmes(draw: st.DrawFn) -> list[dict[str, Any]]:
    """One to six promos under codes of their own."""
    return [draw(one_promo(f"P{number}")) for number in range(draw(st.integers(1, 6)))]


AMOUNTS = st.sampled_from([0, 1, 99, 500, 1_000, 1_234, 4_200, 100_000])
ITEMS = st.builds(
    Item,
    product=st.sampled_from(["A", "B", None]),
    category=st.sampled_from(["food", "drinks", None]),
    quantity=st.integers(1, 4),
    amount_minor=st.one_of(st.none(), AMOUNTS),
)


@st.composite
def payments(draw: st.DrawFn, late: bool = True) -> Purchase:
    """A payment with or without lines, now or (`late`) up to two days ago."""
    items = draw(st.lists(ITEMS, max_size=5))
    ago_h = draw(st.sampled_from([0, 0, 5, 40])) if late else 0
    return Purchase(
        occurred_at=START - timedelta(hours=ago_h) if ago_h else None,
        amount_minor=draw(AMOUNTS),
        outlet=draw(st.sampled_from([None, "OTL-1", "OTL-2"])),
        items=tuple(items) or None,
    )


DEEDS = st.builds(
    Deed,
    st.sampled_from(NAMES),
    st.lists(payments(), min_size=1, max_size=3).map(tuple),
    st.sampled_from([None, "phone-1", "phone-2"]),
    st.sampled_from([0, 1, 7, 30]),
)
CALLS = st.lists(DEEDS, min_size=1, max_size=12)
CUTS = st.lists(st.integers(1, 4), min_size=1, max_size=5)

Document = Mapping[str, Any]
