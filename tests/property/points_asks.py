"""The plain model's asks as the engine's commands, and a source of random ones. No judgement and no test here."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any

from accrual.domain import movements as moves
from accrual.domain.commands import Command, Dialect, Profile, Resume, Reward
from accrual.domain.facts import Fact, Item, ProductPurchase, Purchase, ReferralPurchase, Registration
from tests.desk import identity_of
from tests.property import points_model as plain
from tests.property.points_model import Ask


def iso(span: timedelta | None) -> str | None:
    return None if span is None else f"P{span.days}D"


def fact_of(fact: plain.Fact) -> Fact:
    items = tuple(Item(product=f"p{n}", quantity=q, amount_minor=m) for n, (q, m) in enumerate(fact.items)) or None
    if fact.kind == "paid":
        return Purchase(occurred_at=fact.at, amount_minor=fact.amount, items=items)
    if fact.kind == "registered":
        return Registration(occurred_at=fact.at)
    if fact.kind == "bought":
        return ProductPurchase(occurred_at=fact.at, amount_minor=fact.amount, product="T30H")
    other = identity_of(fact.other)
    return ReferralPurchase(occurred_at=fact.at, amount_minor=fact.amount, items=items, referrer=other)


def command_of(ask: Ask) -> Command:
    """The command that the model's ask means."""
    said: dict[str, Any] = {"dialect": Dialect.NATIVE, "action": "test", "identity": identity_of(ask.who)}
    asset = {"asset": ask.asset}
    match ask.kind:
        case "reward":
            return Reward(**said, facts=tuple(map(fact_of, ask.facts)))
        case "profile":
            return Profile(**said, tier=ask.other)
        case "resume":
            return Resume(**said, ticket=ask.target)
        case "grant":
            lasts, delay = iso(ask.lasts), iso(ask.delay)
            return moves.Grant(
                **said, **asset, amount=ask.amount or 0, expires=lasts, active_after=delay, occurred_at=ask.until
            )
        case "redeem":
            return moves.Redeem(**said, **asset, amount=ask.amount, value_minor=ask.value)
        case "refund":
            return moves.Refund(**said, target=ask.target, amount=ask.amount, value_minor=ask.value)
        case "reverse":
            parts = tuple(moves.ReturnedPart(*part) for part in ask.parts)
            return moves.Reverse(**said, target=ask.target, parts=parts)
        case "hold":
            return moves.Hold(**said, **asset, amount=ask.amount or 0, expires_at=ask.until)
        case "capture":
            return moves.Capture(**said, target=ask.target, amount=ask.amount)
        case "release":
            return moves.Release(**said, target=ask.target)
        case "transfer":
            return moves.Transfer(**said, **asset, amount=ask.amount or 0, to=identity_of(ask.other))
        case "adjust":
            below, lasts = ask.below_zero, iso(ask.lasts)
            return moves.Adjust(**said, **asset, amount=ask.amount or 0, below_zero=below, expires=lasts)
        case "activate":
            return moves.Activate(**said, **asset, until=ask.until)
        case "expire":
            return moves.Expire(**said, **asset, until=ask.until)
        case _:
            return moves.Merge(**said, into=identity_of(ask.other))


KINDS = (
    *("reward", "reward", "reward", "grant", "grant", "redeem", "redeem", "refund", "refund", "reverse", "reverse"),
    *("hold", "hold", "capture", "release", "transfer", "adjust", "expire", "merge", "profile"),
)


class RandomAsks:
    """Commands of a few members, about each other's and about earlier ones, from a seeded generator."""

    def __init__(self, rng: random.Random, names: tuple[str, ...]) -> None:
        self._rng = rng
        self._names = names
        self._tickets: dict[str, list[tuple[str, bytes]]] = {}

    def done(self, ask: Ask, ticket: bytes) -> None:
        """The ticket that an ask was given, for later ones to be about."""
        self._tickets.setdefault(ask.kind, []).append((ask.who, ticket))

    def _about(self, *kinds: str) -> tuple[str, bytes]:
        known = [each for kind in kinds for each in self._tickets.get(kind, [])[-6:]]
        return self._rng.choice(known) if known else (self._rng.choice(self._names), bytes(16))

    def next(self, now: datetime) -> Ask:
        """One more."""
        rng = self._rng
        who, other = rng.choice(self._names), rng.choice(self._names)
        asset, units = rng.choice(["PTS", "PTS", "LD"]), rng.choice([1, 3, 5, 8, 20])
        lasts = rng.choice([None, timedelta(days=2), timedelta(days=30)])
        target_of = self._about
        match rng.choice(KINDS):
            case "reward":
                at = rng.choice([None, None, now - timedelta(days=29), now - timedelta(days=40)])
                items = tuple((rng.randint(1, 3), rng.choice([500, 4_000])) for _ in range(rng.choice([0, 0, 2, 3])))
                facts = [plain.Fact("paid", at, rng.choice([500, 20_000, 70_000]), items)]
                if rng.random() < 0.3 and other != who:
                    facts.append(plain.Fact("paid thanks", at, 60_000, (), other))
                elif rng.random() < 0.3:
                    facts.append(plain.Fact("bought", at, 1_000))
                return Ask("reward", who, facts=tuple(facts))
            case "grant":
                return Ask("grant", who, asset, amount=units, lasts=lasts, delay=rng.choice([None, timedelta(days=2)]))
            case "redeem":
                return Ask("redeem", who, asset, amount=units)
            case "refund":
                who, target = target_of("redeem", "capture")
                return Ask("refund", who, target=target, amount=rng.choice([None, 1, 2, 4]))
            case "reverse":
                who, target = target_of("reward")
                parts = rng.choice([(), (), ((0, None, None),), ((0, 0, 1),), ((0, 1, 1),), ((1, None, None),)])
                return Ask("reverse", who, target=target, parts=parts)
            case "hold":
                return Ask("hold", who, asset, amount=units, until=None if lasts is None else now + lasts)
            case "capture":
                who, target = target_of("hold")
                return Ask("capture", who, target=target, amount=rng.choice([None, 1, 2]))
            case "release":
                who, target = target_of("hold")
                return Ask("release", who, target=target)
            case "transfer":
                return Ask("transfer", who, asset, amount=units, other=other)
            case "adjust":
                return Ask("adjust", who, asset, amount=rng.choice([-9, -30, 7]), below_zero=rng.random() < 0.5)
            case "expire":
                return Ask("expire", who, until=now + timedelta(days=rng.choice([0, 0, 3])))
            case "merge" if rng.random() < 0.15:
                return Ask("merge", who, other=other)
            case _:
                return Ask("profile", who, other=rng.choice(["basic", "gold"]))
