"""A backtest takes members through the levels as the lane did, to the byte of each outcome."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any

import msgspec

from accrual.domain.commands import Command, Dialect, Profile, Reward, decode_command
from accrual.domain.facts import Item, Purchase
from accrual.domain.movements import ReturnedPart, Reverse, Review
from accrual.domain.outcomes import encode_outcome
from accrual.domain.tiers import Tiers
from accrual.engine.simulate import Simulator
from tests.desk import SETTINGS, Desk, catalogue_of, identity_of, promo_of

LEVELS = [{"code": "A"}, {"code": "B", "threshold": 50, "earn": "1.5"}, {"code": "C", "threshold": 150, "earn": "2"}]
TIERS = {"asset": "PTS", "levels": LEVELS, "window": "P60D", "period": "month", "grace": "P3D"}


def said(name: str) -> dict[str, Any]:
    return {"dialect": Dialect.NATIVE, "action": "test", "identity": identity_of(name)}


def a_purchase(chance: random.Random, now: datetime) -> Purchase:
    lines = tuple(Item(product=f"P{n}", amount_minor=100 * chance.randrange(1, 40), quantity=1) for n in range(2))
    late = timedelta(hours=chance.choice([0, 0, 40, 900]))
    return Purchase(amount_minor=sum(line.amount_minor or 0 for line in lines), items=lines, occurred_at=now - late)


async def test_simulation_of_a_log_gives_the_outcomes_that_the_lane_gave() -> None:
    chance = random.Random(7)
    settings = msgspec.structs.replace(SETTINGS, tiers=msgspec.convert(TIERS, Tiers))
    steps = {"asset": "PTS", "points_per": {"every": "1 IDR"}, "by_level": True}
    promo = promo_of(code="BASE", trigger="purchase", benefits=[steps], condition='member.tier != "D"')
    desk = Desk(catalogue_of([promo], settings=settings), buckets=1)
    bought: dict[str, list[bytes]] = {"ann": [], "bob": []}
    for _ in range(400):
        name = chance.choice(["ann", "bob"])
        desk.later(hours=chance.choice([1, 50, 400]))
        what = chance.choice(["pay"] * 6 + ["return", "return by line"] + ["review"] * 6 + ["hand"])
        command: Command
        if what == "pay" or (what.startswith("return") and not bought[name]):
            bought[name].append(desk.log(name, a_purchase(chance, desk.now)).ticket)
            continue
        if what.startswith("return"):
            parts = (ReturnedPart(0, 1),) if what.endswith("line") else ()
            command = Reverse(**said(name), target=bought[name][-1] if parts else bought[name].pop(), parts=parts)
        elif what == "review":
            command = Review(**said(name), until=desk.now)
        else:
            command = Profile(**said(name), tier=chance.choice(["B", "", "", "", "nobody's"]))
        desk.log_command(command)
        await desk.decide_all(rows_max=1)
    await desk.decide_all()
    simulator = Simulator(buckets=1, secret=b"", describe=lambda error: type(error).__name__)
    moved = set()
    for logged in desk.books.log[0]:
        asked, stored = decode_command(logged.facts), desk.books.outcome(logged)
        simulated = simulator.decide(logged, asked, desk.programme, "till", None, stored).outcome
        if isinstance(asked, Reward | Profile):
            assert encode_outcome(simulated) == desk.books.outcomes[0, logged.position].payload
        assert simulated.tier == stored.tier
        moved.add(None if stored.tier is None else stored.tier.by)
    assert moved == {None, 1, 2, 3}
