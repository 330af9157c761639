"""Full system accounts on PostgreSQL: their carries balance, no line passes the bound, verify is content, and sees tampering."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from accrual.domain import movements as moves
from accrual.domain.accounts import Role
from accrual.domain.commands import Dialect
from accrual.domain.ids import is_member_account
from accrual.domain.transfers import Kind
from accrual.engine import purse, settle
from accrual.engine.verify import Verification, VerifyReport
from accrual.store.connection import Pool
from accrual.store.verify import Books
from tests.desk import identity_of
from tests.pg_fixtures import Database
from tests.store.moving import Till, open_till
from tests.store.wiring import BUCKETS

pytestmark = pytest.mark.security

FULL = 50
"""Reached after a few commands; the true one takes millions of them."""
NAMES = ("ann", "bob", "eve")


@pytest.fixture
async def till(database: Database, pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Till]:
    monkeypatch.setattr(settle, "FULL", FULL)
    monkeypatch.setattr(purse, "FULL", FULL)
    async with open_till(database, pool, tmp_path) as opened:
        yield opened


def grant(name: str, amount: int, expires: str | None = None) -> moves.Grant:
    return moves.Grant(
        dialect=Dialect.NATIVE,
        action="grant",
        identity=identity_of(name),
        asset="PTS",
        amount=amount,
        expires=expires,
    )


def redeem(name: str, amount: int) -> moves.Redeem:
    return moves.Redeem(dialect=Dialect.NATIVE, action="redeem", identity=identity_of(name), asset="PTS", amount=amount)


def transfer(name: str, to: str, amount: int) -> moves.Transfer:
    return moves.Transfer(
        dialect=Dialect.NATIVE,
        action="transfer",
        identity=identity_of(name),
        to=identity_of(to),
        asset="PTS",
        amount=amount,
    )


async def verified(till: Till) -> VerifyReport:
    books = Books(till.database.runtime_url, BUCKETS)
    try:
        return await Verification(books).run()
    finally:
        await books.close()


async def fill_accounts(till: Till) -> None:
    """Issuance, redemption and transit of the members' buckets go beyond FULL: in batches, alone, and after a restart."""
    for _ in range(3):
        for name in NAMES:
            await till.log(grant(name, 45))
            await till.log(grant(name, 40))
        await till.settle()
    till.start_again()
    for number in range(6):
        for name in NAMES:
            if name != NAMES[0]:
                await till.log(transfer(name, NAMES[0], 20 + number))
            await till.log(redeem(name, 13))
        await till.settle(2 if number % 2 else None)
    till.start_again()
    for name in NAMES:
        assert (await till.decided(grant(name, 30))).booked


async def test_carried_accounts_balance_and_verify_is_content(till: Till) -> None:
    await fill_accounts(till)
    carried = await till.pool.fetch(
        "select bucket, account, position, leg, contra, amount, balance_after from line where kind = $1"
        " order by bucket, position, leg",
        int(Kind.CARRY),
    )
    roles = {row["account"] & 15 for row in carried if not row["contra"]}
    assert roles >= {Role.ISSUANCE, Role.REDEMPTION, Role.TRANSIT}
    assert sum(row["amount"] for row in carried) == 0
    for away, kept in zip(carried[::2], carried[1::2], strict=True):
        assert (away["balance_after"], kept["contra"]) == (0, away["account"])
        assert kept["amount"] == kept["balance_after"] == -away["amount"]
        assert abs(kept["amount"]) > FULL
        assert not is_member_account(kept["account"])
    rows = await till.pool.fetch("select account, amount, balance_after from line where kind <> $1", int(Kind.CARRY))
    system = [row for row in rows if not is_member_account(row["account"])]
    assert max(abs(row["amount"]) for row in system) <= FULL
    assert max(abs(row["balance_after"]) for row in system) <= 2 * FULL
    assert await till.pool.fetchval("select sum(amount) from line") == 0
    report = await verified(till)
    assert report.findings == ()
    for name in NAMES:
        assert await till.balance(name) == till.desk.books.balance(name)
    given, redeemed = 3 * 3 * 85 + 3 * 30, 6 * 3 * 13
    assert sum([await till.balance(name) for name in NAMES]) == given - redeemed


async def test_changed_carry_is_named(till: Till, owner_pool: Pool) -> None:
    await fill_accounts(till)
    changed = set()
    for side in ("contra = 0", "contra <> 0"):
        row = await owner_pool.fetchrow(
            "update line set amount = amount + 1, balance_after = balance_after + 1 where (bucket, position, leg) ="
            f" (select bucket, position, leg from line where kind = $1 and {side} limit 1) returning bucket, position",
            int(Kind.CARRY),
        )
        assert row is not None
        changed.add((row["bucket"], row["position"]))
    report = await verified(till)
    assert changed <= {(finding.bucket, finding.position) for finding in report.findings}
