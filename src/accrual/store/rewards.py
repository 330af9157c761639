"""Reads what is left of rewards and puts codes into pools; giving them is the posting's. Judges nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import asyncpg

from accrual.domain.ids import bucket_of
from accrual.domain.rewards import PoolLeft
from accrual.domain.stocks import StockKey
from accrual.store.connection import Connection, Pool
from accrual.store.postgres import ATTEMPTS_MAX, mapping_loss, transact
from accrual.store.sql import query
from accrual.store.stocks import quotas

_POOLS, _ADD = query("reward/pools"), query("reward/add_codes")


class RewardStore:
    """The engine's RewardSource over a pool; `buckets` is their number in this database."""

    def __init__(self, pool: Pool, buckets: int) -> None:
        self._pool = pool
        self._buckets = buckets

    async def stocks(self, wanted: Sequence[StockKey]) -> Mapping[StockKey, int]:
        """What is left of stocks; below nothing where one was lowered under what was redeemed."""
        if not wanted:
            return {}
        with mapping_loss():
            async with self._pool.acquire() as connection:
                return await quotas(connection, wanted, buckets=self._buckets)

    async def pools(self, subjects: Sequence[bytes]) -> Mapping[bytes, PoolLeft]:
        """How many codes pools have, and gave."""
        if not subjects:
            return {}
        buckets = [bucket_of(subject, self._buckets) for subject in subjects]
        with mapping_loss():
            rows = await self._pool.fetch(_POOLS, buckets, list(subjects))
        return {row["subject"]: PoolLeft(loaded=row["loaded"], given=row["given"]) for row in rows}

    async def add_codes(self, subject: bytes, codes: Sequence[str]) -> int:
        """Put codes at the end of a pool, in one transaction; those it has already are left out. How many were new.

        Raises DatabaseDown. Two loads of one pool at once: one of them waits, or is done again.
        """
        bucket = bucket_of(subject, self._buckets)

        async def add(connection: Connection) -> int:
            return int(await connection.fetchval(_ADD, bucket, subject, list(codes)))

        for attempt in range(1, ATTEMPTS_MAX + 1):
            try:
                return await transact(self._pool, add)
            except asyncpg.UniqueViolationError:  # another load of this pool was faster: what it added is known now
                if attempt == ATTEMPTS_MAX:
                    raise
        raise AssertionError("the last attempt returns or raises")
