"""Asks the store once for many callers: whatever is asked while one read is under way goes into the next. Nothing is kept."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from typing import Generic, TypeVar

from accrual.domain.errors import AccrualError, Broken

TOGETHER_MAX = 64

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Together(Generic[K, V]):
    """One read at a time for all callers of a process; equal questions are asked once."""

    def __init__(self, read_many: Callable[[Sequence[K]], Awaitable[Mapping[K, V]]]) -> None:
        self._read_many = read_many
        self._asked: dict[K, asyncio.Future[V | None]] = {}
        self._reading: asyncio.Task[None] | None = None

    async def ask(self, key: K) -> V | None:
        """What is known of this, None when nothing is. Raises what reading raises."""
        loop = asyncio.get_running_loop()
        future = self._asked.get(key)
        if future is None:
            future = self._asked[key] = loop.create_future()
        if self._reading is None:
            self._reading = loop.create_task(self._read())
        return await asyncio.shield(future)  # others may wait for it too

    async def _read(self) -> None:
        try:
            await asyncio.sleep(0)  # those who were answered together ask in this very turn of the loop
            while self._asked:
                keys = list(self._asked)[:TOGETHER_MAX]
                await self._answer({key: self._asked.pop(key) for key in keys})
        finally:
            self._reading = asyncio.get_running_loop().create_task(self._read()) if self._asked else None

    async def _answer(self, asked: Mapping[K, asyncio.Future[V | None]]) -> None:
        try:
            found = await self._read_many(list(asked))
        except AccrualError as error:
            for future in asked.values():
                future.set_exception(error)
                future.exception()  # whoever asked may have gone
        else:
            for key, future in asked.items():
                future.set_result(found.get(key))
        finally:
            # Nobody waits for ever, whatever happened: an answer that is still open here is a fault of ours.
            for future in asked.values():
                if not future.done():
                    future.set_exception(Broken())
                    future.exception()
