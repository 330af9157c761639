"""Telling ahead of time what expires: moves nothing, and says in the outcome what the outbox event is made of."""

from __future__ import annotations

from accrual.domain.movements import Notice
from accrual.domain.transfers import Kind
from accrual.engine.moves.scene import Scene
from accrual.rules.calendar import last_day


def notice(asked: Notice, scene: Scene) -> None:
    """Count the open lots that expire on that day and have not yet; where there are none, nobody is told."""
    asset_id = scene.asset_id(asked.asset)
    if asset_id is None:
        return
    behind = max(scene.now, asked.since)
    lots = [lot for lot in scene.purse.lots(asset_id).due(asked.until) if lot.rank[0] > behind]
    if not lots:
        return
    known_as = asked.known_as
    details = {
        "due": sum(lot.left for lot in lots),
        "date": last_day(asked.until, scene.zone).isoformat(),
        "expires_at": lots[0].rank[0].isoformat(),
        "days": asked.days,
        "identity": None if known_as is None else {"kind": known_as.kind, "value": known_as.value},
    }
    scene.book(Kind.NOTICE, asset_id, 0, details)
