"""Loads where the entries of draws end in each bucket, so that the next ones are numbered and chained. Nothing is drawn."""

from __future__ import annotations

from collections.abc import Sequence

from accrual.domain.draws import DrawKey
from accrual.engine.ports_lane import StateSource
from accrual.engine.state import State
from accrual.engine.task import Task


async def load_draws(tasks: Sequence[Task], state: State, source: StateSource) -> None:
    """The heads of all rounds that the tasks may enter; the lane owns their buckets, so nobody else moves them."""
    wanted: dict[int, list[DrawKey]] = {}
    seen: tuple[int, Sequence[DrawKey]] = (-1, ())
    for task in tasks:
        rounds = task.looks.rounds
        if not rounds or task.reward is None:
            continue
        bucket = task.command.bucket
        if bucket == seen[0] and rounds is seen[1]:
            continue  # tasks come by bucket, and nearly all look at the same rounds
        seen = (bucket, rounds)
        for key in rounds:
            if (bucket, *key) in state.drawn:
                continue
            state.drawn[bucket, *key] = None
            wanted.setdefault(bucket, []).append(key)
    if wanted:
        state.drawn.update(await source.draw_heads(wanted))
