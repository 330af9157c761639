"""Parcels of points and what was taken from them, as written in the ledger. Which lot a debit takes is judged elsewhere."""

from __future__ import annotations

from typing import NamedTuple


class LotUse(NamedTuple):
    """`amount` units (above 0) that the debit at `position` took from the lot made at (`lot_position`, `lot_leg`)."""

    bucket: int
    account: int
    position: int
    lot_position: int
    lot_leg: int
    amount: int
