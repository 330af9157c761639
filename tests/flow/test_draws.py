"""Draws from entry to proof: stocks shared by all lanes, receipts that anybody can check, tampering that is named."""

from __future__ import annotations

import json
from collections import Counter
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from accrual.domain.draw_tables import Draw, EntryCost, Pity, Prize, Raffle, RafflePrize, WinLimit
from accrual.domain.errors import Busy, Refused
from accrual.domain.facts import Purchase, Trigger
from accrual.domain.promos import Benefit, Promo
from accrual.draw_verify import verify
from accrual.store.connection import Pool
from tests.flow.draw_desk import apply_promos, at_work
from tests.flow.sharing import share_buckets
from tests.pg_fixtures import Database

EARN = Promo(code="EARN", trigger=Trigger.PURCHASE, benefits=(Benefit(asset="LD", fixed=2),))
WHEEL = Promo(
    code="WHEEL",
    trigger=Trigger.DRAW_ENTRY,
    benefits=(
        Benefit(
            asset="PTS",
            draw=Draw(
                prizes=(
                    Prize(code="GOLD", asset="GOLD", weight=1, stock=10, per_member=WinLimit(count=1)),
                    Prize(code="TEN", amount=10, weight=4),
                    Prize(code="NOTHING", nothing=True, weight=5),
                ),
                pity=Pity(after=3, prizes=("GOLD", "TEN")),
            ),
        ),
    ),
)


def _check(lines: list[dict[str, Any]], **published: tuple[str, ...]) -> list[str]:
    findings, _ = verify([json.dumps(line) for line in lines], **published)
    return findings


async def _drawn(database: Database, pool: Pool, entries: int = 200) -> tuple[list[dict[str, Any]], str, str]:
    """Receipts of a disclosed round, the commitment as it was published before, the root as published after."""
    await apply_promos(pool, WHEEL)
    async with at_work(database) as work:
        before = await work.engine.draws.show(1, "WHEEL")
        await work.enter(0, entries, members=20)
        await work.decide()
        closed, _ = await work.engine.draws.disclose(1, "WHEEL", actor="test")
        assert closed.entries == entries
        return await work.receipts("WHEEL"), before.commitment, closed.root or ""


async def test_a_disclosed_draw_verifies_from_published_data_alone(database: Database, pool: Pool) -> None:
    # 20 members with 25 draws each: that fewer than ten of them ever win the gold happens once in 10^8 runs.
    lines, commitment, root = await _drawn(database, pool, 500)
    assert len(lines) == 501
    assert _check(lines, commitments=(commitment,), roots=(root,)) == []
    won = Counter(line["prize"] for line in lines[1:])
    assert won["GOLD"] == 10
    assert won["TEN"]
    assert won["NOTHING"]
    assert any(line["helped"] for line in lines[1:])
    assert {"GOLD": "no_stock"} in [line["out"] for line in lines[1:]]
    assert _check(lines, commitments=("0" * 64,)) == ["commitment " + "0" * 64 + ": no round of the file has it"]


async def test_the_verifier_names_each_kind_of_tampering(database: Database, pool: Pool) -> None:
    lines, _, root = await _drawn(database, pool)
    unlucky = next(n for n, line in enumerate(lines) if line.get("prize") == "NOTHING")
    name = f"entry {lines[unlucky]['bucket']}-{lines[unlucky]['number']} "

    changed = deepcopy(lines)
    changed[unlucky]["prize"] = "TEN"
    findings = _check(changed)
    assert any(name in found and "the secret names NOTHING" in found for found in findings)
    assert any(name in found and "was changed" in found for found in findings)

    left_out = [line for n, line in enumerate(lines) if n != unlucky]
    assert [found for found in _check(left_out) if found.endswith("is left out")] == [f"round 1: {name}is left out"]

    of_one_bucket = [n for n, line in enumerate(lines) if line.get("bucket") == lines[unlucky]["bucket"]]
    last_left_out = [line for n, line in enumerate(lines) if n != of_one_bucket[-1]]
    assert any(found.endswith("is left out") for found in _check(last_left_out))

    ends_too = deepcopy(last_left_out)
    for end in ends_too[0]["heads"]["1"]:
        if end[0] == lines[unlucky]["bucket"]:
            end[1] -= 1
            end[2] = lines[of_one_bucket[-2]]["chain"] if len(of_one_bucket) > 1 else end[2]
    assert any("root was made of" in found for found in _check(ends_too))

    other_secret = deepcopy(lines)
    secret = other_secret[0]["rounds"][0]["secret"]
    other_secret[0]["rounds"][0]["secret"] = ("1" if secret[0] == "0" else "0") + secret[1:]
    assert "round 1: the secret is not the one that was committed to" in _check(other_secret)

    better_table = deepcopy(lines)
    better_table[unlucky]["table"] = [["NOTHING", 1]]
    assert any("the promo states" in found for found in _check(better_table))

    held_back = deepcopy(lines)
    first = next(line for line in held_back[1:] if not line["out"] and not line["helped"])
    first["out"] = {"TEN": "not_now"}
    assert any("it was its time" in found for found in _check(held_back))
    assert _check(lines, roots=(root,)) == []


