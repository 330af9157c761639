"""Every decline and award is said in words with its values, and the page of codes is the code's own table."""

from __future__ import annotations

import ast
import re
from typing import Any

import pytest

from accrual.domain.outcomes import Award, Declined
from accrual.domain.programme import Asset, Settings
from accrual.domain.promos import Benefit, PointsPer, Promo, PromoVersion, Trigger, Window
from accrual.rules.explain import REASONS, explain_award, explain_decline, money_text, reference_page
from tests.arch.tree import PACKAGE, ROOT

SETTINGS = Settings(code="P", currency="IDR", minor_units=2, time_zone="Asia/Jakarta")
PTS = Asset(code="PTS", name="Point Reddem", number=35)


def _version(**changes: Any) -> PromoVersion:
    values: dict[str, Any] = {
        "code": "PAYDAY",
        "trigger": Trigger.PURCHASE,
        "benefits": (Benefit(asset="PTS", points_per=PointsPer(every="1000 IDR", give=2)),),
    }
    promo = Promo(**{**values, **changes})
    return PromoVersion(promo_version_id=7, promo_id=3, version=2, revision=1, effective_from=None, promo=promo)


DECLINING = ("Declined", "_decline", "_once", "Verdict")
"""Calls that take the code of a decline among their arguments."""

ANSWERING = ("_not_open", "_gate", "_audience", "closed_by")
"""Functions that answer with the code of a decline, alone or before its values."""


def _codes_in(node: ast.AST) -> list[ast.expr | None]:
    """The expressions of a node that are codes of declines where they are text."""
    match node:
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=args) if name in DECLINING:
            return list(args)
        case ast.keyword(arg="reason", value=value):
            return [value]
        case ast.Assign(targets=[ast.Name(id="reason")], value=value):
            return [value]
        case ast.FunctionDef(name=name) if name in ANSWERING:
            returned = [inner.value for inner in ast.walk(node) if isinstance(inner, ast.Return)]
            return [value.elts[0] if isinstance(value, ast.Tuple) else value for value in returned]
        case _:
            return []


def _codes_in_the_code() -> set[str]:
    found = set()
    for path in [*(PACKAGE / "rules").glob("*.py"), PACKAGE / "engine" / "process.py"]:
        if path.name == "explain.py":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            for each in _codes_in(node):
                if isinstance(each, ast.Constant) and isinstance(each.value, str) and each.value:
                    found.add(each.value)
    return found


def test_table_has_exactly_the_codes_that_the_rules_use() -> None:
    assert _codes_in_the_code() == set(REASONS)


def test_page_of_decline_codes_is_in_step() -> None:
    page = (ROOT / "docs" / "reference" / "declines.md").read_text(encoding="utf-8")
    assert page == reference_page(), "write rules.explain.reference_page() to docs/reference/declines.md"


@pytest.mark.parametrize("code", sorted(REASONS))
def test_every_code_is_said_with_and_without_values(code: str) -> None:
    for version in (None, _version()):
        text = explain_decline(Declined(7, code), version, SETTINGS)
        assert re.fullmatch(r"[A-Z].{10,}\.", text), text
        assert "None" not in text


