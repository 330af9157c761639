"""What each appending process of tests/store/test_append.py runs: submissions into the log of a database. No assertions."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from accrual.store.postgres import open_pool
from tests.store.wiring import log_of, purchase, submitter


def append_many(url: str, process: int, users: list[str], rounds: int, meeting: Path) -> list[tuple[bytes, int, int]]:
    """Submit a purchase of each user in each round, all of a round at once; (ticket, bucket, position) of each.

    Two processes that are given the same directory start together.
    """

    async def work() -> list[tuple[bytes, int, int]]:
        pool = await open_pool(url, label=f"append {process}", size_max=2)
        try:
            submit = submitter(log_of(pool)).submit
            placed = []
            for turn in range(rounds):
                receipts = await asyncio.gather(*[submit(purchase(user, f"{process}-{turn}")) for user in users])
                placed += [(receipt.ticket, receipt.bucket, receipt.position) for receipt in receipts]
            return placed
        finally:
            await pool.close()

    (meeting / str(process)).touch()
    while len(list(meeting.iterdir())) < 2:
        time.sleep(0.001)
    return asyncio.run(work())
