"""Lanes in one process that share the buckets before there is work, so that all of them have some of it. No test here."""

from __future__ import annotations

from collections.abc import Sequence

from accrual.worker.lane import Lane

ROUNDS_MAX = 50


async def share_buckets(lanes: Sequence[Lane]) -> None:
    """Let lanes look around in turn until each owns buckets; nothing may wait yet."""
    for _ in range(ROUNDS_MAX):
        for lane in lanes:
            lane._next_beat_s = 0.0
            await lane.step()
        if all(lane._leases.owned for lane in lanes):
            return
    raise AssertionError("not every lane was given its share")
