"""Parcels of points and what was taken from them, as written in the ledger. Which lot a debit takes is judged elsewhere."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import msgspec

from accrual.domain.transfers import Kind

Origin = tuple[int, int, int]
"""(bucket, position, leg) of the line with which a lot was first made, through activation, refunds and mergers."""


class LotUse(NamedTuple):
    """`amount` units (above 0) that the debit at `position` took from the lot made at (`lot_position`, `lot_leg`), and why."""

    bucket: int
    account: int
    position: int
    lot_position: int
    lot_leg: int
    amount: int
    kind: int = Kind.EXPIRE


class LotRow(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An open lot: the credit line that made it, and how much of it is left."""

    position: int
    leg: int
    left: int
    expires_at: datetime | None = None
    active_at: datetime | None = None
    origin: Origin | None = None


class LotEvents(NamedTuple):
    """What there is to know the open lots of an account by: those at `position`, and credits and uses after it."""

    position: int
    lots: list[LotRow]
    credits: list[LotRow]
    uses: list[tuple[int, int, int]]


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(list[LotRow])


def encode_lots(lots: list[LotRow]) -> bytes:
    """Open lots as a snapshot stores them."""
    return _ENCODER.encode(lots)


def decode_lots(document: bytes) -> list[LotRow]:
    """The open lots of a snapshot. Raises msgspec.DecodeError when the bytes are none."""
    return _DECODER.decode(document)
