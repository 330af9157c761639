"""What is shared between members: budgets and caps of promos, of outlets, of devices. Names and amounts only."""

from __future__ import annotations

from typing import NamedTuple

import msgspec


class StockKey(NamedTuple):
    """One shared stock in one period: a promo's own budget or cap (subject empty), an outlet's or a device's.

    `subject` is a 16-byte digest of the outlet or device. `cap` is all there is in the period, so a changed cap is
    another key.
    """

    subject: bytes
    promo_id: int
    slot: int
    period: int
    cap: int


class StockLeft(msgspec.Struct, frozen=True, gc=False):
    """What is at hand of a stock. `final`: no more can be had; else more may be fetched before deciding again."""

    left: int
    final: bool
