"""What upkeep needs from the store and of the log, as Protocols. Nothing is planned here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from accrual.domain.commands import Receipt, Submission
from accrual.domain.errors import AccrualError
from accrual.domain.facts import Identity
from accrual.domain.members import MemberProfile
from accrual.domain.upkeep import DueAccount, DueHold, NextDue, Standing, WaitingReturn


class UpkeepSource(Protocol):
    """Finds what falls due. Stretches of time are open at their beginning, closed at their end. All raise DatabaseDown."""

    async def standing(self) -> list[Standing]:
        """Where each bucket stands."""

    async def next_due(
        self,
        since: Mapping[int, datetime],
        until: datetime,
        notices: Sequence[tuple[timedelta, datetime]],
        *,
        overdue_holds: bool,
    ) -> list[NextDue]:
        """The first instant by `until` at which something falls due, for each bucket and step that has any.

        `notices` are (how long ahead one goes out, behind which instant the lot must expire). `overdue_holds`: those from
        before `since` count as well.
        """

    async def expiring(
        self, bucket: int, since: datetime, until: datetime, *, after: int, limit: int
    ) -> list[DueAccount]:
        """At most `limit` accounts with lots that expire in between, by account, behind `after`."""

    async def activating(
        self, bucket: int, since: datetime, until: datetime, *, after: int, limit: int
    ) -> list[DueAccount]:
        """The same for pending lots that become active."""

    async def holds(self, bucket: int, until: datetime, *, after: DueHold | None, limit: int) -> list[DueHold]:
        """At most `limit` open holds that end by then, soonest first, behind `after`."""

    async def awaiting(self) -> list[int]:
        """Buckets in which a return waits for its purchase."""

    async def returns(self, bucket: int, until: datetime, *, after: int, limit: int) -> list[WaitingReturn]:
        """At most `limit` waiting returns recorded by then, behind a position."""

    async def profiled(
        self, bucket: int, programme_id: int, *, after: bytes, limit: int
    ) -> list[tuple[bytes, MemberProfile]]:
        """At most `limit` members of whom something is known, behind one of them."""

    async def known_as(self, bucket: int, members: Sequence[bytes]) -> dict[bytes, Identity]:
        """A name of each of these members."""

    async def mark(self, done: Mapping[int, datetime]) -> None:
        """Note up to when buckets were looked through; that never goes back."""


class UpkeepLog(Protocol):
    """How commands get into the log, and how many wait there."""

    async def submit_many(self, submissions: Sequence[Submission]) -> list[Receipt | AccrualError]:
        """Append many, each with an answer of its own."""

    async def waiting(self) -> int:
        """How many commands are not decided yet."""
