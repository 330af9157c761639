"""Parked commands are listed, and tried again once at a time, under tickets of their own, until one is decided."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from accrual.bootstrap.asking import verify_books
from accrual.bootstrap.engine import RunningEngine, open_engine
from accrual.domain.commands import Dialect, LoggedCommand, Receipt, Reward, Submission
from accrual.domain.errors import Conflict, Missing, Refused
from accrual.domain.ids import bucket_of_ticket
from accrual.engine.resume import RETRIES_MAX
from accrual.engine.views import RetryView, TicketView
from accrual.settings import Settings
from accrual.store.connection import Pool
from tests.pg_fixtures import Database
from tests.store.wiring import apply_example, log_of, purchase, submitter, whole_lane

PROGRAMME_ID = 1


@pytest.fixture
async def engine(database: Database) -> AsyncIterator[RunningEngine]:
    await apply_example(database)
    async with open_engine(database.runtime_url, Settings()) as engine:
        yield engine


async def _decide(database: Database, pool: Pool, *, bad: str = "") -> None:
    """Decide all that waits; commands of this action cannot be decided."""

    def event_of(command: Reward, logged: LoggedCommand, programme: Any) -> None:
        if command.action == bad:
            raise ZeroDivisionError

    lane = whole_lane(database, pool, "lane", event_of=event_of)
    while await pool.fetchval("select coalesce(sum(t.next - l.cursor), 1) from tail t left join lane l using (bucket)"):
        await lane.step()
    lane._store.cut()


def _bad(user: str, key: str) -> Submission:
    """A purchase in native words, so that its stored body can be shown."""
    submission = purchase(user, key, action="bad")
    assert isinstance(submission.command, Reward)
    command = msgspec.structs.replace(submission.command, dialect=Dialect.NATIVE)
    return msgspec.structs.replace(submission, command=command)


async def _view(engine: RunningEngine, ticket: bytes) -> TicketView:
    view = await engine.ticket(ticket)
    assert view is not None
    return view


async def _listed(engine: RunningEngine) -> list[bytes]:
    return [view.ticket for view in (await engine.parked(None, limit=500, after=None)).tickets]


async def test_parked_command_is_tried_again_until_it_is_decided_and_its_own_answer_stays(
    engine: RunningEngine, database: Database, pool: Pool
) -> None:
    parked = (await engine.submit(_bad("ann", "a"))).ticket
    await _decide(database, pool, bad="bad")
    assert await _listed(engine) == [parked]
    failed = await engine.retry(parked, PROGRAMME_ID)
    assert bucket_of_ticket(failed.ticket) == bucket_of_ticket(parked)
    await _decide(database, pool, bad="bad")
    # The retry that failed waits for nobody: what it tried is tried again itself.
    assert await _listed(engine) == [parked]
    assert (await _view(engine, failed.ticket)).status == "parked"
    good = await engine.retry(parked, PROGRAMME_ID)
    assert good.ticket != failed.ticket
    await _decide(database, pool)
    assert await _listed(engine) == []
    assert (await pool.fetchval("select count(*) from parked where resumed_position is null")) == 0
    first = await _view(engine, parked)
    assert (first.status, first.awards) == ("parked", ())
    assert first.retries == (
        RetryView(ticket=failed.ticket, status="parked"),
        RetryView(ticket=good.ticket, status="decided"),
    )
    last = await _view(engine, good.ticket)
    assert (last.status, last.retry_of, [award.amount for award in last.awards]) == ("decided", parked, [1])
    for over in (parked, failed.ticket, good.ticket):
        with pytest.raises(Conflict):
            await engine.retry(over, PROGRAMME_ID)
    report = await verify_books(None, database.runtime_url)
    assert (report.clean, report.undecided) == (True, 0)


async def test_retry_asked_for_by_many_at_once_is_one_command(
    engine: RunningEngine, database: Database, pool: Pool
) -> None:
    parked = (await engine.submit(_bad("ann", "a"))).ticket
    await _decide(database, pool, bad="bad")
    async with open_engine(database.runtime_url, Settings()) as other:
        receipts = await asyncio.gather(*[each.retry(parked, None) for each in (engine, other) for _ in range(20)])
    assert len({receipt.ticket for receipt in receipts}) == 1
    assert sum(not receipt.repeated for receipt in receipts) == 1
    await _decide(database, pool)
    assert await pool.fetchval("select count(*) from command") == 2
    assert await pool.fetchval("select sum(amount) from line where covers_from is null") == 1


async def test_pages_of_what_is_parked_hold_each_command_once_and_only_the_programmes(
    engine: RunningEngine, database: Database, pool: Pool
) -> None:
    answers = await engine.submit_many([_bad(f"u{n % 5}", f"{n}") for n in range(23)] + [purchase("u1", "good")])
    await _decide(database, pool, bad="bad")
    wanted = {answer.ticket for answer in answers[:-1] if isinstance(answer, Receipt)}
    seen: list[bytes] = []
    after = None
    while True:
        page = await engine.parked(PROGRAMME_ID, limit=5, after=after)
        seen += [view.ticket for view in page.tickets]
        if page.next_after is None:
            break
        after = page.next_after
    assert len(seen) == len(wanted) == 23
    assert set(seen) == wanted
    places = [(view.bucket, view.position) for view in [await _view(engine, ticket) for ticket in seen]]
    assert places == sorted(places)
    assert (await engine.parked(PROGRAMME_ID + 1, limit=5, after=None)).tickets == ()


async def test_what_cannot_be_tried_again_is_refused_and_nothing_is_written(
    engine: RunningEngine, database: Database, pool: Pool
) -> None:
    fine = await engine.submit(purchase("ann", "fine"))
    row, _ = submitter(log_of(pool)).prepare(purchase("ann", "junk"))
    assert await log_of(pool).append([row._replace(facts=b"\xc1 no command")], fine.recorded_at)
    parked = (await engine.submit(_bad("ann", "a"))).ticket
    await _decide(database, pool, bad="bad")
    with pytest.raises(Conflict):
        await engine.retry(fine.ticket, PROGRAMME_ID)
    with pytest.raises(Refused):
        await engine.retry(row.ticket, PROGRAMME_ID)
    for ticket, programme_id in ((parked, PROGRAMME_ID + 1), (bytes(16), PROGRAMME_ID), (fine.ticket[::-1], None)):
        with pytest.raises(Missing):
            await engine.retry(ticket, programme_id)
    assert await pool.fetchval("select count(*) from command") == 3


async def test_command_is_tried_again_only_so_often(
    engine: RunningEngine, database: Database, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert RETRIES_MAX >= 100
    monkeypatch.setattr("accrual.engine.resume.RETRIES_MAX", 6)
    parked = (await engine.submit(_bad("ann", "a"))).ticket
    await _decide(database, pool, bad="bad")
    for _ in range(6):
        await engine.retry(parked, None)
        await _decide(database, pool, bad="bad")
    with pytest.raises(Refused):
        await engine.retry(parked, None)
    assert len((await _view(engine, parked)).retries) == 6
