"""Rows of log and ledger as they are read back, for whoever shows or checks them. Nothing here is written or judged."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from accrual.domain.commands import LoggedCommand


class BookedCommand(NamedTuple):
    """A command and its outcome. `body` is as the client sent it, None once erased; no `status`: not decided yet."""

    command: LoggedCommand
    body: bytes | None
    status: int | None
    payload: bytes | None


class BookedLine(NamedTuple):
    """A ledger line of a member's account, with what the account is for."""

    position: int
    asset_id: int
    role: int
    leg: int
    kind: int
    amount: int
    balance_after: int
    active_at: datetime | None
    expires_at: datetime | None


class BookedBalance(NamedTuple):
    """What the newest line of a member's account says. `held_after` None is nothing held."""

    asset_id: int
    role: int
    balance_after: int
    held_after: int | None


class BookedMember(NamedTuple):
    """A member's row. `referrer` is the identity (kind, value) of who referred it."""

    member_id: bytes
    programme_id: int
    enrolled_at: datetime
    merged_into: bytes | None
    name: str | None
    referrer: tuple[str, str] | None
