"""Fetches the next batch while one is posted. The log never changes, so commands fetched early are as good as any."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from accrual.domain.commands import LoggedCommand
from accrual.engine.ports_lane import LaneStore


class Ahead:
    """At most one fetch at a time, of a batch that is likely to be the next."""

    def __init__(self, store: LaneStore) -> None:
        self._store = store
        self._wanted: dict[int, tuple[int, int]] = {}
        self._fetching: asyncio.Task[list[LoggedCommand]] | None = None

    def start(self, wanted: Mapping[int, tuple[int, int]]) -> None:
        """Begin to fetch {bucket: (from position, how many)}. What was fetched before must have been taken or dropped."""
        self._wanted = dict(wanted)
        self._fetching = asyncio.create_task(self._store.fetch_ahead(wanted))
        self._fetching.add_done_callback(_look_at)

    async def take(self, wanted: Mapping[int, tuple[int, int]]) -> list[LoggedCommand] | None:
        """The commands of this very batch, None when another was fetched or none. Raises DatabaseDown."""
        if self._fetching is None:
            return None
        fetching, self._fetching = self._fetching, None
        commands = await fetching
        return commands if self._wanted == wanted else None

    def drop(self) -> None:
        """Forget what is being fetched, whatever becomes of it: its session is about to be closed."""
        if self._fetching is not None:
            self._fetching.cancel()
            self._fetching = None


def _look_at(fetching: asyncio.Task[list[LoggedCommand]]) -> None:
    """Whoever takes it sees how it failed; where nobody does, nobody asks."""
    if not fetching.cancelled():
        fetching.exception()
