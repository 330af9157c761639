"""The hash chain over a bucket's history: one step a command. What is hashed is fixed for ever; nothing is stored here."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from struct import Struct

from accrual.domain.commands import LoggedCommand
from accrual.domain.lots import LotUse
from accrual.domain.transfers import Line

HEAD_FIRST = bytes(32)
"""The head before the first command of a bucket."""

STORED_BYTES = 8
"""How much of a head stands beside each outcome, to find where a chain breaks; that it holds, the lane's whole head proves."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_MICROSECOND = timedelta(microseconds=1)
_ABSENT = -(2**63)
_COMMAND = Struct(">iqiiq").pack
_OUTCOME = Struct(">IB").pack
_LINE = Struct(">qhqqqqhiqqqq").pack
_LOT_USE = Struct(">qqhqh").pack
_ORIGIN = Struct(">iqh").pack


def micros_of(at: datetime) -> int:
    """Whole microseconds since 1970 of an aware time: exact, where a binary fraction of a second would not be."""
    return (at - EPOCH) // _MICROSECOND


def advance(
    head: bytes,
    command: LoggedCommand,
    status: int,
    payload: bytes,
    lines: Sequence[Line],
    lot_uses: Sequence[LotUse] = (),
) -> bytes:
    """The head (32 bytes) after a command: SHA-256 over the head before it, the command, its outcome and its postings.

    `lines` come in leg order, netted system lines last, at the last position of the batch they were written with;
    `lot_uses` in any order. `command.name` is not hashed: `seal` stands for what may be erased.
    """
    recorded_at = command.recorded_at
    recorded = micros_of(recorded_at)
    parts = [
        head,
        _COMMAND(command.bucket, command.position, command.programme_id, command.client_id, recorded),
        command.ticket,
        command.content,
        command.seal,
        command.facts,
        _OUTCOME(len(payload), status),
        payload,
    ]
    for line in lines:
        (
            _,
            account,
            _,
            leg,
            contra,
            amount,
            balance,
            held,
            kind,
            version,
            active,
            expires,
            occurred,
            covers,
            origin,
        ) = line
        parts.append(
            _LINE(
                account,
                leg,
                contra,
                amount,
                balance,
                _ABSENT if held is None else held,
                kind,
                -1 if version is None else version,
                _ABSENT if active is None else micros_of(active),
                _ABSENT if expires is None else micros_of(expires),
                recorded if occurred is recorded_at else micros_of(occurred),
                _ABSENT if covers is None else covers,
            )
        )
        if origin is not None:
            parts.append(_ORIGIN(*origin))
    if lot_uses:
        parts.extend(
            _LOT_USE(use.account, use.lot_position, use.lot_leg, use.amount, use.kind) for use in sorted(lot_uses)
        )
    return hashlib.sha256(b"".join(parts)).digest()
