"""The loop that runs upkeep every so often beside the API. Several processes may: what one has done, others pass over."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

import structlog

from accrual.domain.errors import AccrualError
from accrual.engine.raffles import Raffles
from accrual.engine.upkeep import SETTLE, Upkeep


class UpkeepLoop:
    """Rounds every `every_s` seconds, each up to a little before `now`: what is newer may not be visible yet."""

    def __init__(
        self, upkeep: Upkeep, *, every_s: float, now: Callable[[], datetime], raffles: Raffles | None = None
    ) -> None:
        """After each round the raffles whose time has come are drawn, and their prizes sent on the way."""
        self._upkeep = upkeep
        self._raffles = raffles
        self._every_s = every_s
        self._now = now
        self._log = structlog.get_logger("upkeep")

    async def run(self, stopping: asyncio.Event) -> None:
        """Work until `stopping` is set. A round that fails is taken up by the next one."""
        while not stopping.is_set():
            await self.round()
            with suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), self._every_s)

    async def round(self) -> None:
        """One round; what keeps it from ending is logged."""
        now = self._now()
        try:
            tally = await self._upkeep.run(now - SETTLE, now)
            given = await self._raffles.run_due() if self._raffles is not None else 0
        except AccrualError as error:
            self._log.warning("upkeep_cut_short", code=error.code, **error.details)
            return
        done = {step.value: count for step, count in tally.new.items() if count}
        if given:
            done["raffle_prizes"] = given
        if done:
            self._log.info("upkeep_done", **done)
