"""Trouble that is not the commands' own: the database goes, or cannot, and nobody is blamed or lost for it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import asyncpg
import pytest

from accrual.domain.errors import DatabaseDown
from accrual.domain.outcomes import Status
from accrual.store.connection import Pool
from accrual.store.lanes import PostgresLanes
from accrual.store.postgres import mapping_loss
from accrual.worker.lane import TRIES_MAX, Lane
from tests.pg_fixtures import Database
from tests.store.wiring import BUCKETS, LEASE_S, apply_example, log_of, purchase, submitter, users_in, whole_lane


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.DiskFullError,
        asyncpg.OutOfMemoryError,
        asyncpg.ReadOnlySQLTransactionError,
        asyncpg.QueryCanceledError,
        asyncpg.LockNotAvailableError,
        asyncpg.DeadlockDetectedError,
        asyncpg.AdminShutdownError,
        ConnectionResetError,
        TimeoutError,
    ],
)
def test_database_that_cannot_is_told_like_one_that_is_away(error: type[Exception]) -> None:
    with pytest.raises(DatabaseDown), mapping_loss():
        raise error("no")


@pytest.mark.parametrize("error", [asyncpg.CharacterNotInRepertoireError, asyncpg.UniqueViolationError, ValueError])
def test_what_is_wrong_with_the_question_travels_on(error: type[Exception]) -> None:
    with pytest.raises(error), mapping_loss():
        raise error("no")


async def _step(lane: Lane) -> None:
    """One step as `run` takes it: a lost session is begun anew."""
    try:
        await lane.step()
    except DatabaseDown:
        lane._start_over()


async def _until(lane: Lane, true: Callable[[], Any]) -> None:
    deadline_s = time.monotonic() + 20
    while not await true():
        await _step(lane)
        assert time.monotonic() < deadline_s


async def _all_decided(pool: Pool) -> bool:
    return not await pool.fetchval("select sum(t.next - l.cursor) from tail t join lane l using (bucket)")


async def test_lane_whose_session_is_lost_again_and_again_is_not_suspected(database: Database, pool: Pool) -> None:
    await apply_example(database)
    lane = whole_lane(database, pool, "one")
    ours = submitter(log_of(pool))
    for turn in range(4):
        await ours.submit(purchase(users_in(40, 1)[0], f"{turn}"))
        await _until(lane, lambda: _all_decided(pool))
        await pool.execute(
            "select pg_terminate_backend(w.backend_pid) from worker w join pg_stat_activity a on a.pid = w.backend_pid"
        )
    await _step(lane)
    await _until(lane, lambda: pool.fetchval("select bool_and(owner is not null) from lane"))
    assert await pool.fetchval("select max(suspicion) from lane") == 0
    assert await pool.fetchval("select count(*) from outcome where status = 1") == 4
    lane._store.cut()


async def test_command_is_not_parked_because_the_database_could_not_while_it_stood_alone(
    database: Database, pool: Pool
) -> None:
    """Suspected, tried by itself, and every posting is lost for other reasons: no try of those counts against it."""
    await apply_example(database)
    users = users_in(40, 3)
    ours = submitter(log_of(pool))
    for user in users:
        await ours.submit(purchase(user, "a"))
    await pool.execute("update lane set suspicion = 5 where bucket = 40")

    class UnableLanes(PostgresLanes):
        left = 3 * TRIES_MAX

        async def post(self, posting: Any) -> None:
            if self.left:
                self.left -= 1
                with mapping_loss():
                    raise asyncpg.DiskFullError("no space left on device")
            await super().post(posting)

    store = UnableLanes(database.runtime_url, label="x", buckets=BUCKETS, idle_in_transaction_s=1)
    lane = whole_lane(database, pool, "one", store=store)
    await _until(lane, lambda: _all_decided(pool))
    assert store.left == 0
    found = await pool.fetch("select status, count(*) from outcome group by 1")
    assert {row[0]: row[1] for row in found} == {Status.DECIDED: 3}
    assert await pool.fetchval("select max(tries) from parked") == 1
    store.cut()


class HandClock:
    """A steady clock that a test moves."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


async def test_lane_counts_as_dead_by_its_beat_on_the_observers_own_clock_and_no_other(
    database: Database, pool: Pool
) -> None:
    """Both sessions stay connected; only the beat of one stands still, and only for the other's clock to see."""
    await apply_example(database)
    still, watcher = HandClock(), HandClock()
    one = whole_lane(database, pool, "one", monotonic=still)
    two = whole_lane(database, pool, "two", monotonic=watcher)
    await one.step()
    assert len(one._leases.owned) == BUCKETS
    for _ in range(3):
        watcher.now_s += LEASE_S / 3
        await two.step()
    watcher.now_s += LEASE_S * 0.9 / 3
    await two.step()
    assert two._leases.owned == {}
    # Its beat moves once: the lease begins again, however old it is on any other clock.
    still.now_s += LEASE_S
    await one.step()
    for _ in range(3):
        watcher.now_s += LEASE_S * 0.9 / 3
        await two.step()
    watcher.now_s += LEASE_S
    await two.step()
    assert len(two._leases.owned) == BUCKETS
    # The one that was given up finds out, and has its share again under a new name and no suspicion of its own.
    before = one._leases.worker_id
    for _ in range(6):
        still.now_s += LEASE_S / 2
        watcher.now_s += LEASE_S / 2
        await one.step()
        await two.step()
    assert (len(one._leases.owned), len(two._leases.owned)) == (BUCKETS // 2, BUCKETS // 2)
    assert one.fence_refused_total <= 1
    assert isinstance(before, bytes)
    for lane in (one, two):
        lane._store.cut()
