"""What lanes read and write in PostgreSQL: leases, batches, state, the fenced posting. One session a lane; no decisions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any

import asyncpg
from asyncpg.pgproto.pgproto import UUID

from accrual.domain.commands import LoggedCommand
from accrual.domain.draws import DrawHead, DrawKey
from accrual.domain.errors import DatabaseDown, LaneLost
from accrual.domain.facts import Identity
from accrual.domain.held import HeldCommand
from accrual.domain.log import Found, LaneRow, Lease, MemberRow, Posting, Sought, WorkerRow
from accrual.domain.lots import LotEvents
from accrual.domain.members import MemberProfile, PurchaseRow
from accrual.domain.referrals import HeldClaim, LinkNode
from accrual.domain.rewards import RewardCode
from accrual.domain.rows import quick
from accrual.domain.stocks import StockKey
from accrual.domain.undoing import FoundTarget, HoldRow, ParkedFacts, Part
from accrual.store.connection import Connection
from accrual.store.draw_rounds import read_heads
from accrual.store.held import read_held_commands
from accrual.store.links import read_held, read_nodes, read_shared
from accrual.store.past import read_earned, read_history, read_profiles
from accrual.store.postgres import PROBES, ROLE_WORKER, as_login, connect, mapping_loss
from accrual.store.posting import post
from accrual.store.slices import offsets
from accrual.store.sql import query
from accrual.store.stocks import fetch_shares, next_codes, quotas, return_shares
from accrual.store.targets import read_targets
from accrual.store.undoing import read_awaiting, read_holds, read_lots, read_parked, read_undone

WORKER_REGISTER = query("lane/worker_register")
WORKER_BEAT = query("lane/worker_beat")
WORKERS = query("lane/workers")
WORKER_REMOVE = query("lane/worker_remove")
WORKER_TERMINATE = query("lane/worker_terminate")
LANES = query("lane/lanes")
TAKE = query("lane/take")
RELEASE = query("lane/release")
TAILS = query("lane/tails")
FETCH = query("lane/fetch")
LINKS = query("lane/links")
LOOK_UP = query("lane/look_up")
MARKED = query("lane/marked")
BALANCES = query("lane/balances")
COUNTERS = query("lane/counters")
TRIES = query("lane/tries")

NOBODY = bytes(16)
"""Stands for a member where none is looked for: no digest is this one."""

TAKE_LOCK_TIMEOUT_S = 0.5
"""How long a take-over waits for a row lock before the session that holds it is ended."""


def _flat(groups: Mapping[int, Sequence[Any]]) -> list[Any]:
    flat: list[Any] = []
    for bucket in sorted(groups):
        flat.extend(groups[bucket])
    return flat


class PostgresLanes:
    """LaneStore on a session of its own, and one to read ahead; opened again after a loss."""

    def __init__(
        self,
        url: str,
        *,
        label: str,
        buckets: int,
        idle_in_transaction_s: float,
        before_commit: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._url = url
        self._label = label
        self._buckets = buckets
        self._idle_s = idle_in_transaction_s
        self._before_commit = before_commit
        self._connection: Connection | None = None
        self._ahead: Connection | None = None

    async def open(self) -> None:
        """A fresh session; the old one, if any, is cut off. Raises DatabaseDown."""
        self.cut()
        self._connection = await connect(
            self._url, label=self._label, idle_in_transaction_s=self._idle_s, settings=PROBES, role=ROLE_WORKER
        )

    def cut(self) -> None:
        """Drop the session at once; whatever it had open is rolled back by the server."""
        for connection in (self._connection, self._ahead):
            if connection is not None:
                connection.terminate()
        self._connection = self._ahead = None

    async def close(self) -> None:
        """End the session in good order."""
        for connection in (self._connection, self._ahead):
            if connection is not None:
                await connection.close()
        self._connection = self._ahead = None

    @property
    def connection(self) -> Connection:
        """The live session. Raises DatabaseDown when there is none."""
        if self._connection is None or self._connection.is_closed():
            raise DatabaseDown
        return self._connection

    async def register(self, worker_id: bytes, started_at: datetime, label: str) -> None:
        """Make this lane process known."""
        with mapping_loss():
            async with as_login(self.connection):
                await self.connection.execute(WORKER_REGISTER, UUID(worker_id), started_at, label)

    async def beat(self, worker_id: bytes, report: str) -> bool:
        """One more sign of life; False when this process was given up for dead and must start over."""
        with mapping_loss():
            return await self.connection.fetchval(WORKER_BEAT, UUID(worker_id), report) is not None

    async def workers(self) -> list[WorkerRow]:
        """Every known lane process. Read as the login: to the runtime role another login's session has no start to compare."""
        with mapping_loss():
            async with as_login(self.connection):
                rows = await self.connection.fetch(WORKERS)
        return [WorkerRow(row[0].bytes, row[1], row[2], row[3], row[4]) for row in rows]

    async def forget(self, worker_id: bytes) -> None:
        """Remove a lane process that owns nothing any more."""
        with mapping_loss():
            await self.connection.execute(WORKER_REMOVE, UUID(worker_id))

    async def lanes(self) -> list[LaneRow]:
        """Every bucket's lane."""
        with mapping_loss():
            rows = await self.connection.fetch(LANES)
        return [LaneRow(row[0], row[1], row[2], None if row[3] is None else row[3].bytes, row[4]) for row in rows]

    async def take(self, rows: Sequence[LaneRow], worker_id: bytes, former_id: bytes | None = None) -> list[Lease]:
        """Take these buckets over at the epochs seen, one row a statement in bucket order; those won are returned.

        All in one transaction first; where a dead session still holds a row, one by one, ending that session.
        """
        wanted = sorted(rows)
        with mapping_loss():
            try:
                return await self._take_all(wanted, worker_id, former_id)
            except asyncpg.LockNotAvailableError:
                return await self._take_each(wanted, worker_id, former_id)

    async def _take_all(self, rows: Sequence[LaneRow], worker_id: bytes, former_id: bytes | None) -> list[Lease]:
        leases = []
        former = None if former_id is None else UUID(former_id)
        async with self.connection.transaction():
            await self._lock_timeout()
            for row in rows:
                won = await self.connection.fetchrow(TAKE, row.bucket, UUID(worker_id), row.epoch, former)
                if won is not None:
                    leases.append(Lease(won[0], won[1], won[2], won[3], won[4], won[5]))
        return leases

    async def _take_each(self, rows: Sequence[LaneRow], worker_id: bytes, former_id: bytes | None) -> list[Lease]:
        leases: list[Lease] = []
        for row in rows:
            try:
                leases.extend(await self._take_all([row], worker_id, former_id))
            except asyncpg.LockNotAvailableError:
                if row.owner is not None:
                    async with as_login(self.connection):
                        await self.connection.execute(WORKER_TERMINATE, UUID(row.owner))
        return leases

    async def _lock_timeout(self) -> None:
        await self.connection.execute(f"set local lock_timeout = '{round(TAKE_LOCK_TIMEOUT_S * 1000)}ms'")

    async def release(self, leases: Iterable[Lease], worker_id: bytes) -> None:
        """Give buckets back in good order, in one transaction."""
        with mapping_loss():
            async with self.connection.transaction():
                for lease in sorted(leases):
                    await self.connection.fetchval(RELEASE, lease.bucket, lease.epoch, UUID(worker_id))

    async def tails(self, buckets: Sequence[int]) -> tuple[dict[int, int], int]:
        """The next position of each bucket's log, and `Catalog.changes` as it stood at that very moment."""
        with mapping_loss():
            rows = await self.connection.fetch(TAILS, buckets)
        tails = {row[0]: int(row[1]) for row in rows}
        return tails, tails.pop(-1)

    async def fetch(self, wanted: Mapping[int, tuple[int, int]]) -> list[LoggedCommand]:
        """Commands of {bucket: (from position, how many at most)}, in bucket and position order."""
        return await self._fetch(self.connection, wanted)

    async def fetch_ahead(self, wanted: Mapping[int, tuple[int, int]]) -> list[LoggedCommand]:
        """As `fetch`, on a session of its own, which is opened when it is first needed. Raises DatabaseDown."""
        if self._ahead is None or self._ahead.is_closed():
            self._ahead = await connect(
                self._url,
                label=f"{self._label} ahead",
                idle_in_transaction_s=self._idle_s,
                settings=PROBES,
                role=ROLE_WORKER,
            )
        return await self._fetch(self._ahead, wanted)

    async def _fetch(self, connection: Connection, wanted: Mapping[int, tuple[int, int]]) -> list[LoggedCommand]:
        starts = [0] * self._buckets
        counts = [0] * self._buckets
        for bucket, (start, count) in wanted.items():
            starts[bucket] = start
            counts[bucket] = count
        with mapping_loss():
            rows = await connection.fetch(FETCH, sorted(wanted), starts, counts)
        commands = [LoggedCommand(*row) for row in rows]
        commands.sort(key=_bucket)  # those of a bucket come in order
        return commands

    async def look_up(self, wanted: Mapping[int, Sequence[Sought]]) -> list[Found]:
        """What there is of {bucket: (member, account)}, in no order."""
        sought = _flat(wanted)
        members, accounts, whole = zip(*sought, strict=True)
        packed = b"".join([member_id or NOBODY for member_id in members])
        numbers = [
            account if all_of_it or account is None else -account
            for account, all_of_it in zip(accounts, whole, strict=True)
        ]
        listed = f"{{{str(numbers)[1:-1].replace('None', 'null')}}}"
        with mapping_loss():
            rows = await self.connection.fetch(LOOK_UP, sorted(wanted), offsets(wanted, self._buckets), packed, listed)
        return [
            (
                number - 1,
                _member_row((members[number - 1], into, name, None, enrolled_at, marks or 0)) if known else None,
                balance,
                held,
            )
            for number, known, into, name, enrolled_at, marks, balance, held in rows
        ]

    async def marked(self, buckets: Sequence[int], at_most: int) -> dict[int, list[bytes]]:
        """The merged or marked members of buckets, at most so many of each, of those buckets that have any."""
        found: dict[int, list[bytes]] = {}
        with mapping_loss():
            for bucket, member_id in await self.connection.fetch(MARKED, buckets, at_most):
                found.setdefault(bucket, []).append(member_id)
        return found

    async def links(self, wanted: Mapping[int, Sequence[bytes]]) -> dict[bytes, Identity]:
        """Who referred those of {bucket: member ids} whom somebody did."""
        with mapping_loss():
            rows = await self.connection.fetch(LINKS, sorted(wanted), offsets(wanted, self._buckets), _flat(wanted))
        return {row[0]: Identity(row[1], row[2]) for row in rows}

    async def balances(self, wanted: Mapping[int, Sequence[int]]) -> dict[tuple[int, int], tuple[int, int | None]]:
        """(balance, held) of {bucket: accounts} that have a line, by (bucket, account)."""
        with mapping_loss():
            rows = await self.connection.fetch(BALANCES, sorted(wanted), offsets(wanted, self._buckets), _flat(wanted))
        return {(row[0], row[1]): (row[2], row[3]) for row in rows}

    async def counters(
        self, wanted: Mapping[int, Sequence[tuple[bytes, int, int, int]]]
    ) -> dict[tuple[bytes, int, int, int], int]:
        """Newest values of {bucket: (member, promo, slot, period)} that were ever written."""
        flat = _flat(wanted)
        members, promos, slots, periods = zip(*flat, strict=True)
        with mapping_loss():
            rows = await self.connection.fetch(
                COUNTERS, sorted(wanted), offsets(wanted, self._buckets), members, promos, slots, periods
            )
        return {(row[0], row[1], row[2], row[3]): row[4] for row in rows}

    async def fetch_shares(
        self, wanted: Sequence[tuple[int, StockKey, int]]
    ) -> dict[tuple[int, StockKey], tuple[int, bool]]:
        """(at hand, no more to be had) of each (bucket, stock, units wanted), moving more into the bucket if need be."""
        with mapping_loss():
            return await fetch_shares(self.connection, wanted, buckets=self._buckets)

    async def return_shares(self, idle: Sequence[tuple[int, StockKey]]) -> None:
        """Give what these buckets have of stocks back to the centre."""
        with mapping_loss():
            await return_shares(self.connection, idle)

    async def quotas(self, wanted: Sequence[StockKey]) -> dict[StockKey, int]:
        """What is left of each outlet's or device's cap."""
        with mapping_loss():
            return await quotas(self.connection, wanted, buckets=self._buckets)

    async def reward_codes(self, wanted: Mapping[bytes, int]) -> dict[bytes, list[RewardCode]]:
        """The next so many codes of pools that were not given yet, by subject."""
        with mapping_loss():
            return await next_codes(self.connection, wanted, buckets=self._buckets)

    async def draw_heads(self, wanted: Mapping[int, Sequence[DrawKey]]) -> dict[tuple[int, int, int], DrawHead]:
        """Where the entries of {bucket: rounds} end, of those that have any."""
        starts = offsets(wanted, self._buckets)
        return await read_heads(self.connection, sorted(wanted), starts, _flat(wanted))

    async def profiles(self, wanted: Mapping[int, Sequence[bytes]]) -> dict[bytes, MemberProfile]:
        """The newest profiles of {bucket: members} that have one."""
        starts = offsets(wanted, self._buckets)
        return await read_profiles(self.connection, sorted(wanted), starts, _flat(wanted))

    async def history(self, wanted: Mapping[int, Sequence[bytes]], since: datetime) -> dict[bytes, list[PurchaseRow]]:
        """Own purchases of {bucket: members} recorded since then, newest first, out of their newest 5,000 commands."""
        starts = offsets(wanted, self._buckets)
        return await read_history(self.connection, sorted(wanted), starts, _flat(wanted), since)

    async def earned(
        self, wanted: Mapping[int, Sequence[int]], since: datetime
    ) -> dict[tuple[int, int], list[tuple[datetime, int]]]:
        """(moment, units) that {bucket: accounts} earned since then, each moment the beginning of a quarter of an hour."""
        starts = offsets(wanted, self._buckets)
        return await read_earned(self.connection, sorted(wanted), starts, _flat(wanted), since)

    async def lots(self, wanted: Mapping[int, Sequence[int]]) -> dict[tuple[int, int], LotEvents]:
        """What the open lots of {bucket: accounts} are known by; accounts without any are left out."""
        with mapping_loss():
            return await read_lots(self.connection, wanted, offsets(wanted, self._buckets))

    async def targets(self, wanted: Mapping[bytes, int]) -> dict[bytes, FoundTarget]:
        """Decided commands of {ticket: programme_id}, wherever they were forwarded to."""
        with mapping_loss():
            return await read_targets(self.connection, wanted, self._buckets)

    async def undone(self, wanted: Mapping[bytes, Sequence[int]]) -> dict[bytes, dict[Part, int]]:
        """How much of each part of {command: buckets to look in} was undone so far."""
        with mapping_loss():
            return await read_undone(self.connection, wanted, self._buckets)

    async def holds(self, wanted: Mapping[int, Sequence[bytes]]) -> dict[tuple[int, bytes], HoldRow]:
        """What commands of {bucket: tickets} set aside, by (bucket, ticket)."""
        with mapping_loss():
            return await read_holds(self.connection, wanted, self._buckets)

    async def awaiting(self, wanted: Mapping[int, Sequence[bytes]]) -> dict[bytes, tuple[bytes, ...]]:
        """Tickets of the parked returns that wait for commands of {bucket: tickets}, by what they wait for."""
        with mapping_loss():
            return await read_awaiting(self.connection, wanted, self._buckets)

    async def link_nodes(self, bucket: int, members: Sequence[bytes]) -> list[LinkNode]:
        """The nodes of these members among a bucket's referral links, those that there are, and all above them."""
        with mapping_loss():
            return await read_nodes(self.connection, bucket, members)

    async def held_claims(self, bucket: int, claims: Sequence[bytes]) -> dict[bytes, HeldClaim]:
        """Referrals that are or were held for review, by the tickets of their claims."""
        with mapping_loss():
            return await read_held(self.connection, bucket, claims)

    async def held_commands(self, bucket: int, tickets: Sequence[bytes]) -> dict[bytes, HeldCommand]:
        """Commands that are or were held for review, by ticket."""
        with mapping_loss():
            return await read_held_commands(self.connection, bucket, tickets)

    async def shared_installs(self, wanted: Sequence[tuple[bytes, bytes]]) -> set[tuple[bytes, bytes]]:
        """Those (install, member) whose install id was seen with somebody else."""
        with mapping_loss():
            return await read_shared(self.connection, wanted, buckets=self._buckets)

    async def post(self, posting: Posting) -> None:
        """Write a batch, or nothing of it. Raises LaneLost when the fence refuses, DatabaseDown when the session is lost."""
        await post(self.connection, posting, self._before_commit)

    async def count_try(self, lease: Lease) -> int:
        """Count a try at deciding the next command, durably, before it is made; answers how many there were.

        Raises LaneLost if the bucket is another's by now: then nothing is counted, since nothing will be tried.
        """
        with mapping_loss():
            tries = await self.connection.fetchval(TRIES, lease.bucket, lease.cursor, lease.epoch)
        if tries is None:
            raise LaneLost(code="fence_refused", details={"buckets": 1, "passed": 0})
        return int(tries)

    async def parked_facts(self, wanted: Mapping[int, Sequence[bytes]]) -> dict[bytes, ParkedFacts]:
        """Those of {bucket: tickets} that are parked and were not resumed yet."""
        with mapping_loss():
            return await read_parked(self.connection, wanted, self._buckets)


_bucket = attrgetter("bucket")
_member_row = quick(MemberRow)
