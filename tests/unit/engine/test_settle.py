"""Awards into lines: balanced, on the right account, and a lot that is due already expires in the same outcome."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accrual.domain.accounts import Role
from accrual.domain.amounts import INT64_MAX
from accrual.domain.ids import member_account_id, system_account_id
from accrual.domain.lots import LotUse
from accrual.domain.outcomes import Award
from accrual.domain.transfers import Kind
from accrual.engine.settle import Settled, net, settle
from accrual.engine.state import AccountState, MemberCell
from tests.desk import START, member_of

ANN = member_of("ann")
MAIN, PENDING = member_account_id(ANN, 1, Role.MEMBER), member_account_id(ANN, 1, Role.PENDING)
ISSUANCE, BREAKAGE = system_account_id(1, Role.ISSUANCE), system_account_id(1, Role.BREAKAGE)


def cell(balance: int = 0, held: int | None = None) -> MemberCell:
    accounts = {
        (asset, int(role)): AccountState(member_account_id(ANN, asset, role), balance, held, True)
        for asset in (1, 2)
        for role in (Role.MEMBER, Role.PENDING)
    }
    return MemberCell(3, None, accounts, {})


def award(amount: int, *, asset: int = 1, **changes: Any) -> Award:
    return Award(promo_version_id=9, asset_id=asset, amount=amount, reason="fixed", **changes)


def settled(*awards: Award, of: MemberCell | None = None) -> Settled:
    return settle(awards, of or cell(), 3, 7, START - timedelta(days=1), START)


def test_award_is_one_line_on_the_members_account() -> None:
    lines, uses, after, moved = settled(award(5), of=cell(10, 4))
    (line,) = lines
    assert (line.account, line.contra, line.amount, line.balance_after, line.held_after) == (MAIN, ISSUANCE, 5, 15, 4)
    assert (line.bucket, line.position, line.leg, line.kind, line.promo_version_id) == (3, 7, 0, Kind.AWARD, 9)
    assert line.occurred_at == START - timedelta(days=1)
    assert (uses, after, moved) == ([], {(1, 0): (15, 4)}, {ISSUANCE: -5})


def test_awards_of_one_asset_run_on_from_each_other() -> None:
    lines, _, after, moved = settled(award(5), award(7), of=cell(1))
    assert [(line.leg, line.balance_after) for line in lines] == [(0, 6), (1, 13)]
    assert (after, moved) == ({(1, 0): (13, None)}, {ISSUANCE: -12})


def test_award_that_is_active_later_waits_on_the_pending_account() -> None:
    later = START + timedelta(days=2)
    lines, uses, after, _ = settled(award(5, active_at=later, expires_at=later + timedelta(days=9)))
    assert [(line.account, line.active_at, line.amount) for line in lines] == [(PENDING, later, 5)]
    assert (uses, after) == ([], {(1, 1): (5, None)})


@pytest.mark.parametrize("due_s", [0, 1, 86_400])
def test_lot_that_is_due_when_booked_expires_at_once(due_s: int) -> None:
    lines, uses, after, moved = settled(award(5, expires_at=START - timedelta(seconds=due_s)), award(2), of=cell(10))
    assert [(line.leg, line.kind, line.amount, line.balance_after, line.contra) for line in lines] == [
        (0, Kind.AWARD, 5, 15, ISSUANCE),
        (1, Kind.EXPIRE, -5, 10, BREAKAGE),
        (2, Kind.AWARD, 2, 12, ISSUANCE),
    ]
    assert uses == [LotUse(bucket=3, account=MAIN, position=7, lot_position=7, lot_leg=0, amount=5)]
    assert (after, moved) == ({(1, 0): (12, None)}, {ISSUANCE: -7, BREAKAGE: 5})


def test_lot_that_is_due_a_moment_later_does_not_expire_yet() -> None:
    lines, uses, _, _ = settled(award(5, expires_at=START + timedelta(microseconds=1)))
    assert [line.kind for line in lines] == [Kind.AWARD]
    assert uses == []


def test_balance_beyond_int64_is_refused() -> None:
    assert settled(award(1), of=cell(INT64_MAX - 1))[2] == {(1, 0): (INT64_MAX, None)}
    with pytest.raises(OverflowError):
        settled(award(1), of=cell(INT64_MAX))
    with pytest.raises(OverflowError):
        settled(award(INT64_MAX), award(1))


def test_account_that_was_not_loaded_is_an_error() -> None:
    with pytest.raises(KeyError):
        settled(award(1, asset=7))


@given(
    st.lists(
        st.builds(
            award,
            st.integers(1, 10**6),
            asset=st.sampled_from([1, 2]),
            expires_at=st.sampled_from([None, START, START + timedelta(days=1)]),
            active_at=st.sampled_from([None, None, START + timedelta(hours=1)]),
        ),
        max_size=8,
    )
)
def test_lines_and_system_moves_always_sum_to_zero_and_balances_run_on(awards: list[Award]) -> None:
    start = cell(100)
    lines, uses, after, moved = settled(*awards, of=start)
    assert sum(line.amount for line in lines) + sum(moved.values()) == 0
    assert [line.leg for line in lines] == list(range(len(lines)))
    running = {account.account_id: account.balance for account in start.accounts.values()}
    for line in lines:
        running[line.account] += line.amount
        assert line.balance_after == running[line.account] >= 0
    for key, (balance, _) in after.items():
        assert balance == running[start.accounts[key].account_id]
    assert sum(use.amount for use in uses) == -sum(line.amount for line in lines if line.kind is Kind.EXPIRE)
    # Nothing but the answer changes: the cell is the lane's, and is only changed when all of the command went well.
    assert all(account.balance == 100 for account in start.accounts.values())


def test_netted_lines_stand_after_the_last_legs_and_leave_out_what_moved_nothing() -> None:
    systems = {
        (3, ISSUANCE): AccountState(ISSUANCE, -50, None, True),
        (3, BREAKAGE): AccountState(BREAKAGE, 0, None, False),
    }
    lines = net({ISSUANCE: -7, BREAKAGE: 0}, systems, 3, 9, 4, 6, START)
    assert [(line.account, line.leg, line.amount, line.balance_after, line.covers_from) for line in lines] == [
        (ISSUANCE, 4, -7, -57, 6)
    ]
