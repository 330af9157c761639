"""What a promo's document may not say: one message for each mistake, at the field where it stands."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from accrual.domain.programme import Settings
from accrual.domain.promos import Promo
from accrual.engine.programme_file import ProgrammeInvalid, read_programme
from accrual.rules.check_promo import check_promo
from accrual.rules.problems import Problem

SETTINGS = Settings(code="demo", currency="IDR", minor_units=2, time_zone="Asia/Jakarta")
FIXED = {"asset": "PTS", "fixed": 1}


def problems(**fields: Any) -> list[Problem]:
    document: dict[str, Any] = {"code": "P", "trigger": "purchase", "benefits": [FIXED], **fields}
    promo = msgspec.convert(document, Promo, strict=False)
    return list(
        check_promo(
            "p",
            promo,
            settings=SETTINGS,
            zone="Asia/Jakarta",
            assets={"PTS", "LD"},
            outlets={"O1", "O2"},
            clients={"shop"},
        )
    )


def test_promo_that_uses_every_field_is_taken() -> None:
    assert (
        problems(
            where={
                "outlets": ["O1"],
                "categories": ["never heard of"],
                "clients": ["shop"],
                "except": {"outlets": ["O2"]},
            },
            window={
                "from": "2026-01-01",
                "until": "2027-01-01",
                "days": ["fri"],
                "hours": ["22:00-02:00"],
                "dates": ["2026-11-11", "12-25", "25", "last", "birthday"],
            },
            audience={"lists": ["VIP list"], "segments": ["new"], "holdout": "12.5"},
            promo_codes=["HELLO", "WELCOME"],
            condition='purchase.amount >= money("50000 IDR")',
            benefits=[
                FIXED,
                {"asset": "PTS", "bracket": [{"from": "0", "give": 0}, {"from": "50000 IDR", "percent": "0.1"}]},
                {"asset": "LD", "multiplier": {"times": "1.5"}},
            ],
            limits=[
                {"count": 1, "every": "day"},
                {"count": 9, "every": "day", "per": "outlet"},
                {"amount": 100, "every": "day", "per": "device"},
            ],
            budget={"asset": "LD", "amount": 10},
            stacking={"lane": "bonus"},
        )
        == []
    )
    assert problems(stacking={"lane": "cap"}, benefits=[{"asset": "PTS", "ceiling": 5}]) == []
    assert problems(trigger="event", event="review", benefits=[{"asset": "PTS", "issuing": {"rules": {"R": 5}}}]) == []
    assert problems(trigger="event") == []


@pytest.mark.parametrize(
    ("fields", "path", "message"),
    [
        ({"event": "review"}, "event", "only the trigger event"),
        ({"where": {"outlets": ["O3"]}}, "where.outlets[0]", "unknown outlet 'O3'"),
        ({"where": {"except": {"outlets": ["O1", "O3"]}}}, "where.except.outlets[1]", "unknown outlet 'O3'"),
        ({"where": {"clients": ["shp"]}}, "where.clients[0]", "did you mean 'shop'?"),
        ({"where": {"except": {"clients": ["shp"]}}}, "where.except.clients[0]", "did you mean 'shop'?"),
        (
            {"where": {"products": ["A"], "except": {"products": ["B", "A"]}}},
            "where.except.products[1]",
            "both wanted and left out",
        ),
        ({"window": {"from": "yesterday"}}, "window.from", "not a date and time"),
        ({"window": {"from": "2026-02-01", "until": "2026-01-01"}}, "window.until", "ends before it begins"),
        ({"effective_from": "x"}, "effective_from", "not a date and time"),
        ({"window": {"hours": ["10:00-22:00", "25:00-26:00"]}}, "window.hours[1]", "25:00-26:00"),
        ({"window": {"hours": ["10-22"]}}, "window.hours[0]", "not a span of hours"),
        ({"window": {"dates": ["2026-02-30"]}}, "window.dates[0]", "not a date"),
        ({"window": {"dates": ["25", "32"]}}, "window.dates[1]", "'32' is none of"),
        ({"window": {"dates": [f"{n % 28 + 1}" for n in range(401)]}}, "window.dates", "at most 400"),
        ({"audience": {"lists": [" vip"]}}, "audience.lists[0]", "without space around"),
        ({"audience": {"segments": ["a", "A"]}}, "audience.segments[1]", "second time"),
        ({"audience": {"holdout": "ten"}}, "audience.holdout", "percentage such as 10"),
        ({"audience": {"holdout": "0"}}, "audience.holdout", "above 0 and below 100"),
        ({"audience": {"holdout": "100"}}, "audience.holdout", "above 0 and below 100"),
        ({"audience": {"holdout": "0.00001"}}, "audience.holdout", "more than 4 decimals"),
        ({"promo_codes": ["HELLO", "hello"]}, "promo_codes[1]", "second time, first as [0]"),
        ({"promo_codes": [""]}, "promo_codes[0]", "1 to 64 characters"),
        ({"condition": "purchase.amount >= 5"}, "condition", "line 1, column 17: >= cannot take"),
        ({"benefits": [{"asset": "PTZ", "fixed": 1}]}, "benefits[0].asset", "did you mean 'PTS'?"),
        ({"benefits": [{"asset": "PTS"}]}, "benefits[0]", "not none"),
        ({"benefits": [{**FIXED, "percent": "1"}]}, "benefits[0]", "not fixed and percent"),
        ({"benefits": [{**FIXED, "to": "referrer"}]}, "benefits[0].to", "purchase has none"),
        ({"benefits": [{"asset": "PTS", "percent": "0"}]}, "benefits[0].percent", "above zero"),
        ({"benefits": [{"asset": "PTS", "percent": "x"}]}, "benefits[0].percent", "Write such as 2.5"),
        ({"benefits": [{"asset": "PTS", "points_per": {"every": "0"}}]}, "benefits[0].points_per.every", "above zero"),
        (
            {"benefits": [{"asset": "PTS", "points_per": {"every": "5 USD"}}]},
            "benefits[0].points_per.every",
            "1000 IDR",
        ),
        (
            {"benefits": [{"asset": "PTS", "bracket": [{"from": "10", "give": 1}, {"from": "10.00", "give": 2}]}]},
            "benefits[0].bracket[1].from",
            "rising amounts",
        ),
        (
            {"benefits": [{"asset": "PTS", "bracket": [{"from": "x", "give": 1}]}]},
            "benefits[0].bracket[0].from",
            "50000 IDR",
        ),
        (
            {"benefits": [{"asset": "PTS", "bracket": [{"from": "0", "give": 1, "percent": "1"}]}]},
            "benefits[0].bracket[0]",
            "exactly one of give and percent",
        ),
        (
            {"benefits": [{"asset": "PTS", "bracket": [{"from": "0", "percent": "-1"}]}]},
            "benefits[0].bracket[0].percent",
            "2.5",
        ),
        ({"benefits": [{**FIXED, "expires": "P1"}]}, "benefits[0].expires", "not a duration"),
        ({"benefits": [{**FIXED, "active_after": "soon"}]}, "benefits[0].active_after", "not a duration"),
        (
            {"stacking": {"lane": "bonus"}, "benefits": [{"asset": "PTS", "multiplier": {"times": "1"}}]},
            "benefits[0].multiplier.times",
            "above 1",
        ),
        (
            {"stacking": {"lane": "bonus"}, "benefits": [{"asset": "PTS", "multiplier": {"times": "two"}}]},
            "benefits[0].multiplier.times",
            "2 or 1.5",
        ),
        (
            {"benefits": [{"asset": "PTS", "multiplier": {"times": "2"}}]},
            "benefits[0].multiplier",
            "stacking.lane to multiplier",
        ),
        ({"benefits": [{"asset": "PTS", "ceiling": 5}]}, "benefits[0].ceiling", "in the lane cap only, not in base"),
        ({"stacking": {"lane": "cap"}}, "benefits[0]", "only ceiling is possible"),
        (
            {"stacking": {"lane": "cap"}, "benefits": [{"asset": "PTS", "ceiling": 5, "max": 3}]},
            "benefits[0].max",
            "no meaning for a ceiling",
        ),
        (
            {"stacking": {"lane": "cap"}, "benefits": [{"asset": "PTS", "ceiling": 5}], "limits": [{"count": 1}]},
            "limits",
            "nothing that could be limited",
        ),
        (
            {
                "stacking": {"lane": "cap"},
                "benefits": [{"asset": "PTS", "ceiling": 5}],
                "budget": {"asset": "PTS", "amount": 1},
            },
            "budget",
            "out of a budget",
        ),
        (
            {"benefits": [{"asset": "PTS", "issuing": {"rules": {"R": 5}}}]},
            "benefits[0].issuing",
            "only the trigger event",
        ),
        (
            {"trigger": "event", "benefits": [{"asset": "PTS", "issuing": {"rules": {}}}]},
            "benefits[0].issuing.rules",
            "names no rule",
        ),
        ({"limits": [{"every": "day"}]}, "limits[0]", "exactly one of count and amount"),
        (
            {"limits": [{"count": 1, "per": "outlet"}, {"count": 2}, {"count": 3, "per": "outlet"}]},
            "limits[2]",
            "a second limit of count every ever per outlet",
        ),
        ({"budget": {"asset": "LD", "amount": 5}}, "budget.asset", "no benefit gives 'LD'"),
    ],
)
def test_one_mistake_is_one_message_at_its_field(fields: dict[str, Any], path: str, message: str) -> None:
    (problem,) = problems(**fields)
    assert problem.path == f"p.{path}"
    assert message in problem.message


FILE = """\
programme: {code: demo, currency: IDR, time_zone: Asia/Jakarta}
assets: [{code: PTS}]
promos:
  - code: GOOD
    trigger: purchase
    benefits: [{asset: PTS, fixed: 1}]
  - code: BAD
    trigger: purchase
    condition: >-
      purchase.amount >= money("1") && member.teir == "gold"
    benefits: [{asset: PTS, fixed: 1}]
"""


def test_file_names_the_place_of_the_condition_and_the_place_in_it() -> None:
    with pytest.raises(ProgrammeInvalid) as invalid:
        read_programme(FILE, "programme.yaml")
    lines = invalid.value.message.split("\n")
    assert lines[0].startswith("programme.yaml:9:16 promos[1].condition: line 1, column 34: unknown name member.teir")
    assert lines[2] == " " * (4 + 33) + "^"
    assert lines[1][4 + 33 :].startswith("member.teir")
