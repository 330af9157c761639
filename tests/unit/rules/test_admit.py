"""What the programme itself declines: second registrations, check-ins and referrals, strangers, wrong referrers."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest

from accrual.domain.facts import CheckIn, Fact, Identity, Purchase, Referral, ReferralPurchase, Registration
from accrual.domain.programme import Enrol, ReferralRules
from accrual.domain.promos import Promo
from accrual.rules.compiled import CompiledProgramme
from accrual.rules.snapshot import CounterKey
from tests.desk import SETTINGS, START, identity_of, member_of, promo_of
from tests.unit.rules.judging import compiled, declined, gave, judge

ANN, BOB, EVE = identity_of("ann"), identity_of("bob"), identity_of("eve")
DAY = timedelta(days=1)


def promo(trigger: str, *, referrer: int = 0) -> Promo:
    benefits: list[dict[str, Any]] = [{"asset": "PTS", "fixed": 1}]
    if referrer:
        benefits.append({"asset": "PTS", "fixed": referrer, "to": "referrer"})
    return promo_of(code=trigger.upper(), trigger=trigger, benefits=benefits)


def programme(**of_settings: Any) -> CompiledProgramme:
    return compiled(
        promo("registration"),
        promo("check_in"),
        promo("referral", referrer=3),
        promo("referral_purchase", referrer=2),
        promo("purchase"),
        settings=msgspec.structs.replace(SETTINGS, **of_settings),
    )


REGISTRATION, CHECK_IN, REFERRAL, REFERRAL_PURCHASE, PURCHASE = 101, 102, 103, 104, 105


def test_registration_counts_once() -> None:
    first = judge(programme(), Registration())
    assert gave(first) == [(REGISTRATION, 1, 1)]
    second = judge(programme(), Registration(), counters=first.counters)
    assert (gave(second), declined(second)) == ([], [(0, "already_registered")])


def test_second_registration_within_a_command_is_declined_once() -> None:
    judgement = judge(programme(), Registration(), Registration(), Registration())
    assert (gave(judgement), declined(judgement)) == ([(REGISTRATION, 1, 1)], [(0, "already_registered")])


@pytest.mark.parametrize(
    ("second", "counts"),
    [("2026-03-01T16:59:59+00:00", False), ("2026-03-01T17:00:00+00:00", True), ("2026-02-28T16:59:59+00:00", True)],
)
def test_check_in_counts_once_a_day_of_the_programmes_zone(second: str, counts: bool) -> None:
    first = judge(programme(), CheckIn(occurred_at=START))
    judgement = judge(programme(), CheckIn(occurred_at=datetime.fromisoformat(second)), counters=first.counters)
    assert (len(judgement.awards) == 1) is counts
    assert declined(judgement) == ([] if counts else [(0, "already_checked_in")])


def test_check_ins_of_several_days_in_one_command_are_one_award_and_all_remembered() -> None:
    judgement = judge(programme(), CheckIn(), CheckIn(occurred_at=START - DAY), CheckIn(occurred_at=START))
    assert gave(judgement) == [(CHECK_IN, 1, 1)]
    assert declined(judgement) == [(0, "already_checked_in")]
    again = judge(programme(), CheckIn(occurred_at=START - DAY), counters=judgement.counters)
    assert declined(again) == [(0, "already_checked_in")]


def test_referral_waits_for_the_link_and_gives_nothing_yet() -> None:
    judgement = judge(programme(), Referral(referrer=BOB))
    assert (gave(judgement), judgement.referrer, judgement.follow_ups) == ([], None, ())
    assert judgement.claimed == (Referral(referrer=BOB, occurred_at=START),)


def test_link_that_was_decided_sets_the_referrer_for_life() -> None:
    judgement = judge(programme(), Referral(referrer=BOB, linked=True))
    assert judgement.referrer == BOB
    assert gave(judgement) == [(REFERRAL, 1, 1)]
    for referrer in (BOB, EVE, None):
        for linked in (True, False):
            later = judge(programme(), Referral(referrer=referrer, linked=linked), referrer=BOB)
            assert (gave(later), declined(later), later.referrer) == ([], [(0, "already_referred")], None)
            assert (later.follow_ups, later.claimed) == ((), ())


def test_referral_without_a_referrer_counts_once_too() -> None:
    """A sharer of 0 is no link to remember the referral by; else each repeated call would give the award again."""
    first = judge(programme(), Referral(referrer=None, linked=True))
    assert (gave(first), first.referrer, first.follow_ups) == ([(REFERRAL, 1, 1)], None, ())
    for referrer in (None, BOB, ANN):
        later = judge(programme(), Referral(referrer=referrer), counters=first.counters)
        assert (gave(later), declined(later), later.referrer) == ([], [(0, "already_referred")], None)
        assert later.claimed == ()


def test_two_referrals_in_one_command_are_one() -> None:
    for facts in ([Referral(referrer=BOB), Referral(referrer=EVE)], [Referral(), Referral()]):
        judgement = judge(programme(), *facts)
        assert declined(judgement) == [(0, "already_referred")]
        assert [fact.referrer for fact in judgement.claimed if isinstance(fact, Referral)] == [facts[0].referrer]


def test_second_referral_before_the_first_is_decided_is_left_to_the_links_too() -> None:
    first = judge(programme(), Referral(referrer=BOB))
    second = judge(programme(), Referral(referrer=EVE), counters=first.counters)
    assert (len(second.claimed), declined(second)) == (1, [])


def test_nobody_refers_themselves_and_the_try_does_not_count() -> None:
    for own in (ANN, Identity("#", member_of("ann").hex())):
        judgement = judge(programme(), Referral(referrer=own))
        assert (gave(judgement), declined(judgement)) == ([], [(0, "self_referral")])
        assert (judgement.referrer, judgement.claimed, judgement.counters) == (None, (), {})


@pytest.mark.parametrize(
    ("age", "grace", "reason"),
    [
        (timedelta(days=30), "P30D", None),
        (timedelta(days=30, seconds=1), "P30D", "existing_member"),
        (timedelta(days=3000), None, None),
    ],
)
def test_only_members_within_the_grace_can_be_referred(age: timedelta, grace: str | None, reason: str | None) -> None:
    rules = programme(referral=ReferralRules(grace=grace))
    judgement = judge(rules, Referral(referrer=BOB), joined_at=START - age)
    assert [why for _, why in declined(judgement)] == ([] if reason is None else [reason])
    assert len(judgement.claimed) == (reason is None)
    # A late fact is as old as it says: the member was still new when it happened.
    late = judge(rules, Referral(referrer=BOB, occurred_at=START - timedelta(days=2)), joined_at=START - age)
    assert len(late.claimed) == 1


def test_purchase_that_names_the_buyer_as_sharer_is_declined_but_the_purchase_counts() -> None:
    judgement = judge(programme(), Purchase(amount_minor=1), ReferralPurchase(amount_minor=1, referrer=ANN))
    assert gave(judgement) == [(PURCHASE, 1, 1)]
    assert declined(judgement) == [(0, "self_referral")]
    assert judgement.follow_ups == ()


@pytest.mark.parametrize("named", [EVE, ANN])
def test_stored_referrer_wins_over_whoever_the_call_names(named: Any) -> None:
    judgement = judge(programme(), ReferralPurchase(amount_minor=1, referrer=named), referrer=BOB)
    assert gave(judgement) == [(REFERRAL_PURCHASE, 1, 1)]
    assert declined(judgement) == [(0, "referrer_mismatch")]
    assert [side.identity for side in judgement.follow_ups] == [BOB]


@pytest.mark.parametrize("named", [BOB, None])
def test_stored_referrer_is_rewarded_when_named_rightly_or_not_at_all(named: Any) -> None:
    judgement = judge(programme(), ReferralPurchase(amount_minor=1, referrer=named), referrer=BOB)
    assert declined(judgement) == []
    assert [side.identity for side in judgement.follow_ups] == [BOB]


def test_mismatch_is_told_once_a_command() -> None:
    facts = [ReferralPurchase(amount_minor=n, referrer=EVE) for n in (1, 2)]
    judgement = judge(programme(), *facts, referrer=BOB)
    assert declined(judgement) == [(0, "referrer_mismatch")]
    assert [len(side.facts) for side in judgement.follow_ups] == [2]


def test_sharer_named_with_a_purchase_is_rewarded_but_becomes_no_link() -> None:
    judgement = judge(programme(), ReferralPurchase(amount_minor=1, referrer=BOB))
    assert judgement.referrer is None
    assert [side.identity for side in judgement.follow_ups] == [BOB]


def test_purchase_with_a_referral_under_way_is_passed_on_by_the_links() -> None:
    together = judge(programme(), Referral(referrer=BOB), ReferralPurchase(amount_minor=1, referrer=EVE))
    assert [type(fact) for fact in together.claimed] == [Referral, ReferralPurchase]
    assert (gave(together), together.follow_ups) == ([(REFERRAL_PURCHASE, 1, 1)], ())
    later = judge(programme(), ReferralPurchase(amount_minor=1), counters=together.counters)
    assert (len(later.claimed), later.follow_ups) == (1, ())


def test_referral_purchases_of_a_member_are_numbered() -> None:
    facts = [ReferralPurchase(amount_minor=n) for n in (1, 2)]
    first = judge(programme(), *facts, referrer=BOB)
    later = judge(programme(), ReferralPurchase(amount_minor=3), referrer=BOB, counters=first.counters)
    passed = [*first.follow_ups[0].facts, *later.follow_ups[0].facts]
    assert [fact.number for fact in passed if isinstance(fact, ReferralPurchase)] == [1, 2, 3]


# The referrer's side, in their own lane.


def test_referrers_side_carries_the_fact_and_who_came() -> None:
    fact = ReferralPurchase(amount_minor=700, product="A", outlet="O", referrer=BOB, occurred_at=START - DAY)
    ((side),) = judge(programme(), fact).follow_ups
    assert side.facts == (
        ReferralPurchase(
            amount_minor=700, product="A", outlet="O", occurred_at=START - DAY, referred=member_of("ann"), number=1
        ),
    )


def test_referrers_side_without_a_time_happened_when_the_purchase_was_recorded() -> None:
    (side,) = judge(programme(), ReferralPurchase(amount_minor=1, referrer=BOB)).follow_ups
    assert side.facts[0].occurred_at == START


def test_referrers_side_gives_what_goes_to_referrers_and_makes_no_further_follow_up() -> None:
    judgement = judge(programme(), Referral(referred=member_of("bob")), referrer=EVE)
    assert gave(judgement) == [(REFERRAL, 1, 3)]
    assert (judgement.follow_ups, judgement.referrer, judgement.declines) == ((), None, ())


def test_referrer_may_bring_many() -> None:
    counters: dict[CounterKey, int] = {}
    for _ in range(3):
        judgement = judge(programme(), Referral(referred=member_of("bob")), counters=counters)
        counters.update(judgement.counters)
        assert gave(judgement) == [(REFERRAL, 1, 3)]


def test_no_follow_up_where_no_promo_gives_to_referrers() -> None:
    only_member = compiled(promo("referral"))
    judgement = judge(only_member, ReferralPurchase(referrer=BOB))
    assert judgement.follow_ups == ()


def test_referrers_referrer_hears_of_it_where_a_promo_gives_that_far_up() -> None:
    ladder = [{"asset": "PTS", "fixed": 5 - level, "to": "referrer", "level": level} for level in (1, 2)]
    two = compiled(promo_of(code="UP", trigger="referral", benefits=ladder))
    first = judge(two, Referral(referred=member_of("bob")), referrer=EVE)
    assert gave(first) == [(101, 1, 4)]
    ((side),) = first.follow_ups
    assert (side.identity, side.facts[0]) == (EVE, Referral(referred=member_of("bob"), level=2, occurred_at=START))
    second = judge(two, side.facts[0], referrer=BOB)
    assert (gave(second), second.follow_ups) == ([(101, 1, 3)], ())


def test_each_side_hears_only_of_promos_that_could_have_given_it_something() -> None:
    def closed(code: str, to: str) -> Promo:
        benefits = [{"asset": "PTS", "fixed": 1, "to": to}]
        return promo_of(code=code, trigger="referral", benefits=benefits, window={"until": "2025-01-01"})

    both = compiled(closed("TO-MEMBER", "member"), closed("TO-REFERRER", "referrer"))
    assert declined(judge(both, Referral(referrer=BOB, linked=True))) == [(101, "window_closed")]
    assert declined(judge(both, Referral(referred=member_of("bob")))) == [(102, "window_closed")]


# Who becomes a member.

EVERY_FACT: list[Fact] = [Registration(), Purchase(amount_minor=1), CheckIn(), Referral(referrer=BOB, linked=True)]


@pytest.mark.parametrize("fact", EVERY_FACT)
def test_unknown_identity_is_enrolled_by_whatever_it_does(fact: Fact) -> None:
    judgement = judge(programme(enrol=Enrol.ALWAYS), fact, known=False)
    assert judgement.enrol
    assert len(judgement.awards) == 1


@pytest.mark.parametrize("fact", EVERY_FACT)
def test_only_a_registration_enrols_where_the_programme_says_so(fact: Fact) -> None:
    judgement = judge(programme(enrol=Enrol.REGISTER_ONLY), fact, known=False)
    assert judgement.enrol is isinstance(fact, Registration)
    assert declined(judgement) == ([] if judgement.enrol else [(0, "member_unknown")])


def test_registration_among_other_facts_enrols_and_all_count() -> None:
    judgement = judge(programme(enrol=Enrol.REGISTER_ONLY), Purchase(amount_minor=1), Registration(), known=False)
    assert judgement.enrol
    assert gave(judgement) == [(PURCHASE, 1, 1), (REGISTRATION, 1, 1)]


@pytest.mark.parametrize("fact", EVERY_FACT)
def test_nobody_is_enrolled_where_the_programme_never_does_and_nothing_is_remembered(fact: Fact) -> None:
    judgement = judge(programme(enrol=Enrol.NEVER), fact, known=False)
    assert declined(judgement) == [(0, "member_unknown")]
    assert (judgement.enrol, judgement.counters, judgement.referrer, judgement.follow_ups) == (False, {}, None, ())


@pytest.mark.parametrize("enrol", [Enrol.REGISTER_ONLY, Enrol.NEVER])
def test_unknown_sharer_is_not_enrolled_unless_everybody_is(enrol: Enrol) -> None:
    judgement = judge(programme(enrol=enrol), Referral(referred=member_of("bob")), known=False)
    assert (judgement.enrol, declined(judgement)) == (False, [(0, "member_unknown")])
