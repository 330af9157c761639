"""The fence: who may post, exactly once, and that nobody waits on anybody in a circle or for ever."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime

import asyncpg
import pytest

from accrual.domain.errors import DatabaseDown, LaneLost
from accrual.domain.log import Advance, Posting
from accrual.engine.process import empty_posting
from accrual.store import posting as store_posting
from accrual.store.connection import Pool
from accrual.store.postgres import connect
from tests.pg_fixtures import Database
from tests.store.wiring import LaneParts, apply_example, lane_parts, log_of, purchase, submitter, users_in

BOOKS = ("outcome", "line", "account", "member", "identity", "unposted", "counter", "outbox", "parked")


async def _books(pool: Pool) -> dict[str, int]:
    counts = {table: await pool.fetchval(f"select count(*) from {table}") for table in BOOKS}
    return {**counts, "cursors": await pool.fetchval("select sum(cursor) from lane")}


async def _balance(pool: Pool, user: str) -> int | None:
    row = await pool.fetchrow(
        """
        select l.balance_after, s.total from identity i join account a using (bucket, member_id)
        join lateral (select balance_after from line where bucket = a.bucket and account = a.account_id
            order by position desc, leg desc limit 1) l on true
        join lateral (select sum(amount)::bigint as total from line where bucket = a.bucket and account = a.account_id) s
            on true
        where i.kind = 'qoin.user_id' and i.value = $1
        """,
        user,
    )
    if row is None:
        return None
    assert row[0] == row[1], "the newest line's balance is not the sum of the lines"
    return int(row[0])


async def _with_purchases(database: Database, pool: Pool, count: int, bucket: int = 7) -> list[str]:
    await apply_example(database)
    users = users_in(bucket, 2)
    ours = submitter(log_of(pool))
    for n in range(count):
        await ours.submit(purchase(users[n % 2], f"{n}"))
    return users


async def test_same_posting_twice_is_refused_the_second_time_and_changes_nothing(
    database: Database, pool: Pool
) -> None:
    """The answer to COMMIT was lost: the lane cannot know, and posting again must not book again."""
    users = await _with_purchases(database, pool, 5)
    async with lane_parts(database, pool) as lane:
        posting = await lane.decide(await lane.take({7}))
        assert posting.lines
        await lane.store.post(posting)
        before = await _books(pool)
        with pytest.raises(LaneLost) as refused:
            await lane.store.post(posting)
    assert refused.value.code == "fence_refused"
    assert await _books(pool) == before
    assert [await _balance(pool, user) for user in users] == [3, 2]


async def test_batch_loaded_from_another_cursor_is_refused_under_the_same_epoch(database: Database, pool: Pool) -> None:
    await _with_purchases(database, pool, 4)
    async with lane_parts(database, pool) as lane:
        leases = await lane.take({7})
        first_two = await lane.decide(leases, count=2)
        all_four = await lane.decide(leases)
        await lane.store.post(first_two)
        before = await _books(pool)
        with pytest.raises(LaneLost) as refused:
            await lane.store.post(all_four)
    assert refused.value.code == "fence_refused"
    assert await _books(pool) == before


async def test_lane_whose_bucket_was_taken_over_is_refused_and_the_new_owner_posts(
    database: Database, pool: Pool
) -> None:
    users = await _with_purchases(database, pool, 4)
    async with lane_parts(database, pool, "old") as old, lane_parts(database, pool, "new") as new:
        late = await old.decide(await old.take({7}))
        theirs = await new.decide(await new.take({7}))
        with pytest.raises(LaneLost) as refused:
            await old.store.post(late)
        assert refused.value.code == "fence_refused"
        await new.store.post(theirs)
        with pytest.raises(LaneLost):
            await old.store.post(late)
    assert [await _balance(pool, user) for user in users] == [2, 2]


async def test_one_refused_bucket_refuses_the_whole_batch(database: Database, pool: Pool) -> None:
    await _with_purchases(database, pool, 2, bucket=7)
    await submitter(log_of(pool)).submit(purchase(users_in(8, 1)[0], "a"))
    async with lane_parts(database, pool, "old") as old, lane_parts(database, pool, "new") as new:
        both = await old.decide(await old.take({7, 8}))
        assert {advance.bucket for advance in both.advances} == {7, 8}
        await new.take({8})
        before = await _books(pool)
        with pytest.raises(LaneLost):
            await old.store.post(both)
    assert await _books(pool) == before


async def test_key_that_is_there_already_is_a_lost_lane_and_never_a_parked_command(
    database: Database, pool: Pool, owner_pool: Pool
) -> None:
    """Somebody meddled with the cursor: the outcome exists, so this was decided from a state that is not the database's."""
    await _with_purchases(database, pool, 2)
    async with lane_parts(database, pool) as lane:
        leases = await lane.take({7})
        await lane.store.post(await lane.decide(leases))
        await owner_pool.execute("update lane set cursor = 1, prior_cursor = 1 where bucket = 7")
        again = await lane.decide(leases)
        before = await _books(pool)
        with pytest.raises(LaneLost) as refused:
            await lane.store.post(again)
    assert refused.value.code == "posted_already"
    assert await _books(pool) == before


