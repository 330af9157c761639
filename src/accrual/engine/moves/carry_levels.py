"""What a merger means for levels: what was earned goes along, and the higher of both levels stays. No points move."""

from __future__ import annotations

from datetime import datetime

from accrual.domain.members import EMPTY_PROFILE, LevelBy
from accrual.domain.movements import Absorb
from accrual.engine.moves.scene import Scene
from accrual.rules.levels import Moved, moved


def carried(scene: Scene) -> tuple[tuple[int, datetime, int], ...]:
    """(asset_id, moment, units) of what the window holds that ends now, each on the first moment of its day."""
    ladder, earned = scene.programme.ladder, scene.cell.earned
    if ladder is None or earned is None:
        return ()
    days = earned.items(ladder.window_before(scene.now))
    return tuple((ladder.asset_id, ladder.start_of(day), units) for day, units in days)


def united(asked: Absorb, scene: Scene) -> Moved | None:
    """Where a member stands who takes another one in: at the higher level of both, or the one they earned together."""
    ladder, earned = scene.programme.ladder, scene.cell.earned
    if ladder is None or earned is None:
        return None
    profile, outside = scene.cell.profile or EMPTY_PROFILE, ladder.window_before(scene.now)
    brought = [
        units
        for asset_id, moment, units in asked.earned
        if asset_id == ladder.asset_id and outside < ladder.day_of(moment) <= ladder.day_of(scene.now)
    ]
    together = earned.within(ladder, scene.now) + sum(brought)
    place = max(ladder.reached(together), ladder.place_of(asked.tier))
    if place <= ladder.place_of(profile.tier):
        return None
    return moved(ladder, profile, place, scene.now, LevelBy.MERGER, max(0, together))
