"""Members as partners see a wallet: what is read of one now, and as a command left it. Values only; nothing is computed."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import msgspec

from accrual.domain.commands import Command
from accrual.domain.members import MemberProfile
from accrual.domain.outcomes import Outcome


class WalletRow(msgspec.Struct, frozen=True, kw_only=True):
    """A member as they are now. `enrolled_position` is where in the bucket's log the member began."""

    programme_id: int
    bucket: int
    member_id: bytes
    merged_into: bytes | None
    enrolled_at: datetime
    enrolled_position: int
    profile: MemberProfile


class AsLeft(NamedTuple):
    """A question: a member and an asset as the decided command at `position` left them; summed behind `behind`.

    `versions` are promo versions whose outcomes are wanted.
    """

    member_id: bytes
    asset_id: int
    position: int
    behind: int
    versions: tuple[int, ...]


class Balances(msgspec.Struct, frozen=True, kw_only=True):
    """A member as one command left them. `command` is that command, `status` how it ended (outcomes.Status).

    `posted` are the units on the balance, `pending` those not active yet. Of the stretch of lines that ends with this
    command: `spent` is what redemptions took less what refunds gave back, `joined` whether points of a merged member came,
    `earned` are the outcomes in which the wanted promo versions gave, or in which points were taken back.
    """

    enrolled_at: datetime
    enrolled_position: int
    profile: MemberProfile
    command: Command
    status: int
    posted: int
    pending: int
    spent: int
    joined: bool
    earned: tuple[Outcome, ...] = ()


class LoggedCall(msgspec.Struct, frozen=True, kw_only=True):
    """A command of the log, with its ticket."""

    ticket: bytes
    programme_id: int
    command: Command
