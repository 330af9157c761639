"""Lanes as processes: sharing buckets, dying, stalling, coming back too late, and leaving in good order."""

from __future__ import annotations

import asyncio
import signal
from contextlib import ExitStack
from pathlib import Path

import pytest

from accrual.domain.commands import Submission
from accrual.domain.outcomes import Status
from accrual.store.postgres import open_pool
from tests.flow.books import assert_books_hold, owned, rows, value, waiting
from tests.flow.processes import Program, lane, until
from tests.pg_fixtures import Database
from tests.store.wiring import BUCKETS, apply_example, log_of, purchase, submitter, users_in

LEASE_S = 1.0
QUICK = {"ACCRUAL_LEASE_S": str(LEASE_S)}


def _submit(database: Database, submissions: list[Submission]) -> None:
    async def work() -> None:
        pool = await open_pool(database.runtime_url, label="test", size_max=2)
        try:
            for answer in await submitter(log_of(pool)).submit_many(submissions):
                assert not isinstance(answer, Exception), answer
        finally:
            await pool.close()

    asyncio.run(work())


def _purchases(users: int, times: int, start: int = 0) -> list[Submission]:
    return [purchase(f"{user}", f"{time}") for time in range(start, start + times) for user in range(users)]


def _assert_each_was_paid(database: Database, users: int, times: int) -> None:
    """Every member has exactly a point for each purchase, by the newest line and by the sum of all."""
    found = rows(
        database.owner_url,
        """
        select i.value, sum(l.amount)::bigint, max(l.balance_after), count(*)
        from identity i join account a using (bucket, member_id) join line l on l.bucket = a.bucket and l.account = a.account_id
        group by 1
        """,
    )
    assert {row[0]: (row[1], row[2], row[3]) for row in found} == {f"{n}": (times, times, times) for n in range(users)}
    assert_books_hold(database)


@pytest.fixture
def stock(database: Database) -> Database:
    """A database with the example programme."""
    asyncio.run(apply_example(database))
    return database


def _until_owned(database: Database, wanted: dict[str, int], within_s: float = 20) -> None:
    def is_so() -> bool:
        return {label: count for label, count in owned(database.owner_url).items() if count} == wanted

    until(is_so, within_s=within_s, what=f"{owned(database.owner_url)} instead of {wanted}")


