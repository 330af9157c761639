"""Reads and writes a programme's referral links: nodes, referrals held for review, devices seen with members. No decisions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from accrual.domain.documents import encode_document
from accrual.domain.facts import Identity
from accrual.domain.ids import bucket_of
from accrual.domain.referrals import HeldClaim, HeldRow, LinkNode, Sighting
from accrual.store.connection import Connection, Pool, Record
from accrual.store.postgres import mapping_loss
from accrual.store.sql import query

_NODES = query("link/nodes")
_WRITE_NODES = query("link/write_nodes")
_HELD = query("link/held")
_HELD_PAGE = query("link/held_page")
_WRITE_HELD = query("link/write_held")
_WRITE_SIGHTINGS = query("link/write_sightings")
_SHARED = query("link/shared")
_AUDIT = query("link/audit")


async def read_nodes(connection: Connection, bucket: int, members: Sequence[bytes]) -> list[LinkNode]:
    """The nodes of these members that there are, and all above them."""
    return [
        LinkNode(bucket, row[0], row[1], row[2], row[3], None if row[4] is None else Identity(row[4], row[5]))
        for row in await connection.fetch(_NODES, bucket, members)
    ]


async def read_held(connection: Connection, bucket: int, claims: Sequence[bytes]) -> dict[bytes, HeldClaim]:
    """Those of these claims that are or were held for review."""
    rows = await connection.fetch(_HELD, bucket, [UUID(bytes=claim) for claim in claims])
    return {each.row.claim: each for each in map(_held, rows)}


async def read_shared(
    connection: Connection, wanted: Sequence[tuple[bytes, bytes]], *, buckets: int
) -> set[tuple[bytes, bytes]]:
    """Those (install, member) whose install id was seen with somebody else."""
    places = [bucket_of(install, buckets) for install, _ in wanted]
    rows = await connection.fetch(_SHARED, places, [each[0] for each in wanted], [each[1] for each in wanted])
    return {(row[0], row[1]) for row in rows}


async def write_links(
    connection: Connection, nodes: Sequence[LinkNode], held: Sequence[HeldRow], sightings: Sequence[Sighting]
) -> None:
    """Write what a batch changed, within its posting; the newest of each node and of each held referral."""
    if sightings:
        await connection.execute(_WRITE_SIGHTINGS, *zip(*sorted(set(sightings)), strict=True))
    if nodes:
        newest = {(node.bucket, node.member_id): node for node in nodes}
        rows = [
            (*node[:5], None if node.referrer is None else node.referrer.kind, node.referrer and node.referrer.value)
            for _, node in sorted(newest.items())
        ]
        await connection.execute(_WRITE_NODES, *zip(*rows, strict=True))
    if held:
        latest = {(row.bucket, row.claim): row for row in held}
        written = [(row.bucket, UUID(bytes=row.claim), *row[2:]) for _, row in sorted(latest.items())]
        await connection.execute(_WRITE_HELD, *zip(*written, strict=True))


class HeldReferrals:
    """What people look through: referrals held for review. Reads only."""

    def __init__(self, pool: Pool, buckets: int) -> None:
        self._pool = pool
        self.buckets = buckets

    async def page(self, bucket: int, programme_id: int, *, open_only: bool, after: int, limit: int) -> list[HeldClaim]:
        """At most `limit` of a programme's held referrals behind position `after`, oldest first. Raises DatabaseDown."""
        with mapping_loss():
            async with self._pool.acquire() as connection:
                rows = await connection.fetch(_HELD_PAGE, bucket, programme_id, open_only, after, limit)
        return [_held(row) for row in rows]

    async def one(self, bucket: int, claim: bytes) -> HeldClaim | None:
        """One held referral. Raises DatabaseDown."""
        with mapping_loss():
            async with self._pool.acquire() as connection:
                return (await read_held(connection, bucket, [claim])).get(claim)

    async def note_verdict(
        self, audit_id: bytes, programme_id: int, recorded_at: datetime, actor: str, action: str, after: Any
    ) -> None:
        """Write down who judged a referral and why; a second time with the same id changes nothing."""
        row = (UUID(bytes=audit_id), programme_id, recorded_at, actor, action, f"referral {after['id']}")
        with mapping_loss():
            async with self._pool.acquire() as connection:
                await connection.execute(_AUDIT, *row, encode_document(after))


def _held(row: Record) -> HeldClaim:
    return HeldClaim(HeldRow(row[0], row[1].bytes, *tuple(row)[2:6]), row[6], row[7], row[8])
