"""What falls due is found, becomes one command each, and is done once: whoever runs when, and whatever dies in between."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from accrual.domain.commands import Dialect, Profile, Receipt, Resume, Submission, decode_command
from accrual.domain.errors import AccrualError, Busy, DatabaseDown
from accrual.domain.movements import Activate, Expire, Hold, Merge, Redeem, Release, Reverse, Review
from accrual.domain.upkeep import Step
from accrual.engine.submit import Submitter
from accrual.engine.upkeep import SETTLE, Tally, Upkeep, UpkeepLimits
from accrual.store.connection import Pool
from accrual.store.log import PostgresLog
from accrual.store.upkeep import UpkeepStore
from tests.pg_fixtures import Database
from tests.store.points_desk import PROGRAMME, START, PointsDesk, open_desk, person
from tests.store.wiring import BUCKETS

DAY = timedelta(days=1)


class DeskLog:
    """The desk's log as upkeep uses it; after `fails_after` pages it answers no more."""

    def __init__(self, log: PostgresLog, into: Submitter) -> None:
        self.log = log
        self.into = into
        self.pages: list[int] = []
        self.fails_after: int | None = None
        self.most_waiting = 0

    async def submit_many(self, submissions: Sequence[Submission]) -> list[Receipt | AccrualError]:
        if self.fails_after is not None and len(self.pages) >= self.fails_after:
            raise DatabaseDown
        self.pages.append(len(submissions))
        return await self.into.submit_many(submissions)

    async def waiting(self) -> int:
        waiting = sum((await self.log.backlog()).values())
        self.most_waiting = max(self.most_waiting, waiting)
        return waiting


class UpkeepDesk(PointsDesk):
    """The desk with upkeep over it, run at the desk's clock."""

    def __init__(self, database: Database, pool: Pool) -> None:
        super().__init__(database, pool)
        self.due_log = DeskLog(self.log, self.submitter)
        self.store = UpkeepStore(self.pool, BUCKETS)
        self.limit()

    def limit(self, *, page_max: int = 1000, backlog_max: int = 20_000, patience_s: float = 5.0) -> None:
        """Run under these bounds from now on."""
        limits = UpkeepLimits(page_max=page_max, backlog_max=backlog_max, patience_s=patience_s)
        self.upkeep = Upkeep(self.store, self.due_log, self.catalog, limits=limits, monotonic_s=time.monotonic)

    async def run(self, until: datetime | None = None, *, settle: bool = True) -> Tally:
        """One round up to `until`, else up to the desk's clock; then everything is decided."""
        tally = await self.upkeep.run(until or self.now, self.now)
        if settle:
            await self.decide()
        return tally

    async def commands(self, *kinds: type) -> list[Any]:
        """The commands of these kinds in the log, in order of bucket and position."""
        rows = await self.fetch("select facts from command order by bucket, position")
        return [asked for row in rows if isinstance(asked := decode_command(row[0]), kinds)]

    async def events(self) -> list[dict[str, Any]]:
        """What stands in the outbox."""
        rows = await self.fetch("select kind, payload from outbox order by recorded_at, bucket, sequence")
        return [{"kind": row[0]} | msgspec.json.decode(row[1]) for row in rows]


@pytest.fixture
async def desk(database: Database, pool: Pool, tmp_path: Path) -> AsyncIterator[UpkeepDesk]:
    async with open_desk(UpkeepDesk, database, pool, tmp_path, PROGRAMME) as desk:
        yield desk


def _new(tally: Tally) -> dict[str, int]:
    return {step.value: count for step, count in tally.new.items() if count}


async def test_expired_points_are_taken_without_anybody_moving(desk: UpkeepDesk) -> None:
    await desk.grant("ann", 10, expires="P10D")
    await desk.grant("ann", 5, expires="P20D")
    await desk.grant("bob", 7)
    await desk.decide()
    desk.now = START + 15 * DAY
    assert _new(await desk.run()) == {"expire": 1}
    assert (await desk.balance("ann")).posted == 5
    assert (await desk.balance("bob")).posted == 7
    (expire,) = await desk.commands(Expire)
    assert (expire.asset, expire.until, expire.dialect) == ("PTS", START + 10 * DAY, Dialect.INTERNAL)


