"""Accepting commands: positions without gaps, times that never go back, one ticket a key, one bad row failing alone."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from uuid import UUID

import msgspec
import pytest

from accrual.domain.commands import Receipt, Submission, content_digest, encode_command
from accrual.domain.errors import AccrualError, Broken, Busy, DatabaseDown, KeyReused
from accrual.domain.ids import bucket_of_ticket, ticket_of
from accrual.domain.log import AppendRow, KeyHome, Known
from accrual.store import log as stored_log
from accrual.store.bodies import compress_body
from accrual.store.connection import Pool
from accrual.store.log import PostgresLog
from accrual.store.reads import Reads
from tests.pg_fixtures import Database
from tests.store.append_load import append_many
from tests.store.wiring import BUCKETS, log_of, purchase, submitter, users_in


@pytest.fixture(autouse=True, params=["as arrays", "as a stream"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways into the log, whatever the number of rows; in processes of their own it is what the number says."""
    monkeypatch.setattr(stored_log, "STREAMED_MIN", 1 if request.param == "as a stream" else 1_000_000)
    return str(request.param)


async def _positions(pool: Pool) -> dict[int, list[int]]:
    found: dict[int, list[int]] = defaultdict(list)
    for bucket, position in await pool.fetch("select bucket, position from command order by bucket, position"):
        found[bucket].append(position)
    return found


class CountingLog(PostgresLog):
    """The real log; counts appends and rows, and may do something before the next of them."""

    def __init__(self, pool: Pool) -> None:
        super().__init__(pool)
        self.appended: list[int] = []
        self.lose_answers = 0

    async def append(self, rows: Sequence[AppendRow], recorded_at: datetime) -> dict[bytes, Known] | None:
        self.appended.append(len(rows))
        placed = await super().append(rows, recorded_at)
        if self.lose_answers:
            self.lose_answers -= 1
            raise DatabaseDown
        return placed


async def test_two_processes_appending_at_once_leave_no_gap_and_share_no_position(
    database: Database, pool: Pool, tmp_path: Path
) -> None:
    users = [user for bucket in (3, 4, 5) for user in users_in(bucket, 20)]
    loop = asyncio.get_running_loop()
    with ProcessPoolExecutor(max_workers=2, mp_context=get_context("spawn")) as processes:
        placed = await asyncio.gather(
            *[
                loop.run_in_executor(processes, append_many, database.runtime_url, n, users, 15, tmp_path)
                for n in (1, 2)
            ]
        )
    receipts = [each for answers in placed for each in answers]
    assert len(receipts) == 2 * 15 * len(users) == len({ticket for ticket, _, _ in receipts})
    # Both were at it at once, else this shows nothing: each has positions between those of the other.
    assert min(p for _, _, p in placed[0]) < max(p for _, _, p in placed[1])
    assert min(p for _, _, p in placed[1]) < max(p for _, _, p in placed[0])
    stored = await _positions(pool)
    assert {bucket: len(positions) for bucket, positions in stored.items()} == {3: 600, 4: 600, 5: 600}
    for bucket, positions in stored.items():
        assert positions == list(range(1, 601)), bucket
        assert await pool.fetchval("select next from tail where bucket = $1", bucket) == 601
    rows = await pool.fetch("select ticket, bucket, position from command")
    assert {(row[0].bytes, row[1], row[2]) for row in rows} == set(receipts)


async def test_recorded_at_never_goes_back_in_a_bucket_though_the_clock_does(pool: Pool) -> None:
    at = datetime(2030, 1, 1, tzinfo=UTC)
    clock = iter([at, at - timedelta(days=1), at + timedelta(seconds=1), at - timedelta(hours=1)])
    submit = submitter(log_of(pool), now=lambda: next(clock)).submit
    user, other = users_in(9, 2)
    receipts = [await submit(purchase(who, f"{n}")) for n, who in enumerate([user, other, user, other])]
    told = [receipt.recorded_at for receipt in receipts]
    assert told == [at, at, at + timedelta(seconds=1), at + timedelta(seconds=1)]
    rows = await pool.fetch("select recorded_at from command where bucket = 9 order by position")
    assert [row[0] for row in rows] == told


async def test_second_submit_with_the_same_key_returns_the_first_ticket(pool: Pool) -> None:
    submit = submitter(log_of(pool)).submit
    first = await submit(purchase("1", "a"))
    again = await submit(purchase("1", "a"))
    elsewhere = await submitter(log_of(pool)).submit(purchase("1", "a"))
    assert not first.repeated
    assert again == elsewhere == msgspec.structs.replace(first, repeated=True)
    assert bucket_of_ticket(first.ticket) == first.bucket
    assert await pool.fetchval("select count(*) from command") == 1


async def test_equal_commands_that_arrive_together_are_appended_once(pool: Pool) -> None:
    log = CountingLog(pool)
    submit = submitter(log).submit
    receipts = await asyncio.gather(*[submit(purchase("1", "a")) for _ in range(50)], submit(purchase("1", "b")))
    assert len({receipt.ticket for receipt in receipts[:50]}) == 1
    assert [receipt.repeated for receipt in receipts].count(False) == 2
    assert log.appended == [2]
    assert await pool.fetchval("select count(*) from command") == 2


