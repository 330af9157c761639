"""What judging looks at: only what the promos of that client and kind of fact ask for, and never less."""

from __future__ import annotations

from typing import Any

import pytest

from accrual.domain.facts import CheckIn, Fact, Purchase
from accrual.domain.promos import Promo
from accrual.rules.looks import days_of, looks_of, looks_of_all
from tests.desk import promo_of
from tests.unit.rules.judging import compiled

BUYS: frozenset[type[Fact]] = frozenset({Purchase})
CHECKS_IN: frozenset[type[Fact]] = frozenset({CheckIn})


def promo(code: str, **changes: Any) -> Promo:
    return promo_of(**{"code": code, "trigger": "purchase", "benefits": [{"asset": "PTS", "fixed": 1}], **changes})


PROMOS = (
    promo("ALL"),
    promo("GOLD", where={"clients": ["till"]}, condition='member.tier == "gold"'),
    promo("OFTEN", condition='history.purchases("P30D") > 3', where={"except": {"clients": ["till"]}}),
    promo("DAILY", trigger="check_in", limits=[{"per": "member", "every": "day", "count": 1}]),
)


def test_a_client_is_looked_at_for_its_own_promos() -> None:
    programme = compiled(*PROMOS)
    till, shop = looks_of(programme, BUYS, "till"), looks_of(programme, BUYS, "shop")
    assert (till.profile, till.history_days) == (True, 0)
    assert (shop.profile, shop.history_days > 30) == (False, True)
    assert looks_of(programme, BUYS, None) == shop
    assert not till.limits


def test_commands_of_several_kinds_look_at_what_each_asks_for() -> None:
    programme = compiled(*PROMOS)
    both = looks_of(programme, BUYS | CHECKS_IN, "till")
    assert (both.profile, both.limits) == (True, True)
    assert looks_of(programme, CHECKS_IN, "till").profile is False
    everything = looks_of_all(programme)
    assert (everything.profile, everything.limits, everything.history_days > 30) == (True, True, True)


def test_looks_are_remembered() -> None:
    programme = compiled(*PROMOS)
    assert looks_of(programme, BUYS, "till") is looks_of(programme, frozenset({Purchase}), "till")


@pytest.mark.parametrize(("period", "days"), [("P1D", 2), ("P1W", 8), ("P1M", 32), ("P1Y", 367)])
def test_a_period_spans_at_most_so_many_days(period: str, days: int) -> None:
    assert days_of(period) == days