async def test_what_was_done_is_not_done_again(desk: UpkeepDesk) -> None:
    for number in range(20):
        await desk.grant(f"m{number}", 10, expires="P10D")
    await desk.decide()
    desk.now = START + 10 * DAY + timedelta(minutes=5)
    assert _new(await desk.run()) == {"expire": 20}
    for _ in range(2):
        desk.now += timedelta(minutes=1)
        again = await desk.run()
        assert (_new(again), sum(again.repeated.values())) == ({}, 0)
    assert len(await desk.commands(Expire)) == 20


async def test_two_processes_at_once_append_each_command_once(desk: UpkeepDesk) -> None:
    for number in range(30):
        await desk.grant(f"m{number}", 10, expires="P10D")
    await desk.decide()
    desk.now = START + 11 * DAY
    other = UpkeepDesk(desk.database, desk.pool)
    other.now = desk.now
    await other.catalog.refresh()
    one = await desk.upkeep.run(desk.now, desk.now)
    # The other one had read where buckets stand before the first had noted anything.
    async with desk.pool.acquire() as connection:
        await connection.execute("update upkeep set done_until = '1970-01-01'")
    two = await other.upkeep.run(desk.now, desk.now)
    await desk.decide()
    assert (one.new[Step.EXPIRE], two.new[Step.EXPIRE], two.repeated[Step.EXPIRE]) == (30, 0, 30)
    assert len(await desk.commands(Expire)) == 30


async def test_crash_between_append_and_note_loses_and_doubles_nothing(desk: UpkeepDesk) -> None:
    for number in range(30):
        await desk.grant(f"m{number}", 10, expires="P10D")
    await desk.decide()
    desk.now = START + 11 * DAY
    desk.limit(page_max=4)
    desk.due_log.fails_after = 3
    with pytest.raises(DatabaseDown):
        await desk.run()
    assert 0 < len(await desk.commands(Expire)) < 30
    assert not await desk.fetch("select 1 from upkeep")
    desk.due_log.fails_after = None
    tally = await desk.run()
    assert tally.new[Step.EXPIRE] + tally.repeated[Step.EXPIRE] == 30
    assert tally.repeated[Step.EXPIRE] == sum(desk.due_log.pages[:3])
    assert len(await desk.commands(Expire)) == 30
    assert [(await desk.balance(f"m{number}")).posted for number in range(30)] == [0] * 30


async def test_days_of_standstill_are_caught_up_day_by_day_in_the_published_order(desk: UpkeepDesk) -> None:
    # All in one bucket: one member. Day 2 activates, day 3 expires that and ends a hold, day 5 expires the rest.
    await desk.grant("ann", 10, active_after="P2D", expires="P1D")
    await desk.grant("ann", 5, expires="P5D")
    await desk.send(
        Hold(
            dialect=Dialect.NATIVE,
            action="hold",
            identity=person("ann"),
            asset="PTS",
            amount=3,
            expires_at=START + 3 * DAY,
        )
    )
    await desk.decide()
    desk.now = START + 9 * DAY
    tally = await desk.run()
    done = [
        (type(asked).__name__, asked.until if isinstance(asked, Activate | Expire) else None)
        for asked in await desk.commands(Activate, Expire, Release)
    ]
    assert done == [
        ("Activate", START + 2 * DAY),
        ("Expire", START + 3 * DAY),
        ("Release", None),
        ("Expire", START + 5 * DAY),
    ]
    assert _new(tally) == {"activate": 1, "expire": 2, "holds": 1}
    balance = await desk.balance("ann")
    assert (balance.posted, balance.held, balance.pending) == (0, 0, 0)


async def test_lot_that_is_pending_when_its_end_is_found_expires_in_the_same_round(desk: UpkeepDesk) -> None:
    await desk.grant("ann", 10, active_after="PT6H", expires="PT6H")
    await desk.decide()
    desk.now = START + DAY
    await desk.run()
    assert [type(asked).__name__ for asked in await desk.commands(Activate, Expire)] == ["Activate", "Expire"]
    balance = await desk.balance("ann")
    assert (balance.posted, balance.pending) == (0, 0)


async def test_a_lot_activated_long_before_expires_by_one_command(desk: UpkeepDesk) -> None:
    await desk.grant("ann", 10, active_after="P2D", expires="P10D")
    await desk.decide()
    desk.now = START + 3 * DAY
    await desk.run()
    assert (await desk.balance("ann")).posted == 10
    desk.now = START + 13 * DAY
    tally = await desk.run()
    # Both its pending and its later line are found, and mean the same.
    assert (tally.new[Step.EXPIRE], tally.repeated[Step.EXPIRE]) == (1, 1)
    assert (await desk.balance("ann")).posted == 0


