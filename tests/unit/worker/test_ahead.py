"""Fetching ahead: what comes is taken for the very batch that was asked for, and how it failed is told to who takes it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, cast

import pytest

from accrual.domain.errors import DatabaseDown
from accrual.engine.ports_lane import LaneStore
from accrual.worker.ahead import Ahead


class Store:
    """Answers with what was wanted, once it is let; or fails."""

    def __init__(self) -> None:
        self.asked: list[Mapping[int, tuple[int, int]]] = []
        self.ended = 0
        self.let = asyncio.Event()
        self.fails = False

    async def fetch_ahead(self, wanted: Mapping[int, tuple[int, int]]) -> list[Any]:
        self.asked.append(wanted)
        try:
            await self.let.wait()
        finally:
            self.ended += 1
        if self.fails:
            raise DatabaseDown
        return [(bucket, position) for bucket, (position, _) in wanted.items()]


def ahead_of() -> tuple[Ahead, Store]:
    store = Store()
    return Ahead(cast(LaneStore, store)), store


async def test_the_batch_that_was_fetched_is_taken_once() -> None:
    ahead, store = ahead_of()
    assert await ahead.take({1: (5, 2)}) is None
    ahead.start({1: (5, 2)})
    store.let.set()
    assert await ahead.take({1: (5, 2)}) == [(1, 5)]
    assert await ahead.take({1: (5, 2)}) is None
    assert store.asked == [{1: (5, 2)}]


@pytest.mark.parametrize("other", [{1: (6, 2)}, {1: (5, 1)}, {2: (5, 2)}, {1: (5, 2), 2: (1, 1)}, {}])
async def test_another_batch_than_was_fetched_gets_none_of_it(other: dict[int, tuple[int, int]]) -> None:
    ahead, store = ahead_of()
    ahead.start({1: (5, 2)})
    store.let.set()
    assert await ahead.take(other) is None
    assert store.ended == 1, "its session is free again"


async def test_failure_is_told_to_who_takes_and_to_nobody_else() -> None:
    ahead, store = ahead_of()
    store.fails = True
    store.let.set()
    told: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
    ahead.start({1: (5, 2)})
    with pytest.raises(DatabaseDown):
        await ahead.take({1: (5, 2)})
    ahead.start({1: (5, 2)})
    await asyncio.sleep(0.01)
    ahead.drop()
    await asyncio.sleep(0.01)
    assert told == []


async def test_dropped_it_ends() -> None:
    ahead, store = ahead_of()
    ahead.start({1: (5, 2)})
    await asyncio.sleep(0)
    ahead.drop()
    await asyncio.sleep(0.01)
    assert store.ended == 1
    assert await ahead.take({1: (5, 2)}) is None
