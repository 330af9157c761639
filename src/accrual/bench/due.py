"""The child of `bench expire` (`python -m accrual.bench.due`): grants lots, or runs upkeep ahead of the clock. Told on stdin."""

from __future__ import annotations

import asyncio
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice

import msgspec

from accrual.bench.fill import first_client
from accrual.bootstrap.bench import bench_engine, bench_upkeep, child_database_url
from accrual.bootstrap.engine import RunningEngine
from accrual.domain.commands import Dialect, Submission, content_digest, encode_command
from accrual.domain.errors import AccrualError
from accrual.domain.facts import Identity
from accrual.domain.movements import Grant

BATCH = 500
CALLERS = 3
AHEAD = timedelta(days=2)
LIFE = "P1D"
"""How long the lots live; upkeep runs as if twice that had passed."""


class DueOrder(msgspec.Struct, frozen=True, kw_only=True):
    """What the child does: grant `lots` to `members` in turn, or (0) expire everything."""

    members: int
    lots: int
    client: str = "qoin"


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """Commands accepted by bucket, and how many seconds that took."""

    accepted: dict[int, int]
    seconds: float


async def grant(order: DueOrder, engine: RunningEngine) -> Done:
    """Append the grants; a line of progress on stdout every so often."""
    catalogue, client = first_client(engine, order.client)
    accepted: Counter[int] = Counter()
    numbers = iter(range(order.lots))

    def made(number: int) -> Submission:
        command = Grant(
            dialect=Dialect.NATIVE,
            action="grant",
            identity=Identity("qoin.user_id", str(number % order.members)),
            asset=catalogue.assets[0].asset.code,
            amount=10 + number % 90,
            expires=LIFE,
        )
        return Submission(
            programme_id=catalogue.programme_id,
            client_id=client.client_id,
            command=command,
            key=b"r%d" % number,
            content=content_digest(encode_command(command)),
            body=b"{}",
        )

    async def call(numbers: Iterator[int]) -> None:
        while chunk := [made(number) for number in islice(numbers, BATCH)]:
            for answer in await engine.submit_many(chunk):
                if isinstance(answer, AccrualError):
                    raise answer
                accepted[answer.bucket] += 1
            _say(accepted.total())

    started_s = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(CALLERS):
            group.create_task(call(numbers))
    return Done(accepted=dict(accepted), seconds=time.perf_counter() - started_s)


async def expire(engine: RunningEngine, url: str) -> Done:
    """Run upkeep as if all lots had expired, with the bounds that `accrual serve` has."""
    now = datetime.now(UTC)
    started_s = time.perf_counter()
    async with bench_upkeep(url, engine) as opened:
        tally = await opened.upkeep.run(now + AHEAD, now)
    return Done(accepted=dict(tally.accepted), seconds=time.perf_counter() - started_s)


def _say(count: int) -> None:
    sys.stdout.write(f"{count}\n")
    sys.stdout.flush()


async def work(order: DueOrder, url: str) -> Done:
    """What the order says."""
    async with bench_engine(url, label="bench due") as engine:
        return await grant(order, engine) if order.lots else await expire(engine, url)


def main() -> None:
    """Read the order, carry it out, print the result, and wait until it was read: memory is looked up meanwhile."""
    import uvloop

    order = msgspec.json.decode(sys.stdin.buffer.readline(), type=DueOrder)
    done = uvloop.run(work(order, child_database_url()))
    sys.stdout.write(msgspec.json.encode(done).decode() + "\n")
    sys.stdout.flush()
    sys.stdin.buffer.readline()


if __name__ == "__main__":
    main()
