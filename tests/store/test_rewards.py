"""Stock and pools of rewards in the tables: two lanes at once never pass them, a changed stock counts on, verify sees damage."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from accrual.bootstrap.programme import apply_file
from accrual.domain.commands import Dialect
from accrual.domain.errors import Invalid, Missing, Refused, StockMoved
from accrual.domain.ids import bucket_of, member_id_of
from accrual.domain.movements import Redeem, Refund
from accrual.domain.rewards import PoolLeft, subject_of
from accrual.engine.catalog import Catalog
from accrual.engine.rewards import Rewards
from accrual.engine.verify import Verification, VerifyReport
from accrual.store.catalogue import CatalogueStore
from accrual.store.connection import Pool
from accrual.store.previews import UNTOLD, PreviewStates
from accrual.store.rewards import RewardStore
from accrual.store.verify import Books
from tests.pg_fixtures import Database
from tests.store.points_desk import PROGRAMME, PointsDesk, person, points_desk
from tests.store.wiring import BUCKETS, lane_parts

REWARDS = """
rewards:
  - {code: MUG, asset: PTS, price: 10, stock: 5}
  - {code: FILM, asset: PTS, price: 1, voucher: {kind: pool}}
"""
TEXT = PROGRAMME + REWARDS
MUG, FILM = subject_of(1, "MUG"), subject_of(1, "FILM")
HALVES = set(range(BUCKETS // 2)), set(range(BUCKETS // 2, BUCKETS))


def rewards_of(desk: PointsDesk) -> Rewards:
    return Rewards(Catalog(CatalogueStore(desk.pool)), RewardStore(desk.pool, BUCKETS), now=lambda: desk.now)


async def redeem(desk: PointsDesk, who: str, reward: str = "MUG") -> Any:
    said = {"dialect": Dialect.NATIVE, "action": "redeem", "identity": person(who)}
    return await desk.send(Redeem(**said, reward=reward))


async def refund(desk: PointsDesk, who: str, target: bytes) -> None:
    said = {"dialect": Dialect.NATIVE, "action": "refund", "identity": person(who)}
    await desk.send(Refund(**said, target=target))


def everybody(count: int) -> list[str]:
    """So many members, as many in the one half of the buckets as in the other."""
    halves: tuple[list[str], list[str]] = ([], [])
    number = 0
    while min(map(len, halves)) < count // 2:
        number += 1
        who = f"p{number}"
        halves[bucket_of(member_id_of(1, "msisdn", who), BUCKETS) >= BUCKETS // 2].append(who)
    return [who for half in halves for who in half[: count // 2]]


async def reasons(desk: PointsDesk, receipts: list[Any]) -> list[list[str]]:
    views = await desk.reads.tickets([receipt.ticket for receipt in receipts])
    return [[declined.reason for declined in views[receipt.ticket].declines] for receipt in receipts]


async def apply(desk: PointsDesk, directory: Path, text: str) -> None:
    path = directory / "next.yaml"
    path.write_text(text)
    await apply_file(path, desk.database.runtime_url, actor="test")


async def verify(desk: PointsDesk) -> VerifyReport:
    books = Books(desk.database.runtime_url, BUCKETS)
    try:
        return await Verification(books).run()
    finally:
        await books.close()


@asynccontextmanager
async def reward_desk(database: Database, pool: Pool, directory: Path) -> AsyncIterator[PointsDesk]:
    """A desk whose programme has rewards."""
    async with points_desk(database, pool, directory) as desk:
        await apply(desk, directory, TEXT)
        await desk.catalog.refresh()
        yield desk


async def both_at_once(desk: PointsDesk) -> None:
    """Two lanes load, both decide from what they loaded, both post: what the slower one decided must not stand."""
    async with (
        lane_parts(desk.database, desk.pool, "one") as one,
        lane_parts(desk.database, desk.pool, "two") as two,
    ):
        leases = [await one.take(HALVES[0]), await two.take(HALVES[1])]
        postings = [await one.decide(leases[0]), await two.decide(leases[1])]
        assert all(posting.advances for posting in postings)
        await one.store.post(postings[0])
        with pytest.raises(StockMoved):
            await two.store.post(postings[1])
        # Rolled back, read again, decided again.
        again = await two.decide(leases[1])
        await two.store.post(again)


async def test_second_of_two_lanes_that_decided_on_the_same_stock_decides_again(
    database: Database, pool: Pool, tmp_path: Path
) -> None:
    async with reward_desk(database, pool, tmp_path) as desk:
        people = everybody(8)
        for who in people:
            await desk.grant(who, 10)
        await desk.decide()
        desk.lane._store.cut()
        receipts = [await redeem(desk, who) for who in people]
        await both_at_once(desk)
        said = await reasons(desk, receipts)
        assert (said.count([]), said.count(["out_of_stock"])) == (5, 3)
        assert (await rewards_of(desk).show(1, "MUG")).left == 0
        assert (await verify(desk)).clean


async def test_two_lanes_give_each_code_of_a_pool_once_and_in_order(
    database: Database, pool: Pool, tmp_path: Path
) -> None:
    async with reward_desk(database, pool, tmp_path) as desk:
        people = everybody(8)
        for who in people:
            await desk.grant(who, 10)
        await desk.decide()
        desk.lane._store.cut()
        await rewards_of(desk).load(1, "FILM", ["A", "B", "C", "D", "E"])
        receipts = [await redeem(desk, who, "FILM") for who in people]
        await both_at_once(desk)
        views = await desk.reads.tickets([receipt.ticket for receipt in receipts])
        given = [b.details["voucher"] for v in views.values() for b in v.booked if b.details]
        assert sorted(given) == ["A", "B", "C", "D", "E"]
        said = await reasons(desk, receipts)
        assert said.count(["out_of_stock"]) == 3
        rows = await desk.fetch("select number, ticket from reward_given order by number")
        assert [row["number"] for row in rows] == [1, 2, 3, 4, 5]
        assert (await verify(desk)).clean


async def test_changed_stock_counts_from_what_was_redeemed(database: Database, pool: Pool, tmp_path: Path) -> None:
    async with reward_desk(database, pool, tmp_path) as desk:
        await desk.grant("ann", 1_000)
        bought = [await redeem(desk, "ann") for _ in range(6)]
        await desk.decide()
        assert await reasons(desk, bought) == [[]] * 5 + [["out_of_stock"]]
        for stock, expected in ((7, [[], [], ["out_of_stock"]]), (3, [["out_of_stock"]]), (8, [[], ["out_of_stock"]])):
            await apply(desk, tmp_path, TEXT.replace("stock: 5", f"stock: {stock}"))
            more = [await redeem(desk, "ann") for _ in expected]
            await desk.decide()
            assert await reasons(desk, more) == expected, stock
        assert (await verify(desk)).clean


async def test_cancelling_below_a_lowered_stock_is_taken_and_makes_room_once_there_is_some(
    database: Database, pool: Pool, tmp_path: Path
) -> None:
    async with reward_desk(database, pool, tmp_path) as desk:
        await desk.grant("ann", 1_000)
        bought = [await redeem(desk, "ann") for _ in range(5)]
        await desk.decide()
        await apply(desk, tmp_path, TEXT.replace("stock: 5", "stock: 3"))
        for receipt, expected in zip(
            bought, ([["out_of_stock"]], [["out_of_stock"]], [[], ["out_of_stock"]]), strict=False
        ):
            await refund(desk, "ann", receipt.ticket)
            more = [await redeem(desk, "ann") for _ in expected]
            await desk.decide()
            assert await reasons(desk, more) == expected
        (row,) = await desk.fetch("select cap, remaining from quota")
        assert (row["cap"], row["remaining"]) == (3, 0)
        assert (await verify(desk)).clean
        views = await desk.reads.tickets([receipt.ticket for receipt in bought])
        assert [bool((views[r.ticket].booked[-1].details or {}).get("cancelled")) for r in bought] == [True] * 3 + [
            False
        ] * 2


async def test_verify_names_a_stock_that_is_not_what_the_outcomes_took(
    database: Database, pool: Pool, owner_pool: Pool, tmp_path: Path
) -> None:
    async with reward_desk(database, pool, tmp_path) as desk:
        await desk.grant("ann", 100)
        receipts = [await redeem(desk, "ann") for _ in range(3)]
        await desk.decide()
        await refund(desk, "ann", receipts[0].ticket)
        await desk.decide()
        assert (await verify(desk)).clean
        await owner_pool.execute("update quota set remaining = remaining - 1")
        report = await verify(desk)
        assert [finding.check for finding in report.findings] == ["stocks"]
        assert report.findings[0].text == f"the outcomes took 2 of the stock {MUG.hex()}, it says 3"


async def test_codes_are_loaded_once_each_however_many_load_at_once(
    database: Database, pool: Pool, tmp_path: Path
) -> None:
    async with reward_desk(database, pool, tmp_path) as desk:
        store = RewardStore(pool, BUCKETS)
        codes = [f"C{number}" for number in range(50)]
        added = await asyncio.gather(*(store.add_codes(FILM, codes[start:]) for start in (0, 10, 20)))
        assert sum(added) == 50
        assert await store.pools([FILM]) == {FILM: PoolLeft(loaded=50, given=0)}
        rows = await desk.fetch("select number, code from reward_code order by number")
        assert [row["number"] for row in rows] == list(range(1, 51))
        assert {row["code"] for row in rows} == set(codes)


async def test_what_is_no_pool_and_what_is_no_code_is_refused(database: Database, pool: Pool, tmp_path: Path) -> None:
    async with reward_desk(database, pool, tmp_path) as desk:
        rewards = rewards_of(desk)
        with pytest.raises(Refused):
            await rewards.load(1, "MUG", ["A"])
        with pytest.raises(Missing):
            await rewards.load(1, "NO", ["A"])
        for bad in ("", "x" * 65, " A", "a\x00b"):
            with pytest.raises(Invalid) as invalid:
                await rewards.load(1, "FILM", ["GOOD", bad])
            assert invalid.value.details == {"line": 2}
        assert (await rewards.show(1, "FILM")).stock == 0


async def test_preview_sees_that_there_is_a_code_and_not_which(database: Database, pool: Pool, tmp_path: Path) -> None:
    async with reward_desk(database, pool, tmp_path) as desk:
        await rewards_of(desk).load(1, "FILM", ["SECRET"])
        async with PreviewStates(pool, BUCKETS).moment() as moment:
            (code,) = (await moment.reward_codes({FILM: 5}))[FILM]
        assert (code.number, code.code) == (1, UNTOLD)


async def test_page_of_rewards_goes_on_behind_its_last(database: Database, pool: Pool, tmp_path: Path) -> None:
    async with reward_desk(database, pool, tmp_path) as desk:
        desk.now = datetime(2026, 3, 1, tzinfo=UTC)
        first = await rewards_of(desk).page(1, limit=1)
        assert ([each.code for each in first.rewards], first.next_after) == (["FILM"], "FILM")
        second = await rewards_of(desk).page(1, after="FILM", limit=1)
        assert ([each.code for each in second.rewards], second.next_after) == (["MUG"], None)
