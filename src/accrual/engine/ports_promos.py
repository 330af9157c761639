"""What showing promos needs from the store, as Protocols; changing them goes through ports_catalogue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from accrual.domain.outcomes import Outcome
from accrual.domain.stocks import StockKey
from accrual.domain.stored_programme import Reasoned, StoredPromo


class PromoSource(Protocol):
    """The promos of a programme and what the books know of their use. Every method raises DatabaseDown."""

    async def promos(self, programme_id: int, *, after: str, limit: int) -> list[StoredPromo]:
        """At most `limit` promos with all their versions, in the order of their codes, from behind `after` on."""

    async def promo(self, programme_id: int, code: str) -> StoredPromo | None:
        """One promo with all its versions, None when there is none of this code."""

    async def reasons(self, programme_id: int, code: str, moments: Sequence[datetime]) -> dict[datetime, Reasoned]:
        """What the audit says of the versions saved at these moments."""

    async def left_of_budgets(self, wanted: Sequence[StockKey]) -> dict[StockKey, int]:
        """What is left of budgets and caps of whole promos, centre and shares together, at one moment."""

    async def left_of_quotas(self, wanted: Sequence[StockKey]) -> dict[StockKey, int]:
        """What is left of the caps of outlets and devices."""

    async def decided(self) -> Mapping[int, int]:
        """How many commands are decided, by bucket; buckets without any are left out."""

    async def recorded(self, places: Sequence[tuple[int, int]]) -> dict[tuple[int, int], datetime]:
        """When the commands at these (bucket, position) were recorded; it never decreases in a bucket."""

    async def outcomes(self, places: Sequence[tuple[int, int]]) -> list[Outcome]:
        """The outcomes at these (bucket, position)."""
