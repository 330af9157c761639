"""How many costly commands one batch takes, so that nobody behind a backlog of them waits long. Pure arithmetic."""

from __future__ import annotations

HEAVY_MIN, HEAVY_MAX = 64, 1_024
"""The least and the most costly commands of a batch; in between, as many as take about `HEAVY_S`."""

HEAVY_START = 128
HEAVY_S = 0.05
"""How long a batch with costly commands may take, in seconds, before the next one takes half as many."""


class Portion:
    """The costly commands of one batch: movements, changes of profiles and links, retries, verdicts; all but rewards.

    At most `heavy_max` are taken, and from each of the batch's buckets at least its even share of them, or one. `closed` is
    the bucket from which no more is taken: what is behind a command that was left out must wait for it. Buckets come in
    order, each once. At most twice `heavy_max`, and one for each bucket, are taken.
    """

    __slots__ = ("_bucket", "_here", "_least", "_left", "closed", "taken")

    def __init__(self, heavy_max: int, buckets: int) -> None:
        self.closed = -1
        self.taken = 0
        self._left = heavy_max
        self._least = max(1, heavy_max // max(buckets, 1))
        self._bucket = -1
        self._here = 0

    def takes(self, bucket: int) -> bool:
        """Whether this batch takes the next costly command of this bucket."""
        if bucket != self._bucket:
            self._bucket, self._here = bucket, 0
        if bucket == self.closed:
            return False
        if self._left <= 0 and self._here >= self._least:
            self.closed = bucket
            return False
        self._left -= 1
        self._here += 1
        self.taken += 1
        return True


def next_heavy_max(heavy_max: int, portion: Portion, elapsed_s: float) -> int:
    """How many costly commands the next batch takes after one that took so long."""
    if not portion.taken:
        return heavy_max
    if elapsed_s > HEAVY_S:
        return max(HEAVY_MIN, heavy_max // 2)
    if portion.closed >= 0 and elapsed_s < HEAVY_S / 2:
        return min(HEAVY_MAX, heavy_max * 2)
    return heavy_max
