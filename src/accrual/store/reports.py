"""What operators are told of lanes and of the server, read in short statements. Nothing here decides."""

from __future__ import annotations

from datetime import datetime

from accrual.store.connection import Pool
from accrual.store.postgres import as_login, mapping_loss
from accrual.store.sql import query

LANES = query("report/lanes")
OLDEST_SNAPSHOT = query("report/oldest_snapshot")


class PostgresReports:
    """ReportSource over a pool."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def lanes(self) -> list[str]:
        """The JSON report of each lane process that is connected. Raises DatabaseDown."""
        with mapping_loss():
            async with self._pool.acquire() as connection, as_login(connection):
                return [row[0] for row in await connection.fetch(LANES)]

    async def oldest_snapshot_age_s(self, now: datetime) -> int:
        """Age of the oldest snapshot, in whole seconds. Raises DatabaseDown."""
        with mapping_loss():
            async with self._pool.acquire() as connection, as_login(connection):
                return max(0, int(await connection.fetchval(OLDEST_SNAPSHOT, now)))
