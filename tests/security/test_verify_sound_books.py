"""Sound books are never called damaged: whatever mix of commands a batch had, and whatever times clients told."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from accrual.domain.commands import Dialect, Reward
from accrual.domain.facts import Purchase
from accrual.domain.ids import bucket_of, member_id_of, ticket_of
from accrual.domain.log import AppendRow
from accrual.domain.movements import Redeem
from accrual.engine.keeping import NO_SEAL
from accrual.engine.verify import Verification, VerifyReport
from accrual.store.connection import Pool
from accrual.store.verify import Books
from tests.pg_fixtures import Database
from tests.store.points_desk import PointsDesk, open_desk, person
from tests.store.wiring import BUCKETS

pytestmark = pytest.mark.security

PROGRAMME = """
programme: {code: sound, name: Sound, time_zone: Asia/Jakarta, currency: IDR, minor_units: 2, late_limit: null}
assets: [{code: PTS, name: Points}, {code: LD, name: Draw tickets}]
clients: [{code: till, rights: [native], key_sha256: "0000000000000000000000000000000000000000000000000000000000000001"}]
promos:
  - {code: BASE, trigger: purchase, benefits: [{asset: PTS, fixed: 5}]}
  - {code: TICKET, trigger: purchase, benefits: [{asset: LD, fixed: 1}]}
"""
EDGES = (
    datetime.min.replace(tzinfo=UTC),
    datetime.min.replace(tzinfo=UTC) + timedelta(microseconds=1),
    datetime(1, 12, 31, 23, tzinfo=UTC),
    datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
    datetime(9999, 1, 1, tzinfo=UTC),
    datetime.max.replace(tzinfo=UTC) - timedelta(microseconds=1),
    datetime.max.replace(tzinfo=UTC),
)
"""Whatever was ever accepted as a time stays in the books."""


@pytest.fixture
async def desk(database: Database, pool: Pool, tmp_path: Path) -> AsyncIterator[PointsDesk]:
    async with open_desk(PointsDesk, database, pool, tmp_path, PROGRAMME) as desk:
        yield desk


async def _verify(database: Database) -> VerifyReport:
    books = Books(database.runtime_url, BUCKETS)
    try:
        return await Verification(books).run()
    finally:
        await books.close()


def _paid(who: str, occurred_at: datetime | None = None) -> Reward:
    facts = (Purchase(occurred_at=occurred_at, amount_minor=100_000),)
    return Reward(dialect=Dialect.NATIVE, action="purchase", identity=person(who), facts=facts)


def _undecodable(who: str, number: int) -> AppendRow:
    """A command that no release can read: it fails, whatever becomes of others' bounds and checks."""
    member_id = member_id_of(1, "msisdn", who)
    bucket = bucket_of(member_id, BUCKETS)
    ticket = ticket_of(1, 1, member_id, b"broken%d" % number, bucket)
    return AppendRow(bucket, ticket, 1, 1, bytes(8), NO_SEAL, b"\xc1", None, None, None)


async def _batch(desk: PointsDesk, who: str, kinds: Sequence[str]) -> None:
    """One batch of a member: each command earns, is declined (nothing moves), or fails."""
    for number, kind in enumerate(kinds):
        if kind == "earns":
            await desk.send(_paid(who))
        elif kind == "declined":
            await desk.send(
                Redeem(dialect=Dialect.NATIVE, action="redeem", identity=person(who), asset="PTS", amount=10**9)
            )
        else:
            assert await desk.log.append([_undecodable(who, number)], desk.now) is not None
    await desk.decide()


async def test_every_order_of_earning_declined_and_failed_commands_in_a_batch_is_clean(
    desk: PointsDesk, database: Database
) -> None:
    kinds = ("earns", "declined", "fails")
    orders = [order for length in (1, 2, 3) for order in itertools.product(kinds, repeat=length)]
    for number, order in enumerate(orders):
        await _batch(desk, f"m{number}", order)
    report = await _verify(database)
    assert report.findings == ()
    assert report.commands == sum(len(order) for order in orders)
    assert await desk.pool.fetchval("select count(*) from outcome where status = 2") == sum(
        order.count("fails") for order in orders
    )
    netted_at_failed = "select count(*) from line join outcome using (bucket, position) where status = 2 and kind = 2"
    assert await desk.pool.fetchval(netted_at_failed) > 0


@pytest.mark.parametrize("commands", [1, 60], ids=["posted as one statement", "posted as streams"])
async def test_any_time_that_was_ever_accepted_is_survived(desk: PointsDesk, database: Database, commands: int) -> None:
    for number, occurred_at in enumerate(EDGES):
        for turn in range(commands):
            await desk.send(_paid(f"m{number}-{turn}", occurred_at))
        await desk.decide()
    report = await _verify(database)
    assert report.findings == ()
    assert report.commands == commands * len(EDGES)
    assert report.lines > 2 * report.commands
