"""Claims and verdicts where a programme's links are decided, through the real processor over books in memory."""

from __future__ import annotations

import itertools
from typing import Any
from uuid import UUID

import msgspec
import pytest

from accrual.domain.commands import Dialect, LoggedCommand, Reward
from accrual.domain.facts import Fact, Item, Purchase, Referral, ReferralPurchase
from accrual.domain.ids import bucket_of
from accrual.domain.movements import Merge, ReturnedPart, Reverse
from accrual.domain.outcomes import Outcome
from accrual.domain.referrals import Verdict, links_of
from tests.desk import PROGRAMME, Desk, catalogue_of, identity_of, member_of, promo_of

GIVES = promo_of(
    code="GIVES",
    trigger="referral",
    benefits=[{"asset": "PTS", "fixed": 2}, {"asset": "PTS", "fixed": 3, "to": "referrer"}],
)
PAYS = promo_of(
    code="PAYS",
    trigger="referral_purchase",
    benefits=[
        {"asset": "PTS", "points_per": {"every": f"{10 * level} IDR"}, "to": "referrer", "level": level}
        for level in range(1, 6)
    ],
)
NAMES = ("ann", "bob", "eve", "joe", "kim", "lea", "max")


def desk(*promos: Any, buckets: int = 4) -> Desk:
    return Desk(catalogue_of(promos or (GIVES, PAYS)), buckets=buckets)


def declines(at: Desk, command: LoggedCommand) -> list[str]:
    """Of a command and all that came of it."""
    outcome: Outcome = at.books.outcome(command)
    found = [decline.reason for decline in outcome.declines]
    for ticket in outcome.follow_ups:
        found += declines(at, at.books.by_ticket(ticket))
    return found


async def refer(at: Desk, who: str, by: str, *, install: str | None = None) -> list[str]:
    command = log_referral(at, who, by, install=install)
    await at.decide_all()
    return declines(at, command)


def log_referral(at: Desk, who: str, by: str, *, install: str | None = None) -> LoggedCommand:
    facts: tuple[Fact, ...] = (Referral(referrer=identity_of(by)),)
    reward = Reward(
        dialect=Dialect.NATIVE,
        action="test",
        identity=identity_of(who),
        facts=facts,
        install_id=install,
        unique_install=install is not None,
    )
    return at.log_command(reward)


async def judge(at: Desk, claim: bytes, *, approved: bool) -> LoggedCommand:
    verdict = Verdict(
        dialect=Dialect.INTERNAL,
        action="judge",
        identity=links_of(PROGRAMME),
        target=claim,
        approved=approved,
        actor="tester",
        note="seen",
    )
    command = at.log_command(verdict)
    await at.decide_all()
    return command


def balances(at: Desk) -> dict[str, int]:
    return {name: at.books.balance(name) for name in NAMES if at.books.balance(name)}


@pytest.mark.parametrize("length", [2, 3, 6])
@pytest.mark.parametrize("at_once", [True, False])
async def test_ring_of_any_length_is_refused_where_it_would_close(length: int, at_once: bool) -> None:
    at = desk()
    ring = NAMES[:length]
    commands = []
    for number, who in enumerate(ring):
        commands.append(log_referral(at, who, ring[(number + 1) % length]))
        if not at_once:
            await at.decide_all()
    await at.decide_all()
    refused = [declines(at, command) for command in commands]
    assert sorted(refused) == [*[[]] * (length - 1), ["referral_cycle"]]
    assert sum(balances(at).values()) == 5 * (length - 1)


async def test_two_referrals_of_one_member_at_once_are_one_link() -> None:
    at = desk()
    commands = [log_referral(at, "ann", by) for by in ("bob", "eve")]
    await at.decide_all()
    assert [declines(at, command) for command in commands] == [[], ["already_referred"]]
    assert at.books.people[member_of("ann")].referrer == identity_of("bob")
    assert balances(at) == {"ann": 2, "bob": 3}


