"""What is wrong with streaks and rules of velocity is told at its place, before anything is saved."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from accrual.domain.programme import Programme
from accrual.rules.check import check_programme

LADDER = {"steps": {1: 1, 7: 10}}


def _problems(promo: dict[str, Any] | None = None, velocity: list[dict[str, Any]] | None = None) -> list[str]:
    document = {
        "programme": {"code": "p", "currency": "IDR", "minor_units": 2, "velocity": velocity or []},
        "assets": [{"code": "PTS"}, {"code": "FREEZE"}],
        "promos": [] if promo is None else [{"code": "CI", "trigger": "check_in", **promo}],
    }
    found = check_programme(msgspec.convert(document, Programme))
    return [f"{problem.path.removeprefix('promos[0].')}: {problem.message}" for problem in found]


def _streak(**streak: Any) -> dict[str, Any]:
    return {"benefits": [{"asset": "PTS", "streak": streak}]}


def test_streak_that_can_be_counted_has_no_problem() -> None:
    assert _problems(_streak(**LADDER, freeze={"asset": "FREEZE"}, every="week", after_last="restart")) == []
    assert _problems(_streak(dates={25: 5})) == []


@pytest.mark.parametrize(
    ("promo", "said"),
    [
        (_streak(), "benefits[0].streak: exactly one of steps and dates is needed, not none"),
        (_streak(**LADDER, dates={1: 1}), "benefits[0].streak: exactly one of steps and dates is needed, not both"),
        (_streak(steps={1: 0}), "benefits[0].streak: gives nothing on any day"),
        (_streak(dates={1: 1}, every="week"), "benefits[0].streak.dates: weeks have no day of the month; use steps"),
        (
            _streak(dates={1: 1}, after_last="repeat"),
            "benefits[0].streak.after_last: a calendar of dates has no last step",
        ),
        (
            _streak(**LADDER, freeze={"asset": "FREEZ"}),
            "benefits[0].streak.freeze.asset: unknown asset 'FREEZ'; did you mean 'FREEZE'?",
        ),
        (
            {"trigger": "purchase", **_streak(**LADDER)},
            "benefits[0].streak: only the trigger check_in has streaks, purchase has none",
        ),
        (
            {"benefits": [{"asset": "PTS", "streak": LADDER, "per_fact": True}]},
            "benefits[0].per_fact: has no meaning for a streak",
        ),
        (
            {"benefits": [{"asset": "PTS", "streak": LADDER}, {"asset": "FREEZE", "streak": {"steps": {7: 1}}}]},
            "benefits[0].streak: a promo counts one streak; write a second promo for another ladder",
        ),
    ],
)
def test_streak_that_cannot_be_counted_is_told(promo: dict[str, Any], said: str) -> None:
    assert _problems(promo) == [said]


@pytest.mark.parametrize("offset", ["4:00", "24:00", "12:01", "04:60", ""])
def test_day_begins_between_midnight_and_noon(offset: str) -> None:
    with pytest.raises(msgspec.ValidationError, match="day_offset"):
        _problems(_streak(**LADDER, day_offset=offset))


def _rule(**changes: Any) -> dict[str, Any]:
    return {"name": "R", "per": "member", "every": "day", "count": 1} | changes


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ([_rule(count=None)], "programme.velocity[0]: exactly one of count and amount is needed"),
        ([_rule(amount="5 IDR")], "programme.velocity[0]: exactly one of count and amount is needed"),
        ([_rule(count=None, amount="0 IDR")], "programme.velocity[0].amount: must be above zero"),
        (
            [_rule(count=None, amount="5 IDR", triggers=["check_in"])],
            "programme.velocity[0].amount: no money comes with check_in; use count",
        ),
        (
            [_rule(name="R11"), _rule(name="R16")],
            "programme.velocity[1].name: 'R16' and 'R11' would be counted as one; choose another name",
        ),
        ([_rule(), _rule()], "programme.velocity[1].name: 'R' is already the name of velocity[0]"),
    ],
)
def test_rule_of_velocity_that_cannot_be_counted_is_told(rules: list[dict[str, Any]], said: str) -> None:
    assert _problems(velocity=rules) == [said]


def test_at_most_twenty_rules() -> None:
    rules = [_rule(name=f"RULE-{number}") for number in range(21)]
    assert _problems(velocity=rules) == ["programme.velocity: has 21 rules, at most 20 are allowed"]
