"""Check-ins and velocity over a real database: preview and backtest say what posting does, lanes at once keep to the limit."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from accrual.bootstrap.backtesting import BacktestOrder, run_log
from accrual.bootstrap.engine import RunningEngine, open_engine
from accrual.bootstrap.lanes import open_lane
from accrual.bootstrap.programme import apply_file, plan_file, read_file
from accrual.domain.commands import Dialect, Reward, Submission, content_digest, encode_command
from accrual.domain.errors import Conflict, Missing
from accrual.domain.facts import Identity, Purchase
from accrual.domain.outcomes import decode_outcome
from accrual.settings import Settings
from accrual.store.connection import Pool
from accrual.worker.lane import Lane
from tests.pg_fixtures import Database
from tests.store.test_links import two_lanes
from tests.store.test_preview import _comparable, _submission
from tests.store.wiring import log_of, submitter

PROGRAMME = """
programme:
  code: streaks
  name: Streaks
  time_zone: Asia/Jakarta
  currency: IDR
  minor_units: 2
  velocity:
    - {name: PHONE, per: install_id, every: month, triggers: [purchase], count: 40}
    - {name: LOOK, per: member, every: day, triggers: [purchase], count: 2, action: hold}
assets: [{code: PTS, name: Points}, {code: FREEZE, name: Freezes}]
clients: [{code: till, rights: [submit, read], key_sha256: "%s"}]
promos:
  - code: CI-LADDER
    trigger: check_in
    benefits: [{asset: PTS, streak: {steps: {1: 1, 2: 2, 3: 5}, after_last: repeat, make_up: 5, freeze: {asset: FREEZE}}}]
  - {code: CI-NIGHT, trigger: check_in, benefits: [{asset: PTS, streak: {steps: {2: 1}, day_offset: "04:00"}}]}
  - {code: GIFT, trigger: registration, benefits: [{asset: FREEZE, fixed: 2}]}
  - {code: BASE, trigger: purchase, benefits: [{asset: PTS, points_per: {every: 1000 IDR}}]}