async def test_two_draws_of_one_call_keep_receipts_of_their_own(database: Database, pool: Pool) -> None:
    other = Promo(
        code="AFTER",
        trigger=Trigger.DRAW_ENTRY,
        benefits=(Benefit(asset="LD", draw=Draw(prizes=(Prize(code="ONE", weight=1),))),),
    )
    await apply_promos(pool, WHEEL, other)
    async with at_work(database) as work:
        await work.enter(0, 10, members=10)
        await work.decide()
        for code in ("WHEEL", "AFTER"):
            await work.engine.draws.disclose(1, code, actor="test")
            lines = await work.receipts(code)
            assert len(lines) == 11
            assert _check(lines) == []
        assert {line["prize"] for line in lines[1:]} == {"ONE"}


async def test_nothing_says_the_secret_before_the_round_is_closed(database: Database, pool: Pool) -> None:
    await apply_promos(pool, WHEEL)
    async with at_work(database) as work:
        await work.enter(0, 20, members=20)
        await work.decide()
        secret = await pool.fetchval("select secret from draw_secret where round = 1")
        view = await work.engine.draws.show(1, "WHEEL")
        shown = repr(
            [view, await work.receipts("WHEEL"), work.engine.catalog.newest(1), work.engine.catalog.newest(1).secrets]
        )
        assert secret.hex() not in shown
        assert repr(secret) not in shown
        lines = await work.receipts("WHEEL")
        findings, notes = verify([json.dumps(line) for line in lines])
        assert findings == []
        assert notes == ["round 1: its secret is not disclosed yet, so results were not drawn again"]
        audited = await pool.fetch("select before::text, after::text from audit")
        assert secret.hex() not in repr(audited)


async def test_entries_after_a_disclosure_are_drawn_with_the_next_secret(database: Database, pool: Pool) -> None:
    await apply_promos(pool, WHEEL)
    async with at_work(database) as work:
        (lane,) = work.lanes
        await work.enter(0, 30, members=10)
        await work.decide()
        # The lane has the old catalogue in memory when the round is closed behind its back, and is made to keep it once.
        catalog = lane._catalog
        fresh, stale_left = catalog.refresh, [1]

        async def refresh() -> frozenset[int]:
            if stale_left[0]:
                stale_left[0] -= 1
                return frozenset()
            return await fresh()

        await work.engine.draws.disclose(1, "WHEEL", actor="test")
        await work.enter(30, 30, members=10)
        catalog.refresh = refresh  # type: ignore[method-assign]
        await work.decide()
        assert lane.stock_moved_total >= 1
        lines = await work.receipts("WHEEL")
        assert Counter(line["round"] for line in lines[1:]) == {1: 30, 2: 30}
        assert _check(lines) == []
        await work.engine.draws.disclose(1, "WHEEL", actor="test")
        assert _check(await work.receipts("WHEEL")) == []


