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
from accrual.domain.wallets import AsLeft, Balances, LoggedCall, WalletRow
from accrual.store.connection import Pool
from accrual.store.postgres import mapping_loss
from accrual.store.slices import offsets
from accrual.store.sql import query

_ONE, _STANDING = query("wallet/one"), query("wallet/standing")
_LOGGED, _OUTCOME, _NAMED = query("wallet/logged"), query("wallet/outcome"), query("wallet/named")
_WAITING = query("wallet/waiting")

SPENDING = (Kind.REDEEM, Kind.REFUND, Kind.REINSTATE)
"""Kinds of lines that spend points, or give back what was spent."""


class WalletReads:
    """The engine's WalletSource over a pool; each question is one short statement. Everything raises DatabaseDown."""

    def __init__(self, pool: Pool, buckets: int) -> None:
        self._pool = pool
        self.buckets = buckets

    async def wallets(self, member_ids: Sequence[bytes]) -> dict[bytes, WalletRow]:
        """Members as they are now, by id."""
        wanted: dict[int, list[bytes]] = {}
        for member_id in member_ids:
            wanted.setdefault(bucket_of(member_id, self.buckets), []).append(member_id)
        flat = [member_id for bucket in sorted(wanted) for member_id in wanted[bucket]]
        with mapping_loss():
            rows = await self._pool.fetch(_ONE, sorted(wanted), offsets(wanted, self.buckets), flat)
        return {
            bytes(row[0]): WalletRow(
                programme_id=row[1],
                bucket=bucket_of(row[0], self.buckets),
                member_id=bytes(row[0]),
                merged_into=None if row[2] is None else bytes(row[2]),
                enrolled_at=row[3],
                enrolled_position=row[4],
                profile=_profile(row[5]),
            )
            for row in rows
        }

    async def balances(self, asked: Sequence[AsLeft]) -> dict[AsLeft, Balances]:
        """Members as decided commands left them; those who are no members, or not decided, are left out."""
        wanted: dict[int, list[int]] = {}
        for number, each in enumerate(asked):
            wanted.setdefault(bucket_of(each.member_id, self.buckets), []).append(number)
        order = [number for bucket in sorted(wanted) for number in wanted[bucket]]
        inquiries = [asked[number] for number in order]
        accounts = [
            [member_account_id(each.member_id, each.asset_id, role) for each in inquiries]
            for role in (Role.MEMBER, Role.PENDING, Role.DEBT)
        ]
        with mapping_loss():
            rows = await self._pool.fetch(
                _STANDING,
                sorted(wanted),
                offsets(wanted, self.buckets),
                order,
                [each.member_id for each in inquiries],
                *accounts,
                [each.position for each in inquiries],
                [each.behind for each in inquiries],
                [int(kind) for kind in SPENDING],
                Kind.MERGE,
                Kind.AWARD,
                Kind.REVERSE,
                sorted({version for each in inquiries for version in each.versions}),
            )
        return {
            asked[row[0]]: Balances(
                enrolled_at=row[1],
                enrolled_position=row[2],
                profile=_profile(row[3]),
                command=decode_command(row[4]),
                status=row[5],
                posted=row[6] or 0,
                pending=row[7] or 0,
                spent=row[8],
                joined=row[9],
                earned=tuple(_outcome(payload) for payload in row[10] or ()),
            )
            for row in rows
        }

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
