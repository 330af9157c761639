"""Points through their whole life in a real database: what is read back, what is posted, and what verification says of it."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from accrual.domain import movements as moves
from accrual.domain.accounts import Role
from accrual.domain.commands import Dialect, Reward
from accrual.domain.facts import Purchase, Registration
from accrual.domain.ids import bucket_of
from accrual.domain.outcomes import Status
from accrual.domain.transfers import Kind
from accrual.engine.verify import Verification, VerifyReport
from accrual.store.connection import Pool
from accrual.store.verify import Books
from tests.desk import identity_of, member_of
from tests.pg_fixtures import Database
from tests.property.points_asks import RandomAsks, command_of
from tests.store.moving import Till, open_till
from tests.store.wiring import BUCKETS

NAMES = ("ann", "bob", "eve", "joe")


@pytest.fixture
async def till(database: Database, pool: Pool, tmp_path: Path) -> AsyncIterator[Till]:
    async with open_till(database, pool, tmp_path) as opened:
        yield opened


def said(name: str) -> dict[str, Any]:
    return {"dialect": Dialect.NATIVE, "action": "test", "identity": identity_of(name)}


def pays(name: str, amount_minor: int = 10_000) -> Reward:
    return Reward(**said(name), facts=(Purchase(amount_minor=amount_minor),))


def grant(name: str, amount: int, expires: str | None = None) -> moves.Grant:
    return moves.Grant(**said(name), asset="PTS", amount=amount, expires=expires)


def redeem(name: str, amount: int) -> moves.Redeem:
    return moves.Redeem(**said(name), asset="PTS", amount=amount)


async def verified(till: Till) -> VerifyReport:
    books = Books(till.database.runtime_url, BUCKETS)
    try:
        return await Verification(books).run()
    finally:
        await books.close()


async def test_lots_are_read_from_snapshot_and_what_came_after_it(till: Till) -> None:
    for number in range(80):
        await till.log(grant("ann", 2 + number % 3, f"P{1 + number % 9}D"))
    await till.settle(7)
    assert await till.pool.fetchval("select count(*) from lot_snapshot") == 1
    for _ in range(9):
        till.start_again()
        assert (await till.decided(redeem("ann", 9))).booked
    assert (
        await till.balance("ann") == sum(2 + number % 3 for number in range(80)) - 81 == till.desk.books.balance("ann")
    )
    assert (await verified(till)).findings == ()


async def test_redemption_is_refunded_into_its_lots_after_a_restart(till: Till) -> None:
    await till.log(grant("ann", 5, "P10D"))
    await till.log(grant("ann", 5))
    redemption = await till.log(redeem("ann", 8))
    await till.settle()
    till.start_again()
    till.later(days=11)
    refund = await till.decided(moves.Refund(**said("ann"), target=redemption.ticket, amount=6))
    assert [booked.details["reinstated"] for booked in refund.booked if booked.details] == [3]
    till.start_again()
    over = await till.decided(moves.Refund(**said("ann"), target=redemption.ticket, amount=3))
    assert [(d.reason, d.details) for d in over.declines] == [("more_than_taken", {"left": 2, "wanted": 3})]
    assert await till.balance("ann") == 8
    till.later(days=31)
    await till.decided(moves.Expire(**said("ann"), until=till.desk.now))
    assert await till.balance("ann") == 5
    assert (await verified(till)).findings == ()


async def test_return_reports_what_has_expired_and_owes_what_was_spent(till: Till) -> None:
    purchase = await till.log(pays("ann", 100_000))
    await till.log(redeem("ann", 30))
    await till.settle()
    till.later(days=31)
    till.start_again()
    outcome = await till.decided(moves.Reverse(**said("ann"), target=purchase.ticket))
    told = [booked.details for booked in outcome.booked if booked.kind == Kind.REVERSE and booked.asset_id == 1]
    assert [(row["taken"], row["debt"], row["expired"]) for row in told if row] == [(0, 30, 70)]
    assert (await till.balance("ann"), await till.balance("ann", Role.DEBT)) == (0, -30)
    again = await till.decided(moves.Reverse(**said("ann"), target=purchase.ticket))
    assert [decline.reason for decline in again.declines] == ["already_returned"]
    till.start_again()
    await till.decided(pays("ann", 40_000))
    assert (await till.balance("ann"), await till.balance("ann", Role.DEBT)) == (10, 0)
    assert (await verified(till)).findings == ()


async def test_hold_outlasts_the_expiry_of_its_lot_and_frees_the_rest_in_one_command(till: Till) -> None:
    await till.log(grant("ann", 10, "P1D"))
    hold = await till.log(moves.Hold(**said("ann"), asset="PTS", amount=6))
    await till.settle()
    till.later(days=2)
    till.start_again()
    outcome = await till.decided(moves.Capture(**said("ann"), target=hold.ticket, amount=4))
    assert [(booked.kind, booked.amount) for booked in outcome.booked] == [(Kind.EXPIRE, -6), (Kind.REDEEM, -4)]
    again = await till.decided(moves.Release(**said("ann"), target=hold.ticket))
    assert [decline.reason for decline in again.declines] == ["hold_resolved"]
    assert await till.balance("ann") == 0
    assert (await verified(till)).findings == ()


async def test_two_awards_of_a_return_may_take_from_the_same_other_lot(till: Till) -> None:
    facts = (Purchase(amount_minor=50_000), Purchase(amount_minor=50_000))
    purchase = await till.log(Reward(**said("ann"), facts=facts))
    await till.log(redeem("ann", 100))
    await till.log(grant("ann", 200))
    await till.settle()
    for fact in (0, 1):
        parts = (moves.ReturnedPart(fact), moves.ReturnedPart(fact))
        await till.decided(moves.Reverse(**said("ann"), target=purchase.ticket, parts=parts))
    assert await till.balance("ann") == 100
    assert (await verified(till)).findings == ()


async def test_points_go_to_others_and_come_back_from_those_who_cannot_be_members(
    database: Database, pool: Pool, tmp_path: Path
) -> None:
    async with open_till(database, pool, tmp_path, enrol="register_only") as till:
        for name in ("ann", "bob"):
            await till.log(Reward(**said(name), facts=(Registration(),)))
        await till.settle()
        await till.log(grant("ann", 10, "P5D"))
        for other in ("bob", "nobody"):
            await till.log(moves.Transfer(**said("ann"), asset="PTS", amount=3, to=identity_of(other)))
        await till.settle()
        assert (await till.balance("ann"), await till.balance("bob"), await till.balance("nobody")) == (7, 3, 0)
        transit = await till.pool.fetchval("select sum(amount) from line where account = $1", 16 + Role.TRANSIT)
        assert transit == 0
        assert (await verified(till)).findings == ()


async def test_merged_member_keeps_lots_holds_and_what_may_be_returned(till: Till) -> None:
    purchase = await till.log(pays("ann", 100_000))
    await till.log(redeem("ann", 30))
    await till.settle()
    first = await till.decided(moves.Reverse(**said("ann"), target=purchase.ticket, parts=(moves.ReturnedPart(0),)))
    assert first.booked
    await till.log(grant("ann", 50))
    await till.settle()
    for into in ("bob", "eve"):
        await till.decided(moves.Merge(**said("ann"), into=identity_of(into)))
        till.start_again()
    assert bucket_of(member_of("ann"), BUCKETS) != bucket_of(member_of("eve"), BUCKETS)
    again = await till.log(moves.Reverse(**said("ann"), target=purchase.ticket))
    await till.settle()
    assert (await till.outcome(again)).status is Status.FORWARDED
    assert await till.balance("eve") == 20
    hold = await till.log(moves.Hold(**said("ann"), asset="PTS", amount=7))
    await till.settle()
    till.start_again()
    await till.decided(moves.Capture(**said("ann"), target=hold.ticket))
    assert await till.balance("eve") == 13
    assert (await verified(till)).findings == ()


async def test_return_waits_for_its_purchase_and_is_woken_by_it(till: Till) -> None:
    late = till.desk.log_command(pays("zoe"), key=b"late")  # only to learn the ticket; the till has not seen it yet
    till.desk.books.log[late.bucket].clear()
    till.desk.books.places.clear()
    wait = await till.log(moves.Reverse(**said("zoe"), target=late.ticket))
    await till.settle()
    assert (await till.outcome(wait)).status is Status.PARKED
    assert await till.pool.fetchval("select count(*) from awaited") == 1
    till.start_again()
    await till.log(pays("zoe"), key=b"late")
    await till.settle()
    assert (await till.balance("zoe"), await till.balance("zoe", asset_id=2)) == (0, 0)
    assert await till.pool.fetchval("select count(*) from parked where resumed_position is null") == 0
    assert (await verified(till)).findings == ()


async def test_return_gives_back_counters_shares_and_caps(database: Database, pool: Pool, tmp_path: Path) -> None:
    promo = {
        "code": "ONCE", "trigger": "purchase", "budget": {"asset": "PTS", "amount": 10},
        "limits": [{"count": 1}, {"count": 1, "per": "outlet"}], "benefits": [{"asset": "PTS", "fixed": 10}],
    }  # fmt: skip
    async with open_till(database, pool, tmp_path, promos=[promo]) as till:
        paid = Purchase(amount_minor=1_000, outlet="OTL-1")
        for _ in range(3):
            till.start_again()
            purchase = await till.log(Reward(**said("ann"), facts=(paid,)))
            await till.settle()
            assert [award.amount for award in (await till.outcome(purchase)).awards] == [10]
            declined = await till.decided(Reward(**said("ann"), facts=(paid,)))
            assert [decline.reason for decline in declined.declines]
            await till.decided(moves.Reverse(**said("ann"), target=purchase.ticket))
        counters = await till.pool.fetch("select value_after from counter where promo_id = 1 order by position")
        assert [row[0] for row in counters] == [1, 0] * 3
        assert await till.pool.fetchval("select sum(remaining) from budget_share") == 10
        assert await till.pool.fetchval("select remaining from quota") == 1
        assert (await verified(till)).findings == ()


@pytest.mark.parametrize("number", [1, 2])
async def test_random_movements_come_to_the_same_as_in_memory_and_verify_clean(till: Till, number: int) -> None:
    rng = random.Random(number)
    asks = RandomAsks(rng, NAMES)
    for _ in range(60):
        for _ in range(rng.randint(1, 6)):
            ask = asks.next(till.desk.now)
            asks.done(ask, (await till.log(command_of(ask))).ticket)
        await till.settle(rng.choice([None, 1, 3]))
        if rng.random() < 0.3:
            till.start_again()
        if rng.random() < 0.2:
            till.later(days=rng.choice([1, 3, 20]))
    rows = await till.pool.fetch("select bucket, position, payload from outcome")
    assert {(row[0], row[1]): row[2] for row in rows} == {
        place: row.payload for place, row in till.desk.books.outcomes.items()
    }
    lines = await till.pool.fetchval("select count(*) from line")
    assert lines == len(till.desk.books.lines) > 200
    uses = await till.pool.fetch("select bucket, account, position, lot_position, lot_leg, amount, kind from lot_use")
    assert sorted(map(tuple, uses)) == sorted(map(tuple, till.desk.books.lot_uses))
    report = await verified(till)
    assert report.findings == ()


@pytest.mark.parametrize(
    ("statement", "check"),
    [
        ("update lot_use set kind = 5 where kind = 4", "chain"),
        ("update line set amount = amount + 1 where account = 27", "netting"),
        ("delete from line where account = 27 and amount > 0", "netting"),
        (
            "update line set amount = amount + 1, balance_after = balance_after + 1 where kind = 12 and amount > 0",
            "netting",
        ),
        ("update line set held_after = 999 where kind = 8", "holds"),
        ("update line set origin_position = 99 where kind = 3 and amount > 0", "chain"),
    ],
)
async def test_damage_to_movements_is_found(till: Till, owner_pool: Pool, statement: str, check: str) -> None:
    await till.log(moves.Grant(**said("ann"), asset="PTS", amount=9, active_after="P1D", expires="P1D"))
    await till.log(grant("ann", 5))
    await till.log(moves.Hold(**said("ann"), asset="PTS", amount=1))
    await till.log(moves.Transfer(**said("ann"), asset="PTS", amount=3, to=identity_of("bob")))
    await till.log(moves.Adjust(**said("ann"), asset="PTS", amount=-9, below_zero=True))
    await till.settle()
    till.later(days=1)
    await till.decided(moves.Activate(**said("ann"), until=till.desk.now))
    till.later(days=1)
    await till.decided(grant("ann", 1, "P0D"))
    assert (await verified(till)).clean
    assert not (await owner_pool.execute(statement)).endswith(" 0")
    assert check in {finding.check for finding in (await verified(till)).findings}