async def test_ticket_that_another_process_appends_meanwhile_is_found_and_the_rest_appended(pool: Pool) -> None:
    """The look finds nothing, then somebody else is faster: the unique key refuses the statement, and it is repeated."""
    other = submitter(log_of(pool))

    class OvertakenLog(CountingLog):
        async def append(self, rows: Sequence[AppendRow], recorded_at: datetime) -> dict[bytes, Known] | None:
            if not self.appended:
                await other.submit(purchase("1", "a"))
            return await super().append(rows, recorded_at)

    log = OvertakenLog(pool)
    ours = submitter(log)
    both = await asyncio.gather(ours.submit(purchase("1", "a")), ours.submit(purchase("2", "b")))
    assert [receipt.repeated for receipt in both] == [True, False]
    assert log.appended == [2, 1]
    stored = await _positions(pool)
    assert sum(map(len, stored.values())) == 2
    # What was rolled back has taken no position.
    for bucket, positions in stored.items():
        assert await pool.fetchval("select next from tail where bucket = $1", bucket) == len(positions) + 1


async def test_retry_after_a_lost_answer_gets_the_ticket_of_the_first_try(pool: Pool) -> None:
    log = CountingLog(pool)
    log.lose_answers = 1
    ours = submitter(log)
    with pytest.raises(DatabaseDown):
        await ours.submit(purchase("1", "a"))
    assert await pool.fetchval("select count(*) from command") == 1
    receipt = await ours.submit(purchase("1", "a"))
    assert receipt.repeated
    row = await pool.fetchrow("select ticket, position from command")
    assert row is not None
    assert (receipt.ticket, receipt.position) == (row[0].bytes, row[1])


async def test_same_key_with_other_content_is_refused_alone_and_together(pool: Pool) -> None:
    ours = submitter(log_of(pool))
    together = await asyncio.gather(
        ours.submit(purchase("1", "a")), ours.submit(purchase("1", "a", amount_minor=7)), return_exceptions=True
    )
    assert [type(answer) for answer in together] == [Receipt, KeyReused]
    with pytest.raises(KeyReused):
        await ours.submit(purchase("1", "a", amount_minor=8))
    assert await pool.fetchval("select count(*) from command") == 1


async def test_same_key_of_another_member_is_another_command(pool: Pool) -> None:
    ours = submitter(log_of(pool))
    first, second = await ours.submit(purchase("1", "a")), await ours.submit(purchase("2", "a"))
    assert first.ticket != second.ticket
    assert not second.repeated


async def test_key_of_a_whole_client_is_refused_for_another_member(pool: Pool) -> None:
    ours = submitter(log_of(pool))
    first = await ours.submit(purchase("1", "a", key_scope_client=True))
    with pytest.raises(KeyReused):
        await ours.submit(purchase("2", "a", key_scope_client=True))
    again = await ours.submit(purchase("1", "a", key_scope_client=True))
    assert again.ticket == first.ticket
    together = await asyncio.gather(
        *[ours.submit(purchase(user, "b", key_scope_client=True)) for user in ("1", "2", "1")], return_exceptions=True
    )
    assert [type(answer) for answer in together] == [Receipt, KeyReused, Receipt]
    assert await pool.fetchval("select count(*) from command") == 2


async def test_key_of_a_whole_client_that_two_processes_use_at_once_goes_to_one_member(pool: Pool) -> None:
    """Each appends before the other has written: the key's own home decides, in the statement that appends."""
    barrier = asyncio.Barrier(2)

    class MeetingLog(PostgresLog):
        met = False

        async def append_with_keys(
            self, rows: Sequence[AppendRow], homes: Sequence[KeyHome], recorded_at: datetime
        ) -> dict[bytes, Known] | None:
            if not self.met:
                self.met = True
                await barrier.wait()
            return await super().append_with_keys(rows, homes, recorded_at)

    answers = await asyncio.gather(
        *[submitter(MeetingLog(pool)).submit(purchase(user, "a", key_scope_client=True)) for user in ("1", "2")],
        return_exceptions=True,
    )
    assert {type(answer) for answer in answers} == {Receipt, KeyReused}
    assert await pool.fetchval("select count(*) from command") == 1


def _bad(user: str, key: str) -> Submission:
    """A name that PostgreSQL cannot store; every dialect refuses it, so only a fault of ours brings one here."""
    return purchase(user, key, name="half\0name")


@pytest.mark.parametrize("bad_at", [0, 3, 6])
async def test_row_that_postgresql_refuses_fails_alone(pool: Pool, bad_at: int) -> None:
    log = CountingLog(pool)
    good = [purchase(f"{n}", "a") for n in range(6)]
    batch = [*good[:bad_at], _bad("x", "a"), *good[bad_at:]]
    answers = await submitter(log).submit_many(batch)
    assert [type(answer) for answer in answers] == [Broken if n == bad_at else Receipt for n in range(7)]
    assert len(log.appended) <= 1 + 2 * 3
    assert await pool.fetchval("select count(*) from command") == 6
    stored = await _positions(pool)
    assert all(positions == list(range(1, len(positions) + 1)) for positions in stored.values())


