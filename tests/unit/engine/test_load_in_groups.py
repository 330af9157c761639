"""A batch is loaded some buckets at a time, and decided so: it comes to the same as all of it at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import aclosing
from typing import Any

import pytest

from accrual.domain.facts import Purchase
from accrual.domain.log import Found, Posting, Sought
from accrual.engine import load as loading
from accrual.engine.load import load_in_groups
from accrual.engine.task import Task
from tests.desk import Books, Desk, catalogue_of, promo_of

ALWAYS = promo_of(code="ALWAYS", trigger="purchase", benefits=[{"asset": "PTS", "fixed": 1}])
CAPPED = promo_of(
    code="CAPPED",
    trigger="purchase",
    benefits=[{"asset": "PTS", "fixed": 10}],
    limits=[{"count": 7, "per": "outlet"}],
)
NAMES = [f"m{number}" for number in range(60)]


def desk_of(*promos: Any) -> Desk:
    return Desk(catalogue_of(promos), buckets=16)


def waiting(desk: Desk) -> list[Any]:
    return [command for bucket in sorted(desk.books.log) for command in desk.books.waiting(bucket, 1_000)]


async def decide_in_groups(desk: Desk) -> tuple[Posting, list[int]]:
    """One batch of all that waits; how many tasks each group had."""
    commands = waiting(desk)
    leases = {command.bucket: desk.books.lease(command.bucket) for command in commands}
    posting = desk.processor.begin(desk.now)
    sizes = []
    async with aclosing(load_in_groups(commands, desk.state, desk.books, desk.programme_of)) as groups:
        async for tasks in groups:
            sizes.append(len(tasks))
            desk.processor.decide_more(tasks, leases, posting)
    await desk.books.book(posting)
    return posting, sizes


async def test_groups_are_whole_buckets_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "AHEAD", 5)
    desk = desk_of(ALWAYS)
    for name in NAMES:
        desk.log(name, Purchase(amount_minor=1))
    commands = waiting(desk)
    seen: list[Task] = []
    async with aclosing(load_in_groups(commands, desk.state, desk.books, desk.programme_of)) as groups:
        async for tasks in groups:
            assert len(tasks) >= 5 or len(seen) + len(tasks) == len(commands)
            assert not {task.command.bucket for task in tasks} & {task.command.bucket for task in seen}
            seen += tasks
    assert [task.command for task in seen] == commands


@pytest.mark.parametrize("promos", [(ALWAYS,), (ALWAYS, CAPPED)])
async def test_deciding_by_groups_comes_to_the_same_as_at_once(
    monkeypatch: pytest.MonkeyPatch, promos: tuple[Any, ...]
) -> None:
    """A cap of the outlet that all groups share is read once a batch: what the first group took of it is gone for the next."""
    books = []
    for ahead in (3, 1_000):
        monkeypatch.setattr(loading, "AHEAD", ahead)
        desk = desk_of(*promos)
        for turn in range(2):
            for name in NAMES:
                desk.log(name, Purchase(amount_minor=1, outlet="MAIN"), key=b"%s %d" % (name.encode(), turn))
            _, sizes = await decide_in_groups(desk)
            assert (len(sizes) > 5) == (ahead == 3)
        books.append(desk.books)
    one, other = books
    assert one.lines == other.lines
    assert one.outcomes == other.outcomes
    assert [lease.chain for _, lease in sorted(one.leases.items())] == [
        lease.chain for _, lease in sorted(other.leases.items())
    ]


class Broken(Books):
    """Books whose second look-up fails."""

    looked = 0

    async def look_up(self, wanted: Mapping[int, Sequence[Sought]]) -> list[Found]:
        self.looked += 1
        if self.looked == 2:
            raise RuntimeError("damaged")
        return await super().look_up(wanted)


async def test_what_a_read_in_the_background_raised_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "AHEAD", 5)
    desk = desk_of(ALWAYS)
    desk.books = Broken(**{name: getattr(desk.books, name) for name in desk.books.__dataclass_fields__})
    for name in NAMES:
        desk.log(name, Purchase(amount_minor=1))
    with pytest.raises(RuntimeError, match="damaged"):
        await decide_in_groups(desk)
