"""Tickets asked for at once are read together, each gets its own, and an error reaches everybody it concerns."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from accrual.domain.errors import DatabaseDown
from accrual.engine.gathering import TOGETHER_MAX, TicketGatherer


class Source:
    def __init__(self) -> None:
        self.reads: list[list[bytes]] = []
        self.broken = False
        self.begun = asyncio.Event()

    async def many(self, tickets: Sequence[bytes]) -> Mapping[bytes, Any]:
        self.reads.append(list(tickets))
        self.begun.set()
        await asyncio.sleep(0)
        if self.broken:
            raise DatabaseDown
        return {ticket: f"view of {ticket!r}" for ticket in tickets if ticket != b"none"}


async def test_tickets_asked_at_once_are_one_read_and_each_gets_its_own() -> None:
    source = Source()
    gatherer = TicketGatherer(source.many)
    asked = [b"a", b"b", b"a", b"none"]
    found: list[Any] = await asyncio.gather(*(gatherer.ticket(ticket) for ticket in asked))
    assert found == ["view of b'a'", "view of b'b'", "view of b'a'", None]
    assert source.reads == [[b"a", b"b", b"none"]]


async def test_ticket_asked_during_a_read_is_in_the_next() -> None:
    source = Source()
    gatherer = TicketGatherer(source.many)
    first = asyncio.create_task(gatherer.ticket(b"a"))
    await source.begun.wait()
    assert await gatherer.ticket(b"b") is not None
    assert await first is not None
    assert source.reads == [[b"a"], [b"b"]]


async def test_error_reaches_all_who_asked_and_nobody_after_them() -> None:
    source = Source()
    source.broken = True
    gatherer = TicketGatherer(source.many)
    failed = await asyncio.gather(gatherer.ticket(b"a"), gatherer.ticket(b"b"), return_exceptions=True)
    assert [type(each) for each in failed] == [DatabaseDown, DatabaseDown]
    source.broken = False
    assert await gatherer.ticket(b"a") is not None


async def test_caller_who_gave_up_leaves_the_others_their_answer() -> None:
    source = Source()
    gatherer = TicketGatherer(source.many)
    gone = asyncio.create_task(gatherer.ticket(b"a"))
    stays = asyncio.create_task(gatherer.ticket(b"a"))
    await asyncio.sleep(0)
    gone.cancel()
    assert await stays is not None
    with pytest.raises(asyncio.CancelledError):
        await gone


async def test_one_read_holds_only_so_many() -> None:
    source = Source()
    gatherer = TicketGatherer(source.many)
    await asyncio.gather(*(gatherer.ticket(b"%d" % number) for number in range(TOGETHER_MAX + 1)))
    assert [len(read) for read in source.reads] == [TOGETHER_MAX, 1]
