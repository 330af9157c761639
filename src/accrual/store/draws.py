"""Draws as people look after them: rounds closed and opened, entries read in order, winners kept. Draws nothing itself."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime

import msgspec

from accrual.domain.checkpoints import JournalLine
from accrual.domain.documents import encode_document
from accrual.domain.draws import (
    SCHEME_BY_TICKET,
    BucketHead,
    DrawnEntry,
    Entrant,
    Round,
    Winner,
    root_of,
    sealed,
    share_of,
    terms_of,
)
from accrual.domain.errors import Missing, Refused
from accrual.domain.ids import bucket_of
from accrual.domain.stocks import StockKey
from accrual.store.audit import act_for
from accrual.store.connection import Connection, Pool
from accrual.store.draw_rounds import beacon_of
from accrual.store.postgres import mapping_loss, transact
from accrual.store.sql import query

_LOCK, _RAISE = query("catalogue/programme_lock"), query("catalogue/programme_raise")
_AUDIT = query("catalogue/audit_write")
_CLOSE, _NEXT, _SECRET, _RESULT = (
    query("draw/close_round"),
    query("draw/next_round"),
    query("draw/secret_write"),
    query("draw/result"),
)
_ROUNDS, _ENDS, _ENTRIES, _ENTRANTS = (
    query("draw/rounds"),
    query("draw/ends"),
    query("draw/entries"),
    query("draw/entrants"),
)
_DECIDED_BY, _CHECKPOINT_AFTER = query("draw/decided_by"), query("draw/checkpoint_after")
_PUBLISH = query("draw/publish")
_LINES = msgspec.json.Decoder(JournalLine)

UNDECIDED = "none"
"""Stands for the public value of a round that was ended before any could decide it."""
_TICKET, _STANDING, _STOCK_LEFT = query("draw/ticket"), query("draw/standing"), query("draw/stock_left")
_WINNERS, _WINNER_WRITE, _ROUND_LOCK = query("draw/winners"), query("draw/winner_write"), query("draw/round_lock")
_CLAIM, _EXPIRE, _GRANTED = query("draw/claim"), query("draw/expire"), query("draw/granted")
_DRAWN_ROUNDS = query("draw/drawn_rounds")

PAGE = 2_000
_RAFFLES = "raffles"
"""Who claims, reserves and prizes of raffles are noted for in the chain of catalogue changes."""

Picking = Callable[[Round, Sequence[Entrant], Sequence[Winner]], Sequence[tuple[Entrant, Winner]]]
"""New picks of a closed round with whose they are, given its entries and the picks so far."""


class DrawStore:
    """The engine's DrawSource over a pool; `buckets` is their number in this database, `draw_key` the hosts' part of secrets."""

    def __init__(
        self,
        pool: Pool,
        buckets: int,
        *,
        draw_id: Callable[[], uuid.UUID] = uuid.uuid4,
        draw_key: bytes | None = None,
    ) -> None:
        self._pool = pool
        self._draw_key = draw_key
        self._buckets = buckets
        self._draw_id = draw_id

    async def rounds(self, promo_id: int) -> list[Round]:
        """Every round of a promo, oldest first; the secret of those only that are closed."""
        with mapping_loss():
            return await _rounds(self._pool, promo_id)

    async def ends(self, promo_id: int, number: int) -> list[BucketHead]:
        """Where the entries of a round end, by bucket."""
        with mapping_loss():
            return await _ends(self._pool, promo_id, number)

    async def entries(self, promo_id: int, number: int, bucket: int) -> AsyncIterator[DrawnEntry]:
        """The entries of a round in a bucket, in order."""
        behind = 0
        while True:
            with mapping_loss():
                rows = await self._pool.fetch(_ENTRIES, bucket, promo_id, number, behind, PAGE)
            for row in rows:
                yield DrawnEntry(*row)
            if len(rows) < PAGE:
                return
            behind = rows[-1][0]

    async def undecided_since(self) -> datetime | None:
        """When the oldest command was recorded that no lane has decided; None when all are."""
        with mapping_loss():
            rows = await self._pool.fetch(_STANDING)
        return min((row[1] for row in rows), default=None)

    async def stock_left(self, keys: Sequence[StockKey]) -> dict[StockKey, int]:
        """What is left of prizes' stocks."""
        if not keys:
            return {}
        columns = zip(
            *((bucket_of(k.subject, self._buckets), k.subject, k.promo_id, k.slot) for k in keys), strict=True
        )
        with mapping_loss():
            found = {row[0]: (row[1], row[2]) for row in await self._pool.fetch(_STOCK_LEFT, *columns)}
        left = {}
        for key in keys:
            cap, remaining = found.get(key.subject, (key.cap, key.cap))
            left[key] = max(remaining + key.cap - cap, 0)
        return left

    async def close(
        self,
        programme: str,
        promo_id: int,
        code: str,
        *,
        secret: bytes,
        actor: str,
        now: datetime,
        picking: Picking | None = None,
        key_lost: bool = False,
    ) -> tuple[Round, Round]:
        """Close the open round, which discloses its secret, and open the next one with this secret, in one transaction.

        With `picking` the winners of a raffle are written down too. The round's entries are complete: postings that draw
        in it have been waited for, and none can any more. A raffle with a beacon waits for `decide` with its winners and its
        secret. `key_lost`: close it without the hosts' part of its secret, so that its results can never be verified.
        Raises Missing, Refused `draw_key_missing`, DatabaseDown.
        """

        async def work(connection: Connection) -> tuple[Round, Round]:
            await act_for(connection, actor)
            row = await connection.fetchrow(_LOCK, programme)
            if row is None:
                raise Missing(f"There is no programme {programme!r}.")
            programme_id, revision = row["programme_id"], int(row["revision"]) + 1
            await connection.execute(_RAISE, programme_id, revision)
            closed = await connection.fetchrow(_CLOSE, promo_id, now)
            if closed is None:
                raise Missing(f"Promo {code} has no round of a draw.", code="draw_unknown")
            number = int(closed["round"])
            heads = await _ends(connection, promo_id, number)
            entries, root = sum(head.entries for head in heads), root_of(heads)
            waits = picking is not None and closed["beacon"] is not None
            drawn_at = None if picking is None or waits else now
            await connection.execute(_RESULT, promo_id, number, entries, root, drawn_at)
            beacon = await beacon_of(connection, raffle=picking is not None)
            opened, terms = number + 1, terms_of(secret, self._draw_key, beacon)
            begun = (terms.commitment, now, actor, terms.scheme, terms.shared, terms.beacon)
            await connection.execute(_NEXT, promo_id, opened, programme_id, revision, *begun)
            await connection.execute(_SECRET, promo_id, opened, secret)
            if not waits:
                value = None if closed["beacon"] is None else UNDECIDED
                await self._publish(connection, promo_id, number, value, key_lost=key_lost)
            rounds = await _rounds(connection, promo_id)
            if picking is not None and not waits:
                await self._write_picks(connection, promo_id, rounds[-2], picking)
            what = {"round": number, "entries": entries, "root": root, "next_commitment": terms.commitment}
            await connection.execute(
                _AUDIT,
                self._draw_id(),
                programme_id,
                now,
                actor,
                "disclose",
                f"draw {code}",
                None,
                encode_document(what),
            )
            return rounds[-2], rounds[-1]

        return await transact(self._pool, work)

    async def beacon_after(self, moment: datetime) -> str | None:
        """The first public value from after a moment: a checkpoint's number and the SHA-256 of its signed note."""
        with mapping_loss():
            row = await self._pool.fetchrow(_CHECKPOINT_AFTER, moment)
        if row is None:
            return None
        note = _LINES.decode(row["line"]).note
        return f"{row['number']}:{hashlib.sha256(note.encode()).hexdigest()}"

    async def decide(
        self, promo_id: int, number: int, code: str, beacon_value: str, *, actor: str, now: datetime, picking: Picking
    ) -> Round:
        """Draw the winners of a closed round that waited for its beacon, once, and publish its secret.

        Raises Refused `draw_key_missing`, DatabaseDown.
        """

        async def work(connection: Connection) -> Round:
            await act_for(connection, actor)
            row = await connection.fetchrow(_ROUND_LOCK, promo_id, number)
            if row is not None and row["drawn_at"] is None:
                await self._publish(connection, promo_id, number, beacon_value, key_lost=False)
                ended = (await _rounds(connection, promo_id))[number - 1]
                await connection.execute(_RESULT, promo_id, number, ended.entries, ended.root, now)
                await self._write_picks(connection, promo_id, ended, picking)
                what = encode_document({"round": number, "root": ended.root, "beacon_value": beacon_value})
                audit = (self._draw_id(), row["programme_id"], now, actor, "disclose", f"draw {code}", None, what)
                await connection.execute(_AUDIT, *audit)
            return (await _rounds(connection, promo_id))[number - 1]

        return await transact(self._pool, work)

    async def _publish(
        self, connection: Connection, promo_id: int, number: int, beacon_value: str | None, *, key_lost: bool
    ) -> None:
        """Publish what decides a closed round, its secret too. Raises Refused `draw_key_missing`."""
        if beacon_value is not None:
            await connection.execute(_DECIDED_BY, promo_id, number, None, beacon_value)
        await connection.execute(_PUBLISH, promo_id, number)
        ended = (await _rounds(connection, promo_id))[number - 1]
        share = None if key_lost else self._share(ended)
        if share is not None:
            await connection.execute(_DECIDED_BY, promo_id, number, share, beacon_value)

    def _share(self, ended: Round) -> str | None:
        """The hosts' part of a closed round's secret. Raises Refused `draw_key_missing`."""
        if not ended.shared:
            return None
        secret = bytes.fromhex(ended.secret or "")
        share = None if self._draw_key is None else share_of(self._draw_key, secret)
        if share is None or sealed(secret, share, ended.beacon) != ended.commitment:
            raise Refused(
                "This process does not have the key that the round was opened with: set ACCRUAL_DRAW_KEY_FILE to that file, "
                "or, if it is lost, close the round with --key-lost. Its results can then never be verified.",
                code="draw_key_missing",
            )
        return share.hex()

    async def winners(self, promo_id: int, number: int) -> list[Winner]:
        """The picks of a raffle's round in order."""
        with mapping_loss():
            return await _winners(self._pool, promo_id, number)

    async def drawn_rounds(self, programme_id: int) -> list[tuple[int, int]]:
        """(promo_id, round) of the raffles whose winners were drawn."""
        with mapping_loss():
            return [(row[0], row[1]) for row in await self._pool.fetch(_DRAWN_ROUNDS, programme_id)]

    async def claim(self, promo_id: int, number: int, pick: int, now: datetime) -> bool:
        """Claim a pick; False where it is claimed already, or its time is over."""

        async def work(connection: Connection) -> bool:
            await act_for(connection, _RAFFLES)
            return await connection.fetchrow(_CLAIM, promo_id, number, pick, now) is not None

        return await transact(self._pool, work)

    async def expire(self, promo_id: int, number: int, now: datetime, picking: Picking) -> int:
        """End the picks that nobody claimed in time and draw reserves for their prizes; how many ended."""

        async def work(connection: Connection) -> int:
            await act_for(connection, _RAFFLES)
            await connection.fetchrow(_ROUND_LOCK, promo_id, number)
            ended = await connection.fetch(_EXPIRE, promo_id, number, now)
            if ended:
                rounds = await _rounds(connection, promo_id)
                await self._write_picks(connection, promo_id, rounds[number - 1], picking)
            return len(ended)

        return await transact(self._pool, work)

    async def granted(self, promo_id: int, number: int, picks: Sequence[int], now: datetime) -> None:
        """Note whose prizes are on their way."""

        async def work(connection: Connection) -> None:
            await act_for(connection, _RAFFLES)
            await connection.execute(_GRANTED, promo_id, number, list(picks), now)

        await transact(self._pool, work, repeatable=True)

    async def _write_picks(self, connection: Connection, promo_id: int, closed: Round, picking: Picking) -> None:
        entrants: list[Entrant] = []
        for bucket in range(self._buckets):
            behind = 0
            while True:
                rows = await connection.fetch(_ENTRANTS, bucket, promo_id, closed.round, behind, PAGE)
                entrants.extend(Entrant(*row) for row in rows)
                if len(rows) < PAGE:
                    break
                behind = rows[-1][1]
        for entrant, winner in picking(closed, entrants, await _winners(connection, promo_id, closed.round)):
            ticket = await connection.fetchval(_TICKET, entrant.bucket, entrant.position)
            await connection.execute(
                _WINNER_WRITE,
                *(promo_id, closed.round, winner.pick, winner.piece, winner.prize, winner.asset, winner.amount),
                *(winner.bucket, winner.number, ticket, winner.member_id, winner.drawn_at),
                *(winner.claim_by, winner.claimed_at),
            )


