"""What of a member's points is due to expire, and how a member stood at a past instant."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from accrual.domain.commands import Dialect
from accrual.domain.movements import Hold, Redeem
from accrual.engine.views import BalanceView
from accrual.store.connection import Pool
from tests.pg_fixtures import Database
from tests.store.points_desk import START, PointsDesk, person, points_desk


@pytest.fixture
async def desk(database: Database, pool: Pool, tmp_path: Path) -> AsyncIterator[PointsDesk]:
    async with points_desk(database, pool, tmp_path) as desk:
        yield desk


def _due(balance: BalanceView) -> list[int]:
    return [due.amount for due in balance.due]


def _redeem(who: str, amount: int) -> Redeem:
    return Redeem(dialect=Dialect.NATIVE, action="redeem", identity=person(who), asset="PTS", amount=amount)


async def test_points_due_are_told_within_thirty_sixty_and_ninety_days(desk: PointsDesk) -> None:
    for amount, expires in ((1, "P10D"), (20, "P45D"), (300, "P75D"), (4000, "P120D"), (50_000, None)):
        await desk.grant("ann", amount, expires=expires)
    await desk.decide()
    balance = await desk.balance("ann")
    assert _due(balance) == [1, 21, 321]
    assert [due.until - START for due in balance.due] == [timedelta(days=days) for days in (30, 60, 90)]
    assert balance.next_expiry is not None
    assert (balance.next_expiry.date, balance.next_expiry.amount) == (date(2026, 3, 11), 1)


async def test_spent_points_are_due_no_more(desk: PointsDesk) -> None:
    await desk.grant("ann", 10, expires="P10D")
    await desk.grant("ann", 10, expires="P20D")
    await desk.send(_redeem("ann", 13))
    await desk.decide()
    balance = await desk.balance("ann")
    assert _due(balance) == [7, 7, 7]
    assert balance.next_expiry is not None
    assert (balance.next_expiry.date, balance.next_expiry.amount) == (date(2026, 3, 21), 7)


async def test_next_expiry_sums_the_lots_of_a_day_of_the_programme_and_names_the_last_day_to_spend_them(
    desk: PointsDesk,
) -> None:
    # 17:00Z is midnight in Jakarta: the first lot ends with 31 March, the second on it, the third an hour behind it.
    await desk.grant("ann", 1, expires="end_of_month")
    await desk.grant("ann", 2, occurred_at=datetime(2026, 3, 30, 18, tzinfo=UTC) - timedelta(days=40), expires="P40D")
    await desk.grant("ann", 4, occurred_at=datetime(2026, 3, 31, 18, tzinfo=UTC) - timedelta(days=40), expires="P40D")
    await desk.decide()
    balance = await desk.balance("ann")
    assert balance.next_expiry is not None
    assert (balance.next_expiry.date, balance.next_expiry.amount) == (date(2026, 3, 31), 3)


async def test_member_without_expiring_points_has_no_next_expiry(desk: PointsDesk) -> None:
    await desk.grant("ann", 5)
    await desk.decide()
    assert (await desk.balance("ann")).next_expiry is None
    assert _due(await desk.balance("ann", "LD")) == [0, 0, 0]


async def test_what_is_due_is_known_from_a_snapshot_of_lots_too(desk: PointsDesk) -> None:
    for number in range(80):
        await desk.grant("ann", 1, expires=f"P{number + 1}D")
    await desk.send(_redeem("ann", 3))
    await desk.decide()
    assert await desk.fetch("select 1 from lot_snapshot")
    await desk.grant("ann", 1, expires="P1D")
    await desk.decide()
    assert _due(await desk.balance("ann")) == [28, 58, 78]


async def test_member_is_shown_as_of_every_past_instant(desk: PointsDesk) -> None:
    told: list[tuple[datetime, int, int, list[int]]] = []
    for day in range(12):
        desk.now = START + timedelta(days=day)
        if day % 3 == 2:
            await desk.send(_redeem("ann", day))
        else:
            await desk.grant("ann", 10 + day, expires="P20D")
        await desk.grant("bob", 1)
        if day == 5:
            await desk.send(Hold(dialect=Dialect.NATIVE, action="hold", identity=person("ann"), asset="PTS", amount=7))
        await desk.decide()
        balance = await desk.balance("ann")
        told.append((desk.now, balance.posted, balance.held, _due(balance)))
    assert told[-1][1] > 0
    assert told[-1][2] == 7
    for instant, posted, held, due in told:
        for at in (instant, instant + timedelta(hours=23)):
            balance = await desk.balance("ann", at=at)
            assert (balance.posted, balance.held) == (posted, held)
        assert _due(await desk.balance("ann", at=instant)) == due


async def test_history_as_of_an_instant_ends_there(desk: PointsDesk) -> None:
    await desk.grant("ann", 1)
    desk.now += timedelta(days=1)
    await desk.grant("ann", 2)
    await desk.decide()
    view = await desk.member("ann", START + timedelta(hours=1))
    assert [booked.amount for ticket in view.history for booked in ticket.booked] == [1]
    assert view.at == START + timedelta(hours=1)
    assert (await desk.balance("ann", at=START - timedelta(seconds=1))).posted == 0


async def test_position_at_an_instant_is_found_in_a_long_log(desk: PointsDesk) -> None:
    for second in range(70):
        desk.now = START + timedelta(seconds=second)
        await desk.grant("ann", 1)
    (bucket,) = await desk.log.backlog()
    reads = desk.reads._source
    async with reads.snapshot() as books:
        found = [await books.position_at(bucket, START + timedelta(seconds=second)) for second in range(-1, 72)]
    assert found == [0, *range(1, 71), 70, 70]
