"""Draws native commands of every kind, the same for the same seed. Nothing is judged here."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

FIRST = datetime(2026, 3, 1, tzinfo=UTC)
KINDS = (
    "purchase",
    "purchase",
    "purchase",
    "product_purchase",
    "registration",
    "referral",
    "referral_purchase",
    "check_in",
)


def draw_commands(seed: int, count: int, *, members: int = 40) -> Iterator[dict[str, Any]]:
    """Commands of a few members, so that limits are met, members refer each other and balances matter."""
    chance = random.Random(f"commands {seed}")
    for number in range(count):
        facts = [_fact(chance) for _ in range(chance.choice((1, 1, 1, 2, 3)))]
        yield {
            "key": f"{seed}-{number}",
            "member": _member(chance, members),
            "facts": facts,
            **({"member_name": f"name {chance.randrange(3)}"} if chance.random() < 0.3 else {}),
        }


def _member(chance: random.Random, members: int) -> dict[str, str]:
    return {"kind": "msisdn", "value": str(chance.randrange(members))}


def _fact(chance: random.Random) -> dict[str, Any]:
    kind = chance.choice(KINDS)
    fact: dict[str, Any] = {"type": kind}
    if chance.random() < 0.8:
        fact["occurred_at"] = (FIRST + timedelta(minutes=chance.randrange(30 * 24 * 60))).isoformat()
    if kind in ("purchase", "referral_purchase", "product_purchase"):
        fact["amount"] = f"{chance.randrange(0, 200_000) / 100:.2f}"
        fact["outlet"] = chance.choice(("O1", "O2", "O3", "elsewhere"))
        if chance.random() < 0.3:
            fact["lines"] = [
                {"product": f"P{n}", "amount": str(chance.randrange(1000)), "quantity": chance.randrange(1, 4)}
                for n in range(chance.randrange(1, 4))
            ]
    if kind == "product_purchase":
        fact["product"] = chance.choice(("T30H", "other"))
    if kind in ("referral", "referral_purchase") and chance.random() < 0.9:
        fact["referrer"] = _member(chance, 40)
    return fact
