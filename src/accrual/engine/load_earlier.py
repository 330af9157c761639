"""Loads the commands that movements are about, and what undoing them looks at: one read a relation, however many they are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from datetime import datetime

from accrual.domain.commands import Reward
from accrual.domain.draws import DrawKey
from accrual.domain.facts import CheckIn
from accrual.domain.movements import Capture, Confirm, Refund, Release, Reverse
from accrual.domain.outcomes import Outcome, Status
from accrual.domain.stocks import StockKey
from accrual.domain.undoing import FoundTarget
from accrual.engine.earlier import Earlier
from accrual.engine.moves.limits_back import keys_of
from accrual.engine.moves.prizes_back import rounds_of
from accrual.engine.ports_lane import StateSource
from accrual.engine.state import State
from accrual.engine.task import Task
from accrual.rules.limits import Key
from accrual.rules.streak_undo import keys_to_undo

ABOUT_ANOTHER = (Refund, Reverse, Capture, Confirm, Release)
"""Movements about an earlier command, which they name by its ticket."""

ABOUT_A_HOLD = (Capture, Confirm, Release)


def grouped(pairs: Iterable[tuple[int, bytes]]) -> dict[int, list[bytes]]:
    """The distinct ids of (bucket, id), by bucket."""
    found: dict[int, dict[bytes, None]] = {}
    for bucket, each in pairs:
        found.setdefault(bucket, {})[each] = None
    return {bucket: list(ids) for bucket, ids in found.items()}


async def load_earlier(tasks: Sequence[Task], state: State, source: StateSource) -> None:
    """What the movements among these tasks are about. Other tasks of the same members may be what they are about."""
    about = [(task, task.move) for task in tasks if isinstance(task.move, ABOUT_ANOTHER)]
    if not about:
        return
    earlier = state.earlier
    named = {move.target: task.command.programme_id for task, move in about if move.target not in earlier.found}
    if named:
        earlier.found.update(await source.targets(named))
    for found in earlier.found.values():
        if found.row is None or found.row.status == Status.PARKED:
            earlier.wanted.add(found.ticket)
    await _load_undone([(task.command.bucket, earlier.found[move.target]) for task, move in about], earlier, source)
    holds = [(task.command.bucket, move.target) for task, move in about if isinstance(move, ABOUT_A_HOLD)]
    if holds:
        named_by = [(bucket, earlier.found[ticket].ticket) for bucket, ticket in holds]
        earlier.holds.update(await source.holds(grouped([*holds, *named_by])))
    await _load_counters(tasks, state, source)


async def _load_undone(places: Sequence[tuple[int, FoundTarget]], earlier: Earlier, source: StateSource) -> None:
    wanted: dict[bytes, set[int]] = {}
    for bucket, (ticket, row) in places:
        if row is not None and ticket not in earlier.undone:
            wanted.setdefault(ticket, set()).update((bucket, *row.homes))
    if wanted:
        read = await source.undone({ticket: sorted(homes) for ticket, homes in wanted.items()})
        for ticket in wanted:
            earlier.undone[ticket] = read.get(ticket, {})


async def _load_counters(tasks: Sequence[Task], state: State, source: StateSource) -> None:
    """The counters that the awards of what is returned counted on, which a return may give back, and the logs of its draws."""
    returns = [(task, task.move) for task in tasks if isinstance(task.move, Reverse)]
    if not returns:
        return
    of_batch = {task.ticket: task for task in tasks if task.reward is not None} if state.earlier.wanted else {}
    wanted: dict[int, list[tuple[bytes, int, int, int]]] = {}
    rounds: dict[int, set[DrawKey]] = {}
    gone_through: set[tuple[bytes, bytes]] = set()
    for task, move in returns:
        found = state.earlier.found[move.target]
        place = (task.member_id, found.ticket)
        bought = None if place in gone_through else _bought(task, found, of_batch)
        if bought is None or task.programme is None:
            continue
        reward, outcome, happened = bought
        keys: list[Key] = []
        if outcome is not None:
            keys += keys_of(task.programme, reward, outcome, happened)
            rounds.setdefault(task.command.bucket, set()).update(rounds_of(task.programme.catalogue, outcome.awards))
        if any(isinstance(fact, CheckIn) for fact in reward.facts):
            keys += keys_to_undo(task.programme, reward.facts, happened, task.command.recorded_at)
        else:
            gone_through.add(place)  # the same for every return of it
        counters = state.members[task.member_id].counters
        for key in keys:
            if not isinstance(key, StockKey) and key not in counters:
                counters[key] = 0
                wanted.setdefault(task.command.bucket, []).append((task.member_id, *key))
    if wanted:
        for (member_id, promo_id, slot, period), value in (await source.counters(wanted)).items():
            state.members[member_id].counters[promo_id, slot, period] = value
    await _load_rounds(rounds, state, source)


async def _load_rounds(rounds: Mapping[int, Set[DrawKey]], state: State, source: StateSource) -> None:
    """The logs of draws whose prizes may come back."""
    wanted = {
        bucket: sorted(key for key in keys if (bucket, *key) not in state.drawn) for bucket, keys in rounds.items()
    }
    wanted = {bucket: keys for bucket, keys in wanted.items() if keys}
    if wanted:
        state.drawn.update({(bucket, *key): None for bucket, keys in wanted.items() for key in keys})
        state.drawn.update(await source.draw_heads(wanted))


def _bought(
    task: Task, found: FoundTarget, of_batch: Mapping[bytes, Task]
) -> tuple[Reward, Outcome | None, datetime] | None:
    """What comes back: facts, outcome and the moment. Where this very batch decides it, there is no outcome yet: what its
    awards count on is read for itself."""
    row = found.row
    if row is not None and row.status == Status.DECIDED:
        command = row.command()
        if not isinstance(command, Reward) or task.member_id not in row.owners:
            return None
        return command, row.outcome(), row.recorded_at
    now = of_batch.get(found.ticket)
    if now is None or now.reward is None:
        return None
    return now.reward, None, now.command.recorded_at if now.parked is None else now.parked.recorded_at