async def test_command_that_waits_to_be_decided_holds_the_note_back(desk: UpkeepDesk) -> None:
    await desk.grant("ann", 10, expires="P10D")
    desk.now = START + 11 * DAY
    await desk.run(settle=False)
    (bucket,) = await desk.log.backlog()
    noted = {row[0]: row[1] for row in await desk.fetch("select bucket, done_until from upkeep")}
    assert noted.pop(bucket) == START
    assert set(noted.values()) == {desk.now - SETTLE}
    # Once it is decided its lot can be seen, and is found although it had expired before.
    await desk.decide()
    assert (await desk.balance("ann")).posted == 10
    assert _new(await desk.run()) == {"expire": 1}
    assert (await desk.balance("ann")).posted == 0


async def test_pages_are_bounded_and_no_more_is_appended_than_lanes_can_take(desk: UpkeepDesk) -> None:
    for number in range(60):
        await desk.grant(f"m{number}", 1, expires="end_of_month")
    await desk.decide()
    desk.limit(page_max=1, backlog_max=7, patience_s=0.3)
    desk.now = START + 60 * DAY
    with pytest.raises(Busy):
        await desk.run()
    assert set(desk.due_log.pages) == {1}
    assert len(await desk.commands(Expire)) == 7
    while True:
        await desk.decide()
        try:
            await desk.run()
        except Busy:
            continue
        break
    assert desk.due_log.most_waiting <= 7
    assert len(await desk.commands(Expire)) == 60


async def test_many_members_of_a_bucket_with_one_instant_are_paged_through(desk: UpkeepDesk) -> None:
    for number in range(25):
        await desk.grant(f"m{number}", 1, expires="end_of_month")
    await desk.decide()
    async with desk.pool.acquire() as connection:
        rows = await connection.fetch("select distinct bucket from account where role = 0")
    found = []
    for row in rows:
        behind = -1
        while page := await desk.store.expiring(row[0], START, START + 60 * DAY, after=behind, limit=1):
            found += page
            behind = page[-1].account
    assert len(found) == 25
    assert len({due.account for due in found}) == 25


async def test_hold_that_timed_out_frees_its_points_and_lets_them_expire(desk: UpkeepDesk) -> None:
    await desk.grant("ann", 10, expires="P3D")
    await desk.grant("ann", 1)
    await desk.send(
        Hold(
            dialect=Dialect.NATIVE,
            action="hold",
            identity=person("ann"),
            asset="PTS",
            amount=8,
            expires_at=START + 5 * DAY,
        )
    )
    await desk.decide()
    desk.now = START + 4 * DAY
    await desk.run()
    balance = await desk.balance("ann")
    assert (balance.posted, balance.held) == (8, 8)
    desk.now = START + 6 * DAY
    assert _new(await desk.run()) == {"holds": 1}
    balance = await desk.balance("ann")
    assert (balance.posted, balance.held) == (1, 0)
    (release,) = await desk.commands(Release)
    assert release.timed_out


async def test_return_whose_purchase_never_came_is_given_up_after_the_programmes_patience(desk: UpkeepDesk) -> None:
    await desk.grant("ann", 10)
    await desk.send(
        Reverse(
            dialect=Dialect.NATIVE,
            action="reverse",
            identity=person("ann"),
            target=bytes.fromhex("00" * 6 + "8000" + "80" + "00" * 7),
        )
    )
    await desk.decide()
    desk.now = START + 6 * DAY
    assert _new(await desk.run()) == {}
    desk.now = START + 7 * DAY + timedelta(minutes=1)
    assert _new(await desk.run()) == {"returns": 1}
    (resume,) = await desk.commands(Resume)
    assert resume.dialect is Dialect.INTERNAL
    view = await desk.member("ann")
    assert [decline.reason for decline in view.history[0].declines] == ["purchase_unknown"]
    desk.now += DAY
    assert _new(await desk.run()) == {}


async def test_merged_member_is_left_alone_and_the_one_they_became_is_not(desk: UpkeepDesk) -> None:
    await desk.run()
    await desk.grant("ann", 10, expires="P40D")
    await desk.grant("bob", 1)
    await desk.decide()
    await desk.send(Merge(dialect=Dialect.NATIVE, action="merge", identity=person("ann"), into=person("bob")))
    await desk.decide()
    desk.now = START + 15 * DAY
    await desk.run()
    (event,) = await desk.events()
    assert (event["amount"], event["days"], event["identity"]["value"]) == (10, 30, "bob")
    desk.now = START + 41 * DAY
    assert _new(await desk.run()) == {"expire": 1}
    assert (await desk.balance("bob")).posted == 1