async def test_command_sees_what_the_one_before_it_in_the_batch_did(database: Database, pool: Pool) -> None:
    """One batch, one member: enrolled by the first, and each balance builds on the last."""
    await apply_example(database)
    user = users_in(7, 1)[0]
    ours = submitter(log_of(pool))
    for n in range(6):
        await ours.submit(purchase(user, f"{n}"))
    async with lane_parts(database, pool) as lane:
        posting = await lane.decide(await lane.take({7}))
        await lane.store.post(posting)
    assert len(posting.members) == 1
    own = [line for line in posting.lines if line.covers_from is None]
    assert [(line.position, line.balance_after) for line in own] == [(n, n) for n in range(1, 7)]
    netted = [line for line in posting.lines if line.covers_from is not None]
    assert [(line.amount, line.covers_from, line.position) for line in netted] == [(-6, 1, 6)]
    assert await _balance(pool, user) == 6


async def test_every_posting_sums_to_zero_in_its_bucket(database: Database, pool: Pool) -> None:
    await _with_purchases(database, pool, 3, bucket=7)
    await submitter(log_of(pool)).submit(purchase(users_in(8, 1)[0], "a"))
    async with lane_parts(database, pool) as lane:
        await lane.store.post(await lane.decide(await lane.take({7, 8})))
    sums = await pool.fetch("select bucket, sum(amount)::bigint, count(*) from line group by bucket order by bucket")
    assert [tuple(row) for row in sums] == [(7, 0, 4), (8, 0, 2)]


def _moves(advances: list[tuple[int, int, int]], cursor: int) -> Posting:
    """A posting that moves lanes and writes nothing, for the fence alone: (bucket, epoch, cursor before)."""
    posting = empty_posting(datetime.now(UTC))
    posting.advances.extend(Advance(bucket, before, cursor, epoch, b"\0" * 32, 1) for bucket, epoch, before in advances)
    return posting


async def _post_often(lane: LaneParts, epochs: dict[int, int], order: list[int], until_s: float) -> tuple[int, int]:
    """Post over these buckets, given in this order, until the time is over: (commits, refusals)."""
    commits = refusals = 0
    while time.monotonic() < until_s:
        cursors = {row.bucket: row.cursor for row in await lane.store.lanes()}
        wanted = [(bucket, epochs[bucket], cursors[bucket]) for bucket in order]
        try:
            await lane.store.post(_moves(wanted, max(cursors.values()) + 1))
            commits += 1
        except LaneLost:
            refusals += 1
    return commits, refusals