async def test_a_preview_draws_with_a_secret_of_nobodys(database: Database, pool: Pool) -> None:
    everything = Prize(code="A", amount=1, weight=1_000), Prize(code="B", amount=2, weight=1_000)
    promo = Promo(
        code="COIN", trigger=Trigger.DRAW_ENTRY, benefits=(Benefit(asset="PTS", draw=Draw(prizes=everything)),)
    )
    await apply_promos(pool, promo)
    async with at_work(database) as work:
        (client,) = work.engine.catalog.clients.values()
        from tests.flow.draw_desk import _entry

        entries = [_entry(client.programme_id, client.client_id, n, n, None) for n in range(40)]
        now = datetime.now(UTC)
        foreseen = []
        for entry in entries:
            (award,) = (await work.engine.preview(entry, now)).view.awards
            foreseen.append(award.amount)
            assert "a trial" in award.text
        await work.engine.submit_many(entries)
        await work.decide()
        rows = await pool.fetch(
            "select command.ticket, line.amount from line join command using (bucket, position) where covers_from is null"
        )
        assert sorted(foreseen) != [row["amount"] for row in rows]
        assert len(rows) == 40
        tickets = {line["ticket"]: line["prize"] for line in (await work.receipts("COIN"))[1:]}
        assert len(tickets) == 40
        assert await pool.fetchval("select count(*) from draw_entry where round = 0") == 0


async def test_the_price_the_prize_and_the_outcome_are_one_posting(database: Database, pool: Pool) -> None:
    paid = Draw(cost=EntryCost(asset="LD", amount=1), prizes=(Prize(code="TEN", amount=10, weight=1),))
    await apply_promos(
        pool, EARN, Promo(code="WHEEL", trigger=Trigger.DRAW_ENTRY, benefits=(Benefit(asset="PTS", draw=paid),))
    )
    async with at_work(database) as work:
        bought = (Purchase(occurred_at=datetime(2026, 3, 1, 4, tzinfo=UTC), amount_minor=100),)
        await work.enter(0, 5, members=5, facts=bought)
        await work.enter(5, 15, members=5)
        await work.decide()
        view = await work.engine.draws.show(1, "WHEEL")
        assert view.entries == 10
        spent = await pool.fetchval("select sum(-amount) from line where kind = 5 and covers_from is null")
        won = await pool.fetchval("select sum(amount) from line where kind = 1 and amount = 10 and covers_from is null")
        assert (spent, won) == (10, 100)
        places = await pool.fetch(
            "select bucket, position, count(*) as legs from line where covers_from is null and kind in (1, 5) "
            "and position in (select position from draw_entry e where e.bucket = line.bucket) group by 1, 2"
        )
        assert [row["legs"] for row in places] == [2] * 10
        from accrual.bootstrap.asking import verify_books

        assert (await verify_books(None, database.runtime_url)).clean


async def _share_out(database: Database, pool: Pool, *, stock: int, entries: int, lanes: int) -> Counter[str]:
    table = Draw(
        prizes=(Prize(code="GOLD", asset="GOLD", weight=1, stock=stock), Prize(code="NOTHING", nothing=True, weight=4))
    )
    await apply_promos(
        pool, Promo(code="RUSH", trigger=Trigger.DRAW_ENTRY, benefits=(Benefit(asset="PTS", draw=table),))
    )
    async with at_work(database, lanes) as work:
        await share_buckets(work.lanes)
        for first in range(0, entries, 2_000):
            await work.enter(first, min(2_000, entries - first), members=entries)
        await work.decide_at_once(entries)
        assert sum(lane.parked_total for lane in work.lanes) == 0
        assert sum(1 for lane in work.lanes if lane.decided_total) == lanes
        await work.engine.draws.disclose(1, "RUSH", actor="test")
        lines = await work.receipts("RUSH")
        assert _check(lines) == []
        left = await pool.fetchval("select remaining from quota")
        given = await pool.fetchval("select count(*) from line where covers_from is null and amount = 1")
        assert (given, left) == (stock, 0)
        return Counter(line["prize"] for line in lines[1:])


async def test_eight_lanes_give_a_prize_out_exactly_as_often_as_it_is_there(database: Database, pool: Pool) -> None:
    won = await _share_out(database, pool, stock=200, entries=6_000, lanes=8)
    assert won == {"GOLD": 200, "NOTHING": 5_800}


