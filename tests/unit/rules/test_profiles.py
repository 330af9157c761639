"""How a command changes a profile, and what a profile never becomes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from accrual.domain.commands import Dialect, Profile
from accrual.domain.errors import Invalid
from accrual.domain.facts import Identity
from accrual.domain.members import (
    EMPTY_PROFILE,
    LevelBy,
    LevelStep,
    MemberProfile,
    decode_profile,
    encode_profile,
)
from accrual.rules.levels import ALWAYS
from accrual.rules.profiles import change

NOW = datetime(2026, 3, 1, tzinfo=UTC)

FULL = MemberProfile(
    tier="gold",
    birthday="1990-12-25",
    segments=frozenset({"a", "b"}),
    lists=frozenset({"vip"}),
    attributes={"city": "Bandung", "age": 7},
)


def command(**fields: Any) -> Profile:
    return Profile(dialect=Dialect.NATIVE, action="profile", identity=Identity("id", "1"), **fields)


def test_what_a_command_does_not_name_stays() -> None:
    assert change(FULL, command()) == FULL


def test_everything_can_be_set_and_taken_away() -> None:
    changed = change(
        FULL,
        command(
            tier="",
            birthday="02-29",
            attributes={"city": None, "age": 8, "vip": True, "gone": None},
            segments_in=("c",),
            segments_out=("a", "z"),
            lists_in=("vip",),
            lists_out=("vip",),
        ),
        NOW,
    )
    assert changed == MemberProfile(
        tier=None,
        birthday="02-29",
        segments=frozenset({"b", "c"}),
        attributes={"age": 8, "vip": True},
        steps=(LevelStep(None, NOW, LevelBy.HAND), LevelStep(FULL.tier, ALWAYS, LevelBy.HAND)),
    )
    assert FULL.attributes == {"city": "Bandung", "age": 7}


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"tier": "x" * 65}, "profile_name"),
        ({"tier": " gold"}, "profile_name"),
        ({"segments_in": ("",)}, "profile_name"),
        ({"lists_in": ("a\x00b",)}, "profile_name"),
        ({"attributes": {"x" * 65: 1}}, "profile_name"),
        ({"attributes": {"": None}}, "profile_name"),
        ({"attributes": {"city": "x" * 201}}, "profile_value"),
        ({"attributes": {"n": 2**63}}, "profile_value"),
        ({"birthday": "2025-02-29"}, "profile_birthday"),
        ({"birthday": "13-01"}, "profile_birthday"),
        ({"birthday": "25 December"}, "profile_birthday"),
        ({"attributes": {f"a{n}": n for n in range(199)}}, "profile_too_large"),
        ({"segments_in": tuple(f"s{n}" for n in range(199))}, "profile_too_large"),
        ({"lists_in": tuple(f"l{n}" for n in range(200))}, "profile_too_large"),
    ],
)
def test_what_is_malformed_or_too_large_is_refused(fields: dict[str, Any], code: str) -> None:
    with pytest.raises(Invalid) as invalid:
        change(FULL, command(**fields))
    assert invalid.value.code == code


def test_full_profile_may_swap_what_it_has() -> None:
    full = change(EMPTY_PROFILE, command(attributes={f"a{n}": n for n in range(200)}))
    swapped = change(full, command(attributes={"a0": None, "b": 1}))
    assert len(swapped.attributes) == 200


def test_stored_form_does_not_depend_on_the_order_of_sets_and_attributes() -> None:
    names = [f"s{n}" for n in range(50)]
    one = MemberProfile(segments=frozenset(names), attributes={"a": 1, "b": 2})
    other = MemberProfile(segments=frozenset(reversed(names)), attributes={"b": 2, "a": 1})
    assert encode_profile(one) == encode_profile(other)
    assert decode_profile(encode_profile(FULL)) == FULL
