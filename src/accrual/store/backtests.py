"""Reads the decided log in pages, each in a short statement of its own, for running it through a programme. No decisions."""

from __future__ import annotations

from collections.abc import Mapping

from accrual.domain.books import DecidedCommand
from accrual.domain.commands import LoggedCommand
from accrual.domain.rows import quick
from accrual.store.connection import Pool
from accrual.store.postgres import mapping_loss
from accrual.store.sql import query

_PAGE = query("backtest/page")
_COUNT = query("backtest/count")


class PostgresDecidedLog:
    """The decided part of the log, over a pool."""

    def __init__(self, pool: Pool, buckets: int) -> None:
        self._pool = pool
        self.buckets = buckets

    async def count(self) -> int:
        """How many commands are decided, of all programmes."""
        with mapping_loss():
            return int(await self._pool.fetchval(_COUNT))

    async def page(self, wanted: Mapping[int, int], rows_max: int) -> dict[int, list[DecidedCommand]]:
        """Decided commands of {bucket: from this position on}, at most so many of each, in position order."""
        with mapping_loss():
            rows = await self._pool.fetch(_PAGE, list(wanted), list(wanted.values()), rows_max)
        decided_command = quick(DecidedCommand)
        pages: dict[int, list[DecidedCommand]] = {}
        for bucket, position, ticket, programme_id, client_id, recorded_at, facts, status, payload in rows:
            command = LoggedCommand(
                bucket, position, ticket, programme_id, client_id, recorded_at, b"", b"", facts, None
            )
            decided = decided_command((command, status, payload))
            page = pages.get(bucket)
            if page is None:
                pages[bucket] = [decided]
            else:
                page.append(decided)
        return pages
