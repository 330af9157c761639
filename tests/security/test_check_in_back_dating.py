"""A streak that names no `make_up` cannot be built in one go from back-dated check-ins."""

from __future__ import annotations

from datetime import timedelta

import pytest

from accrual.domain.facts import CheckIn
from tests.desk import Desk, catalogue_of, promo_of

pytestmark = pytest.mark.security

LADDER = promo_of(code="CI", trigger="check_in", benefits=[{"asset": "PTS", "streak": {"steps": {1: 1, 7: 100}}}])


async def test_check_ins_dated_to_a_week_of_past_days_do_not_make_a_streak() -> None:
    desk = Desk(catalogue_of([LADDER]))
    said = []
    for days_ago in range(6, -1, -1):
        outcome = await desk.settle_one("ann", CheckIn(occurred_at=desk.now - timedelta(days=days_ago)))
        said.append(", ".join(declined.reason for declined in outcome.declines) or "awarded")
    assert said == ["check_in_too_late"] * 5 + ["awarded"] * 2
    assert desk.books.balance("ann") == 2
