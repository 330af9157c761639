"""How a batch is filled: from every bucket with work, nobody's share fixed, suspects in small bites. Pure arithmetic."""

from __future__ import annotations

from collections.abc import Mapping

from accrual.domain.log import Lease

SUSPECT_SHRINK = 8
"""Each death of a lane divides its buckets' next bite by this, down to one command at a time."""

BITE_MAX = 512


def bite_max(suspicion: int) -> int:
    """The most commands a batch takes from one bucket: no bound without suspicion, one command at the worst."""
    return max(1, BITE_MAX // SUSPECT_SHRINK**suspicion) if suspicion else 1 << 31


def fill(leases: Mapping[int, Lease], tails: Mapping[int, int], rows_max: int) -> dict[int, tuple[int, int]]:
    """{bucket: (from position, how many)} of at most `rows_max` commands, shared evenly among buckets that have them.

    A bucket with less than its even share leaves the rest to the others, so skewed work still fills the batch.
    """
    waiting = []
    for bucket, lease in leases.items():
        count = min(tails.get(bucket, 0) - lease.cursor, bite_max(lease.suspicion))
        if count > 0:
            waiting.append((count, bucket))
    waiting.sort()
    taken: dict[int, tuple[int, int]] = {}
    left = rows_max
    for index, (count, bucket) in enumerate(waiting):
        share = max(1, left // (len(waiting) - index))
        count = min(count, share)
        taken[bucket] = (leases[bucket].cursor, count)
        left -= count
        if left <= 0:
            break
    return taken
