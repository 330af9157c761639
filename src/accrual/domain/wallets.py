"""Members as partners see a wallet: what is read of one now, and as a command left it. Values only; nothing is computed."""

from __future__ import annotations

from datetime import datetime

import msgspec

from accrual.domain.commands import Command
from accrual.domain.members import MemberProfile


class WalletRow(msgspec.Struct, frozen=True, kw_only=True):
    """A member as they are now. `enrolled_position` is where in the bucket's log the member began."""

    bucket: int
    member_id: bytes
    merged_into: bytes | None
    enrolled_at: datetime
    enrolled_position: int
    profile: MemberProfile


class Balances(msgspec.Struct, frozen=True, kw_only=True):
    """A member as one command left them. `command` is that command, `status` how it ended (outcomes.Status).

    `posted` are the units on the balance, `pending` those not active yet. Of a stretch of lines that ends with this
    command: `spent` is what redemptions took less what refunds gave back, `joined` whether points of a merged member came.
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


class LoggedCall(msgspec.Struct, frozen=True, kw_only=True):
    """A command of the log, with its ticket."""

    ticket: bytes
    programme_id: int
    command: Command
