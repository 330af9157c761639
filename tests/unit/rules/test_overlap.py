"""Which promos are said to overlap, which are not, and how it is said."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from accrual.domain.programme import Settings
from accrual.domain.promos import Promo
from accrual.rules.overlap import COMPARED_IN_ALL_MAX, COMPARED_MAX, SHOWN_MAX, Overlaps, meet

SETTINGS = Settings(code="p", time_zone="Asia/Jakarta")


def promo(code: str = "A", **document: Any) -> Promo:
    plain = {"code": code, "trigger": "purchase", "benefits": [{"asset": "PTS", "fixed": 1}]}
    return msgspec.convert({**plain, **document}, Promo)


def told(one: Promo, *others: Promo) -> list[str]:
    return [f"{overlap.code}: {overlap.how}" for overlap in Overlaps(others, SETTINGS).of(one)]


def test_two_promos_of_one_trigger_asset_and_lane_overlap_and_it_is_said_who_goes_first() -> None:
    assert told(promo("A"), promo("B", stacking={"priority": 5})) == [
        "B: for purchase facts both may give PTS in lane base; both give, B first"
    ]


def test_exclusive_promo_is_said_to_keep_the_other_from_giving() -> None:
    (said,) = told(promo("A"), promo("B", stacking={"priority": 5, "exclusive": True}))
    assert said.endswith("B goes first and, being exclusive, keeps A from giving")


def test_shared_outlets_are_named() -> None:
    (said,) = told(promo("A", where={"outlets": ["O1", "O2"]}), promo("B", where={"outlets": ["O2", "O3"]}))
    assert "at O2 both may give" in said


@pytest.mark.parametrize(
    "other",
    [
        {"trigger": "registration"},
        {"benefits": [{"asset": "LD", "fixed": 1}]},
        {"benefits": [{"asset": "PTS", "fixed": 1, "to": "referrer"}]},
        {"stacking": {"lane": "bonus"}},
        {"code": "A"},
    ],
)
def test_other_trigger_asset_recipient_lane_and_itself_are_no_overlap(other: dict[str, Any]) -> None:
    assert told(promo("A"), promo(**{"code": "B", **other})) == []


def test_events_of_two_names_are_no_overlap() -> None:
    one, other = promo("A", trigger="event", event="review"), promo("B", trigger="event", event="visit")
    assert told(one, other) == []
    assert told(one, promo("C", trigger="event", event="review")) != []


@pytest.mark.parametrize(
    ("one", "other", "do_meet"),
    [
        ({"where": {"outlets": ["O1"]}}, {"where": {"outlets": ["O2"]}}, False),
        ({"where": {"outlets": ["O1"]}}, {}, True),
        ({"where": {"outlets": ["O1"]}}, {"where": {"except": {"outlets": ["O1"]}}}, False),
        ({"where": {"outlets": ["O1", "O2"]}}, {"where": {"except": {"outlets": ["O1"]}}}, True),
        ({"where": {"products": ["X"]}}, {"where": {"products": ["Y"]}}, False),
        ({"where": {"products": ["X"]}}, {"where": {"categories": ["Y"]}}, True),
        ({"window": {"until": "2026-12-01T00:00"}}, {"window": {"from": "2026-12-01T00:00"}}, False),
        ({"window": {"until": "2026-12-01T00:01"}}, {"window": {"from": "2026-12-01T00:00"}}, True),
        (
            {"window": {"until": "2026-12-01T00:00"}},
            {"window": {"from": "2026-11-30T18:00", "zone": "UTC"}},
            False,
        ),
        ({"window": {"days": ["fri"]}}, {"window": {"days": ["sat", "sun"]}}, False),
        ({"window": {"days": ["fri"]}}, {"window": {"days": ["fri", "sun"]}}, True),
        ({"window": {"days": ["fri"]}}, {"window": {"days": ["sat"], "zone": "UTC"}}, True),
        ({"window": {"hours": ["10:00-12:00"]}}, {"window": {"hours": ["12:00-14:00"]}}, False),
        ({"window": {"hours": ["10:00-12:00"]}}, {"window": {"hours": ["11:59-14:00"]}}, True),
        ({"window": {"hours": ["22:00-02:00"]}}, {"window": {"hours": ["01:00-03:00"]}}, True),
        ({"window": {"dates": ["25"]}}, {"window": {"dates": ["26"]}}, False),
        ({"window": {"dates": ["25"]}}, {"window": {"dates": ["12-25"]}}, True),
        ({"window": {"dates": ["12-25"]}}, {"window": {"dates": ["12-26"]}}, False),
        ({"audience": {"lists": ["VIP"]}}, {"audience": {"lists": ["STAFF"]}}, False),
        ({"audience": {"lists": ["VIP"]}}, {"audience": {"holdout": "10"}}, True),
        ({"promo_codes": ["X"]}, {"promo_codes": ["Y"]}, False),
        ({"promo_codes": ["X"]}, {}, True),
    ],
)
def test_what_narrows_two_promos_apart_is_seen_both_ways(
    one: dict[str, Any], other: dict[str, Any], do_meet: bool
) -> None:
    first, second = promo("A", **one), promo("B", **other)
    assert meet(first, second, SETTINGS) is do_meet
    assert meet(second, first, SETTINGS) is do_meet


def test_few_are_shown_and_comparing_is_bounded() -> None:
    many = [promo(f"B{number}") for number in range(SHOWN_MAX + 3)]
    assert len(told(promo("A"), *many)) == SHOWN_MAX
    apart = [promo(f"B{number}", promo_codes=[f"C{number}"]) for number in range(COMPARED_MAX)]
    assert told(promo("A", promo_codes=["X"]), *apart, promo("LAST", promo_codes=["X"])) == []
    assert told(promo("A", promo_codes=["X"]), *apart[1:], promo("LAST", promo_codes=["X"])) != []


def test_promos_at_other_outlets_are_not_even_compared() -> None:
    elsewhere = [promo(f"B{n}", where={"outlets": [f"O{n}"]}) for n in range(COMPARED_MAX)]
    here = promo("LAST", where={"outlets": ["HERE"]})
    assert len(told(promo("A", where={"outlets": ["HERE"]}), *elsewhere, here)) == 1


def test_comparing_the_promos_of_a_whole_file_is_bounded_too() -> None:
    apart = [promo(f"B{number}", promo_codes=[f"C{number}"]) for number in range(COMPARED_MAX)]
    twin = promo("TWIN", promo_codes=["C0"])
    overlaps = Overlaps(apart, SETTINGS)
    assert [overlap.code for overlap in overlaps.of(twin)] == ["B0"]
    for number in range(COMPARED_IN_ALL_MAX // COMPARED_MAX):
        assert overlaps.of(promo(f"NEW{number}", promo_codes=[f"X{number}"])) == []
    assert overlaps.of(twin) == []
