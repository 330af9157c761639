"""Reads what movements look back on: open lots, earlier commands with their awards, holds, waiting returns. No decisions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

import msgspec

from accrual.domain.commands import decode_command
from accrual.domain.errors import Broken
from accrual.domain.ids import bucket_of, bucket_of_ticket, member_of
from accrual.domain.lots import LotEvents, LotRow, decode_lots
from accrual.domain.outcomes import Status, decode_outcome
from accrual.domain.transfers import Kind
from accrual.domain.undoing import AwardedLine, HoldRow, Part, TargetRow
from accrual.store.connection import Connection
from accrual.store.sql import query

LOT_SNAPSHOTS = query("lane/lot_snapshots")
LOT_CREDITS = query("lane/lot_credits")
LOT_USES = query("lane/lot_uses")
TARGET = query("lane/target")
TARGET_AWARDS = query("lane/target_awards")
TARGET_EXPIRED = query("lane/target_expired")
UNDONE = query("lane/undone")
HOLD = query("lane/hold")
AWAITING = query("lane/awaiting")
FACTS = query("find_facts")
MEMBER = query("reads/member")

HOPS_MAX = 16
"""How often a command may be forwarded, and a member merged, before whoever looks gives up."""

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


async def read_target(
    connection: Connection, bucket: int, ticket: bytes, programme_id: int, buckets: int
) -> TargetRow | None:
    """A decided command of this programme, wherever it was forwarded to. None while there is none, or none decided."""
    for _ in range(HOPS_MAX):
        row = None if bucket >= buckets else await connection.fetchrow(TARGET, bucket, UUID(bytes=ticket))
        if row is None or row[1] != programme_id:
            return None
        outcome = decode_outcome(row[5])
        if outcome.status is not Status.FORWARDED:
            break
        ticket = outcome.follow_ups[0]
        bucket = bucket_of_ticket(ticket)
    else:
        return None
    position = row[6]
    try:
        identity = decode_command(row[3]).identity
    except msgspec.DecodeError:
        return None
    first = member_of(programme_id, identity.kind, identity.value)
    owners = await _owners(connection, first, buckets)
    expired: dict[int, int] = {}
    for owner in owners:
        home = bucket_of(owner, buckets)
        found = await connection.fetch(TARGET_EXPIRED, home, owner, bucket, position, Kind.EXPIRE)
        for leg, units in found:
            expired[leg] = expired.get(leg, 0) + units
    lines = await connection.fetch(TARGET_AWARDS, bucket, first, position, Kind.AWARD)
    follow_ups = [
        (follow_up, facts)
        for follow_up in outcome.follow_ups
        if (facts := await connection.fetchval(FACTS, bucket_of_ticket(follow_up), UUID(bytes=follow_up))) is not None
    ]
    return TargetRow(
        ticket=ticket,
        bucket=bucket,
        position=position,
        programme_id=programme_id,
        recorded_at=row[2],
        facts=row[3],
        status=row[4],
        payload=row[5],
        member_id=owners[-1],
        awarded=tuple(
            AwardedLine(account, leg, amount, active_at, expired.get(leg, 0))
            for account, leg, amount, active_at in lines
        ),
        follow_ups=tuple(follow_ups),
        homes=tuple(sorted({bucket, *[bucket_of(owner, buckets) for owner in owners]})),
    )


async def _owners(connection: Connection, member_id: bytes, buckets: int) -> list[bytes]:
    """The member and all that they became by mergers, today's last."""
    owners = [member_id]
    for _ in range(HOPS_MAX):
        row = await connection.fetchrow(MEMBER, bucket_of(owners[-1], buckets), owners[-1])
        if row is None or row["merged_into"] is None:
            break
        owners.append(bytes(row["merged_into"]))
    return owners


async def read_undone(connection: Connection, buckets: Sequence[int], target: bytes) -> dict[Part, int]:
    """How much of each part of a command was undone so far."""
    rows = await connection.fetch(UNDONE, list(buckets), UUID(bytes=target))
    return {(row[0], row[1], row[2]): row[3] for row in rows}


async def read_hold(connection: Connection, bucket: int, hold_id: bytes) -> HoldRow | None:
    """What one command set aside."""
    row = await connection.fetchrow(HOLD, bucket, UUID(bytes=hold_id))
    return None if row is None else HoldRow(row[0], row[1].bytes, *tuple(row)[2:])


async def read_awaiting(connection: Connection, bucket: int, target: bytes) -> tuple[bytes, ...]:
    """Tickets of the parked returns that wait for this command."""
    return tuple(row[0].bytes for row in await connection.fetch(AWAITING, bucket, UUID(bytes=target)))