async def test_command_with_nothing_of_referrals_writes_nothing_for_them() -> None:
    at = desk()
    at.log("ann", Purchase(amount_minor=100))
    await at.decide_all()
    (posting,) = at.books.postings
    assert not (posting.link_nodes or posting.held or posting.sightings or posting.follow_ups or posting.counters)


async def test_purchase_right_behind_the_referral_pays_whoever_the_links_know() -> None:
    at = desk()
    log_referral(at, "ann", "bob")
    at.log("ann", ReferralPurchase(amount_minor=1_000))
    await at.decide_all(rows_max=1)
    assert balances(at) == {"ann": 2, "bob": 3 + 1}


async def test_refused_referral_pays_nobody_for_purchases_either() -> None:
    at = desk()
    await refer(at, "ann", "bob")
    assert await refer(at, "bob", "ann") == ["referral_cycle"]
    bought = at.log("bob", ReferralPurchase(amount_minor=1_000, referrer=identity_of("ann")))
    await at.decide_all()
    assert declines(at, bought) == ["referral_not_accepted"]
    assert balances(at) == {"ann": 2, "bob": 3}


async def test_device_seen_with_somebody_else_holds_the_referral() -> None:
    at = desk()
    await refer(at, "eve", "bob", install="d1")
    command = log_referral(at, "ann", "bob", install="d1")
    await at.decide_all()
    (claim,) = at.books.outcome(command).follow_ups
    outcome = at.books.outcome(at.books.by_ticket(claim))
    assert [(d.reason, d.details) for d in outcome.declines] == [("held_for_review", {"id": str(UUID(bytes=claim))})]
    assert (outcome.follow_ups, balances(at)) == ((), {"eve": 2, "bob": 3})
    approved = await judge(at, claim, approved=True)
    assert declines(at, approved) == []
    assert balances(at) == {"ann": 2, "eve": 2, "bob": 6}
    assert declines(at, await judge(at, claim, approved=False)) == ["referral_judged"]


async def test_own_device_and_a_device_of_nobodys_hold_nothing() -> None:
    at = desk()
    assert await refer(at, "ann", "bob", install="d1") == []
    assert await refer(at, "ann", "bob", install="d1") == ["already_referred"]
    assert await refer(at, "eve", "bob", install="d2") == []


async def test_refused_referral_leaves_the_member_free_for_another_referrer() -> None:
    at = desk()
    await refer(at, "eve", "bob", install="d1")
    command = log_referral(at, "ann", "bob", install="d1")
    await at.decide_all()
    (claim,) = at.books.outcome(command).follow_ups
    assert declines(at, await judge(at, claim, approved=False)) == ["referral_refused"]
    assert await refer(at, "ann", "joe") == []
    assert balances(at) == {"ann": 2, "bob": 3, "eve": 2, "joe": 3}


async def test_approval_looks_again_at_who_was_referred_meanwhile() -> None:
    at = desk()
    await refer(at, "eve", "bob", install="d1")
    command = log_referral(at, "ann", "bob", install="d1")
    await at.decide_all()
    (claim,) = at.books.outcome(command).follow_ups
    await refer(at, "ann", "joe")
    assert declines(at, await judge(at, claim, approved=True)) == ["already_referred"]
    assert at.books.people[member_of("ann")].referrer == identity_of("joe")


async def test_verdict_on_what_was_never_held_is_declined() -> None:
    at = desk()
    assert declines(at, await judge(at, bytes(16), approved=True)) == ["referral_unknown"]


async def test_purchase_pays_up_the_chain_as_far_as_the_promo_says_and_a_return_follows() -> None:
    at = desk()
    for who, by in itertools.pairwise(NAMES):
        await refer(at, who, by)
    before = balances(at)
    items = (Item(product="A", amount_minor=40_000), Item(product="B", amount_minor=20_000))
    bought = at.log("ann", ReferralPurchase(amount_minor=60_000, items=items))
    await at.decide_all()
    gained = {name: units - before[name] for name, units in balances(at).items() if units != before[name]}
    assert gained == {"bob": 60, "eve": 30, "joe": 20, "kim": 15, "lea": 12}

    def returned(parts: tuple[ReturnedPart, ...]) -> Reverse:
        return Reverse(
            dialect=Dialect.NATIVE, action="return", identity=identity_of("ann"), target=bought.ticket, parts=parts
        )

    at.log_command(returned((ReturnedPart(fact=0, line=1),)))
    await at.decide_all()
    part = {name: units - before[name] for name, units in balances(at).items() if units != before[name]}
    assert part == {"bob": 40, "eve": 20, "joe": 13, "kim": 10, "lea": 8}
    at.log_command(returned(()))
    await at.decide_all()
    assert balances(at) == before


