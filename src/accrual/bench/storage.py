"""Weighs what commands leave on disk: bytes of rows, of indexes and of bodies. Runs no load."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from accrual.bench.results import CommandBytes, TableBytes
from accrual.bootstrap.bench import BenchDatabase, Sizes

BODY_BUCKETS = 16
LOG = "command"
"""The table that bodies stand in."""

LEAST_BYTES = 1
"""Tables that grow by less a command are not shown."""


class Weight(msgspec.Struct, frozen=True, kw_only=True):
    """A database at one moment: bytes and rows by table, and the bodies of a few buckets as (bytes, commands)."""

    sizes: Sizes
    rows: Mapping[str, int]
    bodies: tuple[int, int]


async def weigh(database: BenchDatabase) -> Weight:
    """The database as it is now."""
    probe = database.probe
    bodies = await probe.body_bytes(range(min(database.buckets, BODY_BUCKETS)))
    return Weight(sizes=await probe.sizes(), rows=await probe.rows(), bodies=bodies)


def bytes_between(before: Weight, after: Weight, count: int) -> CommandBytes:
    """What each of `count` commands added: to a table by its growth, to its indexes by their bytes a row.

    Indexes are weighed whole, because one whose keys come in no order grows in waves: its pages, filled at the same time,
    split at the same time.
    """
    commands = after.bodies[1] - before.bodies[1]
    body = (after.bodies[0] - before.bodies[0]) / commands if commands else 0.0
    tables = {}
    for name, size in after.sizes.items():
        row = (size.table - before.sizes[name].table) / count - (body if name == LOG else 0.0)
        index = (size.indexes - before.sizes[name].indexes) / count
        if after.rows.get(name):
            index = size.indexes / after.rows[name] * (after.rows[name] - before.rows[name]) / count
        if row + index >= LEAST_BYTES:
            tables[name] = TableBytes(row=round(row, 1), index=round(index, 1))
    without = sum(part.row + part.index for part in tables.values())
    return CommandBytes(
        total=round(without + body, 1), body=round(body, 1), without_body=round(without, 1), tables=tables
    )
