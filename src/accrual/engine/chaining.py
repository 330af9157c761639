"""Makes the rows that every decided command leaves: its outcome, its step of the chain, its events. Changes nothing."""

from __future__ import annotations

from accrual.domain.chain import STORED_BYTES, advance
from accrual.domain.log import OutboxRow, OutcomeRow
from accrual.domain.rows import quick
from accrual.engine.task import Decided

LEG_MAX = 32_767
"""The highest number of a leg; legs are stored as 16-bit numbers."""

NETTED_LEGS_MAX = 3
"""So many legs a system account takes where a bucket is closed: a full one is carried, which are two, and netted."""

_outcome_row = quick(OutcomeRow)


def event_rows(answer: Decided, first: int) -> list[OutboxRow]:
    """The rows of an answer's events, numbered from `first` on."""
    command = answer.command
    return [
        OutboxRow(command.bucket, number, command.position, command.recorded_at, kind, payload)
        for number, (kind, payload) in enumerate(answer.events, first)
    ]


def chained(head: bytes, answer: Decided) -> tuple[bytes, OutcomeRow]:
    """The head of the chain after an answer, and the row that stores it."""
    command = answer.command
    head = advance(head, command, answer.status, answer.payload, answer.lines, answer.uses)
    row = (command.position, command.bucket, answer.status, head[:STORED_BYTES], answer.payload)
    return head, _outcome_row(row)
