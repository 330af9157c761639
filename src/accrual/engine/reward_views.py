"""What the engine shows of rewards: the catalogue with what is left, and redemptions in tickets. Values; nothing is looked up."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from accrual.domain.rewards import PoolLeft, RewardItem
from accrual.engine.views import TicketView


class RewardView(msgspec.Struct, frozen=True, kw_only=True):
    """A reward as it can be had now. `left` None: there is no end of it; `available` False: `why_not` is the code.

    `voucher` is `generated`, `pool` or null; `limit` is of one member; `redeemed` is what was taken of stock or pool.
    """

    code: str
    name: str
    asset: str
    price: int
    stock: int | None
    left: int | None
    redeemed: int | None
    opens_at: datetime | None
    closes_at: datetime | None
    limit: dict[str, Any] | None
    outlets: tuple[str, ...]
    voucher: str | None
    send_validation_code: bool
    available: bool
    why_not: str | None


class RewardPage(msgspec.Struct, frozen=True, kw_only=True):
    """Rewards by code; page on with `next_after` while it is not None."""

    rewards: tuple[RewardView, ...]
    next_after: str | None


class CodesLoaded(msgspec.Struct, frozen=True, kw_only=True):
    """How many codes were new, and how many were in the pool before; what the pool is now."""

    added: int
    known: int
    pool: PoolLeft


def limit_of(item: RewardItem) -> dict[str, Any] | None:
    """A member's limit in plain values."""
    return None if item.limit is None else {"count": item.limit.count, "every": item.limit.every.value}


def has_reward(view: TicketView) -> bool:
    """Whether a ticket redeemed a reward."""
    return any(booked.kind == "redeem" and "reward" in (booked.details or {}) for booked in view.booked)


def mark_cancelled(view: TicketView) -> TicketView:
    """The ticket of a redemption that was cancelled says so; its voucher is good for nothing."""
    booked = [
        msgspec.structs.replace(each, details={**each.details, "cancelled": True})
        if each.details is not None and "reward" in each.details
        else each
        for each in view.booked
    ]
    return msgspec.structs.replace(view, booked=tuple(booked))
