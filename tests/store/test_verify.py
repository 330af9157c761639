"""Verification finds nothing in correct books, and names the row of every kind of damage done to them."""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from unittest import mock

import pytest

from accrual.domain.accounts import Role
from accrual.domain.commands import Dialect, Resume
from accrual.domain.ids import member_account_id, ticket_of
from accrual.domain.lots import LotUse
from accrual.domain.outcomes import Award, Declined, Status
from accrual.engine import verify as engine_verify
from accrual.engine.verify import Finding, Verification, VerifyReport
from accrual.store import verify as store_verify
from accrual.store.connection import Pool
from accrual.store.verify import Books
from tests.pg_fixtures import Database
from tests.store.hand_ledger import BUCKETS, LD, PROGRAMME, PTS, START, HandLedger, identities_in, member_of

HERE, THERE = 7, 200


@dataclass
class Case:
    """A written ledger: two members in one bucket, a follow-up in another."""

    pool: Pool
    books: Books
    ann: bytes
    ann_points: int

    async def verify(self, *buckets: int) -> VerifyReport:
        return await Verification(self.books).run(buckets or (HERE, THERE))

    async def damage(self, statement: str, *args: object) -> None:
        """Change exactly one row (or whatever the statement says) as the owner, who may."""
        done = await self.pool.execute(statement, *args)
        assert not done.endswith(" 0"), f"no row was damaged: {done}"


def _ledger() -> tuple[HandLedger, HandLedger]:
    here, there = HandLedger(HERE), HandLedger(THERE)
    names = identities_in(HERE)
    ann, bob, carl = next(names), next(names), next(identities_in(THERE))
    follow_up = ticket_of(PROGRAMME, 1, member_of(carl), b"follow-up", THERE)
    here.decide(ann, [Award(11, PTS, 5, "fixed", 1)])
    here.decide(bob, [Award(11, PTS, 3, "fixed", 1), Award(12, LD, 1, "fixed", 1)])
    here.close_batch()
    here.decide(ann, declines=(Declined(11, "limit_reached"),))
    here.decide(ann, [Award(11, PTS, 7, "points_per", 700, expires_at=START - timedelta(days=1))])
    here.decide(bob, [Award(11, PTS, 2, "fixed", 1, active_at=START + timedelta(days=9))], follow_ups=(follow_up,))
    here.close_batch()
    here.decide(bob, status=Status.PARKED, error="broken")
    resume = Resume(dialect=Dialect.INTERNAL, action="resume", identity=bob, ticket=here.commands[-1][0].ticket)
    here.decide(bob, [Award(11, PTS, 4, "fixed", 1)], command=resume, body=None)
    here.close_batch()
    here.decide(ann, [Award(11, PTS, 1, "fixed", 1)])
    here.close_batch()
    here.log(ann)
    there.decide(carl, [Award(11, PTS, 1, "fixed", 1)], ticket=follow_up)
    there.close_batch()
    return here, there


@pytest.fixture
async def case(database: Database, owner_pool: Pool) -> AsyncIterator[Case]:
    here, there = _ledger()
    async with owner_pool.acquire() as connection:
        await here.write(connection)
        await there.write(connection)
    books = Books(database.runtime_url, BUCKETS)
    ann = member_of(next(identities_in(HERE)))
    yield Case(owner_pool, books, ann, member_account_id(ann, PTS, Role.MEMBER))
    await books.close()


def _first(report: VerifyReport) -> tuple[str, int | None, int | None]:
    assert report.findings, "nothing was found"
    finding = report.findings[0]
    return finding.check, finding.bucket, finding.position


def _named(report: VerifyReport, check: str) -> list[Finding]:
    return [finding for finding in report.findings if finding.check == check]


async def test_correct_books_are_clean(case: Case) -> None:
    report = await case.verify()
    assert report.findings == ()
    assert report.clean
    assert (report.commands, report.lines, report.undecided, report.erased) == (10, 16, 1, 0)


async def test_all_buckets_of_a_new_database_are_clean(database: Database) -> None:
    books = Books(database.runtime_url, BUCKETS)
    report = await Verification(books).run()
    await books.close()
    assert report.clean
    assert report.buckets == BUCKETS


