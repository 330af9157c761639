"""Deciding a batch in memory: each command sees the one before, a bad one leaves no trace, books and chain hold together."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accrual.domain.chain import HEAD_FIRST, STORED_BYTES, advance
from accrual.domain.commands import Dialect, LoggedCommand, Resume, Reward
from accrual.domain.facts import CheckIn, DrawEntry, Purchase, Referral, Registration
from accrual.domain.ids import bucket_of, is_ticket
from accrual.domain.log import Posting
from accrual.domain.outcomes import Status
from accrual.domain.transfers import Kind
from accrual.engine.settle import CROWDED
from accrual.rules.compiled import CompiledProgramme
from tests.desk import START, Books, Desk, catalogue_of, identity_of, member_of, promo_of

PAID = promo_of(
    code="PAID",
    trigger="purchase",
    benefits=[{"asset": "PTS", "points_per": {"every": "1 IDR"}}],
    limits=[{"amount": 100}],
)
WELCOME = promo_of(code="WELCOME", trigger="registration", benefits=[{"asset": "PTS", "fixed": 5}])
DAILY = promo_of(code="DAILY", trigger="check_in", benefits=[{"asset": "LD", "fixed": 1}])
INVITED = promo_of(
    code="INVITED",
    trigger="referral",
    benefits=[{"asset": "PTS", "fixed": 2}, {"asset": "PTS", "fixed": 3, "to": "referrer"}],
)
PROMOS = (PAID, WELCOME, DAILY, INVITED)


def boom(reward: Reward, logged: LoggedCommand, programme: CompiledProgramme) -> tuple[str, bytes] | None:
    """Fails for luck-draw entries, tells of purchases."""
    if isinstance(reward.facts[0], DrawEntry):
        raise ZeroDivisionError
    return ("paid", logged.ticket) if isinstance(reward.facts[0], Purchase) else None


def desk(*promos: Any, buckets: int = 4) -> Desk:
    return Desk(catalogue_of(promos or PROMOS), buckets=buckets, event_of=boom)


def pay(amount: int) -> Purchase:
    return Purchase(amount_minor=amount * 100)


async def test_command_sees_what_the_one_before_it_in_the_batch_has_done() -> None:
    at = desk()
    first, second, third = at.log("ann", pay(60)), at.log("ann", pay(60)), at.log("ann", pay(60))
    await at.decide_all()
    assert len(at.books.postings) == 1
    assert [award.amount for award in at.books.outcome(first).awards] == [60]
    assert [award.amount for award in at.books.outcome(second).awards] == [40]
    assert [declined.reason for declined in at.books.outcome(third).declines] == ["limit_reached"]
    assert at.books.balance("ann") == 100
    assert len(at.books.people) == 1


async def test_member_is_enrolled_once_and_renamed_when_the_name_changes() -> None:
    at = desk()
    at.log("ann", pay(1), member_name="Ann")
    at.log("ann", pay(1), member_name="Ann")
    at.log("ann", pay(1))
    at.log("ann", pay(1), member_name="Anna")
    await at.decide_all()
    (posting,) = at.books.postings
    assert [(member.name, member.enrolled_position) for member in posting.members] == [("Ann", 1)]
    assert [rename.name for rename in posting.renames] == ["Anna"]
    assert at.books.people[member_of("ann")].name == "Anna"
    at.forget()
    at.log("ann", pay(1), member_name="Anna")
    await at.decide_all()
    assert at.books.postings[-1].renames == []


async def test_command_that_gives_nothing_is_kept_for_the_history_of_a_known_member() -> None:
    at = desk()
    at.log("ann", Registration())
    nothing = at.log("ann", Registration())
    await at.decide_all()
    assert at.books.postings[0].unposted == [(nothing.bucket, member_of("ann"), nothing.position)]


async def test_follow_up_goes_to_the_referrers_bucket_and_names_its_parent() -> None:
    at = desk(buckets=64)
    parent = at.log("ann", Referral(referrer=identity_of("bob")))
    await at.decide_all()
    (claim,) = at.books.outcome(parent).follow_ups
    mine, ticket = at.books.outcome(at.books.by_ticket(claim)).follow_ups
    follow_up = at.books.by_ticket(ticket)
    assert is_ticket(ticket)
    assert at.books.by_ticket(mine).bucket == bucket_of(member_of("ann"), 64)
    assert follow_up.bucket == bucket_of(member_of("bob"), 64)
    assert at.books.people[member_of("ann")].referrer == identity_of("bob")
    assert (at.books.balance("ann"), at.books.balance("bob")) == (2, 3)
    assert at.books.outcome(follow_up).awards[0].amount == 3


async def test_follow_up_ticket_is_the_same_on_a_replay() -> None:
    tickets = []
    for _ in range(2):
        at = desk()
        parent = at.log("ann", Referral(referrer=identity_of("bob")), key=b"kK")
        await at.decide_all()
        tickets.append(at.books.outcome(parent).follow_ups)
    assert tickets[0] == tickets[1]


async def test_outbox_has_no_gaps_over_batches_and_bad_commands() -> None:
    at = desk(buckets=1)
    for _ in range(3):
        at.log("ann", pay(1))
        at.log("bob", DrawEntry())
        at.log("bob", pay(1))
        at.log("bob", CheckIn())
        await at.decide_all()
    events = [event for posting in at.books.postings for event in posting.outbox]
    assert [event.sequence for event in events] == [1, 2, 3, 4, 5, 6]
    assert at.books.lease(0).outbox_next == 7
    assert all(event.payload == at.books.log[0][event.position - 1].ticket for event in events)


async def test_bad_command_is_parked_with_its_bytes_and_the_others_go_on() -> None:
    at = desk(buckets=1)
    bad = at.log("ann", DrawEntry())
    good = at.log("ann", pay(7))
    await at.decide_all()
    assert at.books.outcome(bad).status is Status.PARKED
    assert at.books.outcome(bad).error == "ZeroDivisionError"
    (parked,) = at.books.postings[0].parked
    assert (parked.position, parked.facts, parked.error) == (1, bad.facts, "ZeroDivisionError")
    assert at.books.outcome(good).status is Status.DECIDED
    assert at.books.balance("ann") == 7


async def test_bytes_that_are_no_command_are_parked() -> None:
    at = desk(buckets=1)
    bad = at.log_bytes(identity_of("ann"), b"\xc1junk")
    await at.decide_all()
    assert at.books.outcome(bad).status is Status.PARKED
    assert at.books.postings[0].members == []


async def test_award_to_a_balance_that_holds_no_more_is_declined_and_nobody_else_notices() -> None:
    """The system account on the other side, which all members of the bucket share, is carried before it is full."""
    at = desk(buckets=1)
    at.log("ann", pay(1))
    await at.decide_all()
    for place, (balance, held) in at.books.newest.items():
        at.books.newest[place] = (CROWDED + 1, held) if balance > 0 else (-CROWDED * 3, held)
    at.forget()
    over, other = at.log("ann", pay(1)), at.log("bob", pay(1))
    await at.decide_all()
    assert [declined.reason for declined in at.books.outcome(over).declines] == ["balance_full"]
    assert [award.amount for award in at.books.outcome(other).awards] == [1]
    assert (at.books.balance("ann"), at.books.balance("bob")) == (CROWDED + 1, 1)


async def test_netted_lines_are_what_the_member_lines_they_cover_add_up_to() -> None:
    at = desk(buckets=1)
    for name in ("ann", "bob", "eve"):
        at.log(name, pay(5))
        at.log(name, CheckIn())
    await at.decide_all(rows_max=4)
    assert [posting.advances[0].cursor for posting in at.books.postings] == [5, 7]
    for posting in at.books.postings:
        netted = [line for line in posting.lines if line.covers_from is not None]
        covered = [line for line in posting.lines if line.covers_from is None]
        moved: dict[int, int] = {}
        for line in covered:
            moved[line.contra] = moved.get(line.contra, 0) - line.amount
        assert {line.account: line.amount for line in netted} == moved
        assert {line.kind for line in netted} == {Kind.NETTED}
        assert {line.position for line in netted} == {posting.advances[0].cursor - 1}
        assert {line.covers_from for line in netted} == {posting.advances[0].prior_cursor}
        last_legs = [line.leg for line in posting.lines if line.position == posting.advances[0].cursor - 1]
        assert last_legs == list(range(len(last_legs)))


async def test_chain_is_what_anybody_computes_from_the_rows() -> None:
    at = desk(buckets=1)
    for name in ("ann", "bob"):
        at.log(name, Registration(), Referral(referrer=identity_of("eve")))
        at.log(name, DrawEntry())
        at.log(name, pay(5))
    await at.decide_all(rows_max=2)
    head = HEAD_FIRST
    for command in at.books.log[0]:
        row = at.books.outcomes[0, command.position]
        lines = [line for line in at.books.lines if line.position == command.position]
        uses = [use for use in at.books.lot_uses if use.position == command.position]
        head = advance(head, command, row.status, row.payload, sorted(lines, key=lambda line: line.leg), uses)
        assert row.chain == head[:STORED_BYTES]
    assert at.books.lease(0).chain == head


# Trying a parked command again.


def _resume(ticket: bytes, name: str = "ann") -> Resume:
    return Resume(dialect=Dialect.INTERNAL, action="resume", identity=identity_of(name), ticket=ticket)


async def _parked(at: Desk) -> LoggedCommand:
    """A purchase that was parked; from now on nothing is wrong with it."""
    at.processor._event_of = _always_fails
    command = at.log("ann", pay(60))
    await at.decide_all()
    at.processor._event_of = boom
    return command


def _always_fails(reward: Reward, logged: LoggedCommand, programme: CompiledProgramme) -> None:
    raise ZeroDivisionError


async def test_parked_command_is_decided_at_the_place_of_what_resumes_it() -> None:
    at = desk()
    parked = await _parked(at)
    at.later(days=2)
    resume = at.log_command(_resume(parked.ticket))
    await at.decide_all()
    assert at.books.outcome(parked).status is Status.PARKED
    assert [award.amount for award in at.books.outcome(resume).awards] == [60]
    (line,) = [line for line in at.books.lines if line.covers_from is None]
    assert (line.position, line.occurred_at) == (resume.position, START)
    assert at.books.resumed == {(parked.bucket, parked.position): resume.position}


@pytest.mark.parametrize("rows_max", [1, None], ids=["one by one", "in one batch"])
async def test_parked_command_is_resumed_once_however_often_it_is_asked_for(rows_max: int | None) -> None:
    at = desk()
    parked = await _parked(at)
    first, second = at.log_command(_resume(parked.ticket)), at.log_command(_resume(parked.ticket))
    await at.decide_all(rows_max)
    assert len(at.books.outcome(first).awards) == 1
    assert at.books.outcome(second).awards == ()
    assert [declined.reason for declined in at.books.outcome(second).declines] == ["nothing_parked"]
    assert at.books.balance("ann") == 60


async def test_resumed_command_is_about_its_own_member_whoever_is_named() -> None:
    at = desk(buckets=1)
    parked = await _parked(at)
    at.log_command(_resume(parked.ticket, name="eve"))
    await at.decide_all()
    assert (at.books.balance("ann"), at.books.balance("eve")) == (60, 0)
    assert set(at.books.people) == {member_of("ann")}


async def test_what_was_never_parked_is_not_resumed() -> None:
    at = desk()
    fine = at.log("ann", pay(60))
    await at.decide_all()
    resume = at.log_command(_resume(fine.ticket))
    await at.decide_all()
    assert [declined.reason for declined in at.books.outcome(resume).declines] == ["nothing_parked"]
    assert at.books.balance("ann") == 60


# A bad command leaves no trace, wherever it stands.

NAMES = ("ann", "bob", "eve")
FACTS = (pay(30), CheckIn(), Registration(), Referral(referrer=identity_of("eve")))
STEPS = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(FACTS), st.booleans()), max_size=14)


def _trace(books: Books) -> Any:
    """What the books hold, without the places in the log, which a bad command takes up."""
    return (
        {name: (books.balance(name, 1), books.balance(name, 2)) for name in NAMES},
        books.counts,
        books.people,
        books.accounts,
        [(line.account, line.amount, line.balance_after) for line in books.lines if line.covers_from is None],
    )


def _rows(posting: Posting) -> set[int]:
    """Positions that anything but outcome and parked row was written at."""
    return (
        {line.position for line in posting.lines if line.covers_from is None}
        | {row.position for row in posting.counters}
        | {row.enrolled_position for row in posting.members}
        | {row.position for row in posting.links}
        | {event.position for event in posting.outbox}
    )


@settings(max_examples=150, deadline=None)
@given(STEPS, st.integers(1, 5))
async def test_bad_commands_leave_nothing_behind(steps: list[Any], rows_max: int) -> None:
    clean, dirty = desk(buckets=1), desk(buckets=1)
    for name, fact, bad_before in steps:
        if bad_before:
            dirty.log(name, DrawEntry(), fact, member_name="Nobody")
        clean.log(name, fact)
        dirty.log(name, fact)
    await clean.decide_all(1)
    await dirty.decide_all(rows_max)
    assert _trace(clean.books) == _trace(dirty.books)
    for posting in dirty.books.postings:
        assert not _rows(posting) & {row.position for row in posting.parked}
