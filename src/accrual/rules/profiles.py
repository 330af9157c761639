"""What a profile is after a command changed it, and how large it may grow. It is stored elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, datetime

from accrual.domain.amounts import INT64_MAX
from accrual.domain.commands import Profile
from accrual.domain.errors import Invalid
from accrual.domain.facts import Scalar
from accrual.domain.members import LevelBy, LevelStep, MemberProfile
from accrual.rules.ladder import Ladder
from accrual.rules.levels import ALWAYS, stepped

ATTRIBUTES_MAX = 200
MEMBERSHIPS_MAX = 200
"""How many segments, and how many lists, one member may be in."""

NAME_MAX = 64
VALUE_MAX = 200
_BIRTHDAY = re.compile(r"(?:(\d{4})-)?(\d{2})-(\d{2})\Z", re.ASCII)
_LEAP_YEAR = 2024


def change(
    profile: MemberProfile, command: Profile, now: datetime = ALWAYS, ladder: Ladder | None = None
) -> MemberProfile:
    """The profile after the command: what it does not name stays. An empty tier or birthday takes the old one away.

    What is put in and taken out at once is out. A tier that is named counts as set by hand from `now` on. Raises
    Invalid: `profile_name` (empty, over 64 characters, space around it, control characters), `profile_value` (over 200
    characters, a number beyond int64), `profile_birthday`, `profile_tier` (where the programme has levels: none of
    them), `profile_too_large` (over 200 attributes, segments or lists afterwards).
    """
    attributes = dict(profile.attributes)
    for name, value in command.attributes.items():
        if value is None:
            _check_name(name)
            attributes.pop(name, None)
        else:
            check_attribute(name, value)
            attributes[name] = value
    if len(attributes) > ATTRIBUTES_MAX:
        raise Invalid(f"A member has at most {ATTRIBUTES_MAX} attributes.", code="profile_too_large")
    changed = MemberProfile(
        tier=profile.tier,
        birthday=_birthday(command.birthday, profile.birthday),
        segments=_moved("segments", profile.segments, command.segments_in, command.segments_out),
        lists=_moved("lists", profile.lists, command.lists_in, command.lists_out),
        attributes=attributes,
        steps=profile.steps,
    )
    if command.tier is None:
        return changed
    return stepped(changed, LevelStep(_tier(command.tier, ladder), now, LevelBy.HAND))


def _check_name(name: str) -> None:
    if not 1 <= len(name) <= NAME_MAX or name != name.strip() or not name.isprintable():
        raise Invalid(
            f"{name[:NAME_MAX]!r} is no name of 1 to {NAME_MAX} printable characters without space around it.",
            code="profile_name",
        )


def check_attribute(name: str, value: Scalar) -> None:
    """Raises Invalid `profile_name`, `profile_value`: an attribute of a member or an event that cannot be kept."""
    _check_name(name)
    if isinstance(value, str) and len(value) > VALUE_MAX:
        raise Invalid(f"{name} is longer than {VALUE_MAX} characters.", code="profile_value", details={"name": name})
    if isinstance(value, int) and not -INT64_MAX <= value <= INT64_MAX:
        raise Invalid(f"{name} is a number beyond 64 bits.", code="profile_value", details={"name": name})


def _tier(new: str, ladder: Ladder | None) -> str | None:
    if not new:
        return None
    _check_name(new)
    if ladder is not None and all(level.code != new for level in ladder.levels):
        known = ", ".join(level.code for level in ladder.levels)
        raise Invalid(f"{new!r} is no level of the programme; its levels are {known}.", code="profile_tier")
    return new


def _birthday(new: str | None, old: str | None) -> str | None:
    if not new:
        return old if new is None else None
    if not _is_date(new):
        raise Invalid("The birthday is not a date such as 1990-12-25 or 12-25.", code="profile_birthday")
    return new


def _is_date(text: str) -> bool:
    match = _BIRTHDAY.match(text)
    if match is None:
        return False
    try:
        date(int(match[1] or _LEAP_YEAR), int(match[2]), int(match[3]))
    except ValueError:
        return False
    return True


def _moved(what: str, old: frozenset[str], put_in: Iterable[str], taken_out: Iterable[str]) -> frozenset[str]:
    added = frozenset(put_in)
    for name in added:
        _check_name(name)
    moved = (old | added) - frozenset(taken_out)
    if len(moved) > MEMBERSHIPS_MAX:
        raise Invalid(f"A member is in at most {MEMBERSHIPS_MAX} {what}.", code="profile_too_large")
    return moved
