"""The state that deciding is loaded from, as it stands at one moment, for looking ahead: in a transaction that cannot write."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from accrual.domain.books import BucketState
from accrual.domain.ids import bucket_of
from accrual.domain.rewards import RewardCode
from accrual.domain.stocks import StockKey
from accrual.store.connection import Connection, Pool
from accrual.store.lanes import PostgresLanes
from accrual.store.postgres import mapping_loss
from accrual.store.sql import query
from accrual.store.stocks import would_fetch_shares

_STATE, _NUMBERS = query("verify/state"), query("stock/next_code_numbers")
UNTOLD = "(told when it is redeemed)"
"""Stands for a code of a pool where one is only looked at."""


class PreviewState(PostgresLanes):
    """What a lane would load, over a connection borrowed within a read-only transaction: PostgreSQL refuses any write."""

    def __init__(self, connection: Connection, buckets: int) -> None:
        super().__init__("", label="preview", buckets=buckets, idle_in_transaction_s=0)
        self._connection = connection
        self._moved: dict[tuple[int, tuple[int, int, int]], int] = {}

    async def place(self, bucket: int) -> BucketState | None:
        """Where the bucket's log and lane stand; None when the bucket has no tail or no lane."""
        row = await self.connection.fetchrow(_STATE, bucket)
        return None if row is None else BucketState(*row)

    async def fetch_shares(
        self, wanted: Sequence[tuple[int, StockKey, int]]
    ) -> dict[tuple[int, StockKey], tuple[int, bool]]:
        """What a lane would be answered, with nothing moved."""
        with mapping_loss():
            return await would_fetch_shares(self.connection, wanted, self._moved, buckets=self._buckets)

    async def reward_codes(self, wanted: Mapping[bytes, int]) -> dict[bytes, list[RewardCode]]:
        """As many codes as a lane would see, without saying what they are: who looks ahead has paid for none."""
        found = {}
        with mapping_loss():
            for subject, count in sorted(wanted.items()):
                rows = await self.connection.fetch(_NUMBERS, bucket_of(subject, self._buckets), subject, count)
                found[subject] = [RewardCode(row[0], UNTOLD) for row in rows]
        return found


class PreviewStates:
    """Where moments to look ahead from come from: a pool of sessions set up as lanes' are, for probes."""

    def __init__(self, pool: Pool, buckets: int) -> None:
        self._pool = pool
        self.buckets = buckets

    @asynccontextmanager
    async def moment(self) -> AsyncIterator[PreviewState]:
        """One moment of the books; keep it short. Raises DatabaseDown."""
        with mapping_loss():
            async with (
                self._pool.acquire() as connection,
                connection.transaction(isolation="repeatable_read", readonly=True),
            ):
                yield PreviewState(connection, self.buckets)
