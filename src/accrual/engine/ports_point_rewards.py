"""What showing point rewards needs from the store, as a Protocol; changing them goes through ports_catalogue."""

from __future__ import annotations

from typing import Protocol

from accrual.domain.point_rewards import ShownPointReward


class PointRewardSource(Protocol):
    """The point rewards of clients. Raises DatabaseDown."""

    async def shown(
        self, programme_id: int, client_id: int, owner: str, outlet: str | None, *, limit: int
    ) -> list[ShownPointReward]:
        """At most `limit` point rewards of a client's user, newest first; `outlet` None means all outlets."""