async def test_progress_is_told_for_every_bucket(case: Case) -> None:
    told: list[tuple[int, int]] = []
    await Verification(case.books, on_progress=lambda done, commands: told.append((done, commands))).run([HERE, THERE])
    assert told[-1] == (2, 10)
    assert told == sorted(told)


async def test_small_pages_and_steps_find_the_same(case: Case) -> None:
    with (
        mock.patch.object(store_verify, "PAGE_ROWS", 1),
        mock.patch.object(engine_verify, "POSITIONS_A_STEP", 2),
    ):
        assert (await case.verify()).clean
        await case.damage("update line set amount = amount + 1 where bucket = $1 and position = 4 and leg = 0", HERE)
        assert _first(await case.verify()) == ("chain", HERE, 4)


async def test_erased_body_is_counted_and_no_fault(case: Case) -> None:
    await case.damage(
        "update command set salt = null, name = null, body = null where bucket = $1 and position = 2", HERE
    )
    report = await case.verify()
    assert report.clean
    assert report.erased == 1


OVERDRAWN = json.dumps(
    {"bucket": HERE, "promo_id": 5, "slot": 0, "period": 0, "prize": 0, "subject": "x", "amount": 9, "cap": 9}
    | {"remaining": -1}
)
"""Values for any of the tables of stocks; each takes the columns that it has."""

FLIP_FACTS = "update command set facts = set_byte(facts, 5, get_byte(facts, 5) # 1) where bucket = $1 and position = 2"
SWAP = (
    "update command set facts = other.facts, content = other.content from command other "
    "where command.bucket = $1 and other.bucket = $1 and command.position in (1, 2) and other.position = 3 - command.position"
)


@pytest.mark.parametrize(
    ("statement", "check", "position"),
    [
        (FLIP_FACTS, "chain", 2),
        (SWAP, "chain", 1),
        ("update command set client_id = 9 where bucket = $1 and position = 3", "chain", 3),
        (
            "update command set recorded_at = recorded_at + interval '1 microsecond' where bucket = $1 and position = 5",
            "chain",
            5,
        ),
        ("update outcome set payload = payload || 'x' where bucket = $1 and position = 3", "chain", 3),
        (
            "update outcome set chain = set_byte(chain, 0, get_byte(chain, 0) # 1) where bucket = $1 and position = 4",
            "chain",
            4,
        ),
        ("update lane set chain = set_byte(chain, 31, get_byte(chain, 31) # 1) where bucket = $1", "chain", 8),
        ("delete from line where bucket = $1 and position = 4 and leg = 1", "chain", 4),
        ("update line set amount = amount + 1 where bucket = $1 and position = 1", "chain", 1),
        ("update line set promo_version_id = 12 where bucket = $1 and position = 8 and leg = 0", "chain", 8),
        ("update line set expires_at = null where bucket = $1 and position = 4 and leg = 0", "chain", 4),
        ("update line set position = 3 where bucket = $1 and position = 4", "chain", 3),
        ("update lot_use set amount = amount - 1 where bucket = $1 and position = 4", "chain", 4),
        ("delete from lot_use where bucket = $1 and position = 4", "chain", 4),
        ("delete from command where bucket = $1 and position = 2", "log", 2),
        ("delete from outcome where bucket = $1 and position = 7", "log", 7),
        ("update tail set next = next + 1 where bucket = $1", "log", 10),
        ("update tail set next = next - 1 where bucket = $1", "log", 9),
        ("update lane set cursor = cursor - 1 where bucket = $1", "log", 8),
        ("update lane set cursor = cursor + 1 where bucket = $1", "log", 9),
        ("update command set name = 'Bob' where bucket = $1 and position = 1", "seal", 1),
        ("update command set body = 'not compressed' where bucket = $1 and position = 1", "seal", 1),
        ("update command set salt = null where bucket = $1 and position = 1", "seal", 1),
        (
            "insert into outcome select 9, bucket, status, chain, payload from outcome where bucket = $1 and position = 8",
            "log",
            9,
        ),
    ],
)
async def test_damage_is_named_first_by_its_position(case: Case, statement: str, check: str, position: int) -> None:
    await case.damage(statement, HERE)
    assert _first(await case.verify()) == (check, HERE, position)


