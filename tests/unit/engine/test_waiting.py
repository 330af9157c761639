"""Waiting for outcomes: one loop looks for everybody, deadlines hold, and a lost database is told to all who wait."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from accrual.domain.errors import AccrualError, DatabaseDown
from accrual.domain.log import OutcomeRow
from accrual.engine.waiting import OutcomeWaiter
from tests.desk import Books


class Log(Books):
    """A log that counts how often it is looked at, and may be down."""

    def __init__(self) -> None:
        super().__init__()
        self.looks: list[int] = []
        self.down: AccrualError | None = None

    async def decided(self, places: Sequence[tuple[int, int]]) -> set[tuple[int, int]]:
        self.looks.append(len(places))
        if self.down is not None:
            raise self.down
        return await super().decided(places)

    def decide(self, bucket: int, position: int) -> None:
        self.outcomes[bucket, position] = OutcomeRow(position, bucket, 1, b"", b"")


async def test_outcome_that_comes_in_time_is_waited_for() -> None:
    log = Log()
    waiting = asyncio.ensure_future(OutcomeWaiter(log).decided(1, 7, deadline_s=5))
    await asyncio.sleep(0.01)
    assert not waiting.done()
    log.decide(1, 7)
    assert await asyncio.wait_for(waiting, 2) is True


async def test_outcome_that_does_not_come_ends_with_the_deadline() -> None:
    assert await OutcomeWaiter(Log()).decided(1, 7, deadline_s=0.03) is False


async def test_all_waiters_are_looked_up_together_and_looking_stops_with_them() -> None:
    log = Log()
    waiter = OutcomeWaiter(log)
    waiting = [asyncio.ensure_future(waiter.decided(1, position, deadline_s=5)) for position in range(1, 51)]
    await asyncio.sleep(0.02)
    assert set(log.looks) == {50}
    for position in range(1, 51):
        log.decide(1, position)
    assert await asyncio.wait_for(asyncio.gather(*waiting), 2) == [True] * 50
    await asyncio.sleep(0.1)
    looks = len(log.looks)
    await asyncio.sleep(0.1)
    assert len(log.looks) == looks


async def test_two_may_wait_for_one_place_and_one_may_give_up() -> None:
    log = Log()
    waiter = OutcomeWaiter(log)
    given_up = asyncio.ensure_future(waiter.decided(1, 7, deadline_s=5))
    staying = asyncio.ensure_future(waiter.decided(1, 7, deadline_s=5))
    await asyncio.sleep(0.01)
    given_up.cancel()
    await asyncio.sleep(0)
    log.decide(1, 7)
    assert await asyncio.wait_for(staying, 2) is True


async def test_lost_database_is_told_to_all_and_later_waits_work_again() -> None:
    log = Log()
    waiter = OutcomeWaiter(log)
    log.down = DatabaseDown()
    answers = await asyncio.gather(
        *[waiter.decided(1, position, deadline_s=5) for position in (1, 2)], return_exceptions=True
    )
    assert [type(answer) for answer in answers] == [DatabaseDown, DatabaseDown]
    log.down = None
    log.decide(1, 3)
    assert await asyncio.wait_for(waiter.decided(1, 3, deadline_s=5), 2) is True


async def test_wait_that_begins_while_the_last_look_ends_is_not_forgotten() -> None:
    log = Log()
    waiter = OutcomeWaiter(log)
    for position in range(1, 40):
        log.decide(1, position)
        assert await asyncio.wait_for(waiter.decided(1, position, deadline_s=5), 2) is True
        await asyncio.sleep(0.001 * (position % 4))


@pytest.mark.parametrize("more_than_a_look", [5])
async def test_everybody_is_looked_for_however_many_wait(
    more_than_a_look: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those who wait in vain at the front of the queue must not hide the others."""
    monkeypatch.setattr("accrual.engine.waiting.LOOK_UPS_MAX", 4)
    log = Log()
    waiter = OutcomeWaiter(log)
    in_vain = [asyncio.ensure_future(waiter.decided(1, n, deadline_s=5)) for n in range(1, 4 + more_than_a_look)]
    last = asyncio.ensure_future(waiter.decided(2, 1, deadline_s=5))
    log.decide(2, 1)
    assert await asyncio.wait_for(last, 1) is True
    for waiting in in_vain:
        waiting.cancel()
    await asyncio.gather(*in_vain, return_exceptions=True)
    assert max(log.looks) == 4
