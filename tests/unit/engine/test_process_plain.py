"""Simple promos and known members take a shorter way; what is written on it is what is written on the long one."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accrual.domain.accounts import Role
from accrual.domain.commands import Dialect, Reward
from accrual.domain.facts import CheckIn, Event, Fact, Item, ProductPurchase, Purchase
from accrual.domain.log import Posting
from accrual.domain.outcomes import Status
from accrual.engine import process_plain
from accrual.engine.settle import CROWDED
from accrual.rules import plainly
from tests.desk import START, Desk, catalogue_of, identity_of, member_of, promo_of

BENEFITS: tuple[dict[str, Any], ...] = (
    {"asset": "PTS", "fixed": 7},
    {"asset": "LD", "fixed": 1},
    {"asset": "PTS", "points_per": {"every": "1000 IDR", "give": 2}},
    {"asset": "PTS", "percent": "1.5"},
)
MORE: tuple[dict[str, Any], ...] = (
    {},
    {},
    {"where": {"outlets": ["O-1"]}},
    {"where": {"products": ["T30H"]}},
    {"window": {"until": "2026-03-01T12:00:00+07:00"}},
    {"window": {"hours": ["09:00-10:30"]}},
    {"condition": 'purchase.amount >= money("500 IDR")'},
    {"benefits": [{"asset": "PTS", "fixed": 1, "expires": "P1Y"}]},
    {"limits": [{"per": "member", "every": "day", "count": 2}]},
    {"status": "paused"},
)
PROMOS = st.lists(st.tuples(st.sampled_from(BENEFITS), st.sampled_from(MORE)), max_size=4)


@st.composite
def facts_of(draw: st.DrawFn) -> tuple[Fact, ...]:
    kind = draw(st.sampled_from((Purchase, Purchase, Purchase, ProductPurchase, CheckIn)))
    made = []
    for _ in range(draw(st.integers(1, 3))):
        occurred = draw(st.none() | st.integers(-300, 300))
        made.append(
            kind(
                occurred_at=None if occurred is None else START + timedelta(minutes=occurred),
                amount_minor=draw(st.none() | st.integers(0, 10_000_000)),
                outlet=draw(st.sampled_from((None, None, "O-1"))),
                product=draw(st.sampled_from((None, None, "T30H"))),
                items=draw(st.sampled_from((None, None, None, (Item(product="T30H", amount_minor=70_000),)))),
            )
        )
    if draw(st.integers(0, 9)) == 0:
        made.append(Event(name="app_review"))
    return tuple(made)


COMMANDS = st.lists(st.tuples(st.sampled_from("abc"), facts_of(), st.sampled_from((None, "Ann", "Bob"))), max_size=8)


def promo(number: int, benefit: dict[str, Any], more: dict[str, Any], trigger: str = "purchase") -> Any:
    return promo_of(**{"code": f"P-{number}", "trigger": trigger, "benefits": [benefit], **more})


def desk_of(wanted: list[tuple[dict[str, Any], dict[str, Any]]]) -> Desk:
    return Desk(catalogue_of([promo(number, *each) for number, each in enumerate(wanted)]), buckets=2)


async def postings(desk: Desk, commands: list[tuple[str, tuple[Fact, ...], str | None]]) -> list[Posting]:
    """What three batches write: the first two commands of each bucket, the next, and the rest once all was forgotten."""
    for name, facts, called in commands:
        desk.log(name, *facts, member_name=called)
    written = [await desk.decide_batch({0: 2, 1: 2}), await desk.decide_batch({0: 2, 1: 2})]
    desk.forget()
    return [*written, await desk.decide_batch({0: 99, 1: 99})]


@given(PROMOS, COMMANDS)
async def test_short_way_writes_what_the_long_one_writes(
    wanted: list[tuple[dict[str, Any], dict[str, Any]]],
    commands: list[tuple[str, tuple[Fact, ...], str | None]],
) -> None:
    short = await postings(desk_of(wanted), commands)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(process_plain, "given_plainly", lambda *asked: None)
        assert await postings(desk_of(wanted), commands) == short


async def test_short_way_is_taken_by_known_members_alone(monkeypatch: Any) -> None:
    taken = []

    def watched(*asked: Any) -> Any:
        taken.append(plainly.given_plainly(*asked))
        return taken[-1]

    monkeypatch.setattr(process_plain, "given_plainly", watched)
    desk = desk_of([(BENEFITS[0], {}), (BENEFITS[2], {})])
    for amount in (100_000, 200_000, 300_000):
        outcome = await desk.settle_one("ann", Purchase(amount_minor=amount))
        assert [award.amount for award in outcome.awards] == [7, amount // 50_000]
    assert [[award.amount for award in given.awards] for given in taken] == [[7, 4], [7, 6]], "the first made a member"
    assert desk.books.balance("ann") == 3 * 7 + 2 + 4 + 6


async def test_what_amounts_play_no_part_in_is_remembered_within_bounds(monkeypatch: Any) -> None:
    monkeypatch.setattr(plainly, "GIVEN_MAX", 2)
    desk = desk_of([(BENEFITS[0], {})])
    command = Reward(dialect=Dialect.NATIVE, action="test", identity=identity_of("ann"), facts=())
    answers = []
    for count in (1, 2, 1, 3, 1):
        facts = tuple(Purchase(amount_minor=count * number) for number in range(count))
        asked = msgspec.structs.replace(command, facts=facts)
        answers.append(plainly.given_plainly(asked, desk.programme, "till", START))
        assert 0 < len(desk.programme.given) <= 2
    assert answers[0] is answers[2]
    assert answers[4] is not answers[0], "forgotten, and made again"


async def test_nothing_to_give_is_told_on_the_long_way() -> None:
    desk = desk_of([(BENEFITS[2], {})])
    await desk.settle_one("ann", Purchase(amount_minor=100_000))
    outcome = await desk.settle_one("ann", Purchase(amount_minor=10))
    assert [declined.reason for declined in outcome.declines] == ["amount_too_small"]


@pytest.mark.parametrize("benefits", [1, 2])
async def test_balance_that_holds_no_more_declines_that_award_alone(benefits: int) -> None:
    gifts = [({"asset": "PTS", "fixed": 10}, {})] + [({"asset": "LD", "fixed": 1}, {})] * (benefits - 1)
    desk = desk_of(gifts)
    await desk.settle_one("ann", Purchase(amount_minor=1))
    points = desk.state.members[member_of("ann")].accounts[1, Role.MEMBER]
    points.balance = CROWDED + 1
    outcome = await desk.settle_one("ann", Purchase(amount_minor=1))
    assert outcome.status is Status.DECIDED
    assert [declined.reason for declined in outcome.declines] == ["balance_full"]
    assert [award.amount for award in outcome.awards] == [1] * (benefits - 1)
    assert points.balance == CROWDED + 1


async def test_device_that_a_client_vouches_for_is_noted_all_the_same() -> None:
    desk = desk_of([(BENEFITS[0], {})])
    await desk.settle_one("ann", Purchase(amount_minor=1))
    desk.log_command(
        Reward(
            dialect=Dialect.NATIVE,
            action="test",
            identity=identity_of("ann"),
            facts=(Purchase(amount_minor=1),),
            install_id="device-1",
            unique_install=True,
        )
    )
    await desk.decide_all()
    assert len(desk.books.sightings) == 1
