"""A member's accounts during one command: lines that balance, one use a lot and reason, and nothing left of what is undone."""

from __future__ import annotations

from datetime import timedelta

import pytest

from accrual.domain.accounts import Role
from accrual.domain.amounts import INT64_MAX
from accrual.domain.ids import member_account_id
from accrual.domain.transfers import Kind
from accrual.engine import purse as purse_module
from accrual.engine.draft import Draft
from accrual.engine.lot_book import LotBook
from accrual.engine.purse import Purse, TooManyLegs
from accrual.engine.state import AccountState, MemberCell
from tests.desk import START, member_of

BUCKET = 1
PTS = 1


def cell() -> MemberCell:
    accounts = {}
    for role in (Role.MEMBER, Role.PENDING, Role.DEBT):
        lots = None if role is Role.DEBT else LotBook(BUCKET, pending=role is Role.PENDING)
        account_id = member_account_id(member_of("ann"), PTS, role)
        accounts[PTS, int(role)] = AccountState(account_id, 0, None, False, lots)
    return MemberCell(BUCKET, None, accounts, {})


def purse(of: MemberCell, position: int = 1, days: int = 0, draft: Draft | None = None) -> Purse:
    transit = {PTS: AccountState(PTS * 16 + Role.TRANSIT, 0, None, False)}
    now = START + timedelta(days=days)
    return Purse(of, transit, draft or Draft(), bucket=BUCKET, position=position, now=now, occurred_at=now)


def grant(to: Purse, amount: int, days: int | None = None, active: int | None = None) -> None:
    expires_at = None if days is None else START + timedelta(days=days)
    active_at = None if active is None else START + timedelta(days=active)
    to.credit(PTS, amount, kind=Kind.GRANT, contra=Role.ISSUANCE, expires_at=expires_at, active_at=active_at)


def keep(done: Purse, of: MemberCell) -> None:
    """What the lane does once a command stands."""
    done.close()
    for place, (balance, held) in done.after.items():
        of.accounts[place].balance, of.accounts[place].held = balance, held


def test_lot_that_expires_before_and_after_its_hold_ends_is_used_once() -> None:
    member = cell()
    first = purse(member)
    grant(first, 10, days=1)
    first.hold(PTS, 6)
    keep(first, member)
    second = purse(member, 2, days=2)
    second.bring_up_to_date(PTS)
    assert (second.posted(PTS), second.available(PTS)) == (6, 0)
    second.hold(PTS, -6, Kind.RELEASE)
    second.expire(PTS, second.now)
    second.close()
    assert [(use.lot_position, use.amount, use.kind) for use in second.uses] == [(1, 10, Kind.EXPIRE)]
    assert [line.amount for line in second.lines] == [-4, 0, -6]


def test_credit_pays_debt_from_itself_and_what_is_due_expires_instead() -> None:
    member = cell()
    done = purse(member)
    done.owe(PTS, 7, kind=Kind.ADJUST, contra=Role.ISSUANCE)
    grant(done, 5, days=0)
    assert (done.posted(PTS), done.debt(PTS), done.expired) == (0, 7, {PTS: 5})
    grant(done, 4, days=9)
    grant(done, 5, days=9)
    assert (done.posted(PTS), done.debt(PTS), done.settled) == (2, 0, {PTS: 7})
    assert done.moved == {PTS * 16 + Role.ISSUANCE: -7, PTS * 16 + Role.BREAKAGE: 5}
    done.close()


def test_activated_parcels_keep_where_they_were_first_made() -> None:
    member = cell()
    first = purse(member)
    grant(first, 5, active=1)
    grant(first, 3, days=2, active=1)
    keep(first, member)
    assert (first.posted(PTS), len(first.lots(PTS, Role.PENDING))) == (0, 2)
    second = purse(member, 2, days=2)
    second.bring_up_to_date(PTS)
    assert [(lot.left, lot.origin) for lot in second.lots(PTS)] == [(5, (BUCKET, 1, 0))]
    assert (second.activated, second.expired, second.expired_origins) == ({PTS: 8}, {PTS: 3}, {(BUCKET, 1, 1): 3})
    keep(second, member)


def test_lots_are_as_they_were_once_the_draft_is_rolled_back() -> None:
    member = cell()
    first = purse(member)
    grant(first, 5, days=9)
    grant(first, 5, active=1)
    keep(first, member)
    draft = Draft()
    second = purse(member, 2, days=3, draft=draft)
    second.bring_up_to_date(PTS)
    second.debit(PTS, 7, kind=Kind.REDEEM, contra=Role.REDEMPTION)
    draft.roll_back()
    third = purse(member, 2, days=3)
    assert [lot.left for lot in third.lots(PTS)] == [5]
    assert [lot.left for lot in third.lots(PTS, Role.PENDING)] == [5]
    assert (third.posted(PTS), third.lots(PTS).events) == (5, 1)


def test_transit_has_a_line_of_its_own_and_is_not_netted() -> None:
    member = cell()
    done = purse(member)
    grant(done, 9)
    done.debit(PTS, 4, kind=Kind.TRANSFER, contra=Role.TRANSIT)
    done.close()
    assert done.lines[-1][:7] == (BUCKET, PTS * 16 + Role.TRANSIT, 1, 2, 0, 4, 4)
    assert (done.transit_after, done.moved) == ({PTS: 4}, {PTS * 16 + Role.ISSUANCE: -9})


def test_what_does_not_balance_is_not_let_through() -> None:
    done = purse(cell())
    grant(done, 9)
    done.moved.clear()
    with pytest.raises(AssertionError, match="do not balance"):
        done.close()


def test_balances_stay_within_64_bits_and_legs_within_16(monkeypatch: pytest.MonkeyPatch) -> None:
    done = purse(cell())
    grant(done, INT64_MAX)
    with pytest.raises(OverflowError):
        grant(done, 1)
    monkeypatch.setattr(purse_module, "LEGS_MAX", 1)
    with pytest.raises(TooManyLegs):
        done.debit(PTS, 1, kind=Kind.REDEEM, contra=Role.REDEMPTION)
