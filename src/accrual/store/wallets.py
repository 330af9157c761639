"""Reads members as wallets: now, and as a command left them, and the commands that log ids name. Decides nothing."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import msgspec

from accrual.domain.accounts import Role
from accrual.domain.commands import decode_command
from accrual.domain.errors import Broken
from accrual.domain.ids import bucket_of, bucket_of_ticket, member_account_id
from accrual.domain.members import EMPTY_PROFILE, MemberProfile, decode_profile
from accrual.domain.outcomes import Outcome, decode_outcome
from accrual.domain.transfers import Kind
from accrual.domain.wallets import Balances, LoggedCall, WalletRow
from accrual.store.connection import Pool
from accrual.store.postgres import mapping_loss
from accrual.store.sql import query

_ONE, _STANDING, _EARNED = query("wallet/one"), query("wallet/standing"), query("wallet/earned")
_LOGGED, _OUTCOME, _NAMED = query("wallet/logged"), query("wallet/outcome"), query("wallet/named")
_WAITING = query("wallet/waiting")

SPENDING = (Kind.REDEEM, Kind.REFUND, Kind.REINSTATE)
"""Kinds of lines that spend points, or give back what was spent."""


class WalletReads:
    """The engine's WalletSource over a pool; each question is one short statement. Everything raises DatabaseDown."""

    def __init__(self, pool: Pool, buckets: int) -> None:
        self._pool = pool
        self.buckets = buckets

    async def wallet(self, programme_id: int, member_id: bytes) -> WalletRow | None:
        """A member of this programme as they are now."""
        bucket = bucket_of(member_id, self.buckets)
        with mapping_loss():
            row = await self._pool.fetchrow(_ONE, bucket, member_id)
        if row is None or row[0] != programme_id:
            return None
        return WalletRow(
            bucket=bucket,
            member_id=member_id,
            merged_into=None if row[1] is None else bytes(row[1]),
            enrolled_at=row[2],
            enrolled_position=row[3],
            profile=_profile(row[4]),
        )

    async def reach(self, member_id: bytes) -> tuple[int, int]:
        """(next position, first undecided one) of the log in which a member's commands are; they are equal at rest."""
        with mapping_loss():
            row = await self._pool.fetchrow(_WAITING, bucket_of(member_id, self.buckets))
        return (0, 0) if row is None else (row[0], row[1])

    async def named(self, member_id: bytes, kind: str) -> str | None:
        """How a member is called in one kind of identity, as first seen."""
        with mapping_loss():
            row = await self._pool.fetchrow(_NAMED, bucket_of(member_id, self.buckets), member_id, kind)
        return None if row is None else str(row[0])

    async def balances(self, member_id: bytes, asset_id: int, position: int, behind: int) -> Balances | None:
        """A member as the decided command at `position` left them; spending is summed behind the position `behind`.

        None while there is no such member, or no outcome there.
        """
        bucket = bucket_of(member_id, self.buckets)
        with mapping_loss():
            rows = await self._pool.fetch(
                _STANDING, bucket, member_id, asset_id, position, behind, [int(kind) for kind in SPENDING], Kind.MERGE
            )
        if not rows:
            return None
        first = rows[0]
        by_role = {row[5]: row for row in rows if row[5] is not None}
        main, pending = by_role.get(Role.MEMBER), by_role.get(Role.PENDING)
        return Balances(
            enrolled_at=first[0],
            enrolled_position=first[1],
            profile=_profile(first[2]),
            command=decode_command(first[3]),
            status=first[4],
            posted=0 if main is None else main[6] or 0,
            pending=0 if pending is None else pending[6] or 0,
            spent=0 if main is None else main[7],
            joined=any(row[8] for row in by_role.values()),
        )

    async def earned(
        self, member_id: bytes, asset_id: int, versions: Sequence[int], behind: int, position: int
    ) -> list[Outcome]:
        """Outcomes behind one position, up to another, in which these promo versions gave, or points were taken back."""
        bucket = bucket_of(member_id, self.buckets)
        accounts = [member_account_id(member_id, asset_id, role) for role in (Role.MEMBER, Role.PENDING, Role.DEBT)]
        with mapping_loss():
            rows = await self._pool.fetch(
                _EARNED, bucket, accounts, behind, position, Kind.AWARD, list(versions), Kind.REVERSE
            )
        return [_outcome(row[1]) for row in rows]

    async def logged(self, bucket: int, position: int) -> LoggedCall | None:
        """The command at a place of the log; None when there is none, or none that can be read."""
        if not 0 <= bucket < self.buckets:
            return None
        with mapping_loss():
            row = await self._pool.fetchrow(_LOGGED, bucket, position)
        if row is None:
            return None
        try:
            command = decode_command(row[2])
        except msgspec.DecodeError:
            return None
        return LoggedCall(ticket=row[0].bytes, programme_id=row[1], command=command)

    async def decided(self, ticket: bytes) -> tuple[LoggedCall, Outcome] | None:
        """A command with its outcome, once there is one."""
        bucket = bucket_of_ticket(ticket)
        if bucket >= self.buckets:
            return None
        with mapping_loss():
            row = await self._pool.fetchrow(_OUTCOME, bucket, UUID(bytes=ticket))
        if row is None:
            return None
        call = LoggedCall(ticket=ticket, programme_id=row[0], command=decode_command(row[1]))
        return call, _outcome(row[2])


def _profile(document: bytes | None) -> MemberProfile:
    try:
        return EMPTY_PROFILE if document is None else decode_profile(document)
    except msgspec.DecodeError as error:
        raise Broken("A stored profile cannot be read.", code="profile_damaged") from error


def _outcome(payload: bytes) -> Outcome:
    try:
        return decode_outcome(payload)
    except msgspec.DecodeError as error:
        raise Broken("A stored outcome cannot be read; run: accrual verify", code="outcome_damaged") from error
