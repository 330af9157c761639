"""What a lane looks up: a member's row only where it is asked for, or where there is no line; and who is merged or marked."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from accrual.domain.ids import member_account_id, member_id_of
from accrual.domain.log import MemberRow
from accrual.store.connection import Pool
from accrual.store.lanes import PostgresLanes
from tests.pg_fixtures import Database
from tests.store.wiring import BUCKETS, apply_example, log_of, purchase, submitter, users_in, whole_lane

BUCKET = 40
NOBODY = bytes(range(16))


@pytest_asyncio.fixture
async def members(database: Database, pool: Pool) -> list[bytes]:
    """Three members of one bucket, each with a line."""
    await apply_example(database)
    users = users_in(BUCKET, 3)
    for answer in await submitter(log_of(pool)).submit_many([purchase(user, "a") for user in users]):
        assert not isinstance(answer, Exception), answer
    lane = whole_lane(database, pool, "lane")
    while await lane.step():
        pass
    await lane._leave()
    found = await pool.fetch("select member_id from member where bucket = $1", BUCKET)
    programme = await pool.fetchval("select programme_id from member limit 1")
    assert sorted(row[0] for row in found) == sorted(member_id_of(programme, "qoin.user_id", user) for user in users)
    return [row[0] for row in found]


@pytest_asyncio.fixture
async def store(database: Database) -> AsyncIterator[PostgresLanes]:
    opened = PostgresLanes(database.runtime_url, label="looking", buckets=BUCKETS, idle_in_transaction_s=1)
    await opened.open()
    yield opened
    opened.cut()


async def test_the_row_is_read_where_it_is_asked_for_or_there_is_no_line(
    members: list[bytes], store: PostgresLanes, pool: Pool
) -> None:
    first, second, third = members
    asset_id = await pool.fetchval("select asset_id from account where member_id is not null limit 1")
    lines = [member_account_id(member, asset_id, 0) for member in members]
    empty = member_account_id(third, asset_id + 1, 0)
    sought = [
        (first, lines[0], True),
        (second, lines[1], False),
        (third, empty, False),
        (NOBODY, empty + 1, False),
        (None, lines[2], True),
        (first, None, True),
    ]
    found = {number: rest for number, *rest in await store.look_up({BUCKET: sought})}
    rows = [found[number][0] for number in range(len(sought))]
    assert [None if row is None else row.member_id for row in rows] == [first, None, third, None, None, first]
    assert isinstance(rows[0], MemberRow)
    assert rows[0].enrolled_at is not None
    assert [found[number][1] is not None for number in range(len(sought))] == [True, True, False, False, True, False]


async def test_merged_and_marked_members_are_listed_by_bucket_up_to_a_bound(
    members: list[bytes], store: PostgresLanes, owner_pool: Pool
) -> None:
    assert await store.marked([BUCKET, BUCKET + 1], 10) == {}
    first, second, third = members
    await owner_pool.execute("update member set marks = 1 where member_id = $1", first)
    await owner_pool.execute("update member set merged_into = $1 where member_id = $2", third, second)
    found = await store.marked([BUCKET, BUCKET + 1], 10)
    assert {bucket: sorted(group) for bucket, group in found.items()} == {BUCKET: sorted([first, second])}
    assert [len(group) for group in (await store.marked([BUCKET], 1)).values()] == [1]
    assert await store.marked([BUCKET + 1], 10) == {}
