"""Velocity rules cannot be avoided by giving each fact another date."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from accrual.domain.facts import Purchase
from accrual.domain.programme import Settings
from accrual.domain.velocity import VelocityRule
from tests.desk import SETTINGS, Desk, catalogue_of, promo_of

pytestmark = pytest.mark.security

BASE = promo_of(code="BASE", trigger="purchase", benefits=[{"asset": "PTS", "points_per": {"every": "1 IDR"}}])


def _desk(**rule: Any) -> Desk:
    velocity = msgspec.convert({"name": "TWO", "per": "member", "every": "day", "count": 2, **rule}, VelocityRule)
    settings: Settings = msgspec.structs.replace(SETTINGS, velocity=(velocity,))
    return Desk(catalogue_of([BASE], settings=settings))


async def _buy(desk: Desk, name: str, *, days_ago: int = 0) -> str:
    outcome = await desk.settle_one(name, Purchase(amount_minor=100, occurred_at=desk.now - timedelta(days=days_ago)))
    return ", ".join(declined.reason for declined in outcome.declines) or "awarded"


@pytest.mark.parametrize(("action", "reason"), [("decline", "too_fast"), ("hold", "held_for_review")])
@pytest.mark.parametrize("per", ["member", "client"])
async def test_purchases_dated_to_different_days_count_on_the_day_they_are_recorded(
    per: str, action: str, reason: str
) -> None:
    desk = _desk(per=per, action=action)
    assert [await _buy(desk, "ann", days_ago=days) for days in (1, 2, 3, 0)] == ["awarded", "awarded", reason, reason]


async def test_purchases_recorded_on_different_days_count_on_the_day_they_happened() -> None:
    desk = _desk()
    said = []
    for days_ago in range(1, 4):
        desk.later(days=1)
        said.append(await _buy(desk, "ann", days_ago=days_ago))
    assert said == ["awarded", "awarded", "too_fast"]


async def test_money_dated_to_different_days_counts_on_the_day_it_is_recorded() -> None:
    desk = _desk(count=None, amount="2 IDR")
    assert [await _buy(desk, "ann", days_ago=days) for days in (1, 2, 3)] == ["awarded", "awarded", "too_fast"]


async def test_purchase_recorded_when_it_happened_counts_once() -> None:
    desk = _desk()
    assert [await _buy(desk, "ann") for _ in range(3)] == ["awarded", "awarded", "too_fast"]
    desk.later(days=1)
    assert await _buy(desk, "ann") == "awarded"
