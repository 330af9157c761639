"""Shared stocks in PostgreSQL: shares from the centre and back, caps of outlets and devices, stocks and codes of rewards."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from accrual.domain.errors import StockMoved
from accrual.domain.ids import bucket_of
from accrual.domain.log import StockRow
from accrual.domain.rewards import RewardCode
from accrual.domain.stocks import StockKey
from accrual.store.connection import Connection
from accrual.store.sql import query

SHARES = query("stock/shares")
CENTRAL = query("stock/central")
OPEN_CENTRAL = query("stock/open_central")
WRITE_CENTRAL = query("stock/write_central")
ADD_SHARES = query("stock/add_shares")
USE_SHARES = query("stock/use_shares")
TAKE_BACK = query("stock/take_back")
HELD_SHARES = query("stock/held_shares")
QUOTAS = query("stock/quotas")
USE_QUOTAS = query("stock/use_quotas")
NEXT_CODES = query("stock/next_codes")
GIVE_CODES = query("stock/give_codes")

CHUNKS_A_BUCKET = 4
"""A fetch takes 1 / (this many times the buckets) of what is left, so that the last of a stock is never in few hands."""

Place = tuple[int, StockKey]
Central = tuple[int, int, int]


def _columns(rows: Iterable[Sequence[Any]]) -> list[tuple[Any, ...]]:
    return list(zip(*rows, strict=True))


def _central(key: StockKey) -> Central:
    return key.promo_id, key.slot, key.period


async def fetch_shares(
    connection: Connection, wanted: Sequence[tuple[int, StockKey, int]], *, buckets: int
) -> dict[Place, tuple[int, bool]]:
    """(at hand, no more to be had) by (bucket, stock). Moves from the centre what a bucket wants and has not.

    A transaction of its own: what a crash leaves moved is still there for whoever owns the bucket next.
    """
    async with connection.transaction():
        places = [(bucket, *_central(key)) for bucket, key, _ in wanted]
        held = {(row[0], row[1], row[2], row[3]): row[4] for row in await connection.fetch(SHARES, *_columns(places))}
        caps = {_central(key): key.cap for _, key, _ in wanted}
        opened = sorted((*central, cap) for central, cap in caps.items())
        left = {(row[0], row[1], row[2]): row[3] for row in await connection.fetch(OPEN_CENTRAL, *_columns(opened))}
        before = dict(left)
        moves = share_out(wanted, held, left, buckets=buckets)
        changed = [
            (*central, left[central] - before[central]) for central in sorted(left) if left[central] != before[central]
        ]
        if changed:
            await connection.execute(WRITE_CENTRAL, *_columns(changed))
        if moves:
            await connection.execute(
                ADD_SHARES, *_columns([(bucket, *central, moved) for (bucket, central), moved in sorted(moves.items())])
            )
    return {
        (bucket, key): (
            held.get((bucket, *_central(key)), 0) + moves.get((bucket, _central(key)), 0),
            left[_central(key)] <= 0,
        )
        for bucket, key, _ in wanted
    }


def share_out(
    wanted: Sequence[tuple[int, StockKey, int]],
    held: Mapping[tuple[int, int, int, int], int],
    left: dict[Central, int],
    *,
    buckets: int,
) -> dict[tuple[int, Central], int]:
    """What moves from the centre into each bucket that wants more than it has; `left` of the centre shrinks by it."""
    moves: dict[tuple[int, Central], int] = {}
    for bucket, key, units in wanted:
        central = _central(key)
        missing = units - held.get((bucket, *central), 0)
        if missing <= 0:
            continue
        chunk = max(missing, left[central] // (CHUNKS_A_BUCKET * buckets))
        moved = min(chunk, max(left[central], 0))
        left[central] -= moved
        moves[bucket, central] = moves.get((bucket, central), 0) + moved
    return moves


async def would_fetch_shares(
    connection: Connection,
    wanted: Sequence[tuple[int, StockKey, int]],
    moved: dict[tuple[int, Central], int],
    *,
    buckets: int,
) -> dict[Place, tuple[int, bool]]:
    """What `fetch_shares` would answer, with nothing moved; `moved` remembers what earlier answers pretended to move."""
    places = [(bucket, *_central(key)) for bucket, key, _ in wanted]
    held = {(row[0], row[1], row[2], row[3]): row[4] for row in await connection.fetch(SHARES, *_columns(places))}
    caps = {_central(key): key.cap for _, key, _ in wanted}
    left = dict(caps)
    for promo_id, slot, period, cap, remaining in await connection.fetch(CENTRAL, *_columns(sorted(caps))):
        left[promo_id, slot, period] = remaining + caps[promo_id, slot, period] - cap
    for (bucket, central), units in moved.items():
        if central in left:
            left[central] -= units
            held[bucket, *central] = held.get((bucket, *central), 0) + units
    for place, units in share_out(wanted, held, left, buckets=buckets).items():
        moved[place] = moved.get(place, 0) + units
        held[place[0], *place[1]] = held.get((place[0], *place[1]), 0) + units
    return {
        (bucket, key): (held.get((bucket, *_central(key)), 0), left[_central(key)] <= 0) for bucket, key, _ in wanted
    }


async def _gather(connection: Connection, central: Central, idle: Sequence[int]) -> int:
    rows = await connection.fetch(HELD_SHARES, idle, *central)
    if not rows:
        return 0
    await connection.execute(TAKE_BACK, [row[0] for row in rows], *central)
    return int(sum(row[1] for row in rows))


async def return_shares(connection: Connection, idle: Sequence[Place]) -> None:
    """Give what these buckets have at hand back to the centre, in a transaction of its own."""
    by_central: dict[Central, list[int]] = {}
    for bucket, key in idle:
        by_central.setdefault(_central(key), []).append(bucket)
    async with connection.transaction():
        caps = {_central(key): key.cap for _, key in idle}
        await connection.fetch(OPEN_CENTRAL, *_columns(sorted((*central, cap) for central, cap in caps.items())))
        given = [
            (*central, await _gather(connection, central, sorted(numbers)))
            for central, numbers in sorted(by_central.items())
        ]
        await connection.execute(WRITE_CENTRAL, *_columns(given))


async def quotas(connection: Connection, wanted: Sequence[StockKey], *, buckets: int) -> dict[StockKey, int]:
    """What is left of each cap; all of it where nothing was used yet. A changed cap counts from what was used.

    Below nothing where a cap is lower now than what was used.
    """
    places = [(bucket_of(key.subject, buckets), key.subject, *_central(key)) for key in wanted]
    rows = await connection.fetch(QUOTAS, *_columns(places))
    found = {(row[0], row[1], row[2], row[3]): (row[4], row[5]) for row in rows}
    left = {}
    for key in wanted:
        cap, remaining = found.get((key.subject, *_central(key)), (key.cap, key.cap))
        left[key] = remaining + key.cap - cap
    return left


async def use_stocks(connection: Connection, shares: Sequence[StockRow], caps: Sequence[StockRow]) -> None:
    """Use shares and caps within the posting. Raises StockMoved when one of them is not there any more."""
    if shares:
        rows = _summed(shares)
        used = [(row.bucket, row.promo_id, row.slot, row.period, row.used) for row in rows]
        if len(await connection.fetch(USE_SHARES, *_columns(used))) != len(rows):
            raise StockMoved(details={"stock": "share"})
    if caps:
        rows = _summed(caps)
        if len(await connection.fetch(USE_QUOTAS, *_columns(rows))) != len(rows):
            raise StockMoved(details={"stock": "cap"})


async def next_codes(
    connection: Connection, wanted: Mapping[bytes, int], *, buckets: int
) -> dict[bytes, list[RewardCode]]:
    """The next so many codes of pools, by subject: those behind the last that was given."""
    found = {}
    for subject, count in sorted(wanted.items()):
        rows = await connection.fetch(NEXT_CODES, bucket_of(subject, buckets), subject, count)
        found[subject] = [RewardCode(row[0], row[1]) for row in rows]
    return found


async def give_codes(connection: Connection, codes: Sequence[tuple[int, bytes, int, UUID]]) -> None:
    """Note codes as given, within the posting. Raises StockMoved when one of them was given by somebody else."""
    rows = sorted(codes, key=lambda row: row[:3])
    if len(await connection.fetch(GIVE_CODES, *_columns(rows))) != len(rows):
        raise StockMoved(details={"stock": "pool"})


def _summed(rows: Sequence[StockRow]) -> list[StockRow]:
    """One row a stock: a statement may change a row only once. The cap is that of what is used, not of what comes back."""
    summed: dict[tuple[int, bytes, int, int, int], StockRow] = {}
    for row in rows:
        place = (row.bucket, row.subject, row.promo_id, row.slot, row.period)
        known = summed.get(place)
        summed[place] = row if known is None else _sum(known, row)
    return list(summed.values())


def _sum(known: StockRow, row: StockRow) -> StockRow:
    return known._replace(used=known.used + row.used, cap=row.cap if row.used > 0 else known.cap)
