"""A member's statement: opening and lines make closing, over any stretch of time and in pages of any size."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from accrual.domain.commands import Dialect
from accrual.domain.errors import Invalid
from accrual.domain.movements import Adjust, Hold, Redeem
from accrual.engine.statement import Period, Statements
from accrual.engine.views import StatedLineView, StatementView
from accrual.store.connection import Pool
from tests.pg_fixtures import Database
from tests.store.points_desk import START, PointsDesk, person, points_desk

DAY = timedelta(days=1)


@pytest.fixture
async def desk(database: Database, pool: Pool, tmp_path: Path) -> AsyncIterator[PointsDesk]:
    """Ann's thirty days: grants that expire or wait, redemptions, a hold, an adjustment into debt, another asset."""
    async with points_desk(database, pool, tmp_path) as desk:
        for day in range(30):
            desk.now = START + day * DAY
            match day % 6:
                case 0:
                    await desk.grant("ann", 40 + day, expires="P9D", note="welcome back", reference=f"INV-{day}")
                case 1:
                    await desk.grant("ann", 5, active_after="P3D")
                case 2:
                    await desk.send(_redeem(7))
                case 3:
                    await desk.send(
                        Hold(dialect=Dialect.NATIVE, action="hold", identity=person("ann"), asset="PTS", amount=2)
                    )
                case 4:
                    await desk.grant("ann", 3, asset="LD")
                case _:
                    await desk.send(
                        Adjust(
                            dialect=Dialect.NATIVE,
                            action="adjust",
                            identity=person("ann"),
                            asset="PTS",
                            amount=-90 if day == 29 else -1,
                            below_zero=True,
                            note="till error",
                        )
                    )
            await desk.grant("bob", 1)
            await desk.decide()
        desk.now = START + 31 * DAY
        yield desk


def _redeem(amount: int) -> Redeem:
    return Redeem(dialect=Dialect.NATIVE, action="redeem", identity=person("ann"), asset="PTS", amount=amount)


async def _whole(desk: PointsDesk, period: Period, *, limit: int = 500) -> tuple[StatementView, list[StatedLineView]]:
    """The first page, and the lines of all pages."""
    statements, after, lines, first = Statements(desk.reads), None, [], None
    while True:
        view = await statements.statement(1, person("ann"), period, limit=limit, after=after)
        assert view is not None
        assert len(view.lines) <= limit
        lines += view.lines
        first = first or view
        assert first.accounts == view.accounts
        after = view.next_after
        if after is None:
            return first, lines


def _adds_up(view: StatementView, lines: list[StatedLineView]) -> None:
    for account in view.accounts:
        own = [line for line in lines if (line.code, line.role) == (account.code, account.role)]
        assert account.opening + sum(line.amount for line in own) == account.closing
        assert account.lines == len(own)
        totals: dict[str, int] = {}
        balance = account.opening
        for line in own:
            balance += line.amount
            assert line.balance_after == balance
            totals[line.kind] = totals.get(line.kind, 0) + line.amount
        assert totals == account.totals


async def test_opening_and_lines_make_closing_over_any_stretch_of_time(desk: PointsDesk) -> None:
    chance = random.Random(7)
    stretches = [(None, desk.now), (START, START), (desk.now, desk.now)]
    stretches += [
        (
            START + chance.randrange(15 * 24) * timedelta(hours=1),
            START + chance.randrange(15 * 24, 31 * 24) * timedelta(hours=1),
        )
        for _ in range(12)
    ]
    roles = set()
    for since, until in stretches:
        view, lines = await _whole(desk, Period(since=since, until=until), limit=chance.choice((1, 4, 500)))
        _adds_up(view, lines)
        roles |= {(account.code, account.role) for account in view.accounts}
        assert all((since is None or line.recorded_at >= since) and line.recorded_at < until for line in lines)
    assert roles == {("PTS", "main"), ("PTS", "pending"), ("PTS", "debt"), ("LD", "main")}


async def test_statements_of_following_months_fit_together(desk: PointsDesk) -> None:
    middle = START + 13 * DAY
    first, before = await _whole(desk, Period(since=None, until=middle))
    second, behind = await _whole(desk, Period(since=middle, until=desk.now))
    _, all_lines = await _whole(desk, Period(since=None, until=desk.now))
    assert [*before, *behind] == all_lines
    closing = {(account.code, account.role): account.closing for account in first.accounts}
    assert {place: at for place, at in _openings(second).items() if at} == {p: at for p, at in closing.items() if at}


def _openings(view: StatementView) -> dict[tuple[str, str], int]:
    return {(account.code, account.role): account.opening for account in view.accounts}


async def test_closing_is_the_balance_as_of_that_instant(desk: PointsDesk) -> None:
    for day in (0, 7, 16, 29):
        at = START + day * DAY
        view, _ = await _whole(desk, Period(since=None, until=at + datetime.resolution, asset="PTS"))
        closing = {account.role: account.closing for account in view.accounts}
        balance = await desk.balance("ann", at=at)
        assert (closing["main"], closing.get("pending", 0), -closing.get("debt", 0)) == (
            balance.posted,
            balance.pending,
            balance.debt,
        )


async def test_each_line_says_what_it_was(desk: PointsDesk) -> None:
    _, lines = await _whole(desk, Period(since=None, until=START + 2 * DAY + timedelta(hours=1), asset="PTS"))
    told = [(line.action, line.kind, line.role, line.amount, line.note, line.reference) for line in lines]
    assert told == [
        ("grant", "grant", "main", 40, "welcome back", "INV-0"),
        ("grant", "grant", "pending", 5, None, None),
        ("redeem", "redeem", "main", -7, None, None),
    ]
    assert lines[0].expires_at == START + 9 * DAY
    assert lines[1].active_at == START + 4 * DAY
    assert [line.recorded_at for line in lines] == [START, START + DAY, START + 2 * DAY]


async def test_statement_of_one_asset_has_no_other_and_an_unknown_one_is_refused(desk: PointsDesk) -> None:
    view, lines = await _whole(desk, Period(since=None, until=desk.now, asset="LD"))
    assert {account.code for account in view.accounts} == {line.code for line in lines} == {"LD"}
    with pytest.raises(Invalid):
        await _whole(desk, Period(since=None, until=desk.now, asset="XX"))


async def test_nobody_has_no_statement(desk: PointsDesk) -> None:
    assert await Statements(desk.reads).statement(1, person("zoe"), Period(since=None, until=desk.now), limit=5) is None
