"""Which custom rules a promo names, by what its document says, and which of a programme's can be had now."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from accrual.domain.promos import Promo, PromoVersion
from accrual.engine.event_rules import EventRules, rules_of
from tests.desk import catalogue_of, promo_of

NOW = datetime(2026, 3, 1, tzinfo=UTC)
PERCENT = {"asset": "PTS", "percent": "5"}


def _promo(*benefits: dict[str, Any], **changes: Any) -> Promo:
    return promo_of(
        **{"code": "P", "trigger": "event", "event": "visit", "benefits": list(benefits) or [PERCENT]} | changes
    )


@pytest.mark.parametrize(
    ("condition", "names"),
    [
        ('event.attributes["rule"] == "A B"', {"A B"}),
        ("event.attributes['rule'] == 'A'", {"A"}),
        ('event.attributes.rule == "A"', {"A"}),
        ('"A" == event.attributes["rule"]', {"A"}),
        ('event.attributes.rule in ["A", "B"]', {"A", "B"}),
        ('(event.attributes.rule == "A" || event.attributes.rule == "B")', {"A", "B"}),
        ('event.attributes.rule == "A" && member.tier == "gold"', {"A"}),
        ('member.tier == "gold" && (event.attributes.rule == "A" || "B" == event.attributes.rule)', {"A", "B"}),
        ('event.attributes.rule != "A"', set()),
        ('!(event.attributes.rule == "A")', set()),
        ('event.attributes.rule == "A" || member.tier == "gold"', set()),
        ('event.attributes.other == "A"', set()),
        ('event.attributes.rule.startsWith("A")', set()),
        ('event.name == "A"', set()),
        ('event.attributes.rule == "never ends', set()),
        (None, set()),
    ],
)
def test_condition_names_the_rules_it_lets_pass(condition: str | None, names: set[str]) -> None:
    assert rules_of(_promo(condition=condition)).names == names


def test_rule_is_of_the_kind_of_what_the_promo_gives() -> None:
    by_name = {"condition": 'event.attributes.rule in ["A", "B"]'}
    points_per = {"asset": "PTS", "points_per": {"every": "1000 IDR"}}
    bracket = {"asset": "PTS", "bracket": [{"from": "0 IDR", "give": 1}]}
    for benefit in (PERCENT, points_per, bracket):
        assert rules_of(_promo(benefit, **by_name)) == ({}, {"A", "B"})
    assert rules_of(_promo({"asset": "PTS", "fixed": 5}, **by_name)) == ({"A": 5, "B": 5}, frozenset())
    assert rules_of(_promo({"asset": "V", "voucher": {"count": 2}}, **by_name)) == ({"A": 2, "B": 2}, frozenset())
    issuing = {"asset": "PTS", "issuing": {"rules": {"A": 7, "C": 9}}}
    assert rules_of(_promo(issuing)) == ({"A": 7, "C": 9}, frozenset())
    assert rules_of(_promo(issuing, **by_name)) == ({"A": 7}, frozenset())
    assert rules_of(_promo(issuing, PERCENT, **by_name)) == ({"A": 7}, {"A", "B"})
    assert rules_of(_promo({"asset": "PTS", "fixed": 5})).names == frozenset()


def _version(number: int, name: str, *, effective_from: datetime | None = None, status: str = "active") -> PromoVersion:
    promo = _promo(condition=f'event.attributes.rule == "{name}"', status=status)
    return PromoVersion(
        promo_version_id=number, promo_id=1, version=number, revision=1, effective_from=effective_from, promo=promo
    )


def test_version_that_holds_now_says_what_there_is() -> None:
    later = datetime(2026, 3, 2, tzinfo=UTC)
    catalogue = catalogue_of(
        [_version(1, "OLD"), _version(2, "NEW", effective_from=later), _version(3, "DRAFT", status="draft")]
    )
    rules = EventRules("visit")
    assert [named.names for named in rules.holding(catalogue, NOW)] == [{"OLD"}]
    assert [named.names for named in rules.holding(catalogue, later)] == [{"NEW"}]
    assert rules.named_by(catalogue, "P", 2).names == {"NEW"}
    assert rules.named_by(catalogue, "P", 3).names == frozenset()
    assert rules.named_by(catalogue, "gone", 1).names == frozenset()


def test_promo_whose_newest_version_is_ended_names_nothing_any_more() -> None:
    catalogue = catalogue_of([_version(1, "OLD"), _version(2, "OLD", status="ended")])
    assert EventRules("visit").holding(catalogue, NOW) == ()


@pytest.mark.parametrize(
    ("changes", "count"), [({}, 1), ({"event": None}, 1), ({"event": "review"}, 0), ({"trigger": "purchase"}, 0)]
)
def test_promos_of_the_event_and_of_every_event_are_looked_at(changes: dict[str, Any], count: int) -> None:
    if changes.get("trigger"):
        changes = changes | {"event": None}
    promo = _promo(**changes)
    assert len(EventRules("visit").holding(catalogue_of([promo]), NOW)) == count


def test_rules_of_so_many_revisions_are_kept_and_read_again_after_that() -> None:
    rules = EventRules("visit", kept_max=2)
    for revision in (1, 2, 3, 1, 3):
        catalogue = catalogue_of([_version(1, f"R{revision}")], revision=revision)
        assert [named.names for named in rules.holding(catalogue, NOW)] == [{f"R{revision}"}]
    assert len(rules._kept) == 2
