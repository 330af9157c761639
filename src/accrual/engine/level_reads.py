"""Where a member stands on the ladder, read for whoever shows it. Nothing is decided here."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from accrual.domain.accounts import Role
from accrual.domain.ids import member_account_id
from accrual.domain.members import MemberProfile
from accrual.domain.programme import Catalogue
from accrual.engine.earned import EarnedDays
from accrual.engine.views import LevelView
from accrual.rules.ladder import Ladder, compile_ladder
from accrual.rules.levels import standing


class EarnedReads(Protocol):
    """What is read of what members earned."""

    async def earned(self, bucket: int, accounts: Sequence[int], since: datetime) -> list[tuple[datetime, int]]:
        """(moment, units) that accounts earned since then, returns and mergers included."""


def ladder_of(catalogue: Catalogue) -> Ladder | None:
    """The levels of a programme as it is written, None where it has none."""
    assets = {stored.asset.code: stored.asset_id for stored in catalogue.assets}
    return compile_ladder(catalogue.settings, assets)


async def read_level(
    books: EarnedReads, ladder: Ladder, bucket: int, member_id: bytes, profile: MemberProfile, now: datetime
) -> LevelView:
    """A member's level now, and what the window holds that ends now. Raises DatabaseDown."""
    first = ladder.window_before(now) + 1
    accounts = [member_account_id(member_id, ladder.asset_id, role) for role in (Role.MEMBER, Role.PENDING)]
    quarters = await books.earned(bucket, accounts, ladder.start_of(first))
    days = [(ladder.day_of(quarter), units) for quarter, units in quarters]
    known = EarnedDays(ladder.asset_id, ladder.zone.key, first)
    known.put(days)
    earned = known.within(ladder, now)
    stands = standing(ladder, profile, earned, now)
    level = ladder.levels[stands.place]
    following = None if stands.following is None else ladder.levels[stands.following]
    return LevelView(
        code=level.code,
        name=level.name or level.code,
        earned=stands.earned,
        by_hand=stands.by_hand,
        since=stands.since,
        safe_until=stands.safe_until,
        following=None if following is None else following.code,
        following_name=None if following is None else following.name or following.code,
        missing=stands.missing,
    )
