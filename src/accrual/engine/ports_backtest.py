"""What a backtest needs from the store, as a Protocol: the log with its outcomes, in pages. Nothing is written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from accrual.domain.books import DecidedCommand


class DecidedLog(Protocol):
    """The decided part of the log."""

    buckets: int

    async def count(self) -> int:
        """How many commands are decided, of all programmes."""

    async def page(self, wanted: Mapping[int, int], rows_max: int) -> dict[int, list[DecidedCommand]]:
        """Decided commands of {bucket: from this position on}, at most so many of each, in position order.

        Each page is a statement of its own. A bucket that gives fewer has no more. Raises DatabaseDown.
        """