async def test_changed_ticket_is_seen(case: Case) -> None:
    other = ticket_of(PROGRAMME, 1, b"x", b"y", THERE)
    await case.damage("update command set ticket = $2 where bucket = $1 and position = 2", HERE, uuid.UUID(bytes=other))
    report = await case.verify()
    assert [(f.check, f.position) for f in report.findings] == [("log", 2), ("chain", 2)]


async def test_changed_amount_is_named_by_books_awards_and_netting_too(case: Case) -> None:
    await case.damage(
        "update line set amount = amount + 1 where bucket = $1 and account = $2 and position = 1", HERE, case.ann_points
    )
    report = await case.verify()
    assert [(f.check, f.position, f.account) for f in _named(report, "books")][:1] == [("books", 1, case.ann_points)]
    assert [f.position for f in _named(report, "awards")] == [1]
    assert [(f.position, f.account) for f in _named(report, "netting")] == [(2, PTS * 16 + Role.ISSUANCE)]


async def test_movements_that_cancel_out_need_no_netted_line(database: Database, owner_pool: Pool) -> None:
    ledger = HandLedger(HERE)
    ann = next(identities_in(HERE))
    account = member_account_id(member_of(ann), PTS, Role.MEMBER)
    ledger.decide(ann, [Award(11, PTS, 5, "fixed", 1)])
    ledger.decide(ann, taken=LotUse(HERE, account, 0, 1, 0, 5))
    ledger.close_batch()
    ledger.decide(ann, [Award(11, PTS, 5, "fixed", 1)])
    ledger.close_batch()
    async with owner_pool.acquire() as connection:
        await ledger.write(connection)
    books = Books(database.runtime_url, BUCKETS)
    report = await Verification(books).run([HERE])
    await books.close()
    assert report.findings == ()
    assert report.lines == 4


async def test_command_recorded_before_the_one_before_it_is_named(case: Case) -> None:
    await case.damage(
        "update command set recorded_at = recorded_at - interval '1 hour' where bucket = $1 and position = 5", HERE
    )
    first = (await case.verify()).findings[0]
    assert (first.position, first.text) == (5, "recorded earlier than the command before it")


async def test_line_against_another_assets_account_is_named(case: Case) -> None:
    await case.damage(
        "update line set contra = $2 where bucket = $1 and account = $3 and position = 1",
        HERE,
        LD * 16 + Role.ISSUANCE,
        case.ann_points,
    )
    texts = [f.text for f in _named(await case.verify(), "books") if f.position == 1]
    assert texts == [f"asset {PTS} moved against an account of asset {LD}"]


async def test_cursor_beyond_the_log_is_named(case: Case) -> None:
    await case.damage("update lane set cursor = 100 where bucket = $1", HERE)
    assert (await case.verify()).findings[0].text == "the lane's cursor is 100, the log's next position 10"


async def test_broken_running_balance_is_named_at_the_line_that_breaks_it(case: Case) -> None:
    await case.damage(
        "update line set balance_after = balance_after + 1 where bucket = $1 and account = $2 and position = 8",
        HERE,
        case.ann_points,
    )
    report = await case.verify()
    assert next((f.position, f.account) for f in _named(report, "books")) == (8, case.ann_points)


async def test_deleted_netted_line_leaves_its_members_lines_uncovered(case: Case) -> None:
    await case.damage("delete from line where bucket = $1 and position = 8 and covers_from is not null", HERE)
    report = await case.verify()
    assert [(f.position, f.account) for f in _named(report, "netting")] == [(8, PTS * 16 + Role.ISSUANCE)]
    assert [f.position for f in _named(report, "books")] == [None]


async def test_netted_line_that_covers_too_little_is_named(case: Case) -> None:
    await case.damage(
        "update line set covers_from = 2 where bucket = $1 and position = 2 and covers_from = 1 "
        "and contra = 0 and account = $2",
        HERE,
        PTS * 16 + Role.ISSUANCE,
    )
    assert [f.position for f in _named(await case.verify(), "netting")] == [2]


async def test_balance_below_the_floor_is_named(case: Case) -> None:
    await case.damage("update account set floor = 6 where bucket = $1 and account_id = $2", HERE, case.ann_points)
    report = await case.verify()
    # The lot of position 4 was credited and expired there: 5, 12, 5, then 6.
    assert [(f.check, f.position, f.account) for f in report.findings] == [
        ("books", 1, case.ann_points),
        ("books", 4, case.ann_points),
        ("members", None, case.ann_points),
    ]


