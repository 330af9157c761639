"""Reads what members were before a batch: newest profiles, their own purchases, what they earned. No decisions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import msgspec

from accrual.domain.commands import Reward, decode_command
from accrual.domain.errors import Broken
from accrual.domain.facts import PURCHASES
from accrual.domain.members import MemberProfile, PurchaseRow, decode_profile
from accrual.domain.transfers import Kind
from accrual.store.connection import Connection
from accrual.store.postgres import mapping_loss
from accrual.store.sql import query

PROFILES = query("lane/profiles")
HISTORY = query("lane/history")
EARNED = query("lane/earned")

HISTORY_MAX = 5_000
"""Commands of one member that are looked through, newest first."""

AHEAD_MAX = timedelta(minutes=5)
"""How long before it occurred a purchase may have been recorded: clients' clocks may be that far ahead of ours."""


async def read_profiles(
    connection: Connection, buckets: Sequence[int], starts: Sequence[int], members: Sequence[bytes]
) -> dict[bytes, MemberProfile]:
    """The newest profile of each member that has one. `members` are sliced by bucket with `starts`.

    Raises Broken `profile_damaged`, DatabaseDown.
    """
    with mapping_loss():
        rows = await connection.fetch(PROFILES, buckets, starts, members)
    try:
        return {member_id: decode_profile(document) for member_id, document in rows}
    except msgspec.DecodeError as error:
        raise Broken("A stored profile cannot be read.", code="profile_damaged") from error


async def read_history(
    connection: Connection,
    buckets: Sequence[int],
    starts: Sequence[int],
    members: Sequence[bytes],
    since: datetime,
    history_max: int = HISTORY_MAX,
) -> dict[bytes, list[PurchaseRow]]:
    """Own purchases of members in commands recorded since then, newest position first. Members without any are left out.

    A purchase that gave nothing counts; one that waits parked does not. Of each member at most the newest `history_max`
    commands are looked through. Raises DatabaseDown.
    """
    with mapping_loss():
        rows = await connection.fetch(HISTORY, buckets, starts, members, since - AHEAD_MAX, history_max)
    found: dict[bytes, list[PurchaseRow]] = {}
    for member_id, position, recorded_at, facts in rows:
        for purchase in _purchases(position, recorded_at, facts):
            found.setdefault(member_id, []).append(purchase)
    for purchases in found.values():
        purchases.sort(key=lambda purchase: purchase.position, reverse=True)
    return found


async def read_earned(
    connection: Connection, buckets: Sequence[int], starts: Sequence[int], accounts: Sequence[int], since: datetime
) -> dict[tuple[int, int], list[tuple[datetime, int]]]:
    """What accounts earned since then by (bucket, account), as (beginning of a quarter of an hour, units).

    Days of every zone begin with a quarter. `accounts` are sliced by bucket with `starts`. Raises DatabaseDown.
    """
    with mapping_loss():
        rows = await connection.fetch(EARNED, buckets, starts, accounts, since, Kind.AWARD)
    found: dict[tuple[int, int], list[tuple[datetime, int]]] = {}
    for bucket, account, quarter, units in rows:
        found.setdefault((bucket, account), []).append((quarter, units))
    return found


def _purchases(position: int, recorded_at: datetime, facts: bytes) -> Iterator[PurchaseRow]:
    try:
        command = decode_command(facts)
    except msgspec.DecodeError:
        return  # it could not be decided either: its lane parked it, and what was never read is no purchase
    if not isinstance(command, Reward):
        return
    for fact in command.facts:
        if isinstance(fact, PURCHASES):
            yield PurchaseRow(fact.occurred_at or recorded_at, recorded_at, position, fact.amount_minor or 0)
