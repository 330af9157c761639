"""An answer that is worth keeping for a moment, so that asking for it often costs no more than asking once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic

from accrual.api.call import Reply


class HeldAnswer:
    """Makes a reply at most once within `age_max_s` seconds; who asks while it is being made gets the same one.

    A failure is not kept: it goes to who waited for it, and the next caller tries anew.
    """

    def __init__(
        self, make: Callable[[], Awaitable[Reply]], *, age_max_s: float, clock: Callable[[], float] = monotonic
    ) -> None:
        self._make = make
        self._age_max_s = age_max_s
        self._clock = clock
        self._one_at_a_time = asyncio.Lock()
        self._reply: Reply | None = None
        self._made = 0.0

    async def __call__(self) -> Reply:
        """The reply, made now or a moment ago. Raises what making it raises."""
        async with self._one_at_a_time:
            if self._reply is None or self._clock() - self._made >= self._age_max_s:
                self._reply = None
                reply = await self._make()
                self._made = self._clock()
                self._reply = reply
            return self._reply
