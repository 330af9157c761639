"""What is known of a member beyond points: tier, segments, lists, attributes. Changed by commands only; no judgement."""

from __future__ import annotations

import msgspec

from accrual.domain.facts import Scalar


class MemberProfile(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """A member's profile after some command; the newest holds. `birthday` is `YYYY-MM-DD` or `MM-DD`."""

    tier: str | None = None
    birthday: str | None = None
    segments: frozenset[str] = frozenset()
    lists: frozenset[str] = frozenset()
    attributes: dict[str, Scalar] = msgspec.field(default_factory=dict)


EMPTY_PROFILE = MemberProfile()
