"""Has children append commands to a benchmark's log and adds up what they were told; what they append is in fill."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import pairwise

import msgspec

from accrual.bench.books import added
from accrual.bench.children import child, together
from accrual.bench.fill import Filled, FillOrder
from accrual.bench.options import Distribution, Options
from accrual.bootstrap.bench import BenchDatabase

FILLERS = 2
SMALL = 20_000
"""Below so many commands a second child would take longer to start than it saves."""


class Journal(msgspec.Struct, frozen=True, kw_only=True):
    """What clients were told: commands accepted by bucket, and how long it took."""

    accepted: Counter[int]
    seconds: float

    @property
    def commands(self) -> int:
        """All of them."""
        return self.accepted.total()


async def enrol_everybody(database: BenchDatabase, options: Options, tell: Callable[[int], None]) -> Journal:
    """One command of one transaction for each member, so that everybody has an account with a line in it."""
    orders = [
        FillOrder(run="enrol", seed=options.seed, facts=1, members=options.members, first=first, count=count)
        for first, count in _parts(options.members)
    ]
    return await _fill_all(database, orders, tell)


async def append_backlog(
    database: BenchDatabase, options: Options, distribution: Distribution, count: int, tell: Callable[[int], None]
) -> Journal:
    """So many commands of members drawn as the distribution has them."""
    orders = [
        FillOrder(
            run=f"{distribution.value} {first}",
            seed=options.seed,
            facts=options.facts,
            members=options.members,
            distribution=distribution,
            count=part,
        )
        for first, part in _parts(count)
    ]
    return await _fill_all(database, orders, tell)


def _parts(count: int) -> list[tuple[int, int]]:
    fillers = 1 if count < SMALL else FILLERS
    bounds = [count * number // fillers for number in range(fillers + 1)]
    return [(first, last - first) for first, last in pairwise(bounds)]


async def _fill_all(database: BenchDatabase, orders: Sequence[FillOrder], tell: Callable[[int], None]) -> Journal:
    done = [0] * len(orders)

    async def one(number: int, order: FillOrder) -> Filled:
        async with child("accrual.bench.fill", environment=database.environment()) as filler:
            await filler.tell(msgspec.json.encode(order))
            while True:
                line = await filler.line()
                if line.startswith(b"{"):
                    return msgspec.json.decode(line, type=Filled)
                done[number] = int(line)
                tell(sum(done))

    started_s = time.perf_counter()
    filled = await together([one(number, order) for number, order in enumerate(orders)])
    return Journal(accepted=added(*(part.accepted for part in filled)), seconds=time.perf_counter() - started_s)
