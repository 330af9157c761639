"""A preview is the real result: decided by the same code from the same state, and nothing of it is written."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from accrual.api.native.wire import read_command
from accrual.bootstrap.engine import RunningEngine, open_engine
from accrual.bootstrap.lanes import open_lane
from accrual.bootstrap.programme import apply_file
from accrual.domain.commands import Submission
from accrual.domain.errors import KeyReused
from accrual.domain.outcomes import decode_outcome
from accrual.engine.render import ticket_json
from accrual.engine.translate_native import to_submission
from accrual.engine.views import Previewed, TicketView
from accrual.settings import Settings
from accrual.store.connection import Pool
from accrual.worker.lane import Lane
from tests.pg_fixtures import Database
from tests.store.drawn_commands import draw_commands

PROGRAMME = Path(__file__).with_name("previewing.yaml")

CODES = re.compile(rb"V-[0-9A-Z]{10}")
UNTOLD = "V-??????????"
"""What a preview shows for a code: it knows no secret to draw one from."""


@asynccontextmanager
async def _at_work(database: Database) -> AsyncIterator[tuple[RunningEngine, Lane]]:
    await apply_file(PROGRAMME, database.runtime_url, actor="test")
    settings = Settings()
    async with (
        open_engine(database.runtime_url, settings) as engine,
        open_lane(database.runtime_url, settings, label="test") as lane,
    ):
        yield engine, lane
        leaving = asyncio.Event()
        leaving.set()
        await lane.run(leaving)


def _submission(engine: RunningEngine, document: dict[str, Any]) -> Submission:
    raw = json.dumps(document).encode()
    client = next(iter(engine.catalog.clients.values()))
    catalogue = next(iter(engine.catalog.programmes.values()))
    now = datetime.now(UTC)
    return to_submission(read_command(raw), raw, client=client, catalogue=catalogue, now=now, chance=bytes(16))


async def _decide_all(lane: Lane) -> None:
    while await lane.step():
        pass


def _comparable(view: TicketView) -> dict[str, Any]:
    """All of a ticket but what a preview cannot tell: the moment at which it was recorded, and codes."""
    shown: dict[str, Any] = json.loads(CODES.sub(UNTOLD.encode(), json.dumps(ticket_json(view), default=str).encode()))
    del shown["recorded_at"]
    return shown


async def _payload(pool: Pool, view: TicketView) -> bytes:
    found = await pool.fetchval(
        "select payload from outcome where bucket = $1 and position = $2", view.bucket, view.position
    )
    return bytes(found)


async def _preview_and_post(
    engine: RunningEngine, lane: Lane, pool: Pool, document: dict[str, Any]
) -> tuple[Previewed, TicketView]:
    submission = _submission(engine, document)
    previewed = await engine.preview(submission, datetime.now(UTC))
    receipt = await engine.submit(submission)
    await _decide_all(lane)
    view = await engine.ticket(receipt.ticket)
    assert view is not None
    assert previewed.payload is not None
    stored = await _payload(pool, view)
    assert previewed.payload == CODES.sub(UNTOLD.encode(), stored), (
        decode_outcome(previewed.payload),
        decode_outcome(stored),
    )
    return previewed, view


async def _compare(database: Database, pool: Pool, *, seed: int, count: int) -> dict[str, int]:
    seen: dict[str, int] = {}
    async with _at_work(database) as (engine, lane):
        await _decide_all(lane)
        for document in draw_commands(seed, count):
            for fact in document["facts"]:
                fact.setdefault("occurred_at", "2026-03-05T10:00:00Z")
            previewed, view = await _preview_and_post(engine, lane, pool, document)
            assert _comparable(previewed.view) == _comparable(view), document
            coming = list(view.follow_ups)
            for ahead in previewed.followed:
                followed = await engine.ticket(coming.pop(0))
                assert followed is not None
                assert _comparable(ahead) == _comparable(followed)
                coming.extend(followed.follow_ups)
                seen["followed"] = seen.get("followed", 0) + 1
            assert not coming
            for award in view.awards:
                seen[award.promo] = seen.get(award.promo, 0) + 1
            for decline in view.declines:
                seen[decline.reason] = seen.get(decline.reason, 0) + 1
    return seen


async def test_preview_equals_posting_over_random_commands(database: Database, pool: Pool) -> None:
    seen = await _compare(database, pool, seed=1, count=250)
    wanted = {"BASE", "DOUBLE", "RICH", "COUPON", "POT", "CROWD", "HELLO", "FRIEND", "FRIEND-PAID", "DAY", "followed"}
    wanted |= {"limit_reached", "budget_exhausted", "condition_false", "already_registered", "already_checked_in"}
    assert wanted <= seen.keys(), seen


@pytest.mark.slow
async def test_preview_equals_posting_over_10_000_random_commands(database: Database, pool: Pool) -> None:
    await _compare(database, pool, seed=2, count=10_000)


async def test_preview_writes_nothing(database: Database, pool: Pool) -> None:
    tables = ("command", "outcome", "line", "member", "account", "budget", "budget_share", "quota", "counter", "tail")
    async with _at_work(database) as (engine, lane):
        await _decide_all(lane)

        async def counts() -> list[Any]:
            # all buckets: a test's own database
            return [await pool.fetch(f"select t.* from {table} t order by t::text") for table in tables]

        before = await counts()
        for document in draw_commands(3, 30):
            await engine.preview(_submission(engine, document), datetime.now(UTC))
        assert await counts() == before


async def test_preview_of_a_posted_command_answers_what_the_log_has(database: Database, pool: Pool) -> None:
    document = {"key": "once", "member": {"kind": "msisdn", "value": "1"}, "facts": [{"type": "registration"}]}
    async with _at_work(database) as (engine, lane):
        await _decide_all(lane)
        submission = _submission(engine, document)
        receipt = await engine.submit(submission)
        await _decide_all(lane)
        previewed = await engine.preview(submission, datetime.now(UTC))
        assert previewed.repeated
        assert previewed.view == await engine.ticket(receipt.ticket)
        other = {**document, "facts": [{"type": "check_in"}]}
        with pytest.raises(KeyReused):
            await engine.preview(_submission(engine, other), datetime.now(UTC))


async def test_preview_says_how_many_commands_wait_before_it(database: Database, pool: Pool) -> None:
    member = {"kind": "msisdn", "value": "1"}
    async with _at_work(database) as (engine, _):
        for number in range(3):
            fact = {"type": "purchase", "amount": 100}
            await engine.submit(_submission(engine, {"key": f"k{number}", "member": member, "facts": [fact]}))
        fact = {"type": "check_in"}
        previewed = await engine.preview(
            _submission(engine, {"key": "p", "member": member, "facts": [fact]}), datetime.now(UTC)
        )
        assert previewed.waiting_before == 3
        assert previewed.view.position == 4
