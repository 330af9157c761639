"""Which check-ins a return takes away, and how the member's days stand without them. Points are taken back elsewhere."""

from __future__ import annotations

from collections.abc import Sequence

from accrual.domain.commands import Reward
from accrual.domain.facts import CheckIn
from accrual.domain.movements import Reverse
from accrual.domain.outcomes import Award
from accrual.domain.undoing import TargetRow
from accrual.engine.moves.scene import Scene
from accrual.rules.snapshot import CounterKey
from accrual.rules.streak_undo import undo_days


def days_without(
    asked: Reverse, scene: Scene, row: TargetRow, bought: Reward, awards: Sequence[Award]
) -> dict[CounterKey, int]:
    """The counters of days that change; what is returned in part takes the days of the facts that it names."""
    named = {part.fact for part in asked.parts}
    facts = [
        fact
        for number, fact in enumerate(bought.facts)
        if isinstance(fact, CheckIn) and (not asked.parts or number in named)
    ]
    if not facts:
        return {}
    undone = [
        award
        for number, award in enumerate(awards)
        if scene.undone.get((number, -1, -1)) == award.amount != scene.known.undone.get((number, -1, -1))
    ]
    counters = scene.cell.counters
    return undo_days(scene.programme, facts, undone, row.recorded_at, scene.now, counters.__getitem__)
