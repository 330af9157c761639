"""What falls due by the calendar, as the books have it: lots, holds, waiting returns, and how far upkeep got. Values only."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple


class Standing(NamedTuple):
    """A bucket: up to when it was looked through (None: never), and since when a command of it waits undecided."""

    bucket: int
    done_until: datetime | None
    undecided_since: datetime | None


class Step(StrEnum):
    """What upkeep does, in this order in each bucket and day."""

    ACTIVATE = "activate"
    EXPIRE = "expire"
    HOLDS = "holds"
    RETURNS = "returns"
    TIERS = "tiers"
    NOTICES = "notices"


class NextDue(NamedTuple):
    """The first instant at which a bucket has something due for a step."""

    bucket: int
    step: Step
    at: datetime


class DueAccount(NamedTuple):
    """An account with lots that fall due from `first_at` to `last_at`; `newest` is the last position that made one of them.

    `member_id` is None where there is nobody to do it for: the member was merged.
    """

    bucket: int
    account: int
    programme_id: int
    asset_id: int
    role: int
    member_id: bytes | None
    first_at: datetime
    last_at: datetime
    newest: int


class DueHold(NamedTuple):
    """Units set aside whose time is over."""

    hold_id: bytes
    expires_at: datetime
    programme_id: int
    member_id: bytes


class WaitingReturn(NamedTuple):
    """A parked return whose purchase is not in the log."""

    position: int
    ticket: bytes
    programme_id: int
    client_id: int
    recorded_at: datetime
    facts: bytes