async def test_holding_more_than_there_is_is_named(case: Case) -> None:
    await case.damage(
        "update line set held_after = 6 where bucket = $1 and account = $2 and position = 1", HERE, case.ann_points
    )
    assert [f.position for f in _named(await case.verify(), "holds")] == [1]


async def test_lot_use_beyond_its_lot_is_named(case: Case) -> None:
    await case.damage("update lot_use set amount = 8 where bucket = $1", HERE)
    named = _named(await case.verify(), "lots")
    assert {(f.position, f.account) for f in named} >= {(4, case.ann_points)}
    assert any("more was taken from this lot than its 7" in f.text for f in named)


async def test_lot_use_of_no_lot_is_named(case: Case) -> None:
    await case.damage("update lot_use set lot_leg = 1 where bucket = $1", HERE)
    assert any("lot 4/1 is no credit line" in f.text for f in _named(await case.verify(), "lots"))


async def test_open_lots_must_sum_to_the_balance(case: Case) -> None:
    await case.damage("delete from lot_use where bucket = $1", HERE)
    texts = {f.text for f in _named(await case.verify(), "lots")}
    assert texts == {"7 were debited, 0 were taken from lots", "open lots sum to 13, the balance is 6"}


async def test_line_of_an_account_that_does_not_exist_is_named(case: Case) -> None:
    await case.damage("delete from account where bucket = $1 and account_id = $2", HERE, case.ann_points)
    assert [(f.position, f.account) for f in _named(await case.verify(), "books")] == [(1, case.ann_points)]


async def test_missing_member_is_named(case: Case) -> None:
    await case.damage("delete from member where bucket = $1 and member_id = $2", HERE, case.ann)
    texts = [f.text for f in _named(await case.verify(), "members")]
    assert len(texts) == 2
    assert case.ann.hex() in texts[1]


async def test_follow_up_that_is_not_in_the_log_is_named_by_what_caused_it(case: Case) -> None:
    await case.damage("delete from command where bucket = $1", THERE)
    report = await case.verify(HERE)
    assert [(f.check, f.position) for f in report.findings] == [("follow_ups", 5)]


async def test_gap_in_the_outbox_is_named(case: Case) -> None:
    insert = (
        "insert into outbox select bucket, $2, position, recorded_at, 'x', '' from command"
        " where bucket = $1 and position = $2"
    )
    for sequence in (1, 3):
        await case.damage(insert, HERE, sequence)
    report = await case.verify()
    assert [f.text for f in report.findings] == [
        "outbox sequence 3 follows 1",
        "the lane's next outbox sequence is 1, the newest there is 3",
    ]
    assert report.findings[0].position == 3


@pytest.mark.parametrize("table", ["prize_stock", "budget_share", "quota"])
async def test_negative_stock_is_named(case: Case, table: str) -> None:
    await case.damage(f"insert into {table} select (jsonb_populate_record(null::{table}, $1)).*", OVERDRAWN)
    (finding,) = (await case.verify()).findings
    assert (finding.check, finding.bucket) == ("stocks", HERE)
    assert "of promo 5" in finding.text
    assert finding.text.endswith(" is -1")


async def test_negative_budget_of_a_whole_promo_is_named(case: Case) -> None:
    await case.damage("insert into budget select (jsonb_populate_record(null::budget, $1)).*", OVERDRAWN)
    whole = await Verification(case.books).run()
    assert [(f.check, f.bucket, f.text) for f in whole.findings] == [
        ("stocks", None, "the budget of promo 5 (slot 0) has -1 left")
    ]


async def test_damage_in_one_bucket_leaves_the_others_clean(case: Case) -> None:
    await case.damage(FLIP_FACTS, HERE)
    assert (await case.verify(THERE)).clean


async def test_only_so_many_findings_are_kept_and_all_are_counted(case: Case) -> None:
    await case.damage("delete from account where bucket = $1", HERE)
    with mock.patch.object(engine_verify, "FINDINGS_MAX", 2):
        report = await case.verify()
    assert len(report.findings) == 2
    assert report.findings_total > 2


async def test_tail_that_is_far_too_high_is_one_finding(case: Case) -> None:
    await case.damage("update tail set next = 9000000000000 where bucket = $1", HERE)
    report = await case.verify()
    assert report.findings_total < 2_000
