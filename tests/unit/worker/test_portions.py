"""How much of a backlog of costly commands one batch takes: of what is loaded, of what is fetched, of the time there is."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from accrual.domain.commands import LoggedCommand
from accrual.domain.log import Lease
from accrual.engine.portion import HEAVY_MAX, HEAVY_MIN, HEAVY_S, Portion, next_heavy_max
from accrual.engine.task import Task
from accrual.rules.compiled import NO_LOOKS
from accrual.worker.batches import AFTER_CUT_MIN, MOUTHFUL, fill, next_portions
from accrual.worker.time_slice import given_away


def taken(portion: Portion, waiting: dict[int, int]) -> dict[int, int]:
    return {bucket: sum(portion.takes(bucket) for _ in range(count)) for bucket, count in waiting.items()}


def test_one_deep_backlog_takes_the_whole_portion_and_no_more() -> None:
    portion = Portion(100, 3)
    assert taken(portion, {1: 2, 2: 5_000, 3: 3}) == {1: 2, 2: 98, 3: 3}
    assert portion.closed == 2 and portion.taken == 103


@pytest.mark.parametrize("buckets", [1, 7, 100, 256])
def test_every_bucket_gets_on_and_all_together_take_at_most_twice_the_portion_and_one_each(buckets: int) -> None:
    portion = Portion(100, buckets)
    counts = taken(portion, dict.fromkeys(range(buckets), 2000))
    assert min(counts.values()) >= 1
    assert sum(counts.values()) == portion.taken <= 200 + buckets


def test_slow_batches_halve_the_portion_and_quick_ones_that_left_something_double_it() -> None:
    portion = Portion(128, 1)
    taken(portion, {1: 200})
    assert next_heavy_max(128, portion, HEAVY_S * 2) == 64
    assert next_heavy_max(128, portion, HEAVY_S / 4) == 256
    assert next_heavy_max(128, portion, HEAVY_S * 0.8) == 128
    assert next_heavy_max(HEAVY_MIN, portion, 9.0) == HEAVY_MIN
    assert next_heavy_max(HEAVY_MAX, portion, 0.0) == HEAVY_MAX
    assert next_heavy_max(128, Portion(128, 1), 9.0) == 128  # no costly command was in it


def test_what_a_batch_leaves_is_not_fetched_again_and_again() -> None:
    portions = next_portions({}, {1: (1, 2_048), 2: (1, 5)}, {1: 100, 2: 5})
    assert portions == {1: 200}
    assert next_portions(portions, {1: (101, 200)}, {1: 200}) == {1: 400}
    assert next_portions(portions, {1: (101, 200)}, {1: 0}) == {1: AFTER_CUT_MIN}
    assert next_portions({1: MOUTHFUL // 2}, {1: (1, 1_024)}, {1: 1_024}) == {}
    lease = {bucket: Lease(bucket, 1, 1, b"", 1, 0) for bucket in (1, 2)}
    assert fill(lease, {1: 5_001, 2: 4}, 4_096, 0, {1: 200})[0] == {1: (1, 200), 2: (1, 3)}


def task_of(bucket: int, position: int, *, plain: bool = False) -> Task:
    now = datetime(2026, 3, 1, tzinfo=UTC)
    command = LoggedCommand(
        bucket=bucket, position=position, ticket=bytes(16), programme_id=1, client_id=1, recorded_at=now,
        content=b"", seal=b"", facts=b"", name=None,
    )  # fmt: skip
    return Task(command, looks=msgspec.structs.replace(NO_LOOKS, plain=plain))


def test_once_time_is_over_costly_commands_are_left_but_for_the_first_of_each_bucket() -> None:
    now = iter([0.0, 0.0, 9.0, 9.0, 9.0])
    tasks = [task_of(1, n) for n in range(1, 6)] + [task_of(2, n) for n in range(1, 4)]
    given = [(task.command.bucket, task.command.position) for task in given_away(tasks, lambda: next(now), 5.0)]
    assert given == [(1, 1), (1, 2), (1, 3), (2, 1)]
    assert not tasks


def test_plain_commands_are_given_whatever_the_time_unless_they_are_behind_one_that_is_left() -> None:
    plain = [task_of(1, n, plain=True) for n in range(1, 4)]
    assert len(list(given_away(plain, lambda: 9.0, 5.0))) == 3
    mixed = [task_of(1, 1, plain=True), task_of(1, 2), task_of(1, 3, plain=True), task_of(2, 1, plain=True)]
    given = [(task.command.bucket, task.command.position) for task in given_away(mixed, lambda: 9.0, 5.0)]
    assert given == [(1, 1), (2, 1)]
