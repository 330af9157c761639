"""The posting: one fenced transaction a batch, insert-only. The fence comes first, follow-ups last; nothing is decided."""

from __future__ import annotations

import io
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import asyncpg

from accrual.domain.errors import LaneLost
from accrual.domain.log import Posting
from accrual.store.binary_copy import drawn_stream, line_stream, outcome_stream, unposted_stream
from accrual.store.connection import Connection
from accrual.store.draw_rounds import hold_rounds
from accrual.store.held import write_held_commands
from accrual.store.links import write_links
from accrual.store.log import append_follow_ups
from accrual.store.postgres import mapping_loss
from accrual.store.sql import query
from accrual.store.stocks import give_codes, use_stocks

ADVANCE = query("lane/advance")
POST_FEW = query("lane/post_few")
RENAME = query("lane/rename")
PARK = query("lane/park")
RESUMED = query("lane/resumed")
MARK = query("lane/mark")
HOLD_RESOLVE = query("lane/hold_resolve")

OUTCOME_COLUMNS = ("position", "bucket", "status", "chain", "payload")
LINE_COLUMNS = (
    "bucket",
    "account",
    "position",
    "leg",
    "contra",
    "amount",
    "balance_after",
    "held_after",
    "kind",
    "promo_version_id",
    "active_at",
    "expires_at",
    "occurred_at",
    "covers_from",
    "origin_bucket",
    "origin_position",
    "origin_leg",
)
MEMBER_COLUMNS = ("bucket", "member_id", "programme_id", "enrolled_at", "enrolled_position", "name")
IDENTITY_COLUMNS = ("bucket", "programme_id", "kind", "value", "member_id")
LINK_COLUMNS = ("bucket", "member_id", "position", "referrer_kind", "referrer_value")
ACCOUNT_COLUMNS = ("bucket", "account_id", "programme_id", "asset_id", "role", "member_id", "floor")
COUNTER_COLUMNS = ("bucket", "member_id", "promo_id", "slot", "period", "position", "value_after")
LOT_USE_COLUMNS = ("bucket", "account", "position", "lot_position", "lot_leg", "amount", "kind")
PROFILE_COLUMNS = ("bucket", "member_id", "position", "document")
UNPOSTED_COLUMNS = ("bucket", "member_id", "position")
SNAPSHOT_COLUMNS = ("bucket", "account", "position", "lots")
HOLD_COLUMNS = ("bucket", "hold_id", "account", "position", "amount", "expires_at")
UNDONE_COLUMNS = ("bucket", "target", "award", "fact", "line", "position", "units_after")
AWAITED_COLUMNS = ("bucket", "target", "position")
EARNING_COLUMNS = ("bucket", "account", "position", "occurred_at", "units")
DRAWN_COLUMNS = ("bucket", "promo_id", "round", "number", "position", "units", "member_id", "chain")
OUTBOX_COLUMNS = ("bucket", "sequence", "position", "recorded_at", "kind", "payload")

FEW_MAX = 48
"""Rows up to which a posting goes out as one statement. Beyond, streams cost less than arrays, and round trips nothing."""
USUAL = ("advances", "outcomes", "lines", "lot_uses", "counters", "unposted", "outbox", "members", "accounts")
"""What `lane/post_few` writes: all that a payment, a redemption or a refusal comes to."""
OTHERS = tuple(name for name in Posting._fields if name not in (*USUAL, "recorded_at"))


async def post(
    connection: Connection, posting: Posting, before_commit: Callable[[], Awaitable[None]] | None = None
) -> None:
    """Write a batch, or nothing of it. `before_commit` is where tests let a process stop with its rows locked.

    Raises LaneLost `fence_refused` when the fence refuses and `posted_already` on a key that is there (the state this was
    decided from is not what the database holds), DatabaseDown when the session is lost.
    """
    with mapping_loss(), _mapping_keys():
        if before_commit is None and is_small(posting):
            await _post_few(connection, posting)
            return
        async with connection.transaction():
            await _pass_the_fence(connection, posting)
            if posting.drawn:
                await hold_rounds(connection, posting.drawn)
            await use_stocks(connection, posting.shares, ())
            await _copy_all(connection, posting)
            # What other lanes wait for is locked as late as can be.
            await use_stocks(connection, (), posting.quotas)
            if posting.codes:
                await give_codes(connection, posting.codes)
            if posting.renames:
                newest = {(rename.bucket, rename.member_id): rename for rename in posting.renames}
                await connection.execute(RENAME, *_columns(list(newest.values())))
            if posting.parked:
                await connection.execute(PARK, *_columns(posting.parked))
            for bucket, position, resumed_position in posting.resumed:
                await connection.execute(RESUMED, bucket, position, resumed_position)
            if posting.marks:
                newest_marks = {(mark.bucket, mark.member_id): mark for mark in posting.marks}
                await connection.execute(MARK, *_columns(list(newest_marks.values())))
            for bucket, hold_id, resolved in posting.released:
                await connection.execute(HOLD_RESOLVE, bucket, UUID(bytes=hold_id), resolved)
            if posting.link_nodes or posting.held or posting.sightings:
                await write_links(connection, posting.link_nodes, posting.held, posting.sightings)
            if posting.held_commands:
                await write_held_commands(connection, posting.held_commands)
            if posting.follow_ups:
                await append_follow_ups(connection, posting.follow_ups, posting.recorded_at)
            if before_commit is not None:
                await before_commit()


