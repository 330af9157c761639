"""The lines that movements of points become, and why each was written. No promo in sight."""

from __future__ import annotations

from datetime import datetime
from enum import IntEnum
from typing import NamedTuple


class Kind(IntEnum):
    """Why a line was written. Numbers are stored; never renumber."""

    AWARD = 1
    NETTED = 2
    ACTIVATE = 3
    EXPIRE = 4
    REDEEM = 5
    REFUND = 6
    REVERSE = 7
    HOLD = 8
    RELEASE = 9
    TRANSFER = 10
    ADJUST = 11
    DEBT = 12
    GRANT = 13
    REINSTATE = 14
    MERGE = 15
    RETURN = 16
    NOTICE = 17
    CARRY = 18


class Line(NamedTuple):
    """One leg as written in the ledger, in the order of the table's columns.

    `amount` is signed, `balance_after` the account's balance with it. A netted system line covers the member lines of
    positions `covers_from` .. `position`; member lines have no `covers_from`. A carry moves a system account's whole balance
    to an account that is used no more, so that no system account is ever full. When a line was recorded, the command at its
    position says. `origin` is, on a credit that continues a lot, the (bucket, position, leg) at which that was first made.
    """

    bucket: int
    account: int
    position: int
    leg: int
    contra: int
    amount: int
    balance_after: int
    held_after: int | None
    kind: int
    promo_version_id: int | None
    active_at: datetime | None
    expires_at: datetime | None
    occurred_at: datetime
    covers_from: int | None
    origin: tuple[int, int, int] | None = None
