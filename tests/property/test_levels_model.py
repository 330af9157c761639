"""Levels after random earnings, returns, hands and months are those of a plain model that shares no code with the rules."""

from __future__ import annotations

import os
import random
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec

from accrual.domain.commands import Dialect, Profile
from accrual.domain.facts import Purchase
from accrual.domain.movements import Adjust, Grant, Redeem, Reverse, Review
from accrual.domain.programme import Settings
from accrual.domain.tiers import Tiers
from tests.desk import Desk, catalogue_of, identity_of, member_of, promo_of
from tests.seeds import seed_for

WINDOW_D, GRACE_D = 90, 5
LEVELS = (("BASIC", 0, "1", 2), ("SILVER", 100, "1.5", 3), ("GOLD", 300, "2", 4))
"""Code, threshold, what is earned at it: as written, and in halves."""

TIERS = msgspec.convert(
    {
        "asset": "PTS",
        "window": f"P{WINDOW_D}D",
        "period": "month",
        "grace": f"P{GRACE_D}D",
        "levels": [{"code": code, "threshold": units, "earn": earn} for code, units, earn, _ in LEVELS],
    },
    Tiers,
)
SETTINGS = Settings(code="p", currency="IDR", minor_units=0, time_zone="UTC", late_limit=None, tiers=TIERS)
PROMO = promo_of(
    code="BASE",
    trigger="purchase",
    benefits=[{"asset": "PTS", "points_per": {"every": "1 IDR"}, "by_level": True}],
)
STEPS = int(os.environ.get("ACCRUAL_TEST_LEVEL_STEPS", "1500"))


@dataclass
class Plain:
    """One member in plain words: what they earned and when, and each level they were at since when and by what."""

    earned: list[tuple[date, int, bytes]] = field(default_factory=list)
    path: list[tuple[datetime, int, str]] = field(default_factory=list)
    lowered_for: set[date] = field(default_factory=set)

    def level(self, moment: datetime) -> int:
        return next((level for since, level, _ in reversed(self.path) if since <= moment), 0)

    def within(self, day: date) -> int:
        return max(0, sum(u for d, u, _ in self.earned if day - timedelta(days=WINDOW_D) < d <= day))

    def earn(self, amount: int, occurred_at: datetime, now: datetime, ticket: bytes) -> int:
        units = amount * LEVELS[self.level(occurred_at)][3] // 2
        if units:
            self.earned.append((occurred_at.date(), units, ticket))
            reached = max(n for n, (_, threshold, _, _) in enumerate(LEVELS) if threshold <= self.within(now.date()))
            if reached > self.level(now):
                self.path.append((now, reached, "earned"))
        return units

    def give_back(self, ticket: bytes) -> None:
        self.earned = [entry for entry in self.earned if entry[2] != ticket]

    def review(self, now: datetime) -> None:
        ended = (now - timedelta(days=GRACE_D)).date().replace(day=1)  # the first day after the month in question
        level = self.level(now)
        if level == 0 or ended in self.lowered_for or self.path[-1][2] == "hand":
            return
        since, _, by = self.path[-1]
        last = ended - timedelta(days=1)
        if by == "earned" and since.date() >= ended:
            return
        # A window of ninety days is never over within the month in which a level was reached.
        if by == "earned" and since.date() >= last.replace(day=1):
            return
        if max(self.within(last), self.within(now.date())) < LEVELS[level][1]:
            self.path.append((now, level - 1, "review"))
            self.lowered_for.add(ended)


def _command(kind: Any, name: str, **fields: object) -> Any:
    return kind(dialect=Dialect.NATIVE, action="test", identity=identity_of(name), **fields)


async def test_levels_are_those_of_the_plain_model_whatever_happens() -> None:
    chance = random.Random(seed_for("levels model"))
    desk = Desk(catalogue_of([PROMO], settings=SETTINGS))
    desk.now = datetime(2026, 1, 1, 8, tzinfo=UTC)
    people = {name: Plain() for name in ("ann", "bob", "cid")}
    bought: dict[str, list[bytes]] = {name: [] for name in people}
    met: dict[str, int] = {}
    for _ in range(STEPS):
        name = chance.choice(list(people))
        plain = people[name]
        desk.now += timedelta(hours=chance.choice([0, 1, 5, 30, 100, 400]))
        now, moved = desk.now, len(plain.path)
        what = chance.choice(["pay", "pay", "pay late", "return", "review", "review", "hand", "points", "forget"])
        if what in ("pay", "pay late"):
            back = timedelta(hours=chance.randrange(3000)) if what == "pay late" else timedelta()
            amount = chance.randrange(0, 130)
            row = desk.log(name, Purchase(amount_minor=amount, occurred_at=now - back))
            await desk.decide_all()
            given = sum(award.amount for award in desk.books.outcome(row).awards)
            assert given == plain.earn(amount, now - back, now, row.ticket)
            bought[name].append(row.ticket)
        elif what == "return" and bought[name]:
            ticket = bought[name].pop(chance.randrange(len(bought[name])))
            desk.log_command(_command(Reverse, name, target=ticket))
            await desk.decide_all()
            plain.give_back(ticket)
        elif what == "review" and plain.earned:
            for _ in range(chance.choice([1, 2])):
                desk.log_command(_command(Review, name, until=now))
            await desk.decide_all()
            plain.review(now)
        elif what == "hand" and chance.random() < 0.2:
            level = chance.randrange(len(LEVELS))
            desk.log_command(_command(Profile, name, tier=LEVELS[level][0]))
            await desk.decide_all()
            plain.path.append((now, level, "hand"))
        elif what == "points" and plain.earned:
            for asked in (
                _command(Grant, name, asset="PTS", amount=5000),
                _command(Redeem, name, asset="PTS", amount=chance.randrange(1, 5000)),
                _command(Adjust, name, asset="PTS", amount=-10, below_zero=True),
            ):
                desk.log_command(asked)
            await desk.decide_all()
        elif what == "forget":
            desk.forget()
        if len(plain.path) > moved:
            met[plain.path[-1][2]] = met.get(plain.path[-1][2], 0) + 1
        profile = desk.books.known.get(member_of(name))
        tier = "BASIC" if profile is None or profile.tier is None else profile.tier
        assert tier == LEVELS[plain.level(now)][0], f"{what} of {name} at {now}"
        assert len(plain.path) <= 24 or _shorten(plain)
    assert set(met) == {"earned", "review", "hand"}, f"a run that meets nothing shows nothing: {met}"


def _shorten(plain: Plain) -> bool:
    """As the product keeps the newest steps only: the oldest kept one stands for all before it."""
    first = plain.path[-24]
    plain.path[:] = [(datetime(1970, 1, 1, tzinfo=UTC), *first[1:]), *plain.path[-23:]]
    return True
