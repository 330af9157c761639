"""What lanes and the submitter count about themselves, as values that travel; nothing is measured or shown here."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

import msgspec

ROWS_BOUNDS = (1, 4, 16, 64, 256, 1024, 4096)
"""Upper bounds, inclusive, of the histograms of batch and flush sizes, in commands."""

POSTING_US_BOUNDS = (1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000)
"""Upper bounds, inclusive, of the histogram of posting times, in microseconds."""


class Histogram(msgspec.Struct, frozen=True, kw_only=True):
    """How often what size was seen. `cumulative[i]` counts values up to the i-th bound; `count` is all of them."""

    cumulative: tuple[int, ...] = ()
    count: int = 0
    sum: int = 0


class Tally:
    """A histogram being filled, one `observe` a value; `histogram()` is its value now."""

    def __init__(self, bounds: Sequence[int]) -> None:
        self._bounds = tuple(bounds)
        self._counts = [0] * (len(self._bounds) + 1)
        self._sum = 0

    def observe(self, value: int) -> None:
        """Count one value of at least 0, in the unit of the bounds."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def histogram(self) -> Histogram:
        """Everything observed so far."""
        cumulative = []
        seen = 0
        for count in self._counts[:-1]:
            seen += count
            cumulative.append(seen)
        return Histogram(cumulative=tuple(cumulative), count=seen + self._counts[-1], sum=self._sum)


class LaneReport(msgspec.Struct, frozen=True, kw_only=True):
    """What one lane process did since it started; written beside its beat (`worker.report`), all whole numbers.

    `buckets` it owns now, `lag` commands of them wait undecided. Sizes are in commands, posting times in microseconds.
    """

    worker_id: str
    label: str
    buckets: int = 0
    lag: int = 0
    decided_total: int = 0
    parked_total: int = 0
    awards_total: int = 0
    fence_refused_total: int = 0
    batch_rows: Histogram = Histogram()
    posting_us: Histogram = Histogram()


class SubmitReport(msgspec.Struct, frozen=True, kw_only=True):
    """What this process's submitter did since it started. `refused_total`: turned away as busy, by error code.

    `warnings` counts by warning code; `flush_rows` is how many commands each append carried.
    """

    accepted_total: int = 0
    repeated_total: int = 0
    refused_total: dict[str, int] = msgspec.field(default_factory=dict)
    warnings_total: dict[str, int] = msgspec.field(default_factory=dict)
    flush_rows: Histogram = Histogram()


class EngineReport(msgspec.Struct, frozen=True, kw_only=True):
    """Everything `/metrics` shows beyond HTTP. `backlog` is all undecided commands; None: the database did not answer."""

    submit: SubmitReport
    lanes: tuple[LaneReport, ...] = ()
    backlog: int | None = None
    oldest_xmin_age_s: int | None = None