async def test_return_of_a_referral_takes_from_both_sides_by_way_of_the_links() -> None:
    at = desk()
    command = log_referral(at, "ann", "bob")
    await at.decide_all()
    at.log_command(Reverse(dialect=Dialect.NATIVE, action="return", identity=identity_of("ann"), target=command.ticket))
    await at.decide_all()
    assert balances(at) == {}
    assert at.books.people[member_of("ann")].referrer == identity_of("bob"), "the link is for life"


async def test_nobody_refers_themselves_by_way_of_a_merged_member() -> None:
    at = desk()
    await refer(at, "ann", "bob")
    at.log_command(Merge(dialect=Dialect.NATIVE, action="merge", identity=identity_of("ann"), into=identity_of("eve")))
    await at.decide_all()
    assert await refer(at, "bob", "eve") == ["referral_cycle"]
    assert await refer(at, "eve", "joe") == ["already_referred"]


async def test_links_of_a_programme_are_all_in_one_bucket_and_the_sides_in_their_own() -> None:
    at = desk(buckets=64)
    command = log_referral(at, "ann", "bob")
    await at.decide_all()
    (claim,) = at.books.outcome(command).follow_ups
    sides = at.books.outcome(at.books.by_ticket(claim)).follow_ups
    assert [at.books.by_ticket(ticket).bucket for ticket in sides] == [
        bucket_of(member_of("ann"), 64),
        bucket_of(member_of("bob"), 64),
    ]
    assert {node.bucket for node in at.books.link_nodes_.values()} == {at.books.by_ticket(claim).bucket}


async def test_number_of_a_friends_purchase_is_known_on_both_sides() -> None:
    second = promo_of(
        code="SECOND",
        trigger="referral_purchase",
        condition="referral.purchase_number == 2",
        benefits=[{"asset": "PTS", "fixed": 7}, {"asset": "PTS", "fixed": 9, "to": "referrer"}],
    )
    at = desk(GIVES, second)
    await refer(at, "ann", "bob")
    for _ in range(3):
        at.log("ann", ReferralPurchase(amount_minor=100))
        await at.decide_all()
    assert balances(at) == {"ann": 2 + 7, "bob": 3 + 9}


async def test_what_the_call_said_besides_goes_with_the_referral() -> None:
    coded = msgspec.structs.replace(GIVES, promo_codes=("friend",))
    at = desk(coded)
    reward = Reward(
        dialect=Dialect.NATIVE,
        action="test",
        identity=identity_of("ann"),
        facts=(Referral(),),
        promo_codes=("FRIEND",),
    )
    at.log_command(reward)
    await at.decide_all()
    assert balances(at) == {"ann": 2}


async def test_purchases_of_one_call_are_one_award_however_the_links_stand() -> None:
    """Two purchases of 5 and 5 IDR are a whole step of 10 IDR, whether or not the link is decided by then."""
    two = [ReferralPurchase(amount_minor=500), ReferralPurchase(amount_minor=500)]
    for settled in (True, False):
        at = desk()
        log_referral(at, "ann", "bob")
        if settled:
            await at.decide_all()
        at.log("ann", *two)
        await at.decide_all(rows_max=1)
        assert balances(at) == {"ann": 2, "bob": 3 + 1}
    at = desk()
    at.log("ann", Referral(referrer=identity_of("bob")), *two)
    await at.decide_all()
    assert balances(at) == {"ann": 2, "bob": 3 + 1}
