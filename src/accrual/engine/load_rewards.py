"""Loads what redemptions of rewards look at: members' limits, stocks, the next codes of pools. Nothing is decided here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from accrual.domain.movements import Capture, Confirm, Redeem, Refund, Release
from accrual.domain.stocks import StockKey
from accrual.domain.undoing import FoundTarget
from accrual.engine.moves.reward_books import made_of
from accrual.engine.ports_lane import StateSource
from accrual.engine.state import State
from accrual.engine.task import Task
from accrual.rules.rewards import CompiledReward
from accrual.rules.snapshot import CounterKey


async def load_rewards(tasks: Sequence[Task], state: State, source: StateSource) -> None:
    """For redemptions by reward, and for what is about one; what those are about is known by now."""
    counters: dict[int, list[tuple[bytes, int, int, int]]] = {}
    stocks: set[StockKey] = set()
    pools: Counter[bytes] = Counter()
    found = state.earlier.found
    of_batch = {task.ticket: task for task in tasks if task.move is not None} if state.earlier.wanted else {}
    for task in tasks:
        if task.move is None:
            continue
        reward, counter = _asked(task, found, of_batch)
        if reward is not None:
            if (stock := reward.stock_key) is not None:
                stocks.add(stock)
            if reward.item.has_pool:
                pools[reward.subject] += 1
        if counter is not None:
            cell = state.members[task.member_id]
            if counter not in cell.counters:
                cell.counters[counter] = 0
                if cell.row is not None:
                    counters.setdefault(task.command.bucket, []).append((task.member_id, *counter))
    if counters:
        for (member_id, promo_id, slot, period), value in (await source.counters(counters)).items():
            state.members[member_id].counters[promo_id, slot, period] = value
    missing = sorted(stocks - state.quotas.keys())
    if missing:
        state.quotas.update(await source.quotas(missing))
    if pools:
        await _read_codes(pools, state, source)


async def _read_codes(wanted: Mapping[bytes, int], state: State, source: StateSource) -> None:
    """So many codes of pools more than this batch has read before, of which it may have given some."""
    before = {subject: state.codes_read.get(subject, (0, 0)) for subject in wanted}
    asked = {subject: count + before[subject][0] for subject, count in wanted.items()}
    for subject, codes in (await source.reward_codes(asked)).items():
        last = before[subject][1]
        fresh = [code for code in codes if code.number > last]
        state.pools.setdefault(subject, []).extend(fresh)
        state.codes_read[subject] = (asked[subject], fresh[-1].number if fresh else last)


def _asked(
    task: Task, found: Mapping[bytes, FoundTarget], of_batch: Mapping[bytes, Task]
) -> tuple[CompiledReward | None, CounterKey | None]:
    """The reward that a command is about as it stands today, and the counter that it may change.

    The counter of a redemption of this very batch is read for the redemption itself.
    """
    move, programme = task.move, task.programme
    if programme is None:
        return None, None
    if isinstance(move, Redeem) and move.reward is not None:
        reward = programme.rewards.get(move.reward)
        moment = move.occurred_at or task.first_recorded_at or task.command.recorded_at
        return reward, None if reward is None else reward.counter_key(moment)
    if not isinstance(move, Capture | Confirm | Refund | Release):
        return None, None
    target = found.get(move.target)
    if target is None:
        return None, None
    if target.row is not None:
        made = made_of(target.row)
        return (None, None) if made is None else (programme.rewards.get(made.reward), made.counter)
    now = of_batch.get(target.ticket)
    if now is None or not isinstance(now.move, Redeem) or now.move.reward is None:
        return None, None
    return programme.rewards.get(now.move.reward), None
