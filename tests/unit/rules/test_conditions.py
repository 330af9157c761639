"""What conditions come to: all candidates at once, what was false, what failed, and where values are read from."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from accrual.domain.commands import Dialect, Reward
from accrual.domain.facts import Event, Fact, Identity, Item, ProductPurchase, Purchase, Trigger
from accrual.domain.members import MemberProfile
from accrual.domain.programme import Settings
from accrual.rules.conditions import ConditionSet, Facts, Verdict, check_condition, compile_condition, values_of
from accrual.rules.periods import before
from accrual.rules.snapshot import PastPurchase

NOW = datetime(2026, 11, 25, 20, 30, tzinfo=UTC)  # half past three in the morning of the 26th in Jakarta
SETTINGS = Settings(code="demo", currency="IDR", minor_units=2, time_zone="Asia/Jakarta")
PURCHASE = Purchase(
    amount_minor=5_000_000,
    outlet="O1",
    items=(
        Item(product="T30H", category="F&B", quantity=2, amount_minor=3_000_000),
        Item(product="A", quantity=1),
    ),
)
PROFILE = MemberProfile(
    tier="gold", birthday="1990-12-25", segments=frozenset({"b", "a"}), attributes={"vip": True, "age": 7, "odd": "x"}
)


def facts_of(fact: Fact = PURCHASE, *, history: tuple[PastPurchase, ...] = (), member: bool = True) -> Any:
    command = Reward(dialect=Dialect.NATIVE, action="x", identity=Identity("id", "1"), facts=(fact,), payment="card")
    known = SimpleNamespace(joined_at=NOW - timedelta(days=10, hours=1), profile=PROFILE)
    snapshot = SimpleNamespace(
        now=NOW,
        member=known if member else None,
        programme=SimpleNamespace(ladder=None, settings=SETTINGS, assets={"PTS": 1, "LD": 2}),
        balances=lambda: {"PTS": 120},
        history=lambda: history,
    )
    return Facts(command=command, fact=fact, snapshot=snapshot)  # type: ignore[arg-type]


def judge(*texts: str, facts: Any = None, trigger: Trigger = Trigger.PURCHASE) -> list[Verdict]:
    for text in texts:
        assert check_condition(text, trigger=trigger, settings=SETTINGS, assets=frozenset({"PTS", "LD"})) == []
    conditions = ConditionSet([compile_condition(text, trigger=trigger, settings=SETTINGS) for text in texts])
    return conditions.judge(values_of(conditions.names, facts or facts_of()))


@pytest.mark.parametrize(
    "text",
    [
        'purchase.amount == money("50000 IDR") && purchase.amount - money("0.01") < money("50000")',
        'purchase.amount * 2 == money("100000")',
        'purchase.products == ["A", "T30H"] && purchase.categories == ["F&B"] && purchase.quantity == 3',
        'purchase.outlet == "O1" && purchase.payment == "card" && purchase.currency == "IDR"',
        'purchase.lines.exists(l, has(l.amount) && l.amount == money("30000") && l.category == "F&B")',
        'purchase.lines.exists(l, !has(l.amount) && l.category == "")',
        'member.tier == "gold" && member.birthday == "12-25" && member.segments == ["a", "b"] && member.days == 10',
        'member.balance["PTS"] == 120 && member.balance.LD == 0',
        'member.attributes.vip == true && member.attributes["age"] > 6 && "odd" in member.attributes',
        "now.getHours() == 3 && now.getHours('UTC') == 20 && now.getDate() == 26",
        "now - member.joined > duration('240h')",
        'purchase.outlet.matches("^O[0-9]$") && !purchase.outlet.matches("(a+)+$")',
        "purchase.lines[0].quantity == 2 && purchase.lines.map(l, l.quantity).exists(q, q == 2)",
        '"money(\\"7 IDR\\")" != member.tier && \'history.first()\' != member.tier',
    ],
)
def test_condition_holds(text: str) -> None:
    assert judge(text) == [Verdict(True, "", None)]


def test_first_false_part_is_told_with_its_values() -> None:
    (verdict,) = judge('member.tier == "gold" && purchase.amount >= money("60000 IDR") && member.days > 99')
    assert verdict == Verdict(
        False,
        "condition_false",
        {"part": 'purchase.amount >= money("60000 IDR")', "values": {"purchase.amount": "50000.00 IDR"}},
    )


def test_values_of_maps_are_told_by_key_and_absent_ones_as_none() -> None:
    (verdict,) = judge('has(member.attributes.city) || member.attributes.vip == false || member.balance["PTS"] > 500')
    assert verdict.details is not None
    assert verdict.details["values"] == {
        "member.attributes.city": None,
        "member.attributes.vip": True,
        "member.balance.PTS": 120,
    }


def test_history_counts_purchases_of_the_period_up_to_the_fact() -> None:
    past = tuple(
        PastPurchase(at, 100_000)
        for at in (
            NOW + timedelta(seconds=1),  # a later fact than this late one
            NOW - timedelta(days=1),
            before(NOW, "P30D", "UTC") + timedelta(seconds=1),
            before(NOW, "P30D", "UTC"),
            NOW - timedelta(days=300),
        )
    )
    facts = facts_of(history=past)
    holds, counted, summed, first = judge(
        'history.purchases("P30D") == 2 && history.spend("P400D") == money("4000 IDR")',
        'history.purchases("P30D") > 2',
        'history.spend("P1D") >= money("0.01")',
        "history.first()",
        facts=facts,
    )
    assert holds.holds
    assert counted.details == {"part": 'history.purchases("P30D") > 2', "values": {'history.purchases("P30D")': 2}}
    assert summed.details is not None
    assert summed.details["values"] == {'history.spend("P1D")': "0.00 IDR"}
    assert first.details == {"part": "history.first()", "values": {"history.first()": False}}
    assert judge("history.first()", facts=facts_of())[0].holds


def test_needs_say_what_has_to_be_loaded() -> None:
    text = 'history.spend("P30D") > money("1") && history.first() && member.balance.PTS > 1'
    needs = compile_condition(text, trigger=Trigger.PURCHASE, settings=SETTINGS).needs
    assert needs == (False, True, frozenset({"P30D"}), True)
    assert compile_condition("member.days > 1", trigger=Trigger.CHECK_IN, settings=SETTINGS).needs.profile


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("100 / (member.days - 10) > 1", "divide by zero"),
        ("9223372036854775807 + member.days > 1", "integer overflow"),
        ("member.attributes.city == 'x'", "there is no member.attributes.city"),
        ("(member.attributes.city == 'x' || member.tier == 'none')", "there is no city"),
        ("member.attributes.odd > 3", "No matching overloads"),
        ("(member.attributes.age ? true : false)", "neither true nor false"),
        ("!member.attributes.age", "neither true nor false"),
        ("purchase.products[7] == 'x'", "index=7"),
        ("int(member.tier) > 1", "cannot convert"),
    ],
)
def test_what_only_data_can_tell_fails_that_one_condition(text: str, error: str) -> None:
    others = [f"member.days > {days}" for days in (1, 10, 2)]
    first, failed, false, last = judge(others[0], f"member.days > 1 && {text}", others[1], others[2])
    assert (first.holds, false.reason, last.holds) == (True, "condition_false", True)
    assert (failed.holds, failed.reason) == (False, "condition_failed")
    assert failed.details is not None
    assert error in failed.details["error"]
    assert failed.details["part"] == text


def test_amount_that_was_not_sent_fails_conditions_about_it_only() -> None:
    facts = facts_of(ProductPurchase(product="T30H"))
    failed, holds, either = judge(
        'purchase.amount < money("1")',
        'purchase.products == ["T30H"] && purchase.quantity == 1 && purchase.lines.exists(l, l.product == "T30H")',
        'purchase.amount < money("1") || member.tier == "gold"',
        facts=facts,
        trigger=Trigger.PRODUCT_PURCHASE,
    )
    assert failed.reason == "condition_failed"
    assert failed.details is not None
    assert failed.details["error"] == "purchase.amount was not sent"
    assert (holds.holds, either.holds) == (True, True)


def test_guard_keeps_what_stands_behind_it_from_failing() -> None:
    (verdict,) = judge("has(member.attributes.city) && member.attributes.city == 'x'")
    assert verdict.reason == "condition_false"


def test_too_many_lines_fail_the_looping_condition_alone() -> None:
    facts = facts_of(Purchase(amount_minor=1, items=(Item(product="a"),) * 20_000))
    looping, other = judge("purchase.lines.exists(l, l.product == 'z')", "member.days > 1", facts=facts)
    assert (looping.reason, other.holds) == ("condition_failed", True)
    assert looping.details is not None
    assert looping.details["error"] == "too many lines to go through"
    assert len(looping.details["values"]["purchase.lines"]) == 10


def test_member_who_joins_now_is_known_by_nothing() -> None:
    assert all(
        verdict.holds
        for verdict in judge(
            "member.days == 0 && member.tier == '' && member.joined == now",
            "!has(member.attributes.vip) && member.birthday == ''",
            facts=facts_of(member=False),
        )
    )


def test_event_is_read_by_its_attributes() -> None:
    facts = facts_of(Event(name="review", attributes={"stars": 4, "text": "good"}))
    holds, false = judge(
        'event.name == "review" && event.attributes.stars >= 4',
        "event.attributes.stars > 4",
        facts=facts,
        trigger=Trigger.EVENT,
    )
    assert holds.holds
    assert false.details == {"part": "event.attributes.stars > 4", "values": {"event.attributes.stars": 4}}


def test_number_beyond_int64_fails_and_does_not_raise() -> None:
    facts = facts_of(Event(name="x", attributes={"n": 2**80}))
    (verdict,) = judge("event.attributes.n > 3", facts=facts, trigger=Trigger.EVENT)
    assert verdict.reason == "condition_failed"


def test_promo_zone_decides_what_hour_it_is() -> None:
    compiled = compile_condition("now.getHours() == 20", trigger=Trigger.CHECK_IN, settings=SETTINGS, zone="UTC")
    conditions = ConditionSet([compiled])
    assert conditions.judge(values_of(conditions.names, facts_of()))[0].holds


def test_hundreds_of_conditions_are_judged_in_their_order() -> None:
    verdicts = judge(*[f"member.days > {n % 20}" for n in range(300)])
    assert [verdict.holds for verdict in verdicts] == [n % 20 < 10 for n in range(300)]


def test_more_parts_than_are_told_apart_still_all_count() -> None:
    texts = [f"member.days > {n}" for n in range(9)]
    assert judge(" && ".join(texts))[0].holds
    (verdict,) = judge(" && ".join([*texts, "member.days > 50", "member.days > 5"]))
    assert verdict.reason == "condition_false"
    assert verdict.details is not None
    assert "member.days > 50" in verdict.details["part"]


def test_empty_set_judges_nothing() -> None:
    assert ConditionSet([]).judge({}) == []