async def test_bucket_that_is_behind_turns_bulk_away_first_and_then_single_calls(pool: Pool) -> None:
    ours = submitter(log_of(pool), backlog_bulk_max=2, backlog_single_max=4)
    user = users_in(1, 1)[0]
    bulk: list[Receipt | AccrualError] = []
    for n in range(3):
        bulk += await ours.submit_many([purchase(user, f"{n}")])
    assert [type(answer) for answer in bulk] == [Receipt, Receipt, Busy]
    for n in (3, 4):
        await ours.submit(purchase(user, f"{n}"))
    with pytest.raises(Busy) as refused:
        await ours.submit(purchase(user, "5"))
    assert refused.value.details["retry_after_s"] >= 1
    # Another bucket is not concerned, and once the lanes have caught up neither is this one.
    await ours.submit(purchase(users_in(2, 1)[0], "a"))
    watching = asyncio.create_task(ours.watch_backlog(0.01))
    try:
        await pool.execute("update lane set cursor = 5 where bucket = 1")
        await asyncio.sleep(0.1)
        await ours.submit(purchase(user, "5"))
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


async def test_one_flush_takes_no_more_rows_than_its_limit(pool: Pool) -> None:
    log = CountingLog(pool)
    ours = submitter(log, rows_max=8)
    await asyncio.gather(*[ours.submit(purchase(f"{n}", "a")) for n in range(20)])
    assert log.appended == [8, 8, 4]


async def test_content_digest_leaves_out_the_body(pool: Pool) -> None:
    """White space and spelling of a body are no content: what counts is the translated command."""
    ours = submitter(log_of(pool))
    first = await ours.submit(purchase("1", "a"))
    spelt_otherwise = msgspec.structs.replace(purchase("1", "a"), body=b'{ "user" : "1" }')
    assert (await ours.submit(spelt_otherwise)).ticket == first.ticket
    assert content_digest(encode_command(spelt_otherwise.command)) == spelt_otherwise.content
    assert len({bucket_of_ticket(first.ticket), first.bucket}) == 1 <= BUCKETS


async def test_command_without_a_name_costs_no_null_and_has_none(pool: Pool, owner_pool: Pool) -> None:
    """A single null would cost each row eight bytes; who reads the command is told of no name all the same."""
    ours = submitter(log_of(pool))
    names = (None, "", "Ann")
    receipts = [await ours.submit(purchase("1", f"{key}", name=name)) for key, name in enumerate(names)]
    stored = await owner_pool.fetch("select name, num_nulls(name, salt, body) from command order by position")
    assert [(row[0], row[1]) for row in stored] == [("", 0), ("", 0), ("Ann", 0)]
    async with Reads(pool, BUCKETS).snapshot() as snapshot:
        booked = await snapshot.tickets([receipt.ticket for receipt in receipts])
    assert [booked[receipt.ticket].command.name for receipt in receipts] == [None, None, "Ann"]


async def test_rows_are_the_same_whichever_way_they_came(pool: Pool, owner_pool: Pool) -> None:
    columns = "bucket, position, recorded_at, ticket, programme_id, client_id, content, seal, facts, salt, name, body"
    at = datetime(2030, 1, 1, 12, 30, 15, 123_456, tzinfo=UTC)
    rows = [
        AppendRow(
            *(n % 3, ticket_of(1, 1, b"ann", b"%d" % n, n % 3), 1 + n, 30_000 - n, b"content%d" % n, b"seal" * n),
            *(b"facts" * n, *((None, None, None) if n % 5 == 4 else (b"salt", "Añn" * (n % 4) or None, b"body" * n))),
        )
        for n in range(12)
    ]
    homes = [KeyHome(n, 7 + n, b"%016d" % n, rows[n].ticket, b"content%d" % n) for n in range(3)]
    placed = await log_of(pool).append_with_keys(rows, homes, at)
    assert placed is not None
    seen: Counter[int] = Counter()
    for row in rows:
        seen[row.bucket] += 1
        assert placed[row.ticket] == Known(row.ticket, row.bucket, seen[row.bucket], at, row.content)
    stored = await owner_pool.fetch(f"select {columns} from command order by bucket, position")
    assert [tuple(row) for row in stored] == [
        (
            *(row.bucket, placed[row.ticket].position, at, UUID(bytes=row.ticket), row.programme_id, row.client_id),
            *(row.content, row.seal, row.facts, row.salt, row.name or ""),
            None if row.body is None else compress_body(row.body),
        )
        for row in sorted(rows, key=lambda row: row.bucket)
    ]
    kept = await owner_pool.fetch("select bucket, client_id, key_digest, ticket, content from key_home order by bucket")
    assert [tuple(row) for row in kept] == [(*h[:3], UUID(bytes=h.ticket), h.content) for h in homes]
    assert await log_of(pool).append(rows[:1], at) is None
    assert await owner_pool.fetchval("select next from tail where bucket = 0") == seen[0] + 1, "a refusal leaves no gap"
