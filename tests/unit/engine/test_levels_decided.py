"""Levels as a lane decides them: what is earned by level, rising, reviews, what counts, and what goes out of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from accrual.domain import movements as moves
from accrual.domain.commands import Command, Dialect, Profile
from accrual.domain.facts import Purchase
from accrual.domain.members import LevelBy
from accrual.domain.outcomes import Outcome, TierChange, decode_outcome, encode_outcome
from accrual.domain.programme import Language
from accrual.domain.tiers import Tiers
from accrual.rules.explain_award import explain_award
from tests.desk import SETTINGS, Desk, catalogue_of, identity_of, member_of, promo_of

LEVELS = [
    {"code": "BASIC"},
    {"code": "SILVER", "threshold": 100, "earn": "1.25", "redeem": "0.8", "redeem_from": 50},
    {"code": "GOLD", "threshold": 500, "earn": "1.5", "redeem": "0.5"},
]
STEPS = {"asset": "PTS", "points_per": {"every": "1000 IDR"}, "by_level": True}


def desk_of(*benefits: dict[str, Any], condition: str | None = None, **tiers: Any) -> Desk:
    document = {"asset": "PTS", "levels": LEVELS, **tiers}
    settings = msgspec.structs.replace(SETTINGS, tiers=msgspec.convert(document, Tiers))
    more = {} if condition is None else {"condition": condition}
    promo = promo_of(code="BASE", trigger="purchase", benefits=list(benefits or [STEPS]), **more)
    return Desk(catalogue_of([promo], settings=settings))


def paid(idr: int, at: datetime | None = None) -> Purchase:
    return Purchase(amount_minor=idr * 100, occurred_at=at)


def said(name: str) -> dict[str, Any]:
    return {"dialect": Dialect.NATIVE, "action": "test", "identity": identity_of(name)}


async def done(desk: Desk, command: Command) -> Outcome:
    logged = desk.log_command(command)
    await desk.decide_all()
    return desk.books.outcome(logged)


async def by_hand(desk: Desk, name: str, tier: str) -> Outcome:
    return await done(desk, Profile(**said(name), tier=tier))


def units(outcome: Outcome) -> list[int]:
    return [award.amount for award in outcome.awards]


def tier(desk: Desk, name: str) -> str | None:
    known = desk.books.known.get(member_of(name))
    return None if known is None else known.tier


async def test_command_that_crosses_a_threshold_is_not_priced_anew_and_the_next_one_is() -> None:
    desk = desk_of()
    outcome = await desk.settle_one("ann", paid(100_000))
    assert units(outcome) == [100]
    assert outcome.tier == TierChange("BASIC", "SILVER", LevelBy.EARNED, 100, 100)
    assert units(await desk.settle_one("ann", paid(10_000))) == [12], "12.5, rounded down once"


async def test_second_command_of_the_same_batch_already_has_the_new_level() -> None:
    desk = desk_of()
    desk.log("ann", paid(100_000))
    second = desk.log("ann", paid(4_000))
    await desk.decide_all()
    assert units(desk.books.outcome(second)) == [5]


async def test_late_fact_earns_by_the_level_of_its_own_moment() -> None:
    desk = desk_of()
    await desk.settle_one("ann", paid(100_000))
    before = desk.now - timedelta(days=1)
    desk.later(days=2)
    for forgotten in (False, True):
        if forgotten:
            desk.forget()
        assert units(await desk.settle_one("ann", paid(100_000, before))) == [100]
        assert units(await desk.settle_one("ann", paid(4_000))) == [5]


async def test_promo_that_counts_each_payment_by_itself_uses_the_level_of_each() -> None:
    desk = desk_of({**STEPS, "per_fact": True})
    await desk.settle_one("ann", paid(100_000))
    before = desk.now - timedelta(days=1)
    desk.later(days=1)
    outcome = await desk.settle_one("ann", paid(4_000, before), paid(4_000))
    assert units(outcome) == [9]
    assert outcome.awards[0].details == {"levels": [["BASIC", "1"], ["SILVER", "1.25"]]}


@pytest.mark.parametrize(
    ("benefit", "idr", "given"),
    [
        ({"fixed": 3}, 1, 3),  # 3.75
        ({"fixed": 3, "rounding": "half_up"}, 1, 4),
        ({"points_per": {"every": "1000 IDR", "give": 3}}, 1_999, 3),  # one whole step of 3, times 1.25
        ({"percent": "100"}, 33, 41),  # 41.25, from the exact amount
        ({"percent": "10", "rounding": "ceil"}, 33, 5),  # 4.125
        ({"bracket": [{"from": "10 IDR", "give": 5}, {"from": "100 IDR", "percent": "10"}]}, 10, 6),  # 6.25
        ({"bracket": [{"from": "10 IDR", "give": 5}, {"from": "100 IDR", "percent": "10"}]}, 110, 13),  # 13.75
        ({"fixed": 100, "max": 110}, 1, 110),
    ],
)
async def test_what_a_level_earns_multiplies_before_the_one_rounding(
    benefit: dict[str, Any], idr: int, given: int
) -> None:
    desk = desk_of({"asset": "PTS", **benefit, "by_level": True})
    await by_hand(desk, "ann", "SILVER")
    assert units(await desk.settle_one("ann", paid(idr))) == [given]


async def test_benefit_that_does_not_ask_for_the_level_is_not_multiplied() -> None:
    desk = desk_of({"asset": "PTS", "fixed": 8})
    await by_hand(desk, "ann", "GOLD")
    outcome = await desk.settle_one("ann", paid(1))
    assert (units(outcome), outcome.awards[0].details) == ([8], None)


async def test_award_says_the_level_and_its_factor() -> None:
    desk = desk_of()
    await by_hand(desk, "ann", "GOLD")
    award = (await desk.settle_one("ann", paid(3_000))).awards[0]
    version, asset = desk.programme.catalogue.promos[0], desk.programme.catalogue.assets[0].asset
    settings = desk.programme.settings
    assert explain_award(award, asset, version, settings, Language.EN) == (
        "4 PTS: 1 for each 1000 IDR of 3,000.00 IDR; times what the member's level earns, 1.5 at GOLD."
    )
    assert "dikalikan faktor level member, 1.5 pada GOLD" in explain_award(award, asset, version, settings, Language.ID)


async def test_condition_sees_the_level_in_force_and_the_lowest_for_who_has_none() -> None:
    desk = desk_of({"asset": "PTS", "fixed": 100}, condition='member.tier == "BASIC"')
    first = await desk.settle_one("ann", paid(1))
    assert units(first) == [100]
    moment = desk.now - timedelta(days=1)
    desk.later(days=1)
    assert units(await desk.settle_one("ann", paid(1))) == []
    assert units(await desk.settle_one("ann", paid(1, moment))) == [100]


async def test_what_no_promo_gave_does_not_count_towards_levels() -> None:
    desk = desk_of()
    await desk.settle_one("ann", paid(99_000))
    await done(desk, moves.Grant(**said("ann"), asset="PTS", amount=1_000))
    await done(desk, moves.Adjust(**said("ann"), asset="PTS", amount=1_000))
    spent = desk.log_command(moves.Redeem(**said("ann"), asset="PTS", amount=90))
    await desk.decide_all()
    await done(desk, moves.Refund(**said("ann"), target=spent.ticket))
    await done(desk, moves.Transfer(**said("ann"), asset="PTS", amount=2_000, to=identity_of("bob")))
    await desk.settle_one("bob", paid(1_000))
    assert (await desk.settle_one("ann", paid(0))).tier is None
    assert (await desk.settle_one("ann", paid(1_000))).tier is not None, "what was spent still counts"
    assert tier(desk, "bob") is None


async def test_award_that_is_not_active_yet_counts_at_once() -> None:
    desk = desk_of({**STEPS, "active_after": "P14D"})
    assert (await desk.settle_one("ann", paid(100_000))).tier is not None


@pytest.mark.parametrize("forgotten", [False, True])
async def test_return_takes_from_the_day_of_the_purchase_even_what_was_spent_or_has_expired(forgotten: bool) -> None:
    desk = desk_of({**STEPS, "expires": "P1D"}, {"asset": "LD", "fixed": 1})
    bought = desk.log("ann", paid(60_000))
    await desk.decide_all()
    desk.later(days=3)
    await done(desk, moves.Expire(**said("ann"), asset="PTS", until=desk.now))
    await done(desk, moves.Reverse(**said("ann"), target=bought.ticket))
    if forgotten:
        desk.forget()
    assert (await desk.settle_one("ann", paid(60_000))).tier is None
    assert [earning.units for earning in desk.books.earnings] == [-60, -1]
    assert (await desk.settle_one("ann", paid(40_000))).tier is not None


async def test_review_lowers_once_and_its_event_says_so() -> None:
    desk = desk_of()
    await desk.settle_one("ann", paid(500_000))
    assert tier(desk, "ann") == "GOLD"
    desk.now = datetime(2028, 2, 1, tzinfo=UTC)
    review = moves.Review(**said("ann"), until=desk.now)
    first, second = desk.log_command(review), desk.log_command(review)
    await desk.decide_all()
    assert desk.books.outcome(first).tier == TierChange("GOLD", "SILVER", LevelBy.REVIEW, 0, 100)
    assert desk.books.outcome(second).tier is None
    assert tier(desk, "ann") == "SILVER"
    sent = [(row.kind, msgspec.json.decode(row.payload)) for p in desk.books.postings for row in p.outbox]
    assert [(kind, told["from"], told["to"], told["by"], told["earned"]) for kind, told in sent] == [
        ("tier.changed", "BASIC", "GOLD", "earned", 500),
        ("tier.changed", "GOLD", "SILVER", "review", 0),
    ]
    assert desk.books.lines[-1].kind == 2, "no points move by a review"


async def test_review_of_who_has_no_level_to_lose_changes_nothing() -> None:
    desk = desk_of()
    await desk.settle_one("ann", paid(1_000))
    desk.later(days=1_000)
    outcome = await done(desk, moves.Review(**said("ann"), until=desk.now))
    assert (outcome.tier, outcome.declines, outcome.booked) == (None, (), ())


async def test_review_where_the_programme_has_no_levels_changes_nothing() -> None:
    desk = Desk(catalogue_of([promo_of(code="B", trigger="purchase", benefits=[{"asset": "PTS", "fixed": 1}])]))
    await desk.settle_one("ann", paid(1_000))
    outcome = await done(desk, moves.Review(**said("ann"), until=desk.now))
    assert (outcome.tier, outcome.declines) == (None, ())
    assert desk.state.members[member_of("ann")].earned is None, "nothing is kept for a programme without levels"


async def test_programme_of_one_level_looks_up_no_earnings() -> None:
    desk = desk_of(levels=[{"code": "ONLY", "earn": "3"}])
    outcome = await desk.settle_one("ann", paid(2_000))
    assert (units(outcome), outcome.tier, outcome.error) == ([6], None, None)
    assert desk.state.members[member_of("ann")].earned is None


async def test_level_that_the_programme_does_not_have_is_refused() -> None:
    desk = desk_of()
    refused = await by_hand(desk, "ann", "PLATINUM")
    assert [(d.reason, d.details) for d in refused.declines] == [("profile_refused", {"problem": "profile_tier"})]
    given = await by_hand(desk, "ann", "GOLD")
    assert given.tier == TierChange("BASIC", "GOLD", LevelBy.HAND, 0, 500)
    assert (await by_hand(desk, "ann", "GOLD")).tier is None


async def test_levels_that_come_to_a_running_programme_count_what_was_earned_before() -> None:
    desk = desk_of()
    with_levels = desk.programme.catalogue
    bare = msgspec.structs.replace(with_levels, settings=SETTINGS)
    desk.revise(bare)
    await desk.settle_one("ann", paid(99_000))
    desk.revise(with_levels)
    assert (await desk.settle_one("ann", paid(1_000))).tier is not None
    desk.revise(bare)
    await desk.settle_one("ann", paid(399_000))
    desk.revise(with_levels)
    assert (await desk.settle_one("ann", paid(1_000))).tier == TierChange("SILVER", "GOLD", LevelBy.EARNED, 500, 500)


async def test_merged_member_brings_what_was_earned_and_the_higher_level_stays() -> None:
    desk = desk_of()
    await desk.settle_one("ann", paid(60_000))
    await desk.settle_one("bob", paid(60_000))
    merged = await done(desk, moves.Merge(**said("ann"), into=identity_of("bob")))
    assert merged.tier is None
    assert tier(desk, "bob") == "SILVER"
    await by_hand(desk, "cid", "GOLD")
    await done(desk, moves.Merge(**said("cid"), into=identity_of("bob")))
    assert tier(desk, "bob") == "GOLD"
    desk.forget()
    assert sum(earning.units for earning in desk.books.earnings) == 0
    outcome = await desk.settle_one("ann", paid(1_000))
    assert len(outcome.follow_ups) == 1, "whatever comes for her goes to him"


async def test_money_costs_fewer_points_at_a_higher_level_and_each_has_its_own_start() -> None:
    desk = desk_of({"asset": "PTS", "fixed": 40})
    await desk.settle_one("ann", paid(1))
    spend = moves.Redeem(**said("ann"), asset="PTS", value_minor=1_000)
    await by_hand(desk, "ann", "SILVER")
    short = await done(desk, spend)
    assert [d.reason for d in short.declines] == ["below_threshold"]
    await desk.settle_one("ann", paid(1))
    assert [booked.amount for booked in (await done(desk, spend)).booked] == [-8]
    await by_hand(desk, "ann", "GOLD")
    assert [booked.amount for booked in (await done(desk, spend)).booked] == [-5]
    await by_hand(desk, "ann", "")
    assert [booked.amount for booked in (await done(desk, spend)).booked] == [-10]


def test_outcome_keeps_how_the_level_changed_and_is_stored_as_before_where_it_did_not() -> None:
    change = TierChange("A", "B", LevelBy.EARNED, 5, 5)
    with_change = Outcome(status=1, revision=2, tier=change)  # type: ignore[arg-type]
    assert decode_outcome(encode_outcome(with_change)).tier == change
    without = msgspec.msgpack.decode(encode_outcome(Outcome(status=1, revision=2, error="x")))  # type: ignore[arg-type]
    assert len(without) == 9