""" % ("0" * 64)


@pytest.fixture
def written(tmp_path: Path) -> Path:
    path = tmp_path / "streaks.yaml"
    path.write_text(PROGRAMME, encoding="utf-8")
    return path


@asynccontextmanager
async def _at_work(database: Database, path: Path) -> AsyncIterator[tuple[RunningEngine, Lane]]:
    await apply_file(path, database.runtime_url, actor="test")
    settings = Settings()
    async with (
        open_engine(database.runtime_url, settings) as engine,
        open_lane(database.runtime_url, settings, label="test") as lane,
    ):
        await _decide(lane)
        yield engine, lane
        leaving = asyncio.Event()
        leaving.set()
        await lane.run(leaving)


async def _decide(lane: Lane) -> None:
    while await lane.step():
        pass


def _documents(seed: int, count: int) -> list[dict[str, Any]]:
    chance = random.Random(seed)
    now = datetime.now(UTC)
    documents = []
    for number in range(count):
        who = {"kind": "name", "value": f"m{chance.randrange(6)}"}
        at = (now - timedelta(minutes=chance.randrange(60 * 24 * 7))).replace(microsecond=0).isoformat()
        kind = chance.choice(["check_in", "check_in", "check_in", "purchase", "registration"])
        fact = {"type": kind, "occurred_at": at} | ({"amount": 5000, "currency": "IDR"} if kind == "purchase" else {})
        document = {"key": f"k{number}", "member": who, "facts": [fact]}
        if chance.random() < 0.5:
            document["install_id"] = f"phone-{chance.randrange(2)}"
        documents.append(document)
    return documents


async def test_preview_and_backtest_say_what_posting_does(database: Database, pool: Pool, written: Path) -> None:
    seen: Counter[str] = Counter()
    async with _at_work(database, written) as (engine, lane):
        for document in _documents(3, 220):
            submission = _submission(engine, document)
            previewed = await engine.preview(submission, datetime.now(UTC))
            receipt = await engine.submit(submission)
            await _decide(lane)
            view = await engine.ticket(receipt.ticket)
            assert view is not None
            assert _comparable(previewed.view) == _comparable(view), document
            seen.update(award.promo for award in view.awards)
            seen.update(decline.reason for decline in view.declines)
            seen.update("moved" for _ in view.booked)
    wanted = {"CI-LADDER", "CI-NIGHT", "GIFT", "BASE", "already_checked_in", "check_in_too_late", "day_without_prize"}
    assert wanted | {"held_for_review"} <= set(seen), seen
    assert seen["moved"], "a freeze was spent"
    report = await run_log(BacktestOrder(programme=written), read_file(written), pool, lambda done, total: None)
    assert report.as_was
    assert report.different == ()
    assert report.equal == report.commands == 220


async def test_held_command_is_listed_and_judged_once(database: Database, pool: Pool, written: Path) -> None:
    async with _at_work(database, written) as (engine, lane):
        for number in range(4):
            fact = {"type": "purchase", "amount": 5000, "currency": "IDR"}
            document = {"key": f"k{number}", "member": {"kind": "name", "value": "ann"}, "facts": [fact]}
            await engine.submit(_submission(engine, document))
        await _decide(lane)
        first = await engine.held.page(1, limit=1)
        assert first.next_after is not None
        rest = await engine.held.page(1, after=first.next_after)
        tickets = [bytes.fromhex(held.ticket.replace("-", "")) for held in (*first.held, *rest.held)]
        assert len(set(tickets)) == 2
        assert [held.member["value"] for held in rest.held] == ["ann"]
        for again in range(2):
            receipt = await engine.held.judge(1, tickets[0], approved=True, actor="eve", note="known")
            assert receipt.repeated is bool(again)
            await _decide(lane)
        view = await engine.ticket(receipt.ticket)
        assert view is not None
        assert [award.amount for award in view.awards] == [5]
        with pytest.raises(Conflict, match="approved before"):
            await engine.held.judge(1, tickets[0], approved=False, actor="eve", note="no")
        with pytest.raises(Missing):
            await engine.held.judge(1, bytes(16), approved=True, actor="eve", note="what")
        refused = await engine.held.judge(1, tickets[1], approved=False, actor="eve", note="too much")
        await _decide(lane)
        view = await engine.ticket(refused.ticket)
        assert view is not None
        assert [decline.text for decline in view.declines] == [
            "The held command was refused; it gives nothing. Reason: too much"
        ]
        assert (await engine.held.page(1)).held == ()
        assert [held.status for held in (await engine.held.page(1, open_only=False)).held] == ["approved", "refused"]
    assert await pool.fetchval("select count(1) from audit where subject like 'held %'") == 2
    report = await run_log(BacktestOrder(programme=written), read_file(written), pool, lambda done, total: None)
    assert report.different == ()


async def test_lanes_at_once_never_pass_a_limit_of_an_install_id(database: Database, pool: Pool, written: Path) -> None:
    await apply_file(written, database.runtime_url, actor="test")
    at = datetime.now(UTC)
    till = submitter(log_of(pool))
    submissions = []
    for number in range(120):
        command = Reward(
            dialect=Dialect.NATIVE,
            action="purchase",
            identity=Identity("name", f"m{number}"),
            facts=(Purchase(amount_minor=100_000, occurred_at=at),),
            install_id="phone-7",
        )
        content = content_digest(encode_command(command))
        submissions.append(
            Submission(programme_id=1, client_id=1, command=command, key=b"k%d" % number, content=content, body=b"")
        )
    await till.submit_many(submissions)
    await two_lanes(database, pool)
    outcomes = [decode_outcome(row["payload"]) for row in await pool.fetch("select payload from outcome")]
    assert sum(bool(outcome.awards) for outcome in outcomes) == 40
    assert Counter(d.reason for outcome in outcomes for d in outcome.declines) == {"too_fast": 80}


async def test_plan_tells_a_changed_ladder_and_a_changed_rule(database: Database, written: Path) -> None:
    await apply_file(written, database.runtime_url, actor="test")
    _change(written)
    plan = await plan_file(written, database.runtime_url)
    told = {f"{item.kind} {item.code}": [field.path for field in item.fields] for item in plan.items}
    assert any("streak.steps" in path for path in told["promo CI-LADDER"]), told
    assert any(path.startswith("velocity") for path in told["programme streaks"]), told
    await apply_file(written, database.runtime_url, actor="test")
    assert not (await plan_file(written, database.runtime_url)).changes


def _change(written: Path) -> None:
    changed = written.read_text(encoding="utf-8").replace("3: 5}", "4: 5}").replace("count: 40", "count: 30")
    written.write_text(changed, encoding="utf-8")
