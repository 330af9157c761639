"""Makes a member's statement between two instants: opening and closing balances, each line and what it was. Reads only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from accrual.domain.accounts import Role
from accrual.domain.books import StatedAccount, StatedLine, StatedTotal
from accrual.domain.errors import Invalid
from accrual.domain.facts import Identity
from accrual.domain.transfers import Kind
from accrual.engine.portray import ROLE_NAMES, Decoded, Names, decode
from accrual.engine.reads import Reads
from accrual.engine.views import StatedAccountView, StatedLineView, StatementView

LINES_MAX = 500
INT16_MAX = 2**15 - 1
"""No leg is beyond it: behind (position, this) is behind the whole position."""


class Period(msgspec.Struct, frozen=True, kw_only=True):
    """From `since` (None: the first line) up to, and not at, `until`; of one asset or (None) of all."""

    since: datetime | None
    until: datetime
    asset: str | None = None


class Statements:
    """Statements over the same books and names as `reads`."""

    def __init__(self, reads: Reads) -> None:
        self._reads = reads

    async def statement(
        self,
        programme_id: int,
        identity: Identity,
        period: Period,
        *,
        limit: int,
        after: tuple[int, int] | None = None,
    ) -> StatementView | None:
        """At most `limit` lines (1 to 500) behind the (position, leg) `after`, oldest first; None when nobody is known.

        Lines count by when their command was recorded, as balances do; when it happened, each says. Raises Invalid
        for an asset that the programme does not have, DatabaseDown.
        """
        limit = max(1, min(limit, LINES_MAX))
        newest = await self._reads.names_of(programme_id, 0)
        asset_id = None if period.asset is None else newest.asset_id(period.asset)
        if period.asset is not None and asset_id is None:
            raise Invalid("The programme has no such asset.", code="invalid_field", details={"path": "asset"})
        async with self._reads.source.snapshot() as books:
            found = await self._reads.find_member(books, programme_id, identity)
            if found is None:
                return None
            bucket, row = found
            until = await books.position_at(bucket, period.until - datetime.resolution)
            behind = 0
            if period.since is not None:
                behind = min(until, await books.position_at(bucket, period.since - datetime.resolution))
            whose = bucket, row.member_id
            accounts = await books.stated_accounts(*whose, behind=behind, until=until, asset_id=asset_id)
            totals = await books.stated_totals(*whose, behind=behind, until=until, asset_id=asset_id)
            lines = await books.stated_lines(
                *whose,
                behind=max(after or (0, 0), (behind, INT16_MAX)),
                until=until,
                asset_id=asset_id,
                limit=limit + 1,
            )
            page = lines[:limit]
            positions = sorted({line.position for line in page})
            commands = {
                booked.command.position: decode(booked)
                for booked in (await books.positions(bucket, positions) if positions else [])
            }
        revisions = {part.outcome.revision for part in commands.values() if part.outcome is not None}
        named = {revision: await self._reads.names_of(programme_id, revision) for revision in revisions}
        return StatementView(
            member_id=row.member_id,
            since=period.since,
            until=period.until,
            accounts=tuple(_account(account, totals, newest) for account in accounts),
            lines=tuple(_line(line, commands[line.position], named, newest) for line in page),
            next_after=(page[-1].position, page[-1].leg) if len(lines) > limit else None,
        )


def _account(account: StatedAccount, totals: Sequence[StatedTotal], names: Names) -> StatedAccountView:
    own = [total for total in totals if (total.asset_id, total.role) == (account.asset_id, account.role)]
    asset = names.asset(account.asset_id)
    return StatedAccountView(
        code=asset.code,
        name=asset.name,
        role=ROLE_NAMES[Role(account.role)],
        opening=account.opening,
        closing=account.closing,
        lines=sum(total.lines for total in own),
        totals={Kind(total.kind).name.lower(): total.amount for total in own},
    )


def _line(line: StatedLine, part: Decoded, named: Mapping[int, Names], newest: Names) -> StatedLineView:
    names = newest if part.outcome is None else named[part.outcome.revision]
    command = part.command
    return StatedLineView(
        recorded_at=part.row.recorded_at,
        occurred_at=line.occurred_at,
        code=names.asset(line.asset_id).code,
        role=ROLE_NAMES[Role(line.role)],
        kind=Kind(line.kind).name.lower(),
        amount=line.amount,
        balance_after=line.balance_after,
        held_after=line.held_after or 0,
        ticket=part.row.ticket,
        action="unreadable" if command is None else command.action,
        note=getattr(command, "note", None),
        reference=getattr(command, "reference", None),
        promo=names.promo_of(line.promo_version_id),
        active_at=line.active_at,
        expires_at=line.expires_at,
    )
