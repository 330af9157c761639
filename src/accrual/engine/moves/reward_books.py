"""What an outcome says of a reward that was redeemed, written and read back. Values only; nothing is decided here."""

from __future__ import annotations

from typing import Any

import msgspec

from accrual.domain.movements import Confirm, Redeem
from accrual.domain.outcomes import Booked, Status
from accrual.domain.transfers import Kind
from accrual.domain.undoing import TargetRow
from accrual.rules.snapshot import CounterKey

STOCK_BACK = "stock_back"
"""In the details of what was booked: so many of the reward's stock came back."""


class MadeReward(msgspec.Struct, frozen=True, kw_only=True):
    """A redemption by reward: `stock` is the cap that one was taken of, `counter` the limit that it was counted on.

    `asset_id` and `price` are what it was paid with; `awaits_code` while the points are only set aside.
    """

    reward: str
    reward_id: int
    asset_id: int
    price: int
    stock: int | None = None
    counter: CounterKey | None = None
    voucher: str | None = None
    awaits_code: bool = False

    def told(self) -> dict[str, Any]:
        """As details of what was booked."""
        told: dict[str, Any] = {"reward": self.reward, "reward_id": self.reward_id, "price": self.price}
        if self.voucher is not None:
            told["voucher"] = self.voucher
        if self.stock is not None:
            told["stock"] = self.stock
        if self.counter is not None:
            told["counter"] = list(self.counter)
        if self.awaits_code:
            told["awaits_code"] = True
        return told


def read_made(booked: Booked) -> MadeReward | None:
    """The redemption by reward in what was booked; None when it is about none."""
    told = booked.details or {}
    if "reward" not in told or booked.kind not in (Kind.REDEEM, Kind.HOLD):
        return None
    counter = told.get("counter")
    return MadeReward(
        reward=told["reward"],
        reward_id=told["reward_id"],
        asset_id=booked.asset_id,
        price=told["price"],
        stock=told.get("stock"),
        counter=None if counter is None else (counter[0], counter[1], counter[2]),
        voucher=told.get("voucher"),
        awaits_code=bool(told.get("awaits_code")),
    )


def made_of(row: TargetRow | None) -> MadeReward | None:
    """The redemption by reward that a command made, if it is one that was decided so."""
    if row is None or row.status != Status.DECIDED or not isinstance(row.command(), Redeem | Confirm):
        return None
    made = (read_made(booked) for booked in row.outcome().booked)
    return next((each for each in made if each is not None), None)


def stock_moved(command: object, booked: Booked) -> tuple[str, int] | None:
    """(reward, how many of its stock were taken, below zero: came back) by what was booked; None where none moved."""
    told = booked.details or {}
    if "reward" not in told:
        return None
    if STOCK_BACK in told:
        return told["reward"], -int(told[STOCK_BACK])
    return (told["reward"], 1) if isinstance(command, Redeem) and "stock" in told else None
