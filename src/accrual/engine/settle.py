"""Turns awards into balanced transfers and these into ledger lines. No promo is judged and nothing is stored here."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from accrual.domain.accounts import Role
from accrual.domain.amounts import INT64_MAX
from accrual.domain.ids import system_account_id
from accrual.domain.lots import LotUse
from accrual.domain.outcomes import Award
from accrual.domain.rows import quick
from accrual.domain.transfers import Kind, Line
from accrual.engine.state import AccountState, MemberCell

# As plain numbers: thousands of lines are made of them in a second.
MEMBER, PENDING, ISSUANCE, AWARD = int(Role.MEMBER), int(Role.PENDING), int(Role.ISSUANCE), int(Kind.AWARD)
quick_line = quick(Line)

Settled = tuple[list[Line], list[LotUse], dict[tuple[int, int], tuple[int, int | None]], dict[int, int]]
"""Member lines in leg order; lot uses; balances after by (asset_id, role); what system accounts moved, by account."""


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
    """One line a system account for a whole batch in a bucket, at its last position, after that position's own legs."""
    lines: list[Line] = []
    for account, amount in sorted(moved.items()):
        if amount == 0:
            continue
        balance = systems[bucket, account].balance + amount
        if abs(balance) > INT64_MAX:
            raise OverflowError("a system account would be beyond int64")
        lines.append(
            Line(
                bucket,
                account,
                position,
                first_leg + len(lines),
                0,
                amount,
                balance,
                None,
                Kind.NETTED,
                None,
                None,
                None,
                recorded_at,
                covers_from,
            )
        )
    return lines
