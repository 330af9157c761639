"""What a condition may say, and where and how it is told what it may not."""

from __future__ import annotations

import pytest

from accrual.domain.facts import Trigger
from accrual.domain.programme import Settings
from accrual.rules.conditions import ConditionProblem, check_condition

SETTINGS = Settings(code="demo", currency="IDR", minor_units=2, time_zone="Asia/Jakarta")


def check(text: str, trigger: Trigger = Trigger.PURCHASE) -> list[ConditionProblem]:
    return check_condition(text, trigger=trigger, settings=SETTINGS, assets=frozenset({"PTS", "LD"}))


@pytest.mark.parametrize(
    "text",
    [
        'purchase.amount >= money("50000 IDR") && member.tier in ["gold", "silver"]',
        'purchase.amount * 2 - money("1") > money("50000") + purchase.amount',
        'purchase.lines.exists(l, l.category == "F&B" && l.quantity >= 2 && l.amount > money("5"))',
        "purchase.lines.filter(l, l.quantity > 1).map(l, l.amount).size() > 1",
        'history.purchases("P30D") >= 3 && history.spend("P1Y") < money("1000000 IDR") || history.first()',
        "has(member.attributes.vip) && member.attributes.vip == true",
        'member.balance["PTS"] >= 100 && member.balance.LD == 0',
        'now - member.joined < duration("720h") && member.days <= 30',
        'now >= timestamp("2026-11-25T00:00:00+07:00") && now.getHours() >= 10 && now.getDayOfWeek("UTC") == 5',
        'member.birthday == "12-25" || member.segments.exists(s, s.startsWith("vip"))',
        'purchase.outlet.matches("(a+)+$") && purchase.payment != "" && purchase.currency == "IDR"',
        '"money(\\"x\\")" != member.tier  // a comment with "quotes\n && true',
        "purchase . quantity % 2 == 0 ? true : 'F&B' in purchase.categories",
    ],
)
def test_condition_that_makes_sense_is_taken(text: str) -> None:
    assert check(text) == []


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("purchase.amount >= 50000", 1, 17, 'write money("50000 IDR")'),
        ("purchase.amount == 50000", 1, 17, 'write money("50000 IDR")'),
        ("purchase.lines.exists(l, l.amount > 5)", 1, 35, 'write money("5 IDR")'),
        ("purchase.lines.map(l, l.amount).exists(a, a > 5)", 1, 45, 'write money("5 IDR")'),
        ("purchase.lines.filter(l, l.quantity > 1)[0].amount > 5", 1, 52, 'write money("5 IDR")'),
        ('purchase.amount in [money("1"), 5]', 1, 33, "a list holds values of one kind"),
        ("[purchase.amount, 5][0] > 5", 1, 2, "written values only"),
        ("purchase.amount == null", 1, 20, "null has no use"),
        ("dyn(purchase.amount) > 5", 1, 1, "unknown function dyn"),
        ("true ? purchase.amount : 5", 1, 6, "cannot take"),
        ("member.teir == 'x'", 1, 1, "unknown name member.teir; did you mean 'member.tier'?"),
        ('purchase.amount > money("1")\n  && member.teir == "x"', 2, 6, "did you mean 'member.tier'?"),
        ("member.days > 1\n&& true\n&& member.tier == 5 ", 3, 16, "cannot take a text and a whole number"),
        ("purchase.amount > 1\n&& true", 1, 17, 'write money("1 IDR")'),
        ("member.days > 1 // 5\n&& 7 < purchase.amount", 2, 6, 'write money("7 IDR")'),
        ("purchase.lines.exists(l, l.prodct == 'x')", 1, 27, "did you mean 'product'?"),
        ("member.tier == 5", 1, 13, "== cannot take a text and a whole number"),
        ('"é" == member.tier && foo', 1, 23, "unknown name foo"),
        ("history.purchases > 1", 1, 1, 'history.purchases("P30D")'),
        ("history.purchases(member.tier) > 1", 1, 19, "one text in quotes"),
        ('history.purchases("P30X") > 1', 1, 19, "not a period"),
        ('history.purchases("P401D") > 1', 1, 19, "longer than P400D"),
        ('history.purchases("P0D") > 1', 1, 19, "empty"),
        ('member.balance["PTZ"] > 1', 1, 16, "unknown asset 'PTZ'; did you mean 'PTS'?"),
        ('money("5 USD") < purchase.amount', 1, 7, "USD"),
        ('money("1e9") < purchase.amount', 1, 7, "plain decimal"),
        ("now.getHours('Mars/Olympus') > 3", 1, 14, "unknown time zone"),
        ("(now - member.joined).getHours() > 3", 1, 31, "cannot take a length of time"),
        ('timestamp("2026") < now', 1, 11, "no timestamp"),
        ('duration("x") < duration("1s")', 1, 10, "no duration"),
        ('member.tier.matches("(")', 1, 21, "no pattern"),
        ("member.tier.matches(member.birthday)", 1, 13, "written out"),
        (f'member.tier.matches("{"a" * 300}")', 1, 21, "longer than 200"),
        ("purchase.quantity / 0 == 1", 1, 21, "division by zero"),
        ("9223372036854775807 + 1 > 0", 1, 1, "always fails: integer overflow"),
        ("1 / (2 - 2) == 1 && member.days > 1", 1, 1, "always fails"),
        ("5.5 > 1", 1, 1, "not a whole number"),
        ("purchase.amount", 1, 1, "must be true or false, not an amount of money"),
        ("member.attributes.vip", 1, 1, "== true"),
        ("1 +", 1, 4, "ends too early"),
        ('member.tier == "gold" and true', 1, 23, "'and' is not expected here"),
        ('member.tier == "gold', 1, 16, "no closing quote"),
        ("member.tier == §", 1, 16, "no meaning"),
        ("", 1, 1, "empty"),
        ("// nothing", 1, 1, "empty"),
        ("line{} == line{}", 1, 1, "cannot be made"),
        ('{"a": 1}["a"] == 1', 1, 1, "maps"),
        (".purchase.amount == purchase.amount", 1, 1, "begin with a dot"),
        ('b"x" == b"y"', 1, 1, "bytes"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(text: str, line: int, column: int, message: str) -> None:
    problem = check(text)[0]
    assert (problem.line, problem.column) == (line, column)
    assert message in problem.message


def test_excerpt_has_the_caret_under_the_place() -> None:
    (problem,) = check('purchase.amount > money("1")\n\t&& member.teir == "x"')
    assert problem.excerpt == '\t&& member.teir == "x"\n\t   ^'


def test_excerpt_of_a_long_line_is_a_window_around_the_place() -> None:
    (problem,) = check(f'member.tier == "{"x" * 500}" && foo')
    shown, caret = problem.excerpt.split("\n")
    assert len(shown) <= 120
    assert shown[len(caret) - 1 :].startswith("foo")


@pytest.mark.parametrize(
    "text",
    [
        "(" * 10_000 + "true",
        "(" * 1_900 + "true" + ")" * 1_900,
        "(" * 30 + "true" + ")" * 30,
        "[" * 3_000,
        "1" + " + 1" * 900 + " > 1",
        "true ? " * 300 + "true" + " : false" * 300,
        "x" * 4_001,
        "purchase.lines.exists(a, purchase.lines.exists(b, a == b))",
        "purchase.lines.exists(a, true) && purchase.lines.exists(a, true) && purchase.lines.exists(a, true)",
        "purchase.lines.exists(member, true)",
        "member.tier in [" + "'a', " * 200 + "'a']",
        f"purchase.lines.exists(l, {' || '.join(['l.quantity > 1'] * 60)})",
    ],
)
def test_what_would_cost_too_much_is_refused(text: str) -> None:
    assert check(text)


@pytest.mark.parametrize("text", ["!" * 3_900 + "true", "-" * 3_900 + "1 < 0", " && ".join(["member.days > 1"] * 200)])
def test_long_but_flat_conditions_are_taken_or_refused_and_never_raise(text: str) -> None:
    assert len(check(text)) <= 5


def test_eight_parts_with_the_deepest_brackets_still_run() -> None:
    deep = "(" * 19 + "member.days > 1" + ")" * 19
    assert check(" && ".join(["member.days > 1"] * 7 + [deep])) == []


@pytest.mark.parametrize("trigger", [Trigger.REGISTRATION, Trigger.CHECK_IN, Trigger.REFERRAL, Trigger.DRAW_ENTRY])
def test_purchase_is_refused_where_the_trigger_has_none(trigger: Trigger) -> None:
    (problem,) = check('member.days > 1 && purchase.amount > money("1")', trigger)
    assert (problem.column, f"the trigger is {trigger.value}" in problem.message) == (20, True)
    assert check("member.days > 1", trigger) == []


def test_event_is_for_events_only() -> None:
    text = 'event.name == "review" && event.attributes.stars > 3'
    assert check(text, Trigger.EVENT) == []
    assert "the trigger is purchase" in check(text)[0].message


def test_at_most_five_problems_are_told_in_the_order_of_the_text() -> None:
    problems = check(" && ".join(f"foo{n} == 1" for n in range(9)))
    assert [problem.column for problem in problems] == sorted(problem.column for problem in problems)
    assert len(problems) == 5
