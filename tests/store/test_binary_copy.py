"""The posting's own COPY streams say what the rows say, value by value, at the bounds of every type and with every null."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

from accrual.domain.draws import DrawnRow
from accrual.domain.log import OutcomeRow
from accrual.domain.transfers import Line
from accrual.store.binary_copy import drawn_stream, line_stream, outcome_stream, unposted_stream
from accrual.store.connection import Pool
from accrual.store.posting import DRAWN_COLUMNS, LINE_COLUMNS, OUTCOME_COLUMNS, UNPOSTED_COLUMNS, _stream

FIRST = datetime(1, 1, 1, tzinfo=UTC)
SPAN_US = (datetime(9999, 12, 31, tzinfo=UTC) - FIRST) // timedelta(microseconds=1)


def _whole(draw: random.Random, bits: int) -> int:
    low, high = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    return draw.choice((low, high, 0, 1, -1, draw.randint(low, high)))


def _when(draw: random.Random) -> datetime:
    return FIRST + timedelta(microseconds=draw.choice((0, SPAN_US, draw.randint(0, SPAN_US))))


def _line(draw: random.Random, nulls: int) -> Line:
    """A line whose six nullable values are null where `nulls` has a bit."""

    def unless(bit: int, value: Any) -> Any:
        return None if nulls >> bit & 1 else value

    return Line(
        bucket=_whole(draw, 32),
        account=_whole(draw, 64),
        position=_whole(draw, 64),
        leg=_whole(draw, 16),
        contra=_whole(draw, 32),
        amount=_whole(draw, 64),
        balance_after=_whole(draw, 64),
        held_after=unless(0, _whole(draw, 64)),
        kind=_whole(draw, 16),
        promo_version_id=unless(1, _whole(draw, 32)),
        active_at=unless(2, _when(draw)),
        expires_at=unless(3, _when(draw)),
        occurred_at=_when(draw),
        covers_from=unless(4, _whole(draw, 64)),
        origin=unless(5, (_whole(draw, 32), _whole(draw, 64), _whole(draw, 16))),
    )


async def _copied(pool: Pool, table: str, columns: tuple[str, ...], stream: bytes) -> list[tuple[Any, ...]]:
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute(f"create temp table copied (like {table}) on commit drop")
        await _stream(connection, "copied", columns, stream)
        rows = await connection.fetch(f"select {', '.join(columns)} from copied")
    return [tuple(row) for row in rows]


async def test_lines_arrive_as_they_are(owner_pool: Pool) -> None:
    draw = random.Random(7)
    lines = [_line(draw, nulls) for nulls in range(64) for _ in range(20)]
    assert await _copied(owner_pool, "line", LINE_COLUMNS, line_stream(lines)) == [
        (*line[:14], *(line.origin or (None, None, None))) for line in lines
    ]


async def test_outcomes_arrive_as_they_are(owner_pool: Pool) -> None:
    draw = random.Random(7)
    rows = [
        OutcomeRow(_whole(draw, 64), _whole(draw, 32), _whole(draw, 16), draw.randbytes(8), draw.randbytes(n))
        for n in range(300)
    ]
    assert await _copied(owner_pool, "outcome", OUTCOME_COLUMNS, outcome_stream(rows)) == [tuple(row) for row in rows]


async def test_entries_of_draws_arrive_as_they_are(owner_pool: Pool) -> None:
    draw = random.Random(7)
    rows = [
        DrawnRow(
            *(_whole(draw, 32), _whole(draw, 32), _whole(draw, 32), _whole(draw, 64), _whole(draw, 64)),
            *(_whole(draw, 64), draw.randbytes(16), draw.randbytes(32)),
        )
        for _ in range(100)
    ]
    assert await _copied(owner_pool, "draw_entry", DRAWN_COLUMNS, drawn_stream(rows)) == [tuple(row) for row in rows]


async def test_commands_without_lines_arrive_as_they_are(owner_pool: Pool) -> None:
    draw = random.Random(7)
    rows = [(_whole(draw, 32), draw.randbytes(16), _whole(draw, 64)) for _ in range(100)]
    assert await _copied(owner_pool, "unposted", UNPOSTED_COLUMNS, unposted_stream(rows)) == rows
