"""Random commands in random batches: cuts are invisible, a plain model agrees, replays are equal, books always balance."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from accrual.domain.chain import HEAD_FIRST, STORED_BYTES, advance
from accrual.domain.commands import LoggedCommand, decode_command
from accrual.domain.facts import CheckIn, Fact, ProductPurchase, Purchase, Referral, ReferralPurchase, Registration
from accrual.domain.outcomes import Outcome
from accrual.domain.programme import Enrol
from tests.desk import SETTINGS, START, Books, Desk, catalogue_of, identity_of, promo_of
from tests.property.model import PROMOS, Answer, Deed, Model

NAMES = ("ann", "bob", "eve", "joe")
CODES = {100 + number: promo["code"] for number, promo in enumerate(PROMOS, 1)}
ASSETS = {1: "PTS", 2: "LD"}


class Call(NamedTuple):
    """One command: who, what they did as (kind, days ago, amount, product, other), hours since the call before."""

    who: str
    deeds: list[tuple[str, int, int, str, str]]
    pause_h: int


KINDS = ("registers", "pays", "buys", "checks in", "is referred", "pays thanks to")
DEEDS = st.tuples(
    st.sampled_from(KINDS),
    st.sampled_from([0, 0, 0, 1, 2, 30]),
    st.sampled_from([0, 500, 1_000, 2_600, 12_345, 40_000]),
    st.sampled_from(["T30H", "other"]),
    st.sampled_from(["", *NAMES]),
)
CALLS = st.lists(
    st.builds(Call, st.sampled_from(NAMES), st.lists(DEEDS, min_size=1, max_size=3), st.sampled_from([0, 1, 9, 25])),
    min_size=1,
    max_size=25,
)
UNREFERRED = CALLS.map(lambda calls: [c for c in calls if not any(deed[0] == "is referred" for deed in c.deeds)])
"""Without referrals, of which two at once are decided in an order of their own: test_referrals has a model of them."""

CUTS = st.lists(st.integers(1, 4), min_size=1, max_size=6)


def desk_of(*, open_to_all: bool = True, buckets: int = 3) -> Desk:
    of = msgspec.structs.replace(SETTINGS, enrol=Enrol.ALWAYS if open_to_all else Enrol.REGISTER_ONLY)
    return Desk(catalogue_of([promo_of(**promo) for promo in PROMOS], settings=of), buckets=buckets)


def fact_of(deed: Deed) -> Fact:
    other = identity_of(deed.other) if deed.other else None
    match deed.kind:
        case "registers":
            return Registration(occurred_at=deed.at)
        case "pays":
            return Purchase(occurred_at=deed.at, amount_minor=deed.amount)
        case "buys":
            return ProductPurchase(occurred_at=deed.at, amount_minor=deed.amount, product=deed.product)
        case "checks in":
            return CheckIn(occurred_at=deed.at)
        case "is referred":
            return Referral(occurred_at=deed.at, referrer=other)
        case _:
            return ReferralPurchase(occurred_at=deed.at, amount_minor=deed.amount, referrer=other)


def deeds_of(call: Call, now: datetime) -> list[Deed]:
    return [
        Deed(kind, now - timedelta(days=ago), amount, product, other)
        for kind, ago, amount, product, other in call.deeds
    ]


def log_all(desk: Desk, calls: list[Call]) -> list[LoggedCommand]:
    logged = []
    for number, call in enumerate(calls):
        desk.later(hours=call.pause_h)
        logged.append(desk.log(call.who, *map(fact_of, deeds_of(call, desk.now)), key=b"k%d" % number))
    return logged


async def decide_in_cuts(desk: Desk, cuts: list[int]) -> None:
    """Batches of so many commands of each bucket in turn, everything forgotten after each third batch."""
    turn = 0
    while wanted := {b: cuts[turn % len(cuts)] for b in desk.books.log if desk.books.waiting(b)}:
        # Not every bucket takes part in every batch.
        chosen = {bucket: count for bucket, count in wanted.items() if (bucket + turn) % 3} or wanted
        await desk.decide_batch(chosen)
        turn += 1
        if turn % 3 == 0:
            desk.forget()


def said(outcome: Outcome) -> Answer:
    awards = [(CODES[award.promo_version_id], ASSETS[award.asset_id], award.amount) for award in outcome.awards]
    return awards, sorted((CODES.get(d.promo_version_id, ""), d.reason) for d in outcome.declines)


def balances(books: Books) -> dict[tuple[str, str], int]:
    return {(name, code): books.balance(name, asset_id) for name in NAMES for asset_id, code in ASSETS.items()}


def check_books(books: Books) -> None:
    """Lines of a bucket and asset sum to zero, running balances hold, nobody is below zero, the chain can be followed."""
    sums: Counter[tuple[int, int, int]] = Counter()
    running: dict[tuple[int, int], int] = {}
    assets = {(a.bucket, a.account_id): a for posting in books.postings for a in posting.accounts}
    for posting in books.postings:
        for line in posting.lines:
            account = assets[line.bucket, line.account]
            sums[line.bucket, account.programme_id, account.asset_id] += line.amount
            balance = running[line.bucket, line.account] = running.get((line.bucket, line.account), 0) + line.amount
            assert line.balance_after == balance
            assert account.floor is None or balance >= account.floor
        assert not any(sums.values()), "after every posting"
    for bucket, log in books.log.items():
        head = HEAD_FIRST
        for command in log:
            row = books.outcomes[bucket, command.position]
            lines = [line for line in books.lines if (line.bucket, line.position) == (bucket, command.position)]
            head = advance(head, command, row.status, row.payload, sorted(lines, key=lambda line: line.leg))
            assert row.chain == head[:STORED_BYTES]
        assert head == books.lease(bucket).chain


@settings(max_examples=120, deadline=None)
@given(UNREFERRED, st.booleans())
async def test_plain_model_gives_the_same_answers_and_balances(calls: list[Call], open_to_all: bool) -> None:
    desk, model = desk_of(open_to_all=open_to_all), Model(open=open_to_all)
    for call in calls:
        desk.later(hours=call.pause_h)
        deeds = deeds_of(call, desk.now)
        command = desk.log(call.who, *map(fact_of, deeds))
        await desk.decide_all()
        outcome = desk.books.outcome(command)
        found = [(call.who, said(outcome))]
        for ticket in outcome.follow_ups:
            follow_up = desk.books.by_ticket(ticket)
            found.append((decode_command(follow_up.facts).identity.value, said(desk.books.outcome(follow_up))))
        assert found == model.do(call.who, deeds)
    assert balances(desk.books) == {key: model.balance[key] for key in balances(desk.books)}
    assert len(desk.books.people) == len(model.members)
    check_books(desk.books)


@settings(max_examples=120, deadline=None)
@given(UNREFERRED, CUTS)
async def test_where_batches_are_cut_is_invisible(calls: list[Call], cuts: list[int]) -> None:
    one_by_one, in_cuts = desk_of(), desk_of()
    logged = log_all(one_by_one, calls)
    assert [command.ticket for command in log_all(in_cuts, calls)] == [command.ticket for command in logged]
    await one_by_one.decide_all(1)
    await decide_in_cuts(in_cuts, cuts)
    for command in logged:
        place = (command.bucket, command.position)
        assert one_by_one.books.outcomes[place].payload == in_cuts.books.outcomes[place].payload
    assert balances(one_by_one.books) == balances(in_cuts.books)
    assert one_by_one.books.counts == in_cuts.books.counts
    assert one_by_one.books.people.keys() == in_cuts.books.people.keys()
    assert _follow_ups(one_by_one.books) == _follow_ups(in_cuts.books)
    check_books(one_by_one.books)
    check_books(in_cuts.books)


def _follow_ups(books: Books) -> Counter[Any]:
    """What came of follow-ups. Which of several comes first to a limit is a matter of order; what they give is not."""
    found: Counter[Any] = Counter()
    for log in books.log.values():
        for command in log:
            reward = decode_command(command.facts)
            if getattr(reward, "parent", None) is not None:
                awards, declines = said(books.outcome(command))
                found.update([(reward.identity.value, *entry) for entry in [*awards, *declines]])
    return found


@settings(max_examples=60, deadline=None)
@given(CALLS, CUTS)
async def test_replay_of_a_log_gives_the_same_bytes(calls: list[Call], cuts: list[int]) -> None:
    first, again = desk_of(), desk_of()
    log_all(first, calls)
    await decide_in_cuts(first, cuts)
    # The whole log as it stands now, follow-ups included: replayed without appending them once more.
    again.now = first.now
    for bucket, log in first.books.log.items():
        again.books.log[bucket] = list(log)
    while any(again.books.waiting(bucket) for bucket in list(again.books.log)):
        batch = {bucket: 5 for bucket in again.books.log if again.books.waiting(bucket)}
        commands = [command for bucket in sorted(batch) for command in again.books.waiting(bucket, batch[bucket])]
        tasks = await again.tasks(commands)
        posting = again.processor.decide(tasks, {c.bucket: again.books.lease(c.bucket) for c in commands}, START)
        await again.books.book(posting._replace(follow_ups=[]))
    assert {place: (row.status, row.payload) for place, row in again.books.outcomes.items()} == {
        place: (row.status, row.payload) for place, row in first.books.outcomes.items()
    }
    assert balances(again.books) == balances(first.books)
