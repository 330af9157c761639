"""A command that fails after it has changed what a member has leaves nothing that a later command could spend."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any, cast

import pytest

from accrual.domain import movements as moves
from accrual.domain.accounts import Role
from accrual.domain.amounts import INT64_MAX
from accrual.domain.commands import Command, Dialect, Reward
from accrual.domain.facts import Purchase
from accrual.domain.outcomes import Outcome, Status
from accrual.domain.transfers import Kind
from tests.desk import Desk, catalogue_of, identity_of, promo_of
from tests.flow.books import assert_books_hold
from tests.flow.processes import Reply, Served, serving, until
from tests.pg_fixtures import Postgres

pytestmark = pytest.mark.security

LATER = {
    "code": "LATER",
    "trigger": "purchase",
    "benefits": [
        {"asset": "PTS", "points_per": {"every": "1000 IDR", "give": 1}, "active_after": "PT1S", "expires": "P12M"}
    ],
}
AT_ONCE = {"code": "ONCE", "trigger": "purchase", "benefits": [{"asset": "PTS", "points_per": {"every": "0.01 IDR"}}]}
PROGRAMME = f"""
programme: {{code: mint, demo: true, currency: IDR, late_limit: null}}
assets: [{{code: PTS}}]
clients: [{{code: till, rights: [native, points], key: mint-till}}]
promos: [{json.dumps(LATER)}]
"""
KEY = {"API-Key": "mint-till", "Prefer": "wait=10"}
LARGEST = "92233720368547758.07"


def _send(served: Served, key: str, **command: Any) -> Reply:
    """The reply once the command is decided, or refused."""
    body = json.dumps({"key": key, "member": {"kind": "msisdn", "value": "628111"}, **command}).encode()

    def ask() -> Reply | None:
        reply = served.ask("POST", "/v1/commands", body, KEY)
        return None if reply.status == 202 else reply

    return cast(Reply, until(ask, within_s=60, what=f"{key} was not decided:\n{served.said[-2000:]}"))


def _redeem(served: Served, key: str, amount: int) -> Any:
    reply = _send(served, key, move={"type": "redeem", "asset": "PTS", "amount": amount})
    assert reply.status == 200, reply
    return reply.json["outcome"]


def test_purchase_that_fails_gives_nothing_to_redeem(postgres: Postgres, tmp_path: Path) -> None:
    programme = tmp_path / "programme.yaml"
    programme.write_text(PROGRAMME, encoding="utf-8")
    database = postgres.create()
    words = ("--database-url", database.owner_url, "--lanes", "1")
    with serving(tmp_path, *words, programme=programme) as served:
        assert _send(served, "1", facts=[{"type": "purchase", "amount": "10000"}]).status == 200
        time.sleep(1.1)  # until the ten points are active
        assert not _redeem(served, "2", 1)["declines"]
        _send(served, "3", facts=[{"type": "purchase", "amount": LARGEST}] * 3)
        time.sleep(1.1)
        assert [booked["kind"] for booked in _redeem(served, "4", 1)["booked"]] == ["redeem"]
        declined = _redeem(served, "5", 276_000_000_000)["declines"]
        assert [each["reason"] for each in declined] == ["insufficient_points"]
        (balance,) = served.ask("GET", "/v1/members/msisdn/628111", headers=KEY).json["balances"]
        assert (balance["posted"], balance["pending"]) == (8, 0)
        assert_books_hold(database)
    postgres.drop(database)


def _said(name: str) -> dict[str, Any]:
    return {"dialect": Dialect.NATIVE, "action": "test", "identity": identity_of(name)}


def _grant(name: str, amount: int) -> moves.Grant:
    return moves.Grant(**_said(name), asset="PTS", amount=amount)


def _adjust(name: str, amount: int) -> moves.Adjust:
    return moves.Adjust(**_said(name), asset="PTS", amount=amount, below_zero=True)


async def _decided(desk: Desk, *commands: Command) -> list[Outcome]:
    """What comes of commands that are decided in one batch."""
    logged = [desk.log_command(command) for command in commands]
    await desk.decide_all()
    return [desk.books.outcome(command) for command in logged]


def _fails_where_it_is_bad(reward: Reward, *_: object) -> None:
    """The event is made when all that the command gives is booked in memory."""
    if reward.action == "bad":
        raise ZeroDivisionError


@pytest.mark.parametrize("promo", [LATER, AT_ONCE], ids=["later", "at-once"])
@pytest.mark.parametrize("books_are_open", [False, True])
async def test_command_that_fails_when_all_is_booked_leaves_nothing(
    promo: dict[str, Any], books_are_open: bool
) -> None:
    desk = Desk(catalogue_of([promo_of(**promo)]), buckets=1, event_of=_fails_where_it_is_bad)
    await desk.settle_one("ann", Purchase(amount_minor=1_000_000))
    desk.later(seconds=2)
    had = 10 if promo is LATER else 1_000_000
    if books_are_open:
        await _decided(desk, _redeem_at_desk("ann", 1))
        had -= 1
    (failed,) = await _decided(
        desk, Reward(**{**_said("ann"), "action": "bad"}, facts=(Purchase(amount_minor=9_000_000),))
    )
    assert (failed.status, failed.error) == (Status.PARKED, "ZeroDivisionError")
    desk.later(seconds=2)
    kept, refused = await _decided(desk, _redeem_at_desk("ann", 1), _redeem_at_desk("ann", had))
    assert ([booked.kind for booked in kept.booked][-1:], kept.declines) == ([Kind.REDEEM], ())
    assert [declined.reason for declined in refused.declines] == ["insufficient_points"]
    assert desk.books.balance("ann") == had - 1
    assert desk.books.balance("ann", role=Role.PENDING) == 0


async def test_more_than_64_bits_can_hold_changes_nothing_and_stops_nobody() -> None:
    """Three facts of the largest amount, and grants and corrections up to it: what is not given leaves no trace."""
    desk = Desk(catalogue_of([promo_of(**AT_ONCE)]), buckets=1)
    await _decided(desk, _grant("bob", 10), _adjust("bob", -3))
    failed = desk.log("ann", *[Purchase(amount_minor=INT64_MAX)] * 3)
    await desk.decide_all()
    outcomes = await _decided(
        desk, _grant("ann", INT64_MAX), _grant("ann", 2), _adjust("bob", -INT64_MAX), _grant("bob", 5)
    )
    assert not desk.books.outcome(failed).awards
    assert all(outcome.status in (Status.DECIDED, Status.PARKED) for outcome in outcomes)
    for name in ("ann", "bob"):
        assert 0 <= desk.books.balance(name) <= INT64_MAX
    for place, lines in desk.books.lines_at.items():
        assert abs(sum(line.amount for line in lines if line.account >= 1 << 24)) <= INT64_MAX, place


def _redeem_at_desk(name: str, amount: int) -> moves.Redeem:
    return moves.Redeem(**_said(name), asset="PTS", amount=amount)
