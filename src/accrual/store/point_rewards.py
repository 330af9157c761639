"""Reads and writes the rows of point rewards; their promos are the catalogue's, and what a row means is decided elsewhere."""

from __future__ import annotations

import msgspec

from accrual.domain.documents import encode_document
from accrual.domain.errors import Broken
from accrual.domain.point_rewards import Corner, PointReward, Shelf, ShownPointReward, Terms, fold_name
from accrual.store.connection import Connection, Pool, Record
from accrual.store.postgres import mapping_loss
from accrual.store.sql import query

_SHELF, _OF_CORNER = query("point_reward/shelf"), query("point_reward/of_corner")
_SHOWN, _WRITE = query("point_reward/shown"), query("point_reward/write")


class PointRewardReads:
    """The engine's PointRewardSource over a pool."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def shown(
        self, programme_id: int, client_id: int, owner: str, outlet: str | None, *, limit: int
    ) -> list[ShownPointReward]:
        """At most `limit` point rewards of a client's user, newest first; `outlet` None means all outlets.

        Raises DatabaseDown, Broken `point_reward_damaged`.
        """
        with mapping_loss():
            rows = await self._pool.fetch(_SHOWN, programme_id, client_id, owner, outlet, limit)
        return [ShownPointReward(reward=_reward(row), statuses=tuple(row["statuses"])) for row in rows]


async def read_shelf(connection: Connection, programme_id: int, corner: Corner) -> Shelf:
    """What a corner holds, within the transaction that may change it."""
    numbers = await connection.fetchrow(_SHELF, programme_id, *corner)
    rows = await connection.fetch(_OF_CORNER, programme_id, *corner)
    assert numbers is not None  # noqa: S101 - an aggregate over no row is still one row
    return Shelf(
        corner=corner,
        rewards=tuple(_reward(row) for row in rows),
        next_id=numbers["next_id"],
        next_number=numbers["next_number"],
        owned=numbers["owned"],
    )


async def write_reward(connection: Connection, programme_id: int, reward: PointReward) -> None:
    """Write a row whole. Raises the driver's UniqueViolationError when another live one of the corner has the name."""
    await connection.execute(
        _WRITE,
        programme_id,
        reward.point_reward_id,
        *reward.corner,
        reward.number,
        fold_name(reward.terms.name),
        encode_document(reward.terms),
        encode_document(reward.sent),
        reward.is_active,
        list(reward.promos),
        reward.created_at,
        reward.ended_at,
    )


def _reward(row: Record) -> PointReward:
    try:
        terms = msgspec.json.decode(row["terms"], type=Terms)
    except msgspec.DecodeError as error:
        raise Broken("The stored terms of a point reward cannot be read.", code="point_reward_damaged") from error
    return PointReward(
        point_reward_id=row["point_reward_id"],
        corner=Corner(row["client_id"], row["owner"], row["outlet"]),
        number=row["number"],
        terms=terms,
        sent=msgspec.json.decode(row["sent"]),
        is_active=row["is_active"],
        promos=tuple(row["promos"]),
        created_at=row["created_at"],
        ended_at=row["ended_at"],
    )