async def test_notices_go_out_ninety_sixty_and_thirty_days_ahead_once_a_day_of_the_programme(desk: UpkeepDesk) -> None:
    await desk.run()
    await desk.grant("ann", 10, expires="P100D")
    await desk.grant("ann", 5, occurred_at=START - timedelta(hours=2), expires="P100D")
    await desk.grant("ann", 99)
    await desk.grant("bob", 3, expires="P95D")
    await desk.decide()
    for hour in range(0, 101 * 24, 6):
        desk.now = START + timedelta(hours=hour)
        await desk.run()
    told = [
        (event["identity"]["value"], event["days"], event["amount"], event["date"]) for event in await desk.events()
    ]
    end, earlier = "2026-06-09", "2026-06-04"
    assert told == [
        ("bob", 90, 3, earlier),
        ("ann", 90, 15, end),
        ("bob", 60, 3, earlier),
        ("ann", 60, 15, end),
        ("bob", 30, 3, earlier),
        ("ann", 30, 15, end),
    ]
    first = (await desk.events())[0]
    assert (first["kind"], first["event"], first["programme"], first["asset"]) == (
        "points.due",
        "points.due",
        "points",
        "PTS",
    )
    assert first["identity"] == {"kind": "msisdn", "value": "bob"}
    assert first["expires_at"] == "2026-06-04T05:00:00+00:00"


async def test_notice_says_what_is_left_and_nothing_where_all_was_spent(desk: UpkeepDesk) -> None:
    await desk.run()
    await desk.grant("ann", 10, expires="P40D")
    await desk.grant("bob", 10, expires="P40D")
    await desk.decide()
    for who, amount in (("ann", 10), ("bob", 4)):
        await desk.send(_redeem(who, amount))
    await desk.decide()
    desk.now = START + 11 * DAY
    assert (await desk.run()).new[Step.NOTICES] == 2
    assert [(event["identity"]["value"], event["amount"]) for event in await desk.events()] == [("bob", 6)]


async def test_in_catching_up_only_the_nearest_notice_goes_out(desk: UpkeepDesk) -> None:
    await desk.run()
    await desk.grant("ann", 10, expires="P100D")
    await desk.decide()
    desk.now = START + 80 * DAY
    await desk.run()
    assert [event["days"] for event in await desk.events()] == [30]


async def test_where_upkeep_never_ran_nobody_is_told_of_what_is_long_known(desk: UpkeepDesk) -> None:
    await desk.grant("ann", 10, expires="P20D")
    await desk.grant("bob", 10, expires="P30D")
    await desk.decide()
    desk.now = START + timedelta(hours=1)
    await desk.run()
    assert [(event["identity"]["value"], event["days"]) for event in await desk.events()] == [("bob", 30)]


async def test_ahead_of_the_clock_all_falls_due_in_its_order_and_again_only_once(desk: UpkeepDesk) -> None:
    await desk.grant("ann", 10, expires="P40D")
    await desk.grant("ann", 4, active_after="P50D", expires="P10D")
    await desk.grant("ann", 2)
    await desk.send(
        Hold(
            dialect=Dialect.NATIVE,
            action="hold",
            identity=person("ann"),
            asset="PTS",
            amount=9,
            expires_at=START + 45 * DAY,
        )
    )
    await desk.send(
        Reverse(
            dialect=Dialect.NATIVE,
            action="reverse",
            identity=person("ann"),
            target=bytes.fromhex("00" * 6 + "8000" + "80" + "00" * 7),
        )
    )
    await desk.decide()
    until = START + 70 * DAY
    tally = await desk.upkeep.run(until, desk.now, after_day=lambda _tally, _day: desk.decide())
    await desk.decide()
    assert tally.new[Step.RETURNS] == tally.new[Step.HOLDS] == tally.new[Step.ACTIVATE] == 1
    balance = await desk.balance("ann")
    assert (balance.posted, balance.held, balance.pending) == (2, 0, 0)
    assert [(event["days"], event["amount"]) for event in await desk.events()] == [(30, 10)]
    before = await desk.fetch("select count(*) from line")
    again = await desk.run(until)
    assert set(_new(again)) <= {"notices"}
    assert (len(await desk.events()), await desk.fetch("select count(*) from line")) == (1, before)
    # What is noted stays behind the real clock: what comes later is not passed over.
    assert {row[0] for row in await desk.fetch("select done_until from upkeep")} == {desk.now - SETTLE}


