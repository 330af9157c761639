"""Reads promos with their versions and what the books know of their use; writes nothing, judges nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from accrual.domain.outcomes import Outcome, decode_outcome
from accrual.domain.stocks import StockKey
from accrual.domain.stored_programme import Reasoned, StoredPromo
from accrual.store.catalogue import read_promos
from accrual.store.connection import Pool
from accrual.store.postgres import mapping_loss
from accrual.store.sql import query
from accrual.store.stocks import quotas

_PAGE, _ONE, _REASONS = query("promo/page"), query("promo/one"), query("promo/reasons")
_LEFT, _DECIDED = query("promo/left"), query("promo/decided")
_RECORDED, _OUTCOMES = query("promo/recorded"), query("promo/outcomes")


class PromoReads:
    """The engine's PromoSource over a pool; `buckets` is their number in this database."""

    def __init__(self, pool: Pool, buckets: int) -> None:
        self._pool = pool
        self._buckets = buckets
        self._all = list(range(buckets))

    async def promos(self, programme_id: int, *, after: str, limit: int) -> list[StoredPromo]:
        """At most `limit` promos with all their versions, in the order of their codes, from behind `after` on."""
        with mapping_loss():
            return list(read_promos(await self._pool.fetch(_PAGE, programme_id, after, limit)))

    async def promo(self, programme_id: int, code: str) -> StoredPromo | None:
        """One promo with all its versions, None when there is none of this code."""
        with mapping_loss():
            found = read_promos(await self._pool.fetch(_ONE, programme_id, code))
        return found[0] if found else None

    async def reasons(self, programme_id: int, code: str, moments: Sequence[datetime]) -> dict[datetime, Reasoned]:
        """What the audit says of the versions saved at these moments."""
        with mapping_loss():
            rows = await self._pool.fetch(_REASONS, programme_id, f"promo {code}", list(moments))
        return {row["recorded_at"]: Reasoned(action=row["action"], reason=row["reason"]) for row in rows}

    async def left_of_budgets(self, wanted: Sequence[StockKey]) -> dict[StockKey, int]:
        """What is left of budgets and caps of whole promos, centre and shares together, in one statement."""
        if not wanted:
            return {}
        columns = [key.promo_id for key in wanted], [key.slot for key in wanted], [key.period for key in wanted]
        with mapping_loss():
            rows = await self._pool.fetch(_LEFT, *columns, self._all)
        found = {(row["promo_id"], row["slot"], row["period"]): (row["cap"], row["remaining"]) for row in rows}
        left = {}
        for key in wanted:
            # A cap that was changed since it was last used from counts from what was used.
            cap, remaining = found.get((key.promo_id, key.slot, key.period), (key.cap, key.cap))
            left[key] = max(remaining + key.cap - cap, 0)
        return left

    async def left_of_quotas(self, wanted: Sequence[StockKey]) -> dict[StockKey, int]:
        """What is left of the caps of outlets and devices."""
        if not wanted:
            return {}
        with mapping_loss():
            async with self._pool.acquire() as connection:
                left = await quotas(connection, wanted, buckets=self._buckets)
        return {key: max(remaining, 0) for key, remaining in left.items()}

    async def decided(self) -> Mapping[int, int]:
        """How many commands are decided, by bucket; buckets without any are left out."""
        with mapping_loss():
            rows = await self._pool.fetch(_DECIDED, self._all)
        return {row["bucket"]: row["decided"] for row in rows}

    async def recorded(self, places: Sequence[tuple[int, int]]) -> dict[tuple[int, int], datetime]:
        """When the commands at these (bucket, position) were recorded."""
        with mapping_loss():
            rows = await self._pool.fetch(_RECORDED, *_columns(places))
        return {(row["bucket"], row["position"]): row["recorded_at"] for row in rows}

    async def outcomes(self, places: Sequence[tuple[int, int]]) -> list[Outcome]:
        """The outcomes at these (bucket, position)."""
        with mapping_loss():
            rows = await self._pool.fetch(_OUTCOMES, *_columns(places))
        return [decode_outcome(row["payload"]) for row in rows]


def _columns(places: Sequence[tuple[int, int]]) -> tuple[list[int], list[int]]:
    return [bucket for bucket, _ in places], [position for _, position in places]