@pytest.mark.parametrize(
    ("code", "details", "changes", "text"),
    [
        (
            "limit_reached",
            {"limit": 1, "used": 1, "every": "day", "by": "count"},
            {},
            "The limit is 1 award a member each day, and 1 are used.",
        ),
        (
            "limit_reached",
            {"limit": 5000, "used": 4990, "every": "month", "by": "amount", "wanted": 70},
            {},
            "The limit is 5,000 units a member each month, and 4,990 are used; 70 were wanted.",
        ),
        (
            "limit_reached",
            {"limit": 9, "left": 0, "per": "outlet", "every": "ever", "by": "count"},
            {},
            "The limit is 9 awards an outlet for good, and 0 are left.",
        ),
        (
            "budget_exhausted",
            {"limit": 1000, "left": 3, "per": "promo", "every": "ever", "by": "amount", "wanted": 5},
            {},
            "The promo's budget is 1,000 units, and 3 are left; 5 were wanted.",
        ),
        (
            "wrong_hour",
            {"at": "Fri 2026-11-27 23:10", "zone": "Asia/Jakarta"},
            {},
            "The promo does not run on Fri 2026-11-27 23:10 (Asia/Jakarta).",
        ),
        ("outranked", {"by": "GOLD"}, {}, "GOLD comes first in the same lane, gave, and stands alone in it."),
        (
            "capped",
            {"ceiling": 500, "by": "CAP", "wanted": 20},
            {},
            "CAP caps the whole command at 500 units, and nothing is left of them; 20 were wanted.",
        ),
        (
            "condition_false",
            {"part": 'member.tier == "gold"', "values": {"member.tier": None}},
            {},
            'The condition `member.tier == "gold"` does not hold: member.tier is absent.',
        ),
        (
            "condition_failed",
            {"part": "a > b", "values": {"a": "1"}, "error": "b has no value."},
            {},
            "The condition `a > b` could not be judged: a is 1; b has no value.",
        ),
        ("amount_too_small", {"basis": 99_950}, {}, "999.50 IDR is too small to give anything."),
        (
            "not_started",
            None,
            {"window": Window(from_="2026-11-25T00:00")},
            "The promo starts at 2026-11-25T00:00 (Asia/Jakarta).",
        ),
        (
            "window_closed",
            None,
            {"window": Window(until="2026-12-01T00:00", zone="UTC")},
            "The promo ended at 2026-12-01T00:00 (UTC).",
        ),
    ],
)
def test_decline_is_said_with_its_values(
    code: str, details: dict[str, Any] | None, changes: dict[str, Any], text: str
) -> None:
    assert explain_decline(Declined(7, code, details), _version(**changes), SETTINGS) == text


def test_code_of_another_release_is_still_said() -> None:
    assert explain_decline(Declined(7, "moon_full", {"phase": 3}), None, SETTINGS) == "Declined: moon full (phase 3)."


@pytest.mark.parametrize(
    ("award", "benefit", "text"),
    [
        (
            Award(7, 1, 12, "points_per", 684_350),
            Benefit(asset="PTS", points_per=PointsPer(every="1000 IDR", give=2)),
            "12 PTS: 2 for each 1000 IDR of 6,843.50 IDR.",
        ),
        (Award(7, 1, 25, "percent", 100_000), Benefit(asset="PTS", percent="2.5"), "25 PTS: 2.5 % of 1,000.00 IDR."),
        (Award(7, 1, 1, "fixed", 1), Benefit(asset="PTS", fixed=1), "1 PTS: a fixed amount."),
        (Award(7, 1, 1, "fixed", 4), Benefit(asset="PTS", fixed=1), "1 PTS: a fixed amount for 4 facts."),
        (
            Award(
                7, 1, 10, "fixed", 1, details={"limit": 100, "used": 90, "every": "day", "by": "amount", "wanted": 50}
            ),
            Benefit(asset="PTS", fixed=50),
            "10 PTS: a fixed amount; 50 by the promo, reduced to what is left of 100 a member each day.",
        ),
        (
            Award(7, 1, 10, "fixed", 1, details={"ceiling": 100, "by": "CAP", "wanted": 50}),
            Benefit(asset="PTS", fixed=50),
            "10 PTS: a fixed amount; 50 by the promo, CAP caps all at 100.",
        ),
        (Award(7, 1, 3, "ladder_step"), Benefit(asset="PTS", fixed=1), "3 PTS: ladder step."),
    ],
)
def test_award_is_said_with_how_it_came_about(award: Award, benefit: Benefit, text: str) -> None:
    assert explain_award(award, PTS, _version(benefits=(benefit,)), SETTINGS) == text


def test_money_has_the_decimals_of_its_currency() -> None:
    assert money_text(5, SETTINGS) == "0.05 IDR"
    assert money_text(-123_456_789, SETTINGS) == "-1,234,567.89 IDR"
    assert money_text(1500, Settings(code="P", currency="JPY", minor_units=0)) == "1,500 JPY"