async def test_postings_over_the_same_buckets_in_opposite_order_never_deadlock(database: Database, pool: Pool) -> None:
    """Rows are locked by an ordered upsert: whoever is later waits and is then refused, in no circle."""
    async with lane_parts(database, pool, "up") as up, lane_parts(database, pool, "down") as down:
        epochs = {bucket: lease.epoch for bucket, lease in (await up.take()).items()}
        buckets = sorted(epochs)
        until_s = time.monotonic() + 2.5
        counted = await asyncio.gather(
            _post_often(up, epochs, buckets, until_s), _post_often(down, epochs, buckets[::-1], until_s)
        )
    # Whoever wins the first rows may go on winning them, in step with the other.
    assert sum(commits for commits, _ in counted) > 10, counted
    # They met on the same rows, else this shows nothing.
    assert sum(refusals for _, refusals in counted) > 5, counted
    deadlocks = await pool.fetchval("select deadlocks from pg_stat_database where datname = current_database()")
    assert deadlocks == 0


async def test_dead_lane_that_still_holds_its_rows_is_ended_by_the_take_over(database: Database, pool: Pool) -> None:
    """Stopped between fence and COMMIT: its rows stay locked, and no time limit of PostgreSQL fires while it is in COPY."""
    await _with_purchases(database, pool, 2)
    async with lane_parts(database, pool, "stalled") as stalled, lane_parts(database, pool, "heir") as heir:
        await stalled.take()
        holding = asyncio.Event()

        async def stall() -> None:
            holding.set()
            await asyncio.sleep(60)

        posting = await stalled.decide(await stalled.take({7}))
        hanging = asyncio.create_task(store_posting.post(stalled.store.connection, posting, stall))
        await holding.wait()
        started_s = time.monotonic()
        first = await heir.take()
        # All but the locked one are taken at once; its holder's session is ended, and the next look takes it too.
        assert set(range(256)) - set(first) == {7}
        assert set(await heir.take({7})) == {7}
        assert time.monotonic() - started_s < 5
        hanging.cancel()
        await asyncio.gather(hanging, return_exceptions=True)
        with pytest.raises(DatabaseDown):
            await stalled.store.lanes()
    assert await pool.fetchval("select count(*) from outcome") == 0


async def test_session_of_a_stranger_is_not_ended_by_a_take_over(database: Database, pool: Pool) -> None:
    """A person looks at lanes under a lock: the take-over waits its turn and ends only the session that the owner had."""
    async with lane_parts(database, pool, "gone") as gone, lane_parts(database, pool, "heir") as heir:
        await gone.take({7})
        stranger = await connect(database.owner_url, label="a person", idle_in_transaction_s=0)
        try:
            async with stranger.transaction():
                await stranger.execute("select 1 from lane where bucket = 7 for update")
                assert await heir.take({7}) == {}
                assert await stranger.fetchval("select 1") == 1
            assert set(await heir.take({7})) == {7}
        finally:
            await stranger.close()


@pytest.mark.parametrize("table", ["command", "outcome", "line"])
@pytest.mark.parametrize("change", ["update {} set position = position", "delete from {}", "truncate {}"])
async def test_runtime_role_cannot_change_the_history(pool: Pool, table: str, change: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await pool.execute(change.format(table))


async def test_sessions_that_append_or_post_are_ended_when_they_idle_in_a_transaction(
    database: Database, pool: Pool
) -> None:
    """Below the lease, so that a process frozen between two statements gives its rows back in time."""
    assert (
        await pool.fetchval("select setting::int from pg_settings where name = 'idle_in_transaction_session_timeout'")
        < 3000
    )
    connection = await connect(database.runtime_url, label="frozen", idle_in_transaction_s=0.3)
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute("select 1 from lane where bucket = 1 for update")
    await asyncio.sleep(0.8)
    async with pool.acquire() as other:
        await other.execute("select 1 from lane where bucket = 1 for update nowait")
    assert connection.is_closed()
