"""Questions of many callers go together, equal ones once; each gets its own answer, and nobody waits for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import pytest

from accrual.domain.errors import Broken, DatabaseDown
from accrual.engine.together import TOGETHER_MAX, Together


class Shop:
    """Knows the doubles of even numbers, and how it was asked."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []
        self.error: Exception | None = None

    async def read(self, keys: Sequence[int]) -> Mapping[int, int]:
        self.asked.append(list(keys))
        await asyncio.sleep(0.01)
        if self.error is not None:
            raise self.error
        return {key: key * 2 for key in keys if key % 2 == 0}


async def test_questions_of_one_moment_are_one_read_and_equal_ones_are_asked_once() -> None:
    shop = Shop()
    together: Together[int, int] = Together(shop.read)
    assert await asyncio.gather(*(together.ask(key) for key in (2, 3, 2, 4))) == [4, None, 4, 8]
    assert shop.asked == [[2, 3, 4]]


async def test_what_is_asked_meanwhile_goes_into_the_next_read_and_is_never_an_older_answer() -> None:
    shop = Shop()
    together: Together[int, int] = Together(shop.read)
    first = asyncio.create_task(together.ask(2))
    await asyncio.sleep(0.005)
    assert await asyncio.gather(first, together.ask(2), together.ask(6)) == [4, 4, 12]
    assert shop.asked == [[2], [2, 6]]


async def test_one_read_asks_for_so_many_at_most() -> None:
    shop = Shop()
    together: Together[int, int] = Together(shop.read)
    count = TOGETHER_MAX + 1
    assert len(await asyncio.gather(*(together.ask(2 * key) for key in range(count)))) == count
    assert [len(keys) for keys in shop.asked] == [TOGETHER_MAX, 1]


async def test_failing_read_fails_for_those_who_asked_and_for_nobody_after() -> None:
    shop = Shop()
    together: Together[int, int] = Together(shop.read)
    shop.error = DatabaseDown()
    for answer in await asyncio.gather(together.ask(2), together.ask(4), return_exceptions=True):
        assert isinstance(answer, DatabaseDown)
    shop.error = None
    assert await together.ask(2) == 4


async def test_fault_of_ours_is_told_to_those_who_wait() -> None:
    shop = Shop()
    together: Together[int, int] = Together(shop.read)
    shop.error = ZeroDivisionError()
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda *_: None)  # the fault itself travels on, and is logged
    with pytest.raises(Broken):
        await together.ask(2)
    shop.error = None
    assert await together.ask(2) == 4


async def test_caller_who_gives_up_leaves_the_others_their_answer() -> None:
    shop = Shop()
    together: Together[int, int] = Together(shop.read)
    gone, stays = asyncio.create_task(together.ask(2)), asyncio.create_task(together.ask(2))
    await asyncio.sleep(0.005)
    gone.cancel()
    assert await stays == 4