async def _rounds(connection: Connection | Pool, promo_id: int) -> list[Round]:
    return [
        Round(
            round=row["round"],
            commitment=row["commitment"],
            since=row["recorded_at"],
            closed_at=row["closed_at"],
            secret=None if row["secret"] is None else row["secret"].hex(),
            entries=row["entries"],
            root=row["root"],
            drawn_at=row["drawn_at"],
            scheme=row["scheme"] or SCHEME_BY_TICKET,
            shared=bool(row["shared"]),
            share=row["share"],
            beacon=row["beacon"],
            beacon_value=row["beacon_value"],
        )
        for row in await connection.fetch(_ROUNDS, promo_id)
    ]


async def _ends(connection: Connection | Pool, promo_id: int, number: int) -> list[BucketHead]:
    return [BucketHead(row[0], row[1], row[2].hex()) for row in await connection.fetch(_ENDS, promo_id, number)]


async def _winners(connection: Connection | Pool, promo_id: int, number: int) -> list[Winner]:
    return [
        Winner(
            pick=row["pick"],
            piece=row["piece"],
            prize=row["prize"],
            asset=row["asset"],
            amount=row["amount"],
            bucket=row["bucket"],
            number=row["number"],
            ticket=row["ticket"].bytes,
            member_id=row["member_id"],
            drawn_at=row["drawn_at"],
            claim_by=row["claim_by"],
            claimed_at=row["claimed_at"],
            expired_at=row["expired_at"],
            granted_at=row["granted_at"],
        )
        for row in await connection.fetch(_WINNERS, promo_id, number)
    ]
