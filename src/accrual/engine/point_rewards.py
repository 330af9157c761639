"""Point rewards as the Profitflow dialect looks after them: shown, added, changed, switched on and off, deleted."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from accrual.domain.errors import Broken
from accrual.domain.point_rewards import Corner, ShownPointReward
from accrual.domain.programme import StoredClient
from accrual.domain.stored_programme import CatalogueChange, StoredProgramme
from accrual.engine import point_reward_step as steps
from accrual.engine.catalog import Catalog
from accrual.engine.point_reward_step import OWNED_MAX, Setting, TermsChange
from accrual.engine.ports_catalogue import CatalogueSink
from accrual.engine.ports_point_rewards import PointRewardSource


class PointRewards:
    """The point rewards of every programme of a Catalog. `now` is the wall clock.

    Each change is one transaction with its promos and its audit, under the programme's lock; lanes judge by it from their
    next batch on. `owner` and `outlet` are the client's own names, trimmed. Every method raises DatabaseDown.
    """

    def __init__(
        self, catalog: Catalog, sink: CatalogueSink, source: PointRewardSource, *, now: Callable[[], datetime]
    ) -> None:
        self._catalog = catalog
        self._sink = sink
        self._source = source
        self._now = now

    async def show(self, client: StoredClient, owner: str, outlet: str | None) -> list[ShownPointReward]:
        """A user's point rewards at an outlet, or at all outlets (None), newest first; at most OWNED_MAX."""
        return await self._source.shown(client.programme_id, client.client_id, owner, outlet, limit=OWNED_MAX)

    async def add(self, client: StoredClient, owner: str, outlet: str, said: TermsChange) -> bool:
        """Make a point reward; False when this user has one of this name at this outlet, and nothing is stored.

        Raises Invalid `promo_invalid`, Refused.
        """
        free: list[bool] = []

        def decide(at: Setting) -> CatalogueChange | None:
            change = steps.add(at, said)
            free[:] = [change is not None]
            return change

        await self._change(client, owner, outlet, decide)
        return free[0]

    async def update(self, client: StoredClient, owner: str, outlet: str, number: int, said: TermsChange) -> bool:
        """Give a point reward other terms; False when another one has the name, and nothing is stored.

        Raises Missing `point_reward_unknown`, Invalid `promo_invalid`, Refused.
        """
        free: list[bool] = []

        def decide(at: Setting) -> CatalogueChange | None:
            change, is_free = steps.update(at, number, said)
            free[:] = [is_free]
            return change

        await self._change(client, owner, outlet, decide)
        return free[0]

    async def switch(self, client: StoredClient, owner: str, outlet: str, number: int, *, is_active: bool) -> None:
        """Let a point reward give, or give nothing from now on. Raises Missing `point_reward_unknown`, Invalid, Refused."""
        await self._change(client, owner, outlet, lambda at: steps.switch(at, number, is_active=is_active))

    async def delete(self, client: StoredClient, owner: str, outlet: str, number: int) -> None:
        """End a point reward for good; its history stays. Raises Missing `point_reward_unknown`."""
        await self._change(client, owner, outlet, lambda at: steps.delete(at, number))

    async def _change(
        self, client: StoredClient, owner: str, outlet: str, decide: Callable[[Setting], CatalogueChange | None]
    ) -> None:
        now, actor = self._now(), f"client {client.client.code}"

        def under_lock(stored: StoredProgramme | None) -> CatalogueChange | None:
            if stored is None or stored.shelf is None:
                raise Broken("The store changed point rewards without saying which there are.")
            return decide(Setting(stored=stored, shelf=stored.shelf, client=client.client, now=now))

        await self._sink.change(
            self._catalog.newest(client.programme_id).settings.code,
            under_lock,
            actor=actor,
            now=now,
            shelf_of=Corner(client.client_id, owner, outlet),
        )
        await self._catalog.refresh()
