"""A backtest of the live programme over the log is the log, byte for byte; of another one, what that one would have given."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from accrual.bootstrap.backtesting import BacktestOrder, run_log
from accrual.bootstrap.programme import apply_file, read_file
from accrual.engine.backtest_report import BacktestReport
from accrual.store.connection import Pool
from tests.pg_fixtures import Database
from tests.store.drawn_commands import draw_commands
from tests.store.test_preview import PROGRAMME, _at_work, _decide_all, _submission


async def _post(database: Database, documents: list[dict[str, Any]], *, chunk: int = 50) -> None:
    async with _at_work(database) as (engine, lane):
        await _decide_all(lane)
        for start in range(0, len(documents), chunk):
            await engine.submit_many([_submission(engine, each) for each in documents[start : start + chunk]])
            await _decide_all(lane)


async def _run(pool: Pool, path: Path = PROGRAMME, **order: Any) -> BacktestReport:
    return await run_log(BacktestOrder(programme=path, **order), read_file(path), pool, lambda done, total: None)


async def _counts(pool: Pool) -> list[int]:
    tables = ("command", "outcome", "line", "counter", "member", "budget_share", "quota", "promo_version", "audit")
    return [await pool.fetchval(f"select count(1) from {table}") for table in tables]


def _units(report: BacktestReport, promo: str, *, really: bool = False) -> int:
    side = report.really if really else report.simulated
    assert side is not None
    return sum(cell.units for cell in side.cells if cell.promo == promo)


async def test_backtest_of_the_live_programme_is_the_log_byte_for_byte(database: Database, pool: Pool) -> None:
    await _post(database, list(draw_commands(7, 1_500)))
    before = await _counts(pool)
    report = await _run(pool)
    assert report.as_was
    assert report.commands == await pool.fetchval("select count(1) from outcome") > 1_500
    assert report.different == ()
    assert report.equal == report.commands
    assert report.really == report.simulated
    assert _units(report, "POT") > 0
    assert _units(report, "FRIEND") > 0
    assert await _counts(pool) == before


async def test_commands_are_run_under_the_revision_that_decided_them(
    database: Database, pool: Pool, tmp_path: Path
) -> None:
    documents = list(draw_commands(8, 600))
    await _post(database, documents[:300])
    later = tmp_path / "later.yaml"
    later.write_text(PROGRAMME.read_text().replace("max: 500", "max: 3").replace("count: 2, every: day", "count: 1"))
    await apply_file(later, database.runtime_url, actor="test")
    async with _lane_without_applying(database) as (engine, lane):
        await engine.submit_many([_submission(engine, each) for each in documents[300:]])
        await _decide_all(lane)
    report = await _run(pool, later)
    assert report.as_was
    assert report.different == ()
    assert report.equal == report.commands > 600
    assert {row[0] for row in await pool.fetch("select distinct revision from programme_revision")} == {1}


@asynccontextmanager
async def _lane_without_applying(database: Database) -> AsyncIterator[Any]:
    from accrual.bootstrap.engine import open_engine
    from accrual.bootstrap.lanes import open_lane
    from accrual.settings import Settings

    settings = Settings()
    async with (
        open_engine(database.runtime_url, settings) as engine,
        open_lane(database.runtime_url, settings, label="test") as lane,
    ):
        yield engine, lane
        await lane._leave()


async def test_another_programme_is_counted_beside_what_really_happened(
    database: Database, pool: Pool, tmp_path: Path
) -> None:
    facts = [{"type": "purchase", "amount": "250.00", "occurred_at": "2026-03-05T18:30:00Z"}]
    documents = [
        {"key": f"k{number}", "member": {"kind": "msisdn", "value": str(number % 3)}, "facts": facts}
        for number in range(9)
    ]
    await _post(database, documents)
    other = tmp_path / "other.yaml"
    other.write_text(PROGRAMME.read_text().replace('every: "100 IDR", give: 1', 'every: "50 IDR", give: 1'))
    report = await _run(pool, other, values={"PTS": Decimal("1.5")})
    assert not report.as_was
    assert (_units(report, "BASE"), _units(report, "BASE", really=True)) == (45, 18)
    assert report.really is not None
    assert report.simulated.members_touched == report.really.members_touched == 3
    points = report.simulated.assets[0]
    assert (points.units, points.cost, points.winners[0].units) == (45, "67.5", 15)
    assert [(band.least, band.most, band.members) for band in points.distribution] == [(10, 99, 3)]
    assert {cell.day for cell in report.simulated.cells} == {"2026-03-06"}, "the day in Jakarta"


async def test_a_budget_is_never_exceeded_and_goes_to_the_earliest(
    database: Database, pool: Pool, tmp_path: Path
) -> None:
    async with _at_work(database) as (engine, lane):
        await _decide_all(lane)
        for number in range(20):
            fact = {"type": "purchase", "amount": 100, "outlet": "O1", "occurred_at": "2026-03-05T10:00:00Z"}
            member = {"kind": "msisdn", "value": str(number)}
            await engine.submit(_submission(engine, {"key": "k", "member": member, "facts": [fact]}))
        await _decide_all(lane)
    other = tmp_path / "other.yaml"
    text = PROGRAMME.read_text()
    other.write_text(
        text.replace("where: {outlets: [O3]}\n    budget: {asset: PTS, amount: 60", "budget: {asset: PTS, amount: 45")
    )
    report = await _run(pool, other)
    assert _units(report, "POT") == 45
    reasons = {(each.promo, each.reason): each.count for each in report.simulated.declines}
    assert reasons["POT", "budget_exhausted"] == 13


async def test_a_new_referrer_promo_is_given_though_the_log_has_no_follow_ups(
    database: Database, pool: Pool, tmp_path: Path
) -> None:
    bare = tmp_path / "bare.yaml"
    text = PROGRAMME.read_text()
    cut = text.index("  - code: FRIEND-PAID")
    bare.write_text(text[:cut] + text[text.index("  - {code: DAY") :])
    await apply_file(bare, database.runtime_url, actor="test")
    async with _lane_without_applying(database) as (engine, lane):
        await _decide_all(lane)
        referrer = {"kind": "msisdn", "value": "2"}
        fact = {"type": "referral_purchase", "amount": 1000, "referrer": referrer}
        await engine.submit(
            _submission(engine, {"key": "k", "member": {"kind": "msisdn", "value": "1"}, "facts": [fact]})
        )
        await _decide_all(lane)
    assert await pool.fetchval("select count(1) from command") == 1
    report = await _run(pool)
    assert _units(report, "FRIEND-PAID") == 10


async def test_what_lies_before_the_span_counts_for_limits_only(database: Database, pool: Pool) -> None:
    fact = {"type": "registration"}
    member = {"kind": "msisdn", "value": "1"}
    await _post(database, [{"key": str(n), "member": member, "facts": [fact]} for n in range(2)], chunk=1)
    moments = [row[0] for row in await pool.fetch("select recorded_at from command order by recorded_at")]
    report = await _run(pool, since=moments[1])
    assert (report.commands, report.equal, report.simulated.awards) == (1, 1, 0)
    assert report.simulated.declines[0].reason == "already_registered"
    report = await _run(pool, until=moments[1])
    assert (report.commands, report.simulated.awards) == (1, 1)
    assert (await _run(pool, since=datetime(2100, 1, 1, tzinfo=UTC))).commands == 0


async def test_a_tampered_outcome_is_named(database: Database, pool: Pool, owner_pool: Pool) -> None:
    await _post(database, list(draw_commands(9, 40)))
    ticket = await pool.fetchval(
        "select c.ticket from command c join outcome o using (bucket, position) order by c.bucket limit 1"
    )
    await owner_pool.execute(
        "update outcome set payload = (select payload from outcome where length(payload) > 60 limit 1) "
        "from command c where c.bucket = outcome.bucket and c.position = outcome.position and c.ticket = $1",
        ticket,
    )
    report = await _run(pool)
    assert [each.ticket for each in report.different] == [str(ticket)]
    assert json.dumps(report.different[0].stored)


@pytest.mark.slow
async def test_backtest_of_10_000_random_commands_is_the_log(database: Database, pool: Pool) -> None:
    await _post(database, list(draw_commands(10, 10_000)), chunk=500)
    report = await _run(pool)
    assert report.different == ()
    assert report.equal == report.commands > 10_000


async def test_follow_ups_of_the_log_are_not_given_a_second_time(
    database: Database, pool: Pool, tmp_path: Path
) -> None:
    fact = {"type": "referral_purchase", "amount": 1000, "referrer": {"kind": "msisdn", "value": "2"}}
    await _post(database, [{"key": "k", "member": {"kind": "msisdn", "value": "1"}, "facts": [fact]}])
    assert await pool.fetchval("select count(1) from command") == 2
    other = tmp_path / "other.yaml"
    other.write_text(PROGRAMME.read_text().replace("max: 500", "max: 400"))
    report = await _run(pool, other)
    assert not report.as_was
    assert (_units(report, "FRIEND-PAID"), _units(report, "FRIEND-PAID", really=True)) == (10, 10)
    assert report.simulated.commands == 2
