"""Reads what movements look back on: open lots, holds, what was undone, waiting returns, parked commands. No decisions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from accrual.domain.errors import Broken
from accrual.domain.lots import LotEvents, LotRow, decode_lots
from accrual.domain.undoing import HoldRow, ParkedFacts, Part
from accrual.store.connection import Connection
from accrual.store.slices import sliced, uuids
from accrual.store.sql import query

LOT_SNAPSHOTS = query("lane/lot_snapshots")
LOT_CREDITS = query("lane/lot_credits")
LOT_USES = query("lane/lot_uses")
UNDONE = query("lane/undone")
HOLDS = query("lane/holds")
AWAITING = query("lane/awaiting")
PARKED_FACTS = query("lane/parked_facts")

Place = tuple[int, int]
"""(bucket, account)."""


async def read_lots(
    connection: Connection, wanted: Mapping[int, Sequence[int]], starts: Sequence[int]
) -> dict[Place, LotEvents]:
    """What the open lots of {bucket: accounts} are known by. `starts` slice the accounts by bucket. Raises Broken."""
    buckets = sorted(wanted)
    flat = [account for bucket in buckets for account in wanted[bucket]]
    events: dict[Place, LotEvents] = {}
    try:
        for bucket, account, position, lots in await connection.fetch(LOT_SNAPSHOTS, buckets, starts, flat):
            events[bucket, account] = LotEvents(position, decode_lots(lots), [], [])
    except msgspec.DecodeError as error:
        raise Broken("A snapshot of open lots cannot be read.", code="lots_damaged") from error
    since = [
        events[bucket, account].position if (bucket, account) in events else 0
        for bucket in buckets
        for account in wanted[bucket]
    ]
    for bucket, account, position, leg, amount, expires_at, active_at, *origin in await connection.fetch(
        LOT_CREDITS, buckets, starts, flat, since
    ):
        place = events.setdefault((bucket, account), LotEvents(0, [], [], []))
        first = None if origin[0] is None else (origin[0], origin[1], origin[2])
        place.credits.append(LotRow(position, leg, amount, expires_at, active_at, first))
    for bucket, account, position, leg, amount in await connection.fetch(LOT_USES, buckets, starts, flat, since):
        events.setdefault((bucket, account), LotEvents(0, [], [], [])).uses.append((position, leg, amount))
    return events


async def read_undone(
    connection: Connection, wanted: Mapping[bytes, Sequence[int]], buckets: int
) -> dict[bytes, dict[Part, int]]:
    """How much of each part of {command: buckets to look in} was undone so far."""
    by_bucket: dict[int, list[bytes]] = {}
    for target, homes in wanted.items():
        for bucket in homes:
            by_bucket.setdefault(bucket, []).append(target)
    found: dict[bytes, dict[Part, int]] = {}
    for target, award, fact, line, units in await connection.fetch(UNDONE, *sliced(by_bucket, buckets, uuids)):
        found.setdefault(target.bytes, {})[award, fact, line] = units
    return found


async def read_holds(
    connection: Connection, wanted: Mapping[int, Sequence[bytes]], buckets: int
) -> dict[tuple[int, bytes], HoldRow]:
    """What commands of {bucket: tickets} set aside, by (bucket, ticket)."""
    rows = await connection.fetch(HOLDS, *sliced(wanted, buckets, uuids))
    return {(row[0], row[1].bytes): HoldRow(row[0], row[1].bytes, *tuple(row)[2:]) for row in rows}


async def read_awaiting(
    connection: Connection, wanted: Mapping[int, Sequence[bytes]], buckets: int
) -> dict[bytes, tuple[bytes, ...]]:
    """Tickets of the parked returns that wait for commands of {bucket: tickets}, by what they wait for, oldest first."""
    found: dict[bytes, tuple[bytes, ...]] = {}
    for target, ticket in await connection.fetch(AWAITING, *sliced(wanted, buckets, uuids)):
        found[target.bytes] = (*found.get(target.bytes, ()), ticket.bytes)
    return found


async def read_parked(
    connection: Connection, wanted: Mapping[int, Sequence[bytes]], buckets: int
) -> dict[bytes, ParkedFacts]:
    """Those of {bucket: tickets} that are parked and were not resumed yet."""
    rows = await connection.fetch(PARKED_FACTS, *sliced(wanted, buckets, uuids))
    return {row[0].bytes: ParkedFacts(*tuple(row)[1:]) for row in rows}
