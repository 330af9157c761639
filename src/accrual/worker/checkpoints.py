"""The loop that makes a signed checkpoint every so often beside the API, and hands each on; decides nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog

from accrual.domain.errors import AccrualError
from accrual.engine.checkpoints import Checkpointer, Made


class CheckpointLoop:
    """A checkpoint every `every_s` seconds; `hand_on` is given each one that was made."""

    def __init__(
        self, checkpointer: Checkpointer, *, every_s: float, hand_on: Callable[[Made], Awaitable[None]] | None = None
    ) -> None:
        self._checkpointer = checkpointer
        self._every_s = every_s
        self._hand_on = hand_on
        self._log = structlog.get_logger("checkpoints")

    async def run(self, stopping: asyncio.Event) -> None:
        """Work until `stopping` is set. What keeps a round from ending is logged, and the next round tries again."""
        while not stopping.is_set():
            await self.round()
            with suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), self._every_s)

    async def round(self) -> None:
        """Make one checkpoint and hand it on."""
        try:
            made = await self._checkpointer.make()
        except AccrualError as error:
            self._log.warning("checkpoint_not_made", code=error.code, reason=error.message)
            return
        for bucket, why in made.damaged.items():
            self._log.error("history_does_not_extend", bucket=bucket, reason=why)
        self._log.debug("checkpoint_made", number=made.published.number, commands=made.commands)
        if self._hand_on is not None:
            await self._hand_on(made)
