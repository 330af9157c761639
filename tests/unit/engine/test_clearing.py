"""Commands that a rule of velocity holds: judged once somebody approves them, given nothing once refused, never twice."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from accrual.domain.commands import Dialect, LoggedCommand
from accrual.domain.facts import Purchase
from accrual.domain.held import APPROVED, REFUSED, Clearance
from accrual.domain.movements import Merge
from accrual.domain.outcomes import Outcome
from accrual.domain.programme import Settings
from accrual.domain.velocity import VelocityRule
from tests.desk import SETTINGS, Desk, catalogue_of, identity_of, member_of, promo_of

RULE = msgspec.convert({"name": "ONE", "per": "member", "every": "day", "count": 1, "action": "hold"}, VelocityRule)
HOLDING: Settings = msgspec.structs.replace(SETTINGS, velocity=(RULE,))
BASE = promo_of(code="BASE", trigger="purchase", benefits=[{"asset": "PTS", "points_per": {"every": "1 IDR"}}])


def _purchase(amount: int) -> Purchase:
    return Purchase(amount_minor=amount * 100)


def _verdict(target: LoggedCommand, *, approved: bool, name: str = "ann") -> Clearance:
    return Clearance(
        dialect=Dialect.INTERNAL,
        action="held approve" if approved else "held refuse",
        identity=identity_of(name),
        target=target.ticket,
        approved=approved,
        actor="eve",
        note="looked at it",
    )


async def _held(desk: Desk) -> LoggedCommand:
    await desk.settle_one("ann", _purchase(5))
    command = desk.log("ann", _purchase(7))
    await desk.decide_all()
    (declined,) = desk.books.outcome(command).declines
    assert declined.reason == "held_for_review"
    return command


async def _judge(desk: Desk, verdict: Clearance) -> Outcome:
    command = desk.log_command(verdict)
    await desk.decide_all()
    return desk.books.outcome(command)


def _reasons(outcome: Outcome) -> list[str]:
    return [declined.reason for declined in outcome.declines]


@pytest.mark.parametrize("forgetful", [False, True])
async def test_approved_command_is_judged_by_what_held_when_it_happened(forgetful: bool) -> None:
    richer = promo_of(code="BASE", trigger="purchase", benefits=[{"asset": "PTS", "fixed": 1000}])
    desk = Desk(catalogue_of([BASE], settings=HOLDING))
    held = await _held(desk)
    desk.later(days=3)
    first = catalogue_of([BASE], settings=HOLDING).promos[0]
    second = msgspec.structs.replace(
        first, promo_version_id=102, version=2, effective_from=desk.now - timedelta(days=1), promo=richer
    )
    desk.revise(catalogue_of([first, second], settings=HOLDING))
    if forgetful:
        desk.forget()
    outcome = await _judge(desk, _verdict(held, approved=True))
    assert [award.amount for award in outcome.awards] == [7]
    assert desk.books.balance("ann") == 12
    assert desk.books.held_command_rows[held.ticket].verdict == APPROVED


async def test_refused_command_gives_nothing_for_good() -> None:
    desk = Desk(catalogue_of([BASE], settings=HOLDING))
    held = await _held(desk)
    assert _reasons(await _judge(desk, _verdict(held, approved=False))) == ["held_refused"]
    desk.forget()
    assert _reasons(await _judge(desk, _verdict(held, approved=True))) == ["held_judged"]
    assert desk.books.balance("ann") == 5
    assert desk.books.held_command_rows[held.ticket].verdict == REFUSED


@pytest.mark.parametrize("together", [True, False])
async def test_two_verdicts_on_one_command_are_one(together: bool) -> None:
    desk = Desk(catalogue_of([BASE], settings=HOLDING))
    held = await _held(desk)
    commands = [desk.log_command(_verdict(held, approved=approved)) for approved in (True, True, False)]
    await desk.decide_all(None if together else 1)
    assert [_reasons(desk.books.outcome(command)) for command in commands] == [[], ["held_judged"], ["held_judged"]]
    assert desk.books.balance("ann") == 12
    assert desk.books.held_command_rows[held.ticket].verdict == APPROVED


async def test_what_was_never_held_cannot_be_approved() -> None:
    desk = Desk(catalogue_of([BASE], settings=HOLDING))
    given = desk.log("ann", _purchase(5))
    await desk.decide_all()
    assert _reasons(await _judge(desk, _verdict(given, approved=True))) == ["held_unknown"]
    assert desk.books.balance("ann") == 5


async def test_held_command_of_a_member_merged_since_is_judged_for_who_they_became() -> None:
    desk = Desk(catalogue_of([BASE], settings=HOLDING))
    held = await _held(desk)
    await desk.settle_one("bob", _purchase(1))
    desk.later(days=1)
    desk.log_command(
        Merge(dialect=Dialect.NATIVE, action="merge", identity=identity_of("ann"), into=identity_of("bob"))
    )
    await desk.decide_all()
    await _judge(desk, _verdict(held, approved=True))
    assert desk.books.held_command_rows[held.ticket].verdict == APPROVED
    assert desk.books.people[member_of("ann")].merged_into == member_of("bob")
    assert desk.books.balance("bob") == 13
