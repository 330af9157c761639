"""Rounds of draws as lanes and the catalogue meet them: secrets by revision, heads of chains, what keeps a round open."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from accrual.domain.draws import (
    BY_CHECKPOINT,
    SCHEME_BY_TICKET,
    SECRET_BYTES,
    DrawHead,
    DrawKey,
    DrawnRow,
    DrawSecret,
    RoundTerms,
)
from accrual.domain.errors import StockMoved
from accrual.store.connection import Connection, Record
from accrual.store.postgres import mapping_loss
from accrual.store.sql import query

HEADS = query("draw/heads")
OPEN_ROUNDS = query("draw/open_rounds")
SECRETS, ROUNDS = query("draw/secrets"), query("draw/rounds_at")
FIRST_ROUND = query("draw/first_round")
SECRET_WRITE = query("draw/secret_write")
CHECKPOINTS_MADE = query("draw/checkpoints_made")


async def read_heads(
    connection: Connection, buckets: Sequence[int], offsets: Sequence[int], wanted: Sequence[DrawKey]
) -> dict[tuple[int, int, int], DrawHead]:
    """Where the entries of rounds end in buckets; `wanted` is sliced by `offsets`."""
    promos, rounds = zip(*wanted, strict=True)
    with mapping_loss():
        rows = await connection.fetch(HEADS, buckets, offsets, promos, rounds)
    return {(row[0], row[1], row[2]): DrawHead(row[3], row[4]) for row in rows}


async def hold_rounds(connection: Connection, drawn: Sequence[DrawnRow]) -> None:
    """Keep the rounds of these entries open until the posting is done.

    Raises StockMoved when one has been closed: its secret may be known, so it has to be drawn again with the next one.
    """
    keys = sorted({(row.promo_id, row.round) for row in drawn})
    promos, rounds = zip(*keys, strict=True)
    if len(await connection.fetch(OPEN_ROUNDS, promos, rounds)) != len(keys):
        raise StockMoved(details={"stock": "round"})


async def read_secrets(connection: Connection, programme_id: int, revision: int) -> tuple[DrawSecret, ...]:
    """The secrets with which a programme draws at a revision."""
    return tuple(_drawn_with(row, row["secret"]) for row in await connection.fetch(SECRETS, programme_id, revision))


async def read_rounds(connection: Connection, programme_id: int, revision: int) -> tuple[DrawSecret, ...]:
    """The rounds in which a programme draws at a revision, for looking at: nothing is drawn with the secret in their place."""
    rows = await connection.fetch(ROUNDS, programme_id, revision)
    return tuple(_drawn_with(row, bytes(SECRET_BYTES)) for row in rows)


def _drawn_with(row: Record, secret: bytes) -> DrawSecret:
    return DrawSecret(
        promo_id=row["promo_id"],
        round=row["round"],
        secret=secret,
        since=row["recorded_at"],
        scheme=row["scheme"] or SCHEME_BY_TICKET,
        committed=row["commitment"],
        shared=bool(row["shared"]),
        beacon=row["beacon"],
    )


async def beacon_of(connection: Connection, *, raffle: bool) -> str | None:
    """The public value that a new round waits for: a raffle's, where the installation signs checkpoints."""
    return BY_CHECKPOINT if raffle and await connection.fetchval(CHECKPOINTS_MADE) else None


async def open_first_round(
    connection: Connection,
    programme_id: int,
    code: str,
    revision: int,
    secret: bytes,
    terms: RoundTerms,
    actor: str,
    now: datetime,
) -> None:
    """Publish the first commitment of a promo that draws; nothing where it has one."""
    opened = (terms.commitment, now, actor, terms.scheme, terms.shared, terms.beacon)
    promo_id = await connection.fetchval(FIRST_ROUND, programme_id, code, revision, *opened)
    if promo_id is not None:
        await connection.execute(SECRET_WRITE, promo_id, 1, secret)