@pytest.mark.slow
async def test_a_thousand_prizes_under_fifty_thousand_draws(database: Database, pool: Pool) -> None:
    won = await _share_out(database, pool, stock=1_000, entries=50_000, lanes=8)
    assert won == {"GOLD": 1_000, "NOTHING": 49_000}


def _raffle(at: datetime, **more: Any) -> Promo:
    prizes = (RafflePrize(code="CAR", asset="GOLD"), RafflePrize(code="SECOND", asset="PTS", amount=50, count=4))
    raffle = Raffle(at=at.isoformat(), prizes=prizes, tickets=2, **more)
    return Promo(code="RAFFLE", trigger=Trigger.DRAW_ENTRY, benefits=(Benefit(asset="LD", raffle=raffle),))


async def test_a_raffle_draws_each_member_once_and_gives_by_commands(
    database: Database, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = datetime.now(UTC) + timedelta(hours=1)
    await apply_promos(pool, _raffle(at))
    async with at_work(database) as work:
        await work.enter(0, 60, members=12)
        with pytest.raises(Refused, match="drawn at"):
            await work.engine.raffles.draw(1, "RAFFLE", actor="test")
        monkeypatch.setattr(work.engine.raffles, "_now", lambda: at + timedelta(minutes=1))
        with pytest.raises(Busy, match="not decided yet"):
            await work.engine.raffles.draw(1, "RAFFLE", actor="test")
        await work.decide()
        first = await work.engine.raffles.draw(1, "RAFFLE", actor="test")
        assert first.entries == 60
        again = await work.engine.raffles.draw(1, "RAFFLE", actor="test")
        assert again.round == first.round
        assert await work.engine.raffles.run_due() == 5
        assert await work.engine.raffles.run_due() == 0
        await work.decide()
        view = await work.engine.draws.show(1, "RAFFLE")
        assert [winner.prize for winner in view.winners] == ["CAR"] + ["SECOND"] * 4
        members = await pool.fetch("select distinct member_id from draw_winner")
        assert len(members) == 5
        granted = await pool.fetch(
            "select sum(amount) as units from line where kind = 13 and covers_from is null group by amount order by 1"
        )
        assert [row["units"] for row in granted] == [1, 200]
        lines = await work.receipts("RAFFLE")
        assert _check(lines) == []
        lines[0]["picks"]["1"][0]["number"] += 1
        assert any("pick 0 is entry" in found for found in _check(lines))
        await work.enter(60, 1, members=12)
        await work.decide()
        assert await pool.fetchval("select count(*) from draw_entry") == 60


async def test_what_nobody_claims_goes_to_reserves(
    database: Database, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = datetime.now(UTC) + timedelta(hours=1)
    await apply_promos(pool, _raffle(at, claim_within="P1D"))
    async with at_work(database) as work:
        await work.enter(0, 40, members=20)
        await work.decide()
        clock = [at + timedelta(minutes=1)]
        monkeypatch.setattr(work.engine.raffles, "_now", lambda: clock[0])
        await work.engine.raffles.draw(1, "RAFFLE", actor="test")
        assert await work.engine.raffles.run_due() == 0
        waiting = (await work.engine.draws.show(1, "RAFFLE")).winners
        assert [winner.status for winner in waiting] == ["waits"] * 5
        ticket = bytes.fromhex(waiting[1].ticket.replace("-", ""))
        assert await work.engine.raffles.claim(1, "RAFFLE", ticket)
        assert not await work.engine.raffles.claim(1, "RAFFLE", ticket)
        clock[0] += timedelta(days=2)
        assert not await work.engine.raffles.claim(1, "RAFFLE", bytes.fromhex(waiting[0].ticket.replace("-", "")))
        await work.engine.raffles.run_due()
        after = (await work.engine.draws.show(1, "RAFFLE")).winners
        assert [winner.status for winner in after] == ["expired", "claimed", "expired", "expired", "expired"] + [
            "waits"
        ] * 4
        assert [winner.prize for winner in after[5:]] == ["CAR"] + ["SECOND"] * 3
        assert len({winner.ticket for winner in after}) == 9
        assert _check(await work.receipts("RAFFLE")) == []
