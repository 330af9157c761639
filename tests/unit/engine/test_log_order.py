"""The log's buckets come as one stream in the order of recording, none twice, none left out, each in its own order."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from accrual.domain.books import DecidedCommand
from accrual.domain.commands import LoggedCommand
from accrual.engine import log_order
from accrual.engine.log_order import in_order

START = datetime(2026, 3, 1, tzinfo=UTC)


class DrawnLog:
    """Buckets of very different lengths; several commands share a moment."""

    def __init__(self, seed: int, buckets: int = 5) -> None:
        chance = random.Random(seed)
        self.buckets = buckets
        self.rows = [self._bucket(chance, bucket) for bucket in range(buckets)]
        self.largest = 0

    def _bucket(self, chance: random.Random, bucket: int) -> list[DecidedCommand]:
        moments = sorted(chance.randrange(200) for _ in range(chance.choice((0, 1, 40, 700))))
        return [
            DecidedCommand(
                LoggedCommand(bucket, position, b"", 1, 1, START + timedelta(seconds=s), b"", b"", b"", None), 1, b""
            )
            for position, s in enumerate(moments, 1)
        ]

    async def count(self) -> int:
        return sum(map(len, self.rows))

    async def page(self, wanted: Mapping[int, int], rows_max: int) -> dict[int, list[DecidedCommand]]:
        self.largest = max(self.largest, rows_max)
        return {bucket: self.rows[bucket][first - 1 : first - 1 + rows_max] for bucket, first in wanted.items()}


@pytest.mark.parametrize("seed", range(8))
async def test_everything_comes_once_and_in_order(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_order, "ROWS_AHEAD", 40)
    monkeypatch.setattr(log_order, "PAGE_MIN", 4)
    monkeypatch.setattr(log_order, "PAGE_MAX", 64)
    log = DrawnLog(seed)
    came = [row async for part in in_order(log) for row in part]
    assert sorted((row.command.bucket, row.command.position) for row in came) == [
        (bucket, position) for bucket, rows in enumerate(log.rows) for position in range(1, len(rows) + 1)
    ]
    moments = [row.command.recorded_at for row in came]
    assert moments == sorted(moments)
    for bucket in range(log.buckets):
        positions = [row.command.position for row in came if row.command.bucket == bucket]
        assert positions == sorted(positions)
    assert log.largest <= 64