TIERS = """
  tiers: {asset: PTS, levels: [{code: basic}, {code: gold, threshold: 100}], period: month, grace: P1D}
"""


async def test_levels_are_reviewed_once_a_period_after_its_grace(
    database: Database, pool: Pool, tmp_path: Path
) -> None:
    head, _, rest = PROGRAMME.strip().partition("}\n")
    settings = head.removeprefix("programme: {").split(", ")
    text = "programme:\n" + "".join(f"  {setting}\n" for setting in settings) + TIERS.lstrip("\n") + rest
    async with open_desk(UpkeepDesk, database, pool, tmp_path, text) as desk:
        # February's review is behind us.
        desk.now = START + 2 * DAY
        await desk.run()
        for who, tier in (("ann", "gold"), ("bob", None), ("cid", "gold")):
            profile = Profile(
                dialect=Dialect.NATIVE, action="profile", identity=person(who), tier=tier, birthday="01-02"
            )
            await desk.send(profile)
        await desk.decide()
        # March ends at 17:00Z in Jakarta, and its grace a day later.
        desk.now = datetime(2026, 4, 1, 16, 59, tzinfo=UTC)
        assert _new(await desk.run()) == {}
        desk.now = datetime(2026, 4, 1, 17, 1, tzinfo=UTC)
        assert _new(await desk.run()) == {"tiers": 2}
        assert _new(await desk.run()) == {}
        assert {review.until for review in await desk.commands(Review)} == {datetime(2026, 4, 1, 17, tzinfo=UTC)}
        # Two months of standstill: April's and May's, one after the other.
        desk.now = datetime(2026, 6, 15, tzinfo=UTC)
        assert _new(await desk.run()) == {"tiers": 4}
        assert {review.until.month for review in await desk.commands(Review)} == {4, 5, 6}


async def test_plan_says_what_would_be_done_and_writes_nothing(desk: UpkeepDesk) -> None:
    for number in range(5):
        await desk.grant(f"m{number}", 10, expires="P10D")
    await desk.decide()
    desk.now = START + 11 * DAY

    async def none_known(page: Sequence[Submission]) -> int:
        return 0

    plan = await desk.upkeep.plan(desk.now, desk.now, none_known)
    assert plan.new[Step.EXPIRE] == 5
    assert not await desk.fetch("select 1 from upkeep")
    assert not await desk.commands(Expire)


@pytest.mark.parametrize(
    ("granted", "expires", "end"),
    [
        # The month end is clamped: a month after 31 January is the last of February, at the same time of day in Jakarta.
        (datetime(2026, 1, 31, 5, tzinfo=UTC), "P1M", datetime(2026, 2, 28, 5, tzinfo=UTC)),
        (datetime(2024, 1, 31, 5, tzinfo=UTC), "P1M", datetime(2024, 2, 29, 5, tzinfo=UTC)),
        # Ends are inclusive and of the programme's zone: 17:00Z is midnight there.
        (datetime(2026, 2, 28, 16, tzinfo=UTC), "end_of_day", datetime(2026, 2, 28, 17, tzinfo=UTC)),
        (datetime(2026, 2, 28, 18, tzinfo=UTC), "end_of_month", datetime(2026, 3, 31, 17, tzinfo=UTC)),
        (datetime(2025, 12, 31, 16, tzinfo=UTC), "end_of_year", datetime(2025, 12, 31, 17, tzinfo=UTC)),
        (datetime(2025, 12, 31, 17, tzinfo=UTC), "end_of_year", datetime(2026, 12, 31, 17, tzinfo=UTC)),
    ],
)
async def test_points_last_to_the_end_of_what_was_promised_and_no_longer(
    desk: UpkeepDesk, granted: datetime, expires: str, end: datetime
) -> None:
    desk.now = granted
    await desk.grant("ann", 10, expires=expires)
    await desk.decide()
    for at, left in ((end - timedelta(seconds=1), 10), (end, 0)):
        desk.now = at
        await desk.run()
        assert (await desk.balance("ann")).posted == left


def _redeem(who: str, amount: int) -> Redeem:
    return Redeem(dialect=Dialect.NATIVE, action="redeem", identity=person(who), asset="PTS", amount=amount)
