"""Whether a member still belongs to their level once a period and its grace are over. No points move."""

from __future__ import annotations

from accrual.domain.members import EMPTY_PROFILE
from accrual.domain.movements import Review
from accrual.engine.moves.scene import Scene
from accrual.rules.levels import reviewed


def review(asked: Review, scene: Scene) -> None:
    """Down by one level where what was earned asks for it. Asked again about the same period, nothing more happens."""
    ladder, earned = scene.programme.ladder, scene.cell.earned
    if ladder is None or earned is None:
        return
    profile = scene.cell.profile or EMPTY_PROFILE
    scene.new_level = reviewed(ladder, profile, lambda moment: earned.within(ladder, moment), asked.until, scene.now)
