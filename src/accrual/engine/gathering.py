"""Reads tickets together: whatever is asked for while one read is under way goes into the next. Nothing is kept."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from accrual.domain.errors import AccrualError, Broken
from accrual.engine.views import TicketView

TOGETHER_MAX = 500

ReadMany = Callable[[Sequence[bytes]], Awaitable[Mapping[bytes, TicketView]]]


class TicketGatherer:
    """One read at a time for all who ask for a ticket in this process: a transaction for many instead of one for each."""

    def __init__(self, read_many: ReadMany) -> None:
        self._read_many = read_many
        self._asked: dict[bytes, list[asyncio.Future[TicketView | None]]] = {}
        self._reading: asyncio.Task[None] | None = None

    async def ticket(self, ticket: bytes) -> TicketView | None:
        """Everything about one command, None when there is none with this ticket. Raises what reading raises."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[TicketView | None] = loop.create_future()
        self._asked.setdefault(ticket, []).append(future)
        if self._reading is None or self._reading.done():
            self._reading = loop.create_task(self._read())
        return await future

    async def _read(self) -> None:
        await asyncio.sleep(0)  # those whose outcome came with the same look ask in this very turn of the loop
        while self._asked:
            tickets = list(self._asked)[:TOGETHER_MAX]
            asked = {ticket: self._asked.pop(ticket) for ticket in tickets}
            try:
                found = await self._read_many(tickets)
                for ticket, futures in asked.items():
                    _answer(futures, found.get(ticket))
            except AccrualError as error:
                for futures in asked.values():
                    _answer(futures, error)
            finally:
                # Nobody waits for ever, whatever happened: an answer that is still open here is a fault of ours.
                for futures in asked.values():
                    _answer(futures, Broken())


def _answer(futures: list[asyncio.Future[TicketView | None]], answer: TicketView | Exception | None) -> None:
    for future in futures:
        if future.done():
            continue
        if isinstance(answer, Exception):
            future.set_exception(answer)
        else:
            future.set_result(answer)
