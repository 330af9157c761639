"""How a batch is filled: small backlogs first, deep ones in turn, suspects in small bites. Pure arithmetic.

A command that ends its process is found by its bucket's bites getting smaller with each death, down to one command that
then stands alone: no other bucket's command is in its batch, so none can be blamed for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from accrual.domain.log import Lease

SUSPECT_SHRINK = 8
"""Each death of a lane divides its buckets' next bite by this, down to one command at a time."""

BITE_MAX = 512
MOUTHFUL = 2048
"""How many commands of a bucket a batch takes at once where there are more than it holds. Nobody waits longer for a turn than for
as many commands as would come first in the order in which they were sent."""

SUSPICION_MAX = 16

AFTER_CUT_MIN = 32
"""The fewest commands that are fetched of a bucket, after a batch left some of its commands to the next one."""


NO_PORTIONS: Mapping[int, int] = MappingProxyType({})


def bite_max(suspicion: int) -> int:
    """The most commands a batch takes from one bucket: no bound without suspicion, one command at the worst."""
    return max(1, BITE_MAX // SUSPECT_SHRINK**suspicion) if suspicion else 1 << 31


def suspected(lease: Lease, more: int = 0) -> Lease:
    """The lease after so many more deaths. What ended the last batch is among the commands of its bite, so those, and
    no others, are taken with care."""
    suspicion = min(lease.suspicion + more, SUSPICION_MAX)
    bite_then = BITE_MAX if suspicion == 1 else bite_max(suspicion - 1)
    return lease._replace(suspicion=suspicion, careful=max(bite_then, SUSPECT_SHRINK) if suspicion else 0)


def cleared(lease: Lease, decided: int) -> Lease:
    """The lease after so many commands were decided: once all that were under suspicion are past, it has none."""
    careful = max(lease.careful - decided, 0)
    return lease._replace(suspicion=lease.suspicion if careful else 0, careful=careful)


def stands_alone(leases: Mapping[int, Lease], buckets: Iterable[int]) -> bool:
    """Whether a batch of these buckets is one command that is tried by itself."""
    return any(bite_max(leases[bucket].suspicion) == 1 for bucket in buckets)


def next_portions(
    portions: Mapping[int, int], wanted: Mapping[int, tuple[int, int]], decided: Mapping[int, int]
) -> dict[int, int]:
    """How many commands to fetch of a bucket at most, where a batch came to only some of those it fetched: twice as many as
    it came to, and again twice as many after each batch that came to all; no bound once that is a `MOUTHFUL`."""
    after = dict(portions)
    for bucket, (_, count) in wanted.items():
        done = decided.get(bucket, 0)
        if done < count:
            after[bucket] = max(2 * done, AFTER_CUT_MIN)
        elif bucket in after:
            after[bucket] *= 2
        if after.get(bucket, 0) >= MOUTHFUL:
            del after[bucket]
    return after


def fill(
    leases: Mapping[int, Lease],
    tails: Mapping[int, int],
    rows_max: int,
    turn: int = 0,
    portions: Mapping[int, int] = NO_PORTIONS,
) -> tuple[dict[int, tuple[int, int]], int]:
    """{bucket: (from position, how many)} of at most `rows_max` commands, and the `turn` to give with the next call.

    Buckets with less than an even share are emptied first and leave the rest to the others, so skewed work fills the batch
    as well. Where an even share of those others would be less than a `MOUTHFUL`, they take turns, from bucket `turn` on, in
    mouthfuls: what a bucket's members have in the database lies together, and is read and written in a third less time so.
    A bucket whose bites are down to one command comes before all, and by itself. `portions` are the most commands of buckets
    whose commands cost much.
    """
    waiting = []
    for bucket, lease in leases.items():
        bite = bite_max(lease.suspicion)
        count = min(tails.get(bucket, 0) - lease.cursor, bite)
        if count <= 0:
            continue
        if bite == 1:
            return {bucket: (lease.cursor, 1)}, turn
        if bucket in portions:
            count = min(count, portions[bucket])
        waiting.append((count, bucket))
    waiting.sort()
    taken: dict[int, tuple[int, int]] = {}
    left = rows_max
    for index, (count, bucket) in enumerate(waiting):
        share = left // (len(waiting) - index)
        if share < min(count, MOUTHFUL):
            return _take_turns(waiting[index:], leases, left, turn, taken)
        count = min(count, share)
        taken[bucket] = (leases[bucket].cursor, count)
        left -= count
    return taken, turn


def _take_turns(
    waiting: Sequence[tuple[int, int]],
    leases: Mapping[int, Lease],
    left: int,
    first: int,
    taken: dict[int, tuple[int, int]],
) -> tuple[dict[int, tuple[int, int]], int]:
    turn = first
    for count, bucket in sorted(waiting, key=lambda entry: (entry[1] < first, entry[1])):
        if not left:
            break
        count = min(count, MOUTHFUL, left)
        taken[bucket] = (leases[bucket].cursor, count)
        left -= count
        turn = bucket + 1
    return taken, turn
