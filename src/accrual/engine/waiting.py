"""Waits for outcomes on behalf of callers who expect the answer in the reply; all waiters are looked up together."""

from __future__ import annotations

import asyncio

from accrual.domain.errors import AccrualError
from accrual.engine.ports import CommandLog

PAUSE_FIRST_S = 0.002
PAUSE_MAX_S = 0.05
LOOK_UPS_MAX = 2_000
"""How many places one look asks for."""


class OutcomeWaiter:
    """One loop for all waiters of a process: it looks often at first and more rarely the longer nothing comes."""

    def __init__(self, log: CommandLog) -> None:
        self._log = log
        self._waiting: dict[tuple[int, int], set[asyncio.Future[None]]] = {}
        self._looking: asyncio.Task[None] | None = None

    async def decided(self, bucket: int, position: int, *, deadline_s: float) -> bool:
        """Whether the command at this place has an outcome within the deadline. Raises DatabaseDown."""
        place = (bucket, position)
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        self._waiting.setdefault(place, set()).add(future)
        if self._looking is None or self._looking.done():
            self._looking = loop.create_task(self._look())
        try:
            await asyncio.wait_for(future, deadline_s)
        except TimeoutError:
            return False
        finally:
            others = self._waiting.get(place)
            if others is not None:
                others.discard(future)
                if not others:
                    del self._waiting[place]
        return True

    async def _look(self) -> None:
        pause_s = PAUSE_FIRST_S
        start = 0
        while self._waiting:
            places = list(self._waiting)
            if len(places) > LOOK_UPS_MAX:
                # In turn, so that those who wait in vain do not hide the others.
                start %= len(places)
                places = (places[start:] + places[:start])[:LOOK_UPS_MAX]
                start += LOOK_UPS_MAX
            try:
                found = await self._log.decided(places)
            except AccrualError as error:
                self._fail(error)
                return
            for place in found:
                for future in self._waiting.pop(place, ()):
                    if not future.done():
                        future.set_result(None)
            pause_s = PAUSE_FIRST_S if found else min(pause_s * 5 / 4, PAUSE_MAX_S)
            await asyncio.sleep(pause_s)

    def _fail(self, error: AccrualError) -> None:
        for futures in self._waiting.values():
            for future in futures:
                if not future.done():
                    future.set_exception(error)
        self._waiting.clear()
