"""The child that appends commands in bulk (`python -m accrual.bench.fill`): an order on stdin, counts on stdout."""

from __future__ import annotations

import asyncio
import sys
import time
from collections import Counter
from collections.abc import Iterator
from itertools import islice

import msgspec

from accrual.bench.options import Distribution
from accrual.bench.workload import Workload, draw_members
from accrual.bootstrap.bench import bench_engine, child_database_url
from accrual.bootstrap.engine import RunningEngine
from accrual.domain.errors import AccrualError, Missing
from accrual.domain.programme import Catalogue, StoredClient

BATCH = 500
CALLERS = 3
"""One flush is under way, one waits, one is being made."""


class FillOrder(msgspec.Struct, frozen=True, kw_only=True):
    """What one child appends: `count` commands of members drawn, or one each of members `first` .. `first + count`."""

    run: str
    seed: int
    facts: int
    members: int
    count: int
    client: str = "qoin"
    distribution: Distribution | None = None
    first: int = 0


class Filled(msgspec.Struct, frozen=True, kw_only=True):
    """What was accepted, by bucket, in how many seconds."""

    accepted: dict[int, int]
    seconds: float


def first_client(engine: RunningEngine, code: str) -> tuple[Catalogue, StoredClient]:
    """The programme of a benchmark's database and its client. Raises Missing when the programme lacks it."""
    catalogue = next(iter(engine.catalog.programmes.values()))
    for client in engine.catalog.clients.values():
        if client.client.code == code:
            return catalogue, client
    raise Missing(f"The programme has no client {code!r}, in whose name the benchmark sends its commands.")


async def fill(order: FillOrder, url: str) -> Filled:
    """Append what the order says; a line of progress on stdout every so often."""
    members: Iterator[int]
    if order.distribution is None:
        members = iter(range(order.first, order.first + order.count))
    else:
        members = draw_members(order.distribution, order.members, f"{order.seed} {order.run}")
    accepted: Counter[int] = Counter()
    async with bench_engine(url, label="bench fill") as engine:
        catalogue, client = first_client(engine, order.client)
        workload = Workload(catalogue, client, seed=order.seed, facts=order.facts)
        numbers = iter(range(order.count))

        async def call() -> None:
            while chunk := [(next(members), number) for number in islice(numbers, BATCH)]:
                batch = [workload.submission(member, number, key_of(order, number)) for member, number in chunk]
                for answer in await engine.submit_many(batch):
                    if isinstance(answer, AccrualError):
                        raise answer
                    accepted[answer.bucket] += 1
                sys.stdout.write(f"{accepted.total()}\n")
                sys.stdout.flush()

        started_s = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for _ in range(CALLERS):
                group.create_task(call())
        seconds = time.perf_counter() - started_s
    return Filled(accepted=dict(accepted), seconds=seconds)


def key_of(order: FillOrder, number: int) -> bytes:
    """A key of the sort that calls without an Idempotency-Key get: looked for by nobody."""
    return f"r{order.run} {order.first} {number}".encode()


def main() -> None:
    """Read the order, fill, print the result as the last line."""
    import uvloop

    order = msgspec.json.decode(sys.stdin.buffer.readline(), type=FillOrder)
    filled = uvloop.run(fill(order, child_database_url()))
    sys.stdout.write(msgspec.json.encode(filled).decode() + "\n")


if __name__ == "__main__":
    main()
