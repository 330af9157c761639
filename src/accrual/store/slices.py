"""Arrays for statements that read many things of many buckets at once: what is wanted of each bucket is a slice of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID


def offsets(groups: Mapping[int, Sequence[Any]], buckets: int) -> list[int]:
    """Where each bucket's slice starts in the concatenation of its groups in bucket order; one more entry than buckets."""
    starts = [0] * (buckets + 1)
    total = 0
    for bucket in range(buckets):
        starts[bucket] = total
        group = groups.get(bucket)
        if group is not None:
            total += len(group)
    starts[buckets] = total
    return starts


def by_bucket(keys: Iterable[bytes], bucket_of_key: Callable[[bytes], int], buckets: int) -> dict[int, list[bytes]]:
    """Keys by their bucket, in order; a bucket that there is none of holds nothing."""
    found: dict[int, list[bytes]] = {}
    for key in sorted(keys):
        bucket = bucket_of_key(key)
        if bucket < buckets:
            found.setdefault(bucket, []).append(key)
    return found


def sliced(
    wanted: Mapping[int, Sequence[bytes]], buckets: int, values: Callable[[list[bytes]], list[Any]]
) -> tuple[list[int], list[int], list[Any]]:
    """The buckets, where the slice of each begins, and all that is wanted in their order."""
    order = sorted(wanted)
    return order, offsets(wanted, buckets), values([key for bucket in order for key in wanted[bucket]])


def sliced_rows(
    wanted: Mapping[int, Sequence[tuple[Any, ...]]], buckets: int, columns: int
) -> tuple[list[int], list[int], *tuple[list[Any], ...]]:
    """As `sliced`, of rows with so many columns."""
    order = sorted(wanted)
    flat = [row for bucket in order for row in wanted[bucket]]
    return order, offsets(wanted, buckets), *[[row[column] for row in flat] for column in range(columns)]


def uuids(tickets: list[bytes]) -> list[UUID]:
    return [UUID(bytes=ticket) for ticket in tickets]