_NO_ORIGIN = (None, None, None)
_NO_ROWS: list[tuple[Any, ...]] = [()] * 17


@contextmanager
def _mapping_keys() -> Iterator[None]:
    try:
        yield
    except asyncpg.UniqueViolationError as error:
        raise LaneLost(code="posted_already", details={"constraint": error.constraint_name}) from error


def is_small(posting: Posting) -> bool:
    """Whether a posting has a few rows of the usual tables and of no others."""
    rows = sum([len(getattr(posting, name)) for name in USUAL])
    return rows <= FEW_MAX and not any(getattr(posting, name) for name in OTHERS)


async def _post_few(connection: Connection, posting: Posting) -> None:
    """The whole posting in one round trip: callers who wait for an answer wait for every one of them."""
    lines = [(*line[:14], *(line.origin or _NO_ORIGIN)) for line in posting.lines]
    try:
        await connection.fetchval(
            POST_FEW,
            *_columns(posting.advances),
            *_columns(posting.outcomes),
            *(_columns(lines) or _NO_ROWS[:17]),
            *(_columns(posting.lot_uses) or _NO_ROWS[:7]),
            *(_columns(posting.counters) or _NO_ROWS[:7]),
            *(_columns(posting.unposted) or _NO_ROWS[:3]),
            *(_columns(posting.outbox) or _NO_ROWS[:6]),
            *(_columns([member[:6] for member in posting.members]) or _NO_ROWS[:6]),
            *(_columns(_identities(posting)) or _NO_ROWS[:5]),
            *(_columns(posting.accounts) or _NO_ROWS[:7]),
        )
    except asyncpg.DivisionByZeroError as error:
        raise LaneLost(code="fence_refused", details={"buckets": len(posting.advances)}) from error


async def _pass_the_fence(connection: Connection, posting: Posting) -> None:
    passed = await connection.fetch(ADVANCE, *_columns(posting.advances))
    if len(passed) != len(posting.advances):
        raise LaneLost(code="fence_refused", details={"buckets": len(posting.advances), "passed": len(passed)})


def _columns(rows: Sequence[Sequence[Any]]) -> list[tuple[Any, ...]]:
    return list(zip(*rows, strict=True))


def _identities(posting: Posting) -> list[tuple[int, int, str, str, bytes]]:
    return [(m.bucket, m.programme_id, m.identity.kind, m.identity.value, m.member_id) for m in posting.members]


async def _copy_all(connection: Connection, posting: Posting) -> None:
    links = [(k.bucket, k.member_id, k.position, k.referrer.kind, k.referrer.value) for k in posting.links]
    tables: tuple[tuple[str, tuple[str, ...], Sequence[Any]], ...] = (
        ("member", MEMBER_COLUMNS, [member[:6] for member in posting.members]),
        ("identity", IDENTITY_COLUMNS, _identities(posting)),
        ("referral", LINK_COLUMNS, links),
        ("account", ACCOUNT_COLUMNS, posting.accounts),
        ("lot_use", LOT_USE_COLUMNS, posting.lot_uses),
        ("counter", COUNTER_COLUMNS, posting.counters),
        ("profile", PROFILE_COLUMNS, posting.profiles),
        ("earning", EARNING_COLUMNS, posting.earnings),
        ("outbox", OUTBOX_COLUMNS, posting.outbox),
        ("lot_snapshot", SNAPSHOT_COLUMNS, posting.snapshots),
        ("hold", HOLD_COLUMNS, [(h.bucket, UUID(bytes=h.hold_id), *h[2:6]) for h in posting.holds]),
        ("undone", UNDONE_COLUMNS, [(u.bucket, UUID(bytes=u.target), *u[2:]) for u in posting.undone]),
        ("awaited", AWAITED_COLUMNS, [(b, UUID(bytes=t), p) for b, t, p in posting.awaited]),
    )
    for table, columns, rows in tables:
        if rows:
            await connection.copy_records_to_table(table, records=rows, columns=columns)
    if posting.unposted:
        await _stream(connection, "unposted", UNPOSTED_COLUMNS, unposted_stream(posting.unposted))
    if posting.drawn:
        await _stream(connection, "draw_entry", DRAWN_COLUMNS, drawn_stream(posting.drawn))
    if posting.lines:
        await _stream(connection, "line", LINE_COLUMNS, line_stream(posting.lines))
    await _stream(connection, "outcome", OUTCOME_COLUMNS, outcome_stream(posting.outcomes))


async def _stream(connection: Connection, table: str, columns: tuple[str, ...], stream: bytes) -> None:
    await connection.copy_to_table(table, source=io.BytesIO(stream), columns=columns, format="binary")
