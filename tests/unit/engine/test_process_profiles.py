"""Profiles in the lane: what a change keeps, what is declined and leaves nothing, and who becomes a member by it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from accrual.domain.commands import Dialect, Profile
from accrual.domain.facts import Purchase
from accrual.domain.members import MemberProfile
from accrual.domain.outcomes import Declined, Outcome
from accrual.domain.programme import Enrol
from accrual.rules.profiles import MEMBERSHIPS_MAX
from tests.desk import SETTINGS, Desk, catalogue_of, identity_of, member_of, promo_of

GOLD = promo_of(
    code="GOLD", trigger="purchase", condition='member.tier == "gold"', benefits=[{"asset": "PTS", "fixed": 1}]
)


def _desk(enrol: Enrol = Enrol.ALWAYS) -> Desk:
    return Desk(catalogue_of([GOLD], settings=msgspec.structs.replace(SETTINGS, enrol=enrol)))


async def _change(desk: Desk, who: str = "ann", *, called: str | None = None, **change: Any) -> Outcome:
    profile = Profile(dialect=Dialect.NATIVE, action="profile", identity=identity_of(who), **change)
    command = desk.log_command(profile, member_name=called)
    await desk.decide_all()
    return desk.books.outcome(command)


async def test_change_makes_a_member_and_holds_for_what_comes_after() -> None:
    desk = _desk()
    before = await desk.settle_one("ann", Purchase(amount_minor=100))
    assert [decline.reason for decline in before.declines] == ["condition_false"]
    assert await _change(desk, tier="gold", attributes={"city": "Bandung"}) == Outcome(
        status=before.status, revision=before.revision
    )
    assert [award.amount for award in (await desk.settle_one("ann", Purchase(amount_minor=100))).awards] == [1]
    desk.forget()
    assert [award.amount for award in (await desk.settle_one("ann", Purchase(amount_minor=100))).awards] == [1]
    await _change(desk, "bob", birthday="12-25", called="Bob")
    assert desk.books.people[member_of("bob")].name == "Bob"
    assert desk.books.known[member_of("bob")] == MemberProfile(birthday="12-25")


async def test_change_in_the_same_batch_is_seen_by_the_purchase_behind_it() -> None:
    desk = _desk()
    for tier in ("gold", ""):
        desk.log_command(Profile(dialect=Dialect.NATIVE, action="p", identity=identity_of("ann"), tier=tier))
        paid = desk.log("ann", Purchase(amount_minor=100))
        if tier:
            first = paid
    await desk.decide_all()
    assert len(desk.books.postings) == 1
    assert [award.amount for award in desk.books.outcome(first).awards] == [1]
    assert not desk.books.outcome(paid).awards


@pytest.mark.parametrize("kind", ["lists_in", "segments_in"])
async def test_change_that_makes_too_much_is_declined_whole(kind: str) -> None:
    desk = _desk()
    many: dict[str, Any] = {kind: tuple(f"n{n}" for n in range(MEMBERSHIPS_MAX))}
    one_more: dict[str, Any] = {kind: ("one more",)}
    await _change(desk, **many)
    full = desk.books.known[member_of("ann")]
    declined = await _change(desk, tier="gold", called="Ann", **one_more)
    assert declined.declines == (Declined(0, "profile_refused", {"problem": "profile_too_large"}),)
    assert desk.books.known[member_of("ann")] == full
    assert desk.books.people[member_of("ann")].name is None


async def test_name_that_comes_with_a_change_is_the_members() -> None:
    desk = _desk()
    await _change(desk, tier="gold", called="Ann")
    await _change(desk, tier="gold", called="Anna")
    assert desk.books.people[member_of("ann")].name == "Anna"
    assert [rename.name for posting in desk.books.postings for rename in posting.renames] == ["Anna"]


@pytest.mark.parametrize("enrol", [Enrol.REGISTER_ONLY, Enrol.NEVER])
async def test_nobody_is_enrolled_by_a_change_where_only_registration_does(enrol: Enrol) -> None:
    desk = _desk(enrol)
    assert [decline.reason for decline in (await _change(desk, tier="gold")).declines] == ["member_unknown"]
    assert not desk.books.people
    assert not desk.books.known
