"""Turns awards into balanced transfers and these into ledger lines. No promo is judged and nothing is stored here."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from accrual.domain.accounts import Role
from accrual.domain.amounts import INT64_MAX
from accrual.domain.ids import carried_account_id, system_account_id
from accrual.domain.lots import LotUse
from accrual.domain.outcomes import Award, Declined
from accrual.domain.rows import quick
from accrual.domain.transfers import Kind, Line
from accrual.engine.state import AccountState, MemberCell
from accrual.rules.snapshot import Judgement

# As plain numbers: thousands of lines are made of them in a second.
MEMBER, PENDING, ISSUANCE, AWARD = int(Role.MEMBER), int(Role.PENDING), int(Role.ISSUANCE), int(Kind.AWARD)
quick_line = quick(Line)

CROWDED = 2**61
"""A member's balance above this takes no more. Nothing that one command adds or activates takes a lower one beyond int64."""

FULL = 2**62 - 1
"""The balance, above or below zero, beyond which a system account is carried, and the most that one line of it moves."""

Settled = tuple[list[Line], list[LotUse], dict[tuple[int, int], tuple[int, int | None]], dict[int, int]]
"""Member lines in leg order; lot uses; balances after by (asset_id, role); what system accounts moved, by account."""


def without_crowded(judgement: Judgement, cell: MemberCell) -> Judgement:
    """The judgement, each award to a balance above CROWDED declined as `balance_full`."""
    crowded = [award for award in judgement.awards if is_crowded(cell, award.asset_id)]
    if not crowded:
        return judgement
    return msgspec.structs.replace(
        judgement,
        awards=tuple([award for award in judgement.awards if award not in crowded]),
        declines=judgement.declines + tuple([Declined(award.promo_version_id, "balance_full") for award in crowded]),
    )


def is_crowded(cell: MemberCell, asset_id: int) -> bool:
    """Whether what a member has of an asset, active or pending, is above CROWDED."""
    for role in (MEMBER, PENDING):
        account = cell.accounts.get((asset_id, role))
        if account is not None and account.balance > CROWDED:
            return True
    return False


def settle(
    awards: Sequence[Award], cell: MemberCell, bucket: int, position: int, occurred_at: datetime, recorded_at: datetime
) -> Settled:
    """The lines of one command's awards. Raises OverflowError beyond int64, KeyError when an account was not loaded.

    An award that is active later goes to the member's pending account. One that is already due expires at once
    (LOG-AND-LANES rule 24): it is credited and debited in the same outcome, so that the history shows both.
    """
    lines: list[Line] = []
    uses: list[LotUse] = []
    after: dict[tuple[int, int], tuple[int, int | None]] = {}
    moved: dict[int, int] = {}
    total = 0
    for award in awards:
        asset_id, amount, active_at, expires_at = award.asset_id, award.amount, award.active_at, award.expires_at
        key = (asset_id, MEMBER if active_at is None else PENDING)
        account = cell.accounts[key]
        balance, held = after.get(key) or (account.balance, account.held)
        balance += amount
        if balance > INT64_MAX:
            raise OverflowError("the balance would be beyond int64")
        issuance = system_account_id(asset_id, ISSUANCE)
        leg = len(lines)
        line = quick_line(
            (
                bucket,
                account.account_id,
                position,
                leg,
                issuance,
                amount,
                balance,
                held,
                AWARD,
                award.promo_version_id,
                active_at,
                expires_at,
                occurred_at,
                None,
                None,
            )
        )
        lines.append(line)
        total += line.amount
        moved[issuance] = moved.get(issuance, 0) - amount
        if expires_at is not None and active_at is None and expires_at <= recorded_at:
            balance -= amount
            breakage = system_account_id(asset_id, Role.BREAKAGE)
            expired = _expired(line, breakage, balance)
            lines.append(expired)
            total += expired.amount
            uses.append(LotUse(bucket, account.account_id, position, position, leg, amount))
            moved[breakage] = moved.get(breakage, 0) + amount
        after[key] = (balance, held)
    if total + sum(moved.values()) != 0:
        raise AssertionError("transfers of a command do not balance")
    return lines, uses, after, moved


def _expired(credit: Line, breakage: int, balance: int) -> Line:
    return credit._replace(
        leg=credit.leg + 1,
        contra=breakage,
        amount=-credit.amount,
        balance_after=balance,
        kind=Kind.EXPIRE,
        active_at=None,
        expires_at=None,
    )


def net(
    moved: dict[int, int],
    systems: dict[tuple[int, int], AccountState],
    bucket: int,
    position: int,
    first_leg: int,
    covers_from: int,
    recorded_at: datetime,
) -> list[Line]:
    """One line a system account for a whole batch in a bucket, at its last position, after that position's own legs.

    More than FULL becomes several lines, and an account whose balance is beyond FULL is carried first: whatever a batch
    moves, it can be booked.
    """
    lines: list[Line] = []
    for account, amount in sorted(moved.items()):
        if amount == 0:
            continue
        balance, number = systems[bucket, account].balance, 0
        while amount:
            if abs(balance) > FULL:
                lines += carry(bucket, account, position, first_leg + len(lines), balance, recorded_at, number)
                balance, number = 0, number + 1
            part = max(-FULL, min(amount, FULL))
            amount, balance = amount - part, balance + part
            leg = first_leg + len(lines)
            lines.append(
                Line(
                    *(bucket, account, position, leg, 0, part, balance, None, Kind.NETTED),
                    *(None, None, None, recorded_at, covers_from),
                )
            )
    return lines


def carry(
    bucket: int, account: int, position: int, leg: int, balance: int, occurred_at: datetime, number: int = 0
) -> tuple[Line, Line]:
    """The two lines that move a full system account's balance to one that is used no more; it begins again at nothing."""
    away = carried_account_id(account, position, number)
    rest = (None, Kind.CARRY, None, None, None, occurred_at, None)
    return (
        Line(bucket, account, position, leg, 0, -balance, 0, *rest),
        Line(bucket, away, position, leg + 1, account, balance, balance, *rest),
    )