def test_two_lane_processes_share_the_buckets_and_one_takes_all_when_the_other_is_killed(
    stock: Database, tmp_path: Path
) -> None:
    url = stock.runtime_url
    with lane(tmp_path, url, "one", environment=QUICK) as one, lane(tmp_path, url, "two", environment=QUICK) as two:
        _until_owned(stock, {"one": BUCKETS // 2, "two": BUCKETS // 2})
        _submit(stock, _purchases(60, 2))
        until(lambda: waiting(stock.owner_url) == 0, within_s=10)
        decided = {
            row[0]: row[1] for row in rows(stock.owner_url, "select label, (report->>'buckets')::int from worker")
        }
        assert set(decided) == {"one", "two"}
        one.kill()
        _submit(stock, _purchases(60, 2, start=2))
        until(lambda: waiting(stock.owner_url) == 0, within_s=LEASE_S + 4)
        _until_owned(stock, {"two": BUCKETS})
        assert two.process.poll() is None
        # The dead one's name is forgotten once it owns nothing.
        until(lambda: set(owned(stock.owner_url)) == {"two"}, within_s=LEASE_S + 4)
    _assert_each_was_paid(stock, 60, 4)


def test_third_lane_gets_its_share_from_those_at_work(stock: Database, tmp_path: Path) -> None:
    with ExitStack() as stack:
        for label in ("one", "two", "three"):
            stack.enter_context(lane(tmp_path, stock.runtime_url, label, environment=QUICK))
        until(lambda: sorted(owned(stock.owner_url).values()) == [85, 85, 86], within_s=20)
        # Buckets that were handed over have changed hands in good order: nobody is suspected.
        assert value(stock.owner_url, "select max(suspicion) from lane") == 0


def test_lane_that_is_told_to_stop_gives_its_buckets_back_in_good_order(stock: Database, tmp_path: Path) -> None:
    _submit(stock, _purchases(60, 3))
    with lane(tmp_path, stock.runtime_url, "one", environment=QUICK) as one:
        _until_owned(stock, {"one": BUCKETS})
        until(lambda: waiting(stock.owner_url) == 0, within_s=10)
        assert one.stop() == 0
        found = rows(stock.owner_url, "select distinct owner, clean, suspicion from lane")
        assert [tuple(row) for row in found] == [(None, True, 0)]
        assert owned(stock.owner_url) == {}
    _assert_each_was_paid(stock, 60, 3)


@pytest.mark.parametrize("point", ["post.before_fence", "post.before_commit", "post.after_commit"])
def test_lane_killed_around_its_posting_loses_and_doubles_nothing(stock: Database, tmp_path: Path, point: str) -> None:
    _submit(stock, _purchases(60, 3))
    fault = {**QUICK, "ACCRUAL_FAULT": f"{point}=kill"}
    with lane(tmp_path, stock.runtime_url, "mortal", environment=fault) as mortal:
        assert mortal.process.wait(20) == -signal.SIGKILL
    before = value(stock.owner_url, "select count(*) from outcome")
    assert (before > 0) == (point == "post.after_commit")
    with lane(tmp_path, stock.runtime_url, "heir", environment=QUICK):
        until(lambda: waiting(stock.owner_url) == 0, within_s=15)
    _assert_each_was_paid(stock, 60, 3)


def test_lane_that_never_hears_the_answer_to_its_commit_does_not_post_again(stock: Database, tmp_path: Path) -> None:
    _submit(stock, _purchases(60, 3))
    fault = {**QUICK, "ACCRUAL_FAULT": "post.after_commit=raise@1"}
    with lane(tmp_path, stock.runtime_url, "one", environment=fault) as one:
        until(lambda: "database_down" in one.said, within_s=15)
        _submit(stock, _purchases(60, 1, start=3))
        until(lambda: waiting(stock.owner_url) == 0, within_s=15)
    _assert_each_was_paid(stock, 60, 4)


def _stop_at_its_fault(program: Program) -> None:
    """Wait until the lane is at its fault (it sleeps there), and stop it."""
    until(lambda: "fault_reached" in program.said, within_s=15, what=program.said)
    program.signal(signal.SIGSTOP)


def test_lane_that_comes_back_after_its_lease_is_refused_and_counted(stock: Database, tmp_path: Path) -> None:
    _submit(stock, _purchases(60, 2))
    fault = {**QUICK, "ACCRUAL_FAULT": "post.before_fence=sleep:1@1"}
    with lane(tmp_path, stock.runtime_url, "late", environment=fault) as late:
        _stop_at_its_fault(late)
        _until_owned(stock, {"late": BUCKETS})
        with lane(tmp_path, stock.runtime_url, "heir", environment=QUICK):
            _until_owned(stock, {"heir": BUCKETS}, within_s=LEASE_S + 10)
            until(lambda: waiting(stock.owner_url) == 0, within_s=10)
            outcomes = value(stock.owner_url, "select count(*) from outcome")
            late.signal(signal.SIGCONT)
            until(lambda: "code=fence_refused" in late.said, within_s=10, what=late.said)
            assert value(stock.owner_url, "select count(*) from outcome") == outcomes
            counted = "select coalesce(max((report->>'fence_refused_total')::int), 0) from worker where label = 'late'"
            until(lambda: value(stock.owner_url, counted) >= 1, within_s=10)
            # It is taken back: under a new lease it does its share.
            _until_owned(stock, {"late": BUCKETS // 2, "heir": BUCKETS // 2}, within_s=15)
            _submit(stock, _purchases(60, 1, start=2))
            until(lambda: waiting(stock.owner_url) == 0, within_s=10)
    _assert_each_was_paid(stock, 60, 3)


def test_lane_stopped_while_it_holds_its_rows_stands_in_nobodys_way(stock: Database, tmp_path: Path) -> None:
    """Between the last COPY and COMMIT: PostgreSQL or the take-over ends its session, and it must begin anew."""
    _submit(stock, _purchases(60, 2))
    fault = {**QUICK, "ACCRUAL_FAULT": "post.before_commit=sleep:1@1"}
    with lane(tmp_path, stock.runtime_url, "late", environment=fault) as late:
        _stop_at_its_fault(late)
        with lane(tmp_path, stock.runtime_url, "heir", environment=QUICK):
            _until_owned(stock, {"heir": BUCKETS}, within_s=LEASE_S + 10)
            until(lambda: waiting(stock.owner_url) == 0, within_s=10)
            late.signal(signal.SIGCONT)
            _until_owned(stock, {"late": BUCKETS // 2, "heir": BUCKETS // 2}, within_s=15)
            _submit(stock, _purchases(60, 1, start=2))
            until(lambda: waiting(stock.owner_url) == 0, within_s=10)
    _assert_each_was_paid(stock, 60, 3)


def test_command_that_kills_its_process_is_found_and_parked_and_the_lane_goes_on(
    stock: Database, tmp_path: Path
) -> None:
    users = users_in(40, 3)
    _submit(stock, _purchases(30, 1))
    _submit(stock, [purchase(user, "a") for user in users])
    _submit(stock, [purchase(users[0], "poison", action="poison")])
    _submit(stock, [purchase(user, "b") for user in users])
    fault = {**QUICK, "ACCRUAL_FAULT": "decide=kill:poison"}
    deaths = 0
    while waiting(stock.owner_url):
        assert deaths < 10
        with lane(tmp_path, stock.runtime_url, f"mortal {deaths}", environment=fault) as mortal:
            until(
                lambda: mortal.process.poll() is not None or waiting(stock.owner_url) == 0,
                within_s=20,
                what=mortal.said,
            )
            deaths += mortal.process.poll() is not None
    assert deaths >= 3
    found = rows(stock.owner_url, "select status, count(*) from outcome group by 1")
    assert {row[0]: row[1] for row in found} == {Status.DECIDED: 30 + 6, Status.PARKED: 1}
    found = rows(
        stock.owner_url,
        "select p.facts = c.facts from parked p join command c using (bucket, position) where parked_at is not null",
    )
    assert [row[0] for row in found] == [True]
    assert_books_hold(stock)
