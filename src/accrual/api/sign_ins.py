"""Sign-ins that failed: told to the operators and slowed, so that guessing keys is seen and cannot be done at speed."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from time import monotonic

import msgspec
import structlog

FREE = 20
"""Failures of one address within a minute that are answered at once: a key that has just been changed, a wrong setting."""
DELAY_MAX_S = 1.0
"""An answer waits no longer than this; the first slowed one waits a sixteenth of it, each next one twice as long."""
WINDOW_S = 60.0
ADDRESSES_MAX = 4_096
"""Addresses that are remembered; the one that failed longest ago is forgotten first."""
WAITING_MAX = 256
"""Answers that wait at once. What fails beyond them is answered without waiting, so that waiting takes no room from others."""

_log = structlog.get_logger("accrual.api")


class _Address(msgspec.Struct):
    began: float
    failures: int


class SignIns:
    """What one process remembers of failed sign-ins. Right keys are never slowed, from whatever address they come."""

    def __init__(
        self, *, clock: Callable[[], float] = monotonic, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._addresses: OrderedDict[str, _Address] = OrderedDict()
        self._waiting = 0

    async def failed(self, host: str, route: str, code: str) -> None:
        """Note one failure of this address ("": unknown), and wait before it is answered where there were many.

        Logged are the first failure of a minute, and then each time their number has doubled.
        """
        failures = self._count(host)
        if failures & (failures - 1) == 0:
            _log.warning("sign_in_failed", host=host, route=route, code=code, failures_within_a_minute=failures)
        if failures <= FREE or self._waiting >= WAITING_MAX:
            return
        self._waiting += 1
        try:
            await self._sleep(min(DELAY_MAX_S, DELAY_MAX_S / 16 * 2 ** min(failures - FREE - 1, 4)))
        finally:
            self._waiting -= 1

    def _count(self, host: str) -> int:
        now = self._clock()
        known = self._addresses.pop(host, None)
        if known is None or now - known.began >= WINDOW_S:
            known = _Address(began=now, failures=0)
        known.failures += 1
        self._addresses[host] = known
        if len(self._addresses) > ADDRESSES_MAX:
            self._addresses.popitem(last=False)
        return known.failures
