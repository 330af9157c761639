"""Plain conditions are judged without CEL; whatever they are asked, the answer is the one that CEL gives, to the letter."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accrual.domain.amounts import INT64_MAX
from accrual.domain.facts import Event, Fact, Item, Purchase, Trigger
from accrual.rules.condition_compile import CompiledCondition
from accrual.rules.conditions import WORTH_A_FUNCTION, ConditionSet, compile_condition, values_of
from accrual.rules.snapshot import PastPurchase
from tests.unit.rules.test_conditions import NOW, SETTINGS, facts_of

PURCHASE_PARTS = (
    'purchase.amount >= money("500 IDR")',
    'purchase.amount != money("500")',
    'money("500") < purchase.amount',
    'purchase.amount * 2 - money("1 IDR") > money("999")',
    "purchase.quantity % 2 == 1",
    "purchase.quantity - 5 < -2",
    "purchase.quantity / 2 * 2 == purchase.quantity",
    "purchase.quantity * 4611686018427387904 > 0",
    "purchase.quantity / (purchase.quantity - 3) > 0",
    "(purchase.quantity - 7) % 3 == -1",
    "(purchase.quantity - 7) / 2 == -2",
    "purchase.quantity % (purchase.quantity - 4) == 0",
    'purchase.outlet == "O1"',
    'purchase.outlet.startsWith("O")',
    'purchase.outlet.endsWith("1") || purchase.outlet.contains("X")',
    'purchase.outlet < "O2" && purchase.outlet > "é"',
    "size(purchase.outlet) == 2 || purchase.outlet.size() > 3",
    '"A" in purchase.products',
    '!("A" in purchase.products) || size(purchase.products) > 1',
    'purchase.amount in [money("500"), money("10 IDR")]',
    'purchase.payment in ["card", "qris"] && purchase.currency == "IDR"',
    '(purchase.amount > money("1") || purchase.quantity == 3) && !(purchase.quantity == 2)',
)
MEMBER_PARTS = (
    'member.tier == "gold"',
    'member.tier in ["gold", "silver"]',
    "member.days >= 10",
    'member.balance["PTS"] % 10 == 0',
    "member.balance.LD + 1 == 1",
    "member.attributes.vip == true",
    "member.attributes.age > 5",
    "member.attributes.age == 7 || true",
    'member.attributes["odd"] == "x"',
    "has(member.attributes.age) && member.attributes.age in [6, 7]",
    'member.attributes.odd in ["x"]',
    "member.attributes.nothing > 1",
    "member.attributes.nothing > 1 || member.days > 1",
    "has(member.attributes.nothing)",
    '"a" in member.segments',
    "member.birthday == '12-25'",
    "history.first()",
    "!history.first()",
    'history.purchases("P30D") == 1',
    'history.spend("P10D") > money("5")',
)
EVENT_PARTS = (
    'event.name == "e"',
    "event.attributes.n > 3",
    "event.attributes.n == 3 && event.attributes.m != 4",
    "has(event.attributes.n) && event.attributes.n == true",
    'event.attributes.n == "x" || event.attributes.m == "y"',
    "event.attributes.n in [3, 4]",
)
NOT_PLAIN = (
    'purchase.lines.exists(line, line.product == "A")',
    'now > timestamp("2026-01-01T00:00:00Z")',
    'purchase.outlet.matches("^O")',
    'purchase.products == ["A", "T30H"]',
    "purchase.quantity > 1 ? true : false",
    "member.attributes.vip",
    "now.getHours() > 3",
    "!(" * 30 + "true" + ")" * 30,
    " || ".join(["purchase.quantity == 1"] * 60),
    'purchase.outlet == "a\\tb"',
    'purchase.outlet + "x" == "Ox"',
    "purchase.quantity == 9223372036854775808",
    "purchase.quantity == 0x10",
    'purchase.quantity == "3"',
    "purchase.outlet.nothing",
)

amounts = st.none() | st.sampled_from([0, 50_000, 1_000, INT64_MAX]) | st.integers(0, 100_000)
texts = st.none() | st.sampled_from(["O1", "O2", "X", "ÿ", "\U0001f600"])
items = st.builds(
    Item,
    product=st.none() | st.sampled_from(["A", "B"]),
    quantity=st.integers(-3, 9) | st.sampled_from([INT64_MAX // 9]),
    amount_minor=amounts,
)
purchases = st.builds(
    Purchase,
    amount_minor=amounts,
    outlet=texts,
    product=st.none() | st.sampled_from(["A"]),
    items=st.none() | st.lists(items, max_size=3).map(tuple),
)
scalars = st.booleans() | st.sampled_from(["x", "y"]) | st.sampled_from([3, 4, 1, 0, -INT64_MAX])
events = st.builds(
    Event, name=st.sampled_from(["e", "f"]), attributes=st.dictionaries(st.sampled_from(["n", "m"]), scalars)
)
histories = st.lists(
    st.builds(PastPurchase, st.integers(0, 40).map(lambda days: NOW - timedelta(days=days)), st.integers(0, INT64_MAX)),
    max_size=3,
).map(tuple)


def by_cel(condition: CompiledCondition) -> CompiledCondition:
    return condition._replace(parts=tuple(part._replace(plain=None) for part in condition.parts))


def compiled(texts: list[str], trigger: Trigger) -> list[CompiledCondition]:
    return [compile_condition(text, trigger=trigger, settings=SETTINGS) for text in texts]


def check_equal(texts: list[str], trigger: Trigger, fact: Fact, other: Fact, known: dict[str, Any]) -> None:
    plain = ConditionSet(compiled(texts, trigger))
    cel = ConditionSet([by_cel(condition) for condition in compiled(texts, trigger)])
    values = values_of(plain.names, facts_of(fact, **known))
    for _ in range(WORTH_A_FUNCTION):  # one by one at first, and all at once when the set is met again
        assert plain.judge(values) == cel.judge(values)
    again = values_of(plain.names_varying, facts_of(other, **known))
    numbers = plain.numbers(values)
    assert plain.hold_again(again, numbers) == cel.hold_again(again, numbers)


@pytest.mark.parametrize("text", [*PURCHASE_PARTS, *MEMBER_PARTS])
def test_these_conditions_are_plain(text: str) -> None:
    assert all(part.plain is not None for part in compiled([text], Trigger.PURCHASE)[0].parts)


@pytest.mark.parametrize("text", EVENT_PARTS)
def test_these_conditions_on_events_are_plain(text: str) -> None:
    assert all(part.plain is not None for part in compiled([text], Trigger.EVENT)[0].parts)


@pytest.mark.parametrize("text", NOT_PLAIN)
def test_whatever_else_is_said_is_left_to_cel(text: str) -> None:
    assert any(part.plain is None for part in compiled([text], Trigger.PURCHASE)[0].parts)


@given(
    st.lists(
        st.lists(st.sampled_from([*PURCHASE_PARTS, *MEMBER_PARTS, NOT_PLAIN[0]]), min_size=1, max_size=4).map(
            " && ".join
        ),
        min_size=1,
        max_size=4,
    ),
    purchases,
    purchases,
    histories,
    st.booleans(),
)
def test_plain_conditions_on_purchases_are_judged_as_cel_judges_them(
    texts: list[str], fact: Purchase, other: Purchase, history: tuple[PastPurchase, ...], member: bool
) -> None:
    alike = Purchase(amount_minor=other.amount_minor, outlet=fact.outlet, product=fact.product, items=fact.items)
    check_equal(texts, Trigger.PURCHASE, fact, alike, {"history": history, "member": member})


@given(
    st.lists(st.sampled_from([*EVENT_PARTS, "event.attributes.n == event.attributes.m"]), min_size=1, max_size=4),
    events,
    st.sampled_from([" && ", " || "]),
)
def test_plain_conditions_on_events_are_judged_as_cel_judges_them(texts: list[str], fact: Event, sign: str) -> None:
    check_equal([*texts, sign.join(f"({text})" for text in texts)], Trigger.EVENT, fact, fact, {})


@pytest.mark.parametrize(
    "said",
    ["\x01purchase.amount\x02", "{}{0}%s", "');__import__('os')#", "]#[1", "\u2028\U0001f600", "'''"],
)
def test_what_stands_in_quotes_is_never_run(said: str) -> None:
    quoted = f'"{said}"'
    texts = [f"purchase.outlet == {quoted}", f"purchase.outlet in [{quoted}]", f"purchase.outlet.contains({quoted})"]
    fact = Purchase(occurred_at=NOW, amount_minor=5, outlet=said)
    conditions = ConditionSet(compiled(texts, Trigger.PURCHASE))
    assert all(part.plain is not None for text in texts for part in compiled([text], Trigger.PURCHASE)[0].parts)
    for outlet, expected in ((said, True), (said[:-1], False)):
        values = values_of(conditions.names, facts_of(msgspec.structs.replace(fact, outlet=outlet)))
        for _ in range(WORTH_A_FUNCTION + 1):
            assert [verdict.holds for verdict in conditions.judge(values)] == [expected] * 3
