"""Puts the log's buckets into one stream in the order of recording, in bounded slices. Nothing is decided here."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import AsyncIterator
from operator import attrgetter

from accrual.domain.books import DecidedCommand
from accrual.engine.ports_backtest import DecidedLog

ROWS_AHEAD = 65_536
"""Commands held at once, all buckets together, give or take a page of the busiest."""

PAGE_MIN, PAGE_MAX = 32, 8_192

_recorded_at = attrgetter("command.recorded_at")


class _Ahead:
    """What was read of one bucket and not handed out yet."""

    __slots__ = ("ended", "next", "rows")

    def __init__(self) -> None:
        self.next = 1
        self.rows: list[DecidedCommand] = []
        self.ended = False


async def in_order(log: DecidedLog) -> AsyncIterator[list[DecidedCommand]]:
    """Slices of the log; within and between them commands come as they were recorded, each bucket's in its own order.

    Raises DatabaseDown.
    """
    usual = page = min(max(ROWS_AHEAD // log.buckets, PAGE_MIN), PAGE_MAX)
    ahead = {bucket: _Ahead() for bucket in range(log.buckets)}
    while True:
        hungry = {bucket: each.next for bucket, each in ahead.items() if not each.ended and len(each.rows) <= page // 2}
        if hungry:
            await _refill(log, ahead, hungry, page)
        ahead = {bucket: each for bucket, each in ahead.items() if each.rows or not each.ended}
        if not ahead:
            return
        # Where only a few buckets are short, they are the busy ones: they are read in larger bites.
        page = min(page * 2, PAGE_MAX) if len(hungry) * 8 < len(ahead) else usual
        yield _take(ahead)


async def _refill(log: DecidedLog, ahead: dict[int, _Ahead], hungry: dict[int, int], page: int) -> None:
    pages = await log.page(hungry, page)
    for bucket in hungry:
        each, rows = ahead[bucket], pages.get(bucket, [])
        each.rows += rows
        each.ended = len(rows) < page
        if rows:
            each.next = rows[-1].command.position + 1


def _take(ahead: dict[int, _Ahead]) -> list[DecidedCommand]:
    """Everything up to the moment that is known of all buckets."""
    known = [each.rows[-1].command.recorded_at for each in ahead.values() if not each.ended]
    until = min(known) if known else None
    taken: list[tuple[object, int, int, DecidedCommand]] = []
    for bucket, each in ahead.items():
        split = len(each.rows) if until is None else bisect_right(each.rows, until, key=_recorded_at)
        taken += [(row.command.recorded_at, bucket, row.command.position, row) for row in each.rows[:split]]
        each.rows = each.rows[split:]
    taken.sort()
    return [entry[3] for entry in taken]
