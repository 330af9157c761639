"""Returning an entry never buys another try, and a returned prize is there again: no more prizes than the table states."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accrual.domain.accounts import Role
from accrual.domain.commands import Dialect
from accrual.domain.movements import Grant, Hold
from accrual.domain.programme import AfterSpent
from tests.desk import START, identity_of
from tests.security.draw_stage import LD, PTS, SURE, DrawStage, wheel

pytestmark = pytest.mark.security

DAILY = [{"count": 1, "every": "day"}]


@pytest.mark.parametrize("lines", [[()], [(0,), (1,)], [(0, 1)], [(1,), ()]])
async def test_a_returned_entry_gives_no_limit_back(lines: list[tuple[int, ...]]) -> None:
    stage = DrawStage(wheel(stock=9, limits=DAILY))
    bought = await stage.pay("ann", 70, 30)
    assert stage.won(bought) == [(LD, 1)]
    for some in lines:
        await stage.give_back("ann", bought, *some)
    assert stage.has("ann") == 0
    again = await stage.pay("ann", 70, 30)
    assert stage.reasons(again) == ["limit_reached"]
    stage.desk.forget()
    assert stage.reasons(await stage.pay("ann", 100)) == ["limit_reached"]


async def test_an_entry_that_drew_nothing_counts_when_it_is_returned() -> None:
    fixed = {"asset": "PTS", "fixed": 3}
    stage = DrawStage(wheel(stock=1, limits=DAILY, benefits=[fixed]))
    await stage.pay("bob", 100)
    bought = await stage.pay("ann", 100)
    assert (stage.won(bought), stage.reasons(bought)) == ([(PTS, 3)], ["drew_nothing"])
    await stage.give_back("ann", bought)
    assert stage.reasons(await stage.pay("ann", 100)) == ["limit_reached"]


async def test_a_raffle_entry_counts_when_it_is_returned() -> None:
    raffle = {"at": "2026-04-01T00:00", "tickets": 1, "prizes": [{"code": "CAR", "asset": "PTS", "amount": 5}]}
    promo = {"code": "CAR", "trigger": "purchase", "limits": DAILY, "benefits": [{"asset": "LD", "raffle": raffle}]}
    stage = DrawStage(promo)
    bought = await stage.pay("ann", 100)
    await stage.give_back("ann", bought)
    assert stage.reasons(await stage.pay("ann", 100)) == ["limit_reached"]


async def test_of_a_promo_that_draws_and_gives_the_amount_comes_back_and_the_entry_does_not() -> None:
    limits = [{"count": 2, "every": "day"}, {"amount": 10, "every": "day"}]
    stage = DrawStage(wheel(stock=9, limits=limits, benefits=[{"asset": "PTS", "fixed": 8}]))
    bought = await stage.pay("ann", 100)
    await stage.give_back("ann", bought)
    second = await stage.pay("ann", 100)
    assert stage.won(second) == [(LD, 1), (PTS, 8)], "all of the amount is at hand again"
    assert stage.reasons(await stage.pay("ann", 100)) == ["limit_reached"]


async def test_wins_and_pity_count_when_the_entry_is_returned() -> None:
    prizes = [
        {"code": "GOLD", "asset": "LD", "weight": SURE, "stock": 5, "per_member": {"count": 1}},
        {"code": "NOTHING", "nothing": True, "weight": 1},
    ]
    pity = {"after": 1, "prizes": ["GOLD"]}
    promo = {
        "code": "WHEEL",
        "trigger": "purchase",
        "benefits": [{"asset": "PTS", "draw": {"prizes": prizes, "pity": pity}}],
    }
    stage = DrawStage(promo)
    await stage.give_back("ann", await stage.pay("ann", 100))
    again = await stage.pay("ann", 100)
    assert stage.reasons(again) == ["drew_nothing"]
    (declined,) = stage.desk.books.outcome(again).declines
    assert (declined.details or {})["draw"]["out"] == {"GOLD": "won_enough"}
    await stage.give_back("ann", again)
    (declined,) = stage.desk.books.outcome(await stage.pay("ann", 100)).declines
    assert (declined.details or {})["draw"]["misses"] == 1


async def test_a_returned_prize_is_in_the_table_for_the_next_one() -> None:
    stage = DrawStage(wheel(stock=1))
    won = await stage.pay("ann", 100)
    assert stage.reasons(await stage.pay("bob", 100)) == ["drew_nothing"]
    await stage.give_back("ann", won)
    assert stage.left == 1
    third = await stage.pay("cid", 100)
    (award,) = stage.desk.books.outcome(third).awards
    assert (award.details or {})["draw"]["out"] == {}
    assert (stage.left, stage.has("ann"), stage.has("cid")) == (0, 0, 1)
    await stage.give_back("ann", won)
    assert stage.left == 0, "a second return of the same purchase brings nothing"


async def test_a_prize_of_many_units_goes_back_once_with_its_last_unit() -> None:
    stage = DrawStage(wheel(stock=1, amount=10))
    bought = await stage.pay("ann", 70, 30)
    first = await stage.give_back("ann", bought, 1)
    assert [booked.amount for booked in first.booked] == [-3]
    assert (stage.left, stage.has("ann")) == (0, 7)
    await stage.give_back("ann", bought, 0)
    assert (stage.left, stage.has("ann")) == (1, 0)
    await stage.give_back("ann", bought)
    assert stage.left == 1


async def test_a_prize_that_is_one_thing_belongs_to_the_dearest_line() -> None:
    stage = DrawStage(wheel(stock=1))
    bought = await stage.pay("ann", 30, 70)
    await stage.give_back("ann", bought, 0)
    assert (stage.left, stage.has("ann")) == (0, 1)
    await stage.give_back("ann", bought, 1)
    assert (stage.left, stage.has("ann")) == (1, 0)


@pytest.mark.parametrize("policy", list(AfterSpent))
async def test_a_prize_that_was_sent_on_is_owed_and_not_in_stock(policy: AfterSpent) -> None:
    stage = DrawStage(wheel(stock=1), after_spent=policy)
    bought = await stage.pay("ann", 100)
    await stage.send("ann", "bob", 1)
    await stage.give_back("ann", bought)
    assert (stage.left, stage.has("bob")) == (0, 1)
    owed = -stage.has("ann", role=Role.DEBT)
    assert owed == (1 if policy is AfterSpent.DEBT else 0)
    assert stage.reasons(await stage.pay("cid", 100)) == ["drew_nothing"]


async def test_another_one_of_the_same_asset_goes_back_in_its_place() -> None:
    stage = DrawStage(wheel(stock=1))
    bought = await stage.pay("ann", 100)
    await stage.send("ann", "bob", 1)
    await stage.send("bob", "ann", 1)
    await stage.give_back("ann", bought)
    assert (stage.left, stage.has("ann"), stage.has("bob")) == (1, 0, 0)


async def test_a_prize_that_is_set_aside_is_not_back() -> None:
    stage = DrawStage(wheel(stock=1))
    bought = await stage.pay("ann", 100)
    await stage.move(Hold(dialect=Dialect.NATIVE, action="", identity=identity_of("ann"), asset="LD", amount=1))
    await stage.give_back("ann", bought)
    assert (stage.left, stage.has("ann")) == (0, 1)


async def test_a_prize_that_expired_is_not_back() -> None:
    promo = wheel(stock=1)
    promo["benefits"][0]["expires"] = "P1D"
    stage = DrawStage(promo)
    bought = await stage.pay("ann", 100)
    stage.desk.later(days=2)
    await stage.give_back("ann", bought)
    assert (stage.left, stage.has("ann")) == (0, 0)


async def test_a_merged_member_returns_the_prize_and_nobody_gets_another_try() -> None:
    stage = DrawStage(wheel(stock=1, limits=DAILY))
    bought = await stage.pay("ann", 100)
    await stage.merge("ann", "bob")
    await stage.give_back("bob", bought)
    assert (stage.left, stage.has("bob")) == (1, 0)
    assert stage.won(await stage.pay("cid", 100)) == [(LD, 1)]
    assert stage.left == 0


async def test_a_return_goes_back_to_the_stock_of_a_promo_that_is_paused() -> None:
    stage = DrawStage(wheel(stock=2))
    bought = await stage.pay("ann", 100)
    (version,) = stage.catalogue.promos
    paused = msgspec.structs.replace(version, promo=msgspec.structs.replace(version.promo, status="paused"))
    stage.desk.revise(msgspec.structs.replace(stage.catalogue, promos=(paused,)))
    await stage.give_back("ann", bought)
    assert stage.left == 2


async def test_what_an_entry_cost_is_not_refunded() -> None:
    promo = wheel(stock=1)
    promo["benefits"][0]["draw"]["cost"] = {"asset": "PTS", "amount": 1}
    stage = DrawStage(promo)
    await stage.move(Grant(dialect=Dialect.NATIVE, action="", identity=identity_of("ann"), asset="PTS", amount=1))
    bought = await stage.pay("ann", 100)
    assert (stage.has("ann", PTS), stage.has("ann")) == (0, 1)
    refused = await stage.refund("ann", bought)
    assert [declined.reason for declined in refused.declines] == ["redemption_unknown"]
    await stage.give_back("ann", bought)
    assert (stage.has("ann", PTS), stage.has("ann"), stage.left) == (0, 0, 1)
    assert stage.reasons(await stage.pay("ann", 100)) == ["entry_cost_missing"]


async def test_the_return_is_recorded_in_the_log_of_entries() -> None:
    stage = DrawStage(wheel(stock=1))
    won = await stage.pay("ann", 100)
    given = await stage.give_back("ann", won)
    (booked,) = given.booked
    record = (booked.details or {})["draw"]
    assert record["prize"] == "GOLD"
    assert record["returned"] == f"1-{won.bucket}-1"
    assert record["number"] == 2
    assert list(record) == sorted(record)
    third = await stage.pay("ann", 100)
    (award,) = stage.desk.books.outcome(third).awards
    assert (award.details or {})["draw"]["number"] == 3


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["pay", "pay", "return", "return", "line", "send", "later"]),
        st.sampled_from(["ann", "bob", "cid"]),
        st.sampled_from(["ann", "bob", "cid"]),
        st.integers(0, 9),
    ),
    min_size=4,
    max_size=24,
)


@given(steps=STEPS, amount=st.sampled_from([1, 3]), policy=st.sampled_from(list(AfterSpent)))
@settings(max_examples=60)
async def test_prizes_out_and_prizes_in_stock_are_never_more_than_there_were(
    steps: list[tuple[str, str, str, int]], amount: int, policy: AfterSpent
) -> None:
    stock = 2
    stage = DrawStage(wheel(stock=stock, amount=amount, limits=DAILY), after_spent=policy)
    entries: dict[tuple[str, Any], int] = {}
    bought = []
    for step, who, to, number in steps:
        if step == "pay":
            command = await stage.pay(who, 60, 40)
            bought.append((who, command))
            if "limit_reached" not in stage.reasons(command):
                day = (stage.desk.now - START).days
                entries[who, day] = entries.get((who, day), 0) + 1
        elif step == "return" and bought:
            await stage.give_back(*bought[number % len(bought)])
        elif step == "line" and bought:
            await stage.give_back(*bought[number % len(bought)], number % 2)
        elif step == "send" and who != to:
            await stage.send(who, to, 1)
        elif step == "later":
            stage.desk.later(days=1)
        out = sum(stage.has(name) for name in ("ann", "bob", "cid"))
        owed = -sum(stage.has(name, role=Role.DEBT) for name in ("ann", "bob", "cid"))
        left = stage.left if stage.desk.books.stocks else stock
        assert out + left * amount <= stock * amount
        assert left >= 0
        if policy is AfterSpent.DEBT and not owed and amount == 1:
            assert out + left == stock, "what is not out is in stock"
        assert all(count == 1 for count in entries.values()), "one entry a day, whatever was returned"
