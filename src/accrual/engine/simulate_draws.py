"""Draws while commands are simulated: where entries of rounds stand in memory, and what they may cost. Nothing is posted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from accrual.domain.commands import LoggedCommand
from accrual.domain.draws import DrawHead
from accrual.domain.outcomes import Outcome
from accrual.domain.programme import Catalogue
from accrual.engine.entries import tag_of
from accrual.rules.snapshot import Judgement, Snapshot

Balances = Mapping[bytes, Mapping[int, int]]


class SimulatedDraws:
    """The ends of rounds by bucket, as far as the simulation has come; `secret` is the installation's."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._ends: dict[tuple[int, int, int], DrawHead] = {}

    def with_draws(
        self, snapshot: Snapshot, command: LoggedCommand, balances: Balances, stored: Outcome | None
    ) -> Snapshot:
        """What an entry looks at besides. What it may cost is out of what promos gave: movements are not simulated.

        Points are those of the outcome that is `stored`, where it drew from the same table; no secret is needed for them.
        """
        mine = balances.get(snapshot.member_id, {})
        return msgspec.structs.replace(
            snapshot,
            ticket=command.ticket,
            tag=tag_of(snapshot.member_id, self._secret),
            spendable=lambda asset_id: mine.get(asset_id, 0),
            drawn=lambda key: self._ends.get((command.bucket, *key)),
            replayed={} if stored is None else receipts_of(stored, snapshot.programme.catalogue),
        )

    def keep(self, judgement: Judgement, command: LoggedCommand, mine: dict[int, int]) -> None:
        """The entries of a command stand, and are paid."""
        for drawn in judgement.drawn:
            self._ends[command.bucket, drawn.key[0], drawn.key[1]] = drawn.head
        for cost in judgement.spent:
            mine[cost.asset_id] = mine.get(cost.asset_id, 0) - cost.amount


def receipts_of(stored: Outcome, catalogue: Catalogue) -> dict[int, Mapping[str, Any]]:
    """The receipts of instant draws in an outcome, by promo_id."""
    told = [(award.promo_version_id, award.details) for award in stored.awards]
    told += [(declined.promo_version_id, declined.details) for declined in stored.declines]
    receipts = {number: (details or {}).get("draw") for number, details in told}
    found = {number: each for number, each in receipts.items() if isinstance(each, dict) and "point" in each}
    return {
        version.promo_id: found[version.promo_version_id]
        for version in (catalogue.promos if found else ())
        if version.promo_version_id in found
    }
