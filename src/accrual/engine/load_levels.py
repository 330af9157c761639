"""Loads what members earned, where the levels of a programme may change by a command. Nothing is decided here."""

from __future__ import annotations

from collections.abc import Sequence

from accrual.domain.accounts import Role
from accrual.domain.ids import member_account_id
from accrual.domain.movements import Absorb, Merge, Review
from accrual.engine.earned import EarnedDays
from accrual.engine.ports_lane import StateSource
from accrual.engine.state import State
from accrual.engine.task import Task
from accrual.rules.ladder import Ladder
from accrual.rules.levels import LAST_MOMENT

EARNING_ROLES = (Role.MEMBER, Role.PENDING)


async def load_levels(tasks: Sequence[Task], state: State, source: StateSource) -> None:
    """What was earned in the windows that deciding these tasks looks at, a read for all of them."""
    wanted: dict[int, list[int]] = {}
    cells: dict[tuple[int, int], tuple[EarnedDays, Ladder]] = {}
    since_day: int | None = None
    for task in tasks:
        ladder = None if task.programme is None else task.programme.ladder
        if ladder is None or task.error is not None or not moves_levels(task, ladder):
            continue
        since = _since(task, ladder)
        cell = state.members[task.member_id]
        if cell.earned is not None and cell.earned.serves(ladder, since):
            continue
        cell.earned = EarnedDays(ladder.asset_id, ladder.zone.key, since)
        if cell.row is None:
            cell.earned.since = 0
            continue
        for role in EARNING_ROLES:
            account = member_account_id(task.member_id, ladder.asset_id, role)
            if (cell.bucket, account) not in cells:
                wanted.setdefault(cell.bucket, []).append(account)
            cells[cell.bucket, account] = (cell.earned, ladder)
        since_day = since if since_day is None else min(since_day, since)
    if since_day is None:
        return
    first = min(ladder.start_of(since_day) for _, ladder in cells.values())
    for place, quarters in (await source.earned(wanted, first)).items():
        earned, ladder = cells[place]
        earned.put((ladder.day_of(quarter), units) for quarter, units in quarters)
        state.earned_days += len(quarters)


def moves_levels(task: Task, ladder: Ladder) -> bool:
    """Whether a command may change the level of its member by what was earned."""
    if task.reward is not None:
        return ladder.climbs and any(asset_id == ladder.asset_id for asset_id, _ in task.looks.accounts)
    if task.profile is not None:
        return task.profile.tier is not None
    return isinstance(task.move, Review | Merge | Absorb)


def _since(task: Task, ladder: Ladder) -> int:
    """The first day that may count for this task."""
    moment = task.command.recorded_at
    if isinstance(task.move, Review):
        period_end = ladder.period_due(task.move.until)
        if period_end is not None:
            moment = min(moment, period_end - LAST_MOMENT)
    return ladder.window_before(moment) + 1
