"""What looking after draws needs of the store, as a Protocol."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from typing import Protocol

from accrual.domain.draws import BucketHead, DrawnEntry, Entrant, Round, Winner
from accrual.domain.stocks import StockKey

Picking = Callable[[Round, Sequence[Entrant], Sequence[Winner]], Sequence[tuple[Entrant, Winner]]]
"""New picks of a closed round with whose they are, given its entries and the picks so far."""


class DrawSource(Protocol):
    """Rounds, entries and winners. Everything raises DatabaseDown."""

    async def rounds(self, promo_id: int) -> list[Round]:
        """Every round of a promo, oldest first; the secret of those only that are closed."""

    async def ends(self, promo_id: int, number: int) -> list[BucketHead]:
        """Where the entries of a round end, by bucket."""

    def entries(self, promo_id: int, number: int, bucket: int) -> AsyncIterator[DrawnEntry]:
        """The entries of a round in a bucket, in order."""

    async def undecided_since(self) -> datetime | None:
        """When the oldest command was recorded that no lane has decided; None when all are."""

    async def stock_left(self, keys: Sequence[StockKey]) -> dict[StockKey, int]:
        """What is left of prizes' stocks."""

    async def close(
        self,
        programme: str,
        promo_id: int,
        code: str,
        *,
        secret: bytes,
        actor: str,
        now: datetime,
        picking: Picking | None = None,
        key_lost: bool = False,
    ) -> tuple[Round, Round]:
        """Close the open round and open the next one, drawing winners if it is a raffle's; in one transaction.

        A round with a beacon is closed only: its winners and its secret wait for `decide`. `key_lost`: without the hosts'
        part of its secret. Raises Refused `draw_key_missing`.
        """

    async def beacon_after(self, moment: datetime) -> str | None:
        """The first public value from after a moment, None when there is none yet."""

    async def decide(
        self, promo_id: int, number: int, code: str, beacon_value: str, *, actor: str, now: datetime, picking: Picking
    ) -> Round:
        """Draw the winners of a closed round that waited for its beacon, once, and publish its secret.

        Raises Refused `draw_key_missing`.
        """

    async def winners(self, promo_id: int, number: int) -> list[Winner]:
        """The picks of a raffle's round in order."""

    async def drawn_rounds(self, programme_id: int) -> list[tuple[int, int]]:
        """(promo_id, round) of the raffles whose winners were drawn."""

    async def claim(self, promo_id: int, number: int, pick: int, now: datetime) -> bool:
        """Claim a pick; False where it is claimed already, or its time is over."""

    async def expire(self, promo_id: int, number: int, now: datetime, picking: Picking) -> int:
        """End the picks that nobody claimed in time and draw reserves; how many ended."""

    async def granted(self, promo_id: int, number: int, picks: Sequence[int], now: datetime) -> None:
        """Note whose prizes are on their way."""
