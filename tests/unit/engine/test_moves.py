"""Movements one by one, where it is hard: returns in parts, refunds, mergers that cross, returns before their purchase."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accrual.domain import movements as moves
from accrual.domain.commands import Dialect, LoggedCommand, Profile, Resume
from accrual.domain.facts import Fact, Item, ProductPurchase, Purchase, ReferralPurchase
from accrual.domain.ids import bucket_of
from accrual.domain.outcomes import Outcome, Status
from accrual.domain.programme import AfterSpent
from accrual.domain.tiers import Tiers
from accrual.domain.transfers import Kind
from tests.desk import SETTINGS, Desk, catalogue_of, identity_of, member_of, promo_of

BASE = {"code": "BASE", "trigger": "purchase", "benefits": [{"asset": "PTS", "points_per": {"every": "1 IDR"}}]}
SHORT = {**BASE, "benefits": [{"asset": "PTS", "points_per": {"every": "1 IDR"}, "expires": "P10D"}]}
FRIEND = {
    "code": "FRIEND", "trigger": "referral_purchase",
    "benefits": [{"asset": "PTS", "points_per": {"every": "1 IDR"}, "to": "referrer"}],
}  # fmt: skip
ENTRY = {"code": "ENTRY", "trigger": "product_purchase", "benefits": [{"asset": "LD", "fixed": 5}]}


def desk_of(*promos: dict[str, Any], buckets: int = 4, **of: Any) -> Desk:
    settings = msgspec.structs.replace(SETTINGS, **of)
    return Desk(catalogue_of([promo_of(**promo) for promo in promos], settings=settings), buckets=buckets)


def said(name: str) -> dict[str, Any]:
    return {"dialect": Dialect.NATIVE, "action": "test", "identity": identity_of(name)}


def grant(name: str, amount: int, **of: Any) -> moves.Grant:
    return moves.Grant(**said(name), asset="PTS", amount=amount, **of)


def redeem(name: str, amount: int) -> moves.Redeem:
    return moves.Redeem(**said(name), asset="PTS", amount=amount)


def back(name: str, of: LoggedCommand, *parts: moves.ReturnedPart) -> moves.Reverse:
    return moves.Reverse(**said(name), target=of.ticket, parts=parts)


async def done(desk: Desk, command: Any) -> Outcome:
    logged = desk.log_command(command)
    await desk.decide_all()
    return desk.books.outcome(logged)


async def bought(desk: Desk, name: str, *facts: Fact) -> LoggedCommand:
    logged = desk.log(name, *facts)
    await desk.decide_all()
    return logged


def told(outcome: Outcome) -> list[tuple[int, ...]]:
    """(taken, from the balance, debt, expired, let go, pending) of each award taken back."""
    names = ("taken", "from_balance", "debt", "expired", "let_go", "pending")
    return [tuple(b.details[n] for n in names) for b in outcome.booked if b.kind == Kind.REVERSE and b.details]


def reasons(outcome: Outcome) -> list[str]:
    return [decline.reason for decline in outcome.declines]


LINES = st.lists(st.tuples(st.integers(1, 5), st.integers(0, 900)), min_size=1, max_size=4)


@given(LINES, st.randoms(use_true_random=False))
async def test_partial_returns_in_any_order_sum_to_the_whole(lines: list[tuple[int, int]], rng: Any) -> None:
    desk = desk_of(BASE)
    items = tuple(Item(product=f"p{n}", quantity=q, amount_minor=m) for n, (q, m) in enumerate(lines))
    purchase = await bought(desk, "ann", Purchase(amount_minor=sum(m for _, m in lines) + 100, items=items))
    earned = desk.books.balance("ann")
    assert earned >= 1
    parts = [moves.ReturnedPart(0, n, 1) for n, (quantity, _) in enumerate(lines) for _ in range(quantity)]
    rng.shuffle(parts)
    last = earned
    for part in parts:
        outcome = await done(desk, back("ann", purchase, part))
        assert not outcome.declines
        assert desk.books.balance("ann") <= last
        last = desk.books.balance("ann")
    assert last == 0
    assert reasons(await done(desk, back("ann", purchase, parts[0]))) == ["more_than_bought"]
    assert reasons(await done(desk, back("ann", purchase, moves.ReturnedPart(0)))) == ["already_returned"]
    assert reasons(await done(desk, back("ann", purchase))) == ["already_returned"]


async def test_return_that_is_refused_in_one_part_returns_nothing_of_the_others() -> None:
    desk = desk_of(BASE)
    items = (Item(product="a", quantity=2, amount_minor=500), Item(product="b", quantity=1, amount_minor=500))
    purchase = await bought(desk, "ann", Purchase(amount_minor=1_000, items=items))
    for wrong, reason in ((moves.ReturnedPart(0, 1, 2), "more_than_bought"), (moves.ReturnedPart(1), "part_unknown")):
        outcome = await done(desk, back("ann", purchase, moves.ReturnedPart(0, 0), wrong))
        assert reasons(outcome) == [reason]
        assert desk.books.balance("ann") == 10
    assert told(await done(desk, back("ann", purchase, moves.ReturnedPart(0, 0)))) == [(5, 0, 0, 0, 0, 0)]


async def test_part_too_small_to_have_earned_a_point_is_taken_note_of() -> None:
    desk = desk_of(BASE)
    item = Item(product="a", quantity=3, amount_minor=100)
    purchase = await bought(desk, "ann", Purchase(amount_minor=100, items=(item,)))
    for expected in (1, 1, 0):
        assert not (await done(desk, back("ann", purchase, moves.ReturnedPart(0, 0, 1)))).declines
        assert desk.books.balance("ann") == expected


async def test_award_belongs_to_the_facts_that_its_promo_hears() -> None:
    desk = desk_of(BASE, ENTRY)
    purchase = await bought(desk, "ann", Purchase(amount_minor=1_000), ProductPurchase(amount_minor=9_000, product="T"))
    await done(desk, back("ann", purchase, moves.ReturnedPart(0)))
    assert (desk.books.balance("ann"), desk.books.balance("ann", 2)) == (0, 5)
    await done(desk, back("ann", purchase, moves.ReturnedPart(1)))
    assert desk.books.balance("ann", 2) == 0


@pytest.mark.parametrize(
    ("policy", "expected", "posted", "debt"),
    [
        (AfterSpent.DEBT, (3, 4, 3, 0, 0, 0), 0, 3),
        (AfterSpent.WITHIN_BALANCE, (3, 4, 0, 0, 3, 0), 0, 0),
        (AfterSpent.NONE, (3, 0, 0, 0, 7, 0), 4, 0),
    ],
)
async def test_spent_points_are_returned_as_the_programme_says(
    policy: AfterSpent, expected: tuple[int, ...], posted: int, debt: int
) -> None:
    desk = desk_of(BASE, after_spent=policy)
    purchase = await bought(desk, "ann", Purchase(amount_minor=1_000))
    await done(desk, redeem("ann", 7))
    await done(desk, grant("ann", 4))
    assert told(await done(desk, back("ann", purchase))) == [expected]
    assert (desk.books.balance("ann"), -desk.books.balance("ann", role=2)) == (posted, debt)


async def test_spent_is_returned_before_expired_and_expired_is_not_taken_twice() -> None:
    desk = desk_of(SHORT)
    items = (Item(product="a", quantity=1, amount_minor=400), Item(product="b", quantity=1, amount_minor=600))
    purchase = await bought(desk, "ann", Purchase(amount_minor=1_000, items=items))
    await done(desk, redeem("ann", 5))
    desk.later(days=11)
    assert told(await done(desk, back("ann", purchase, moves.ReturnedPart(0, 0)))) == [(0, 0, 4, 0, 0, 0)]
    assert told(await done(desk, back("ann", purchase, moves.ReturnedPart(0, 1)))) == [(0, 0, 1, 5, 0, 0)]


async def test_what_a_hold_keeps_back_counts_as_spent() -> None:
    desk = desk_of(BASE)
    purchase = await bought(desk, "ann", Purchase(amount_minor=1_000))
    hold = desk.log_command(moves.Hold(**said("ann"), asset="PTS", amount=6))
    await desk.decide_all()
    assert told(await done(desk, back("ann", purchase))) == [(4, 0, 6, 0, 0, 0)]
    await done(desk, moves.Release(**said("ann"), target=hold.ticket))
    assert (desk.books.balance("ann"), desk.books.balance("ann", role=2)) == (0, 0)


async def test_pending_points_are_taken_where_they_wait() -> None:
    later = {**BASE, "benefits": [{"asset": "PTS", "fixed": 9, "active_after": "P3D"}]}
    desk = desk_of(later)
    purchase = await bought(desk, "ann", Purchase(amount_minor=1_000))
    assert told(await done(desk, back("ann", purchase))) == [(0, 0, 0, 0, 0, 9)]
    assert desk.books.balance("ann", role=1) == 0


async def test_referrer_gives_back_his_share_of_the_part() -> None:
    desk = desk_of(BASE, FRIEND)
    thanks = ReferralPurchase(amount_minor=500, referrer=identity_of("bob"))
    purchase = await bought(desk, "ann", Purchase(amount_minor=1_000), thanks)
    assert (desk.books.balance("ann"), desk.books.balance("bob")) == (10, 5)
    await done(desk, back("ann", purchase, moves.ReturnedPart(0)))
    assert (desk.books.balance("ann"), desk.books.balance("bob")) == (0, 5)
    await done(desk, back("ann", purchase))
    assert (desk.books.balance("ann"), desk.books.balance("bob")) == (0, 0)


async def test_somebody_elses_purchase_is_unknown_and_not_waited_for() -> None:
    desk = desk_of(BASE)
    purchase = await bought(desk, "ann", Purchase(amount_minor=1_000))
    outcome = await done(desk, back("bob", purchase))
    assert (outcome.status, reasons(outcome)) == (Status.DECIDED, ["purchase_unknown"])
    assert desk.books.balance("ann") == 10


async def test_refund_gives_back_what_was_taken_last_and_a_grace_to_what_is_over() -> None:
    desk = desk_of()
    for amount, expires in ((2, "P1D"), (3, "P5D"), (4, None)):
        await done(desk, grant("ann", amount, expires=expires))
    spent = desk.log_command(redeem("ann", 8))
    await desk.decide_all()
    desk.later(days=2)
    reinstated = []
    for amount in (4, 2, 2):
        outcome = await done(desk, moves.Refund(**said("ann"), target=spent.ticket, amount=amount))
        reinstated += [booked.details["reinstated"] for booked in outcome.booked if booked.details]
    assert reinstated == [0, 0, 2]
    assert desk.books.balance("ann") == 9
    for days, left in ((4, 6), (25, 6), (1, 4)):
        desk.later(days=days)
        await done(desk, moves.Expire(**said("ann"), until=desk.now))
        assert desk.books.balance("ann") == left


async def test_refund_of_a_value_costs_what_the_redemption_cost() -> None:
    desk = desk_of()
    await done(desk, grant("ann", 100))
    spent = desk.log_command(moves.Redeem(**said("ann"), asset="PTS", value_minor=4_050))
    await desk.decide_all()
    assert desk.books.balance("ann") == 59
    outcome = await done(desk, moves.Refund(**said("ann"), target=spent.ticket, value_minor=101))
    assert [booked.amount for booked in outcome.booked] == [2]


async def test_threshold_looks_at_the_balance_and_held_points_are_part_of_it() -> None:
    levels = [{"code": "basic", "redeem_from": 10}]
    desk = desk_of(tiers=msgspec.convert({"asset": "PTS", "levels": levels}, Tiers))
    await done(desk, grant("ann", 9))
    assert reasons(await done(desk, redeem("ann", 1))) == ["below_threshold"]
    await done(desk, grant("ann", 1))
    await done(desk, moves.Hold(**said("ann"), asset="PTS", amount=8))
    assert reasons(await done(desk, redeem("ann", 3))) == ["insufficient_points"]
    assert not (await done(desk, redeem("ann", 2))).declines


async def test_points_that_became_active_or_were_refunded_are_still_those_of_their_purchase() -> None:
    later = {**BASE, "benefits": [{"asset": "PTS", "fixed": 9, "active_after": "P3D"}]}
    desk = desk_of(later)
    purchase = await bought(desk, "ann", Purchase(amount_minor=1_000))
    desk.later(days=3)
    spent = desk.log_command(redeem("ann", 4))
    await desk.decide_all()
    await done(desk, moves.Refund(**said("ann"), target=spent.ticket))
    await done(desk, grant("ann", 5))
    assert told(await done(desk, back("ann", purchase))) == [(9, 0, 0, 0, 0, 0)]


@pytest.mark.parametrize("amount", [0, -4])
async def test_amounts_of_nothing_or_less_move_nothing(amount: int) -> None:
    desk = desk_of()
    await done(desk, grant("ann", 10))
    hold = desk.log_command(moves.Hold(**said("ann"), asset="PTS", amount=5))
    spent = desk.log_command(redeem("ann", 1))
    await desk.decide_all()
    lines = len(desk.books.lines)
    for command in (
        grant("ann", amount),
        redeem("ann", amount),
        moves.Hold(**said("ann"), asset="PTS", amount=amount),
        moves.Capture(**said("ann"), target=hold.ticket, amount=amount),
        moves.Transfer(**said("ann"), asset="PTS", amount=amount, to=identity_of("bob")),
        moves.Refund(**said("ann"), target=spent.ticket, amount=amount),
    ):
        assert reasons(await done(desk, command)) == ["amount_too_small"], command
    assert len(desk.books.lines) == lines
    assert not (await done(desk, moves.Capture(**said("ann"), target=hold.ticket))).declines


async def test_nobody_is_made_a_member_to_take_from_them() -> None:
    desk = desk_of()
    adjust = moves.Adjust(**said("zoe"), asset="PTS", amount=-5, below_zero=True)
    assert reasons(await done(desk, adjust)) == ["member_unknown"]
    assert not desk.books.people


async def test_movements_about_something_are_not_narrowed_by_an_asset_they_name() -> None:
    desk = desk_of(BASE, ENTRY)
    purchase = await bought(desk, "ann", Purchase(amount_minor=1_000), ProductPurchase(product="T"))
    outcome = await done(desk, msgspec.structs.replace(back("ann", purchase), asset="PTS"))
    assert outcome.status is Status.DECIDED
    assert (desk.books.balance("ann"), desk.books.balance("ann", 2)) == (0, 0)
    merge = moves.Merge(**said("ann"), asset="PTS", into=identity_of("bob"))
    assert (await done(desk, merge)).status is Status.DECIDED


# Mergers.


async def test_merged_member_is_forwarded_whatever_is_asked_of_them() -> None:
    desk = desk_of(BASE)
    await done(desk, grant("ann", 5, expires="P9D"))
    await done(desk, moves.Merge(**said("ann"), into=identity_of("bob")))
    assert (desk.books.balance("ann"), desk.books.balance("bob")) == (0, 5)
    for command in (redeem("ann", 1), Profile(**said("ann"), tier="gold")):
        assert (await done(desk, command)).status is Status.FORWARDED
    await bought(desk, "ann", Purchase(amount_minor=1_000))
    assert desk.books.balance("bob") == 14
    assert desk.books.known[member_of("bob")].tier == "gold"


@pytest.mark.parametrize("rows_max", [None, 1])
@pytest.mark.parametrize("buckets", [1, 64])
async def test_mergers_that_cross_come_to_an_end_and_lose_nothing(rows_max: int | None, buckets: int) -> None:
    desk = desk_of(buckets=buckets)
    names = ("ann", "bob", "eve")
    for name in names:
        await done(desk, grant(name, 10))
    for name, into in zip(names, (*names[1:], names[0]), strict=True):
        desk.log_command(moves.Merge(**said(name), into=identity_of(into)))
    await desk.decide_all(rows_max)
    assert sum(desk.books.balance(name) for name in names) == 30
    assert sum(balance for (_, account), (balance, _) in desk.books.newest.items() if account == 16 + 11) == 0
    alive = [name for name in names if desk.books.people[member_of(name)].merged_into is None]
    assert alive
    for name in names:
        assert (await done(desk, grant(name, 1))).status in (Status.DECIDED, Status.FORWARDED)
    assert sum(desk.books.balance(name) for name in alive) == 33


async def test_returns_stand_through_two_mergers_by_whichever_ticket() -> None:
    desk = desk_of(BASE, buckets=64)
    assert len({bucket_of(member_of(name), 64) for name in ("ann", "bob", "eve")}) == 3
    await done(desk, moves.Merge(**said("ann"), into=identity_of("bob")))
    purchase = await bought(desk, "ann", Purchase(amount_minor=1_000))
    forwarded = desk.books.by_ticket(desk.books.outcome(purchase).follow_ups[0])
    await done(desk, back("bob", purchase))
    await done(desk, grant("bob", 50))
    await done(desk, moves.Merge(**said("bob"), into=identity_of("eve")))
    for ticket in (purchase, forwarded):
        again = await done(desk, back("eve", ticket))
        assert reasons(again) == ["already_returned"]
    assert desk.books.balance("eve") == 50


async def test_return_after_a_merger_gives_back_nothing_of_the_other_members_counters() -> None:
    desk = desk_of({**BASE, "limits": [{"count": 1}]}, buckets=64)
    purchase = await bought(desk, "ann", Purchase(amount_minor=1_000))
    await bought(desk, "bob", Purchase(amount_minor=1_000))
    await done(desk, moves.Merge(**said("ann"), into=identity_of("bob")))
    await done(desk, back("ann", purchase))
    assert desk.books.balance("bob") == 10
    again = await bought(desk, "bob", Purchase(amount_minor=1_000))
    assert reasons(desk.books.outcome(again)) == ["limit_reached"]


# Returns before their purchase.


def planned(desk: Desk, name: str, key: bytes) -> LoggedCommand:
    """A purchase that will be logged later, for its ticket."""
    twin = desk_of(BASE, buckets=desk.books.buckets)
    return twin.log(name, Purchase(amount_minor=1_000), key=key)


@pytest.mark.parametrize("together", [False, True])
async def test_return_before_its_purchase_waits_and_is_woken(together: bool) -> None:
    desk = desk_of(BASE)
    for key in (b"one", b"two"):  # the second time the member is marked already
        parked = desk.log_command(back("ann", planned(desk, "ann", key)))
        if not together:
            await desk.decide_all()
            assert desk.books.outcome(parked).status is Status.PARKED
        desk.log("ann", Purchase(amount_minor=1_000), key=key)
        await desk.decide_all()
        assert desk.books.balance("ann") == 0
        assert desk.books.resumed


@pytest.mark.parametrize("buckets", [1, 64])
async def test_return_of_anothers_purchase_is_refused_even_if_both_are_decided_together(buckets: int) -> None:
    """The purchase, not decided yet when the return is read, must not look as if it were still to come."""
    desk = desk_of(BASE, buckets=buckets)
    names = sorted(("ann", "bob"), key=lambda name: bucket_of(member_of(name), buckets))
    bought = desk.log(names[0], Purchase(amount_minor=1_000))
    returned = desk.log_command(back(names[1], bought))
    await desk.decide_all()
    assert reasons(desk.books.outcome(returned)) == ["purchase_unknown"]


async def test_return_of_a_purchase_that_never_came_is_declined_in_the_end() -> None:
    desk = desk_of(BASE)
    parked = desk.log_command(back("ann", planned(desk, "ann", b"never")))
    again = Resume(**said("ann"), ticket=parked.ticket)
    await desk.decide_all()
    assert (await done(desk, again)).status is Status.PARKED
    desk.later(days=7)
    assert reasons(await done(desk, again)) == ["purchase_unknown"]
    assert reasons(await done(desk, again)) == ["nothing_parked"]


async def test_return_that_waits_is_woken_after_a_merger_too() -> None:
    desk = desk_of(BASE, buckets=64)
    desk.log_command(back("ann", planned(desk, "ann", b"late")))
    await done(desk, moves.Merge(**said("ann"), into=identity_of("bob")))
    desk.log("ann", Purchase(amount_minor=1_000), key=b"late")
    await desk.decide_all()
    assert (desk.books.balance("ann"), desk.books.balance("bob")) == (0, 0)
    assert set(desk.books.parked) == set(desk.books.resumed)


async def test_hold_of_a_merged_member_is_found_by_the_ticket_that_was_answered() -> None:
    desk = desk_of(buckets=64)
    await done(desk, grant("bob", 9))
    await done(desk, moves.Merge(**said("ann"), into=identity_of("bob")))
    hold = desk.log_command(moves.Hold(**said("ann"), asset="PTS", amount=4))
    await desk.decide_all()
    await done(desk, moves.Capture(**said("ann"), target=hold.ticket))
    assert desk.books.balance("bob") == 5


async def test_reward_in_a_batch_with_one_that_opens_the_books_is_decided(monkeypatch: pytest.MonkeyPatch) -> None:
    """One in 256 tickets opens its member's books: whatever stands before it in the batch must have them as well."""
    desk = desk_of(BASE, ENTRY, buckets=1)
    await done(desk, grant("ann", 1))
    desk.forget()
    wins: list[LoggedCommand] = []
    number = 0
    while not wins:
        entry = desk_of(buckets=1).log("ann", Purchase(amount_minor=1_000), key=b"w%d" % number)
        wins += [entry] if entry.ticket[15] == 0 else []
        number += 1
    desk.log("ann", ProductPurchase(product="T"))
    desk.log("ann", Purchase(amount_minor=1_000), key=b"w%d" % (number - 1))
    await desk.decide_all()
    assert not desk.books.parked
    assert (desk.books.balance("ann"), desk.books.balance("ann", 2)) == (11, 5)
