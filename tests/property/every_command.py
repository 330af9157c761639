"""A programme with a promo of every kind, and commands of every kind to it. No test is here."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import msgspec

from accrual.domain import movements as moves
from accrual.domain.commands import Dialect, LoggedCommand, Profile, Resume, Reward
from accrual.domain.draws import DrawSecret
from accrual.domain.facts import (
    CheckIn,
    DrawEntry,
    Item,
    ProductPurchase,
    Purchase,
    Referral,
    ReferralPurchase,
    Registration,
)
from accrual.domain.held import Clearance
from accrual.domain.programme import Catalogue
from accrual.domain.referrals import Claim, Join, Verdict, links_of
from accrual.domain.rewards import RewardItem, StoredReward, proof_of
from accrual.domain.tiers import Tiers
from accrual.domain.velocity import VelocityRule
from accrual.rules.rewards import validation_code_of
from tests.desk import PROGRAMME, SETTINGS, Desk, catalogue_of, identity_of, promo_of

KINDS = {
    kind.__name__
    for kind in (
        Reward, Profile, Clearance, Claim, Verdict, Join, moves.Grant, moves.Redeem, moves.Refund, moves.Reverse, moves.Hold,
        moves.Capture, moves.Confirm, moves.Release, moves.Transfer, moves.Receive, moves.Adjust, moves.Activate,
        moves.Expire, moves.Notice, moves.Review, moves.Merge, moves.Absorb,
    )
}  # fmt: skip
"""Every kind of command; a retry counts as what it tries again."""

PROMOS = (
    {"code": "BASE", "trigger": "purchase", "benefits": [{"asset": "PTS", "points_per": {"every": "1 IDR"}}]},
    {
        "code": "LATER", "trigger": "purchase", "where": {"outlets": ["LATER"]},
        "benefits": [{"asset": "PTS", "fixed": 40, "active_after": "PT1H", "expires": "P10D"}],
    },
    {
        "code": "SHORT", "trigger": "purchase", "where": {"outlets": ["SHORT"]},
        "benefits": [{"asset": "PTS", "fixed": 30, "expires": "P1D"}],
    },
    {
        "code": "OUTLET", "trigger": "purchase", "where": {"outlets": ["CAP"]}, "budget": {"asset": "PTS", "amount": 500},
        "limits": [
            {"per": "member", "every": "day", "count": 2}, {"per": "outlet", "every": "day", "count": 9},
            {"per": "device", "every": "day", "amount": 90},
        ],
        "benefits": [{"asset": "PTS", "fixed": 7}], "condition": 'history.purchases("P7D") < 50',
    },
    {"code": "COMES", "trigger": "referral", "benefits": [{"asset": "PTS", "fixed": 2}]},
    {
        "code": "BRINGS", "trigger": "referral", "limits": [{"count": 3}],
        "benefits": [{"asset": "PTS", "fixed": 3, "to": "referrer"}],
    },
    {
        "code": "BUYS", "trigger": "referral_purchase",
        "benefits": [{"asset": "PTS", "fixed": 1}, {"asset": "PTS", "fixed": 5, "to": "referrer"}],
    },
    {
        "code": "WHEEL", "trigger": "draw_entry",
        "benefits": [{"asset": "PTS", "draw": {"cost": {"asset": "PTS", "amount": 3}, "fallback": "TEN", "prizes": [
            {"code": "GOLD", "asset": "LD", "weight": 9, "stock": 2}, {"code": "TEN", "amount": 10}]}}],
    },
    {
        "code": "CAR", "trigger": "product_purchase",
        "benefits": [{"asset": "PTS", "raffle": {
            "at": "2026-09-02T20:00", "tickets": 3, "prizes": [{"code": "CAR", "asset": "PTS", "amount": 1000}]}}],
    },
    {
        "code": "DAILY", "trigger": "check_in",
        "benefits": [{"asset": "PTS", "streak": {
            "steps": {1: 1, 2: 2, 3: 5}, "freeze": {"asset": "LD", "in_a_row": 2}}}],
    },
    {"code": "HELLO", "trigger": "registration", "benefits": [{"asset": "LD", "voucher": {"prefix": "HI-"}}]},
)  # fmt: skip
REWARDS: tuple[dict[str, Any], ...] = (
    {"code": "MUG", "stock": 5, "limit": {"count": 2, "every": "day"}},
    {"code": "CARD", "voucher": {"kind": "pool"}},
    {"code": "FILM", "send_validation_code": True, "stock": 5},
)
LEVELS = {
    "asset": "PTS",
    "window": "P1Y",
    "levels": [{"code": "BASIC"}, {"code": "SILVER", "threshold": 100, "redeem": "0.5"}],
}
FEW_AN_HOUR = {"name": "FEW", "per": "member", "every": "hour", "triggers": ["purchase"], "count": 4, "action": "hold"}


def catalogue() -> Catalogue:
    settings = msgspec.structs.replace(
        SETTINGS,
        tiers=msgspec.convert(LEVELS, Tiers),
        velocity=(msgspec.convert(FEW_AN_HOUR, VelocityRule),),
    )
    made = catalogue_of([promo_of(**promo) for promo in PROMOS], settings=settings)
    rewards = [msgspec.convert({"asset": "PTS", "price": 10, **item}, RewardItem) for item in REWARDS]
    return msgspec.structs.replace(
        made,
        rewards=tuple(StoredReward(reward_id=number, item=item) for number, item in enumerate(rewards, 1)),
        secrets=tuple(
            DrawSecret(promo_id=each.promo_id, round=1, secret=b"s" * 32)
            for each in made.promos
            if each.promo.code in ("WHEEL", "CAR")
        ),
    )


def said(name: str) -> dict[str, Any]:
    return {"dialect": Dialect.NATIVE, "action": "test", "identity": identity_of(name)}


def move(desk: Desk, kind: type, name: str, **of: Any) -> LoggedCommand:
    asset = {} if "target" in of or kind in (moves.Merge,) else {"asset": "PTS"}
    return desk.log_command(kind(**said(name), **asset, **of))


def paid(idr: int, **of: Any) -> Purchase:
    return Purchase(amount_minor=idr * 100, **of)


def script(desk: Desk) -> Iterator[None]:
    """Commands of every kind, a few at a time; where it yields, what was logged is decided."""
    desk.books.pools[desk.programme.rewards["CARD"].subject] = ["C-1", "C-2", "C-3"]
    # Earning: enrolment, lots or none, pending lots, budgets, caps of outlets and devices.
    desk.log("ann", paid(50), member_name="Ann")
    desk.log(
        "ann", paid(5, items=(Item(product="a", amount_minor=200, quantity=2), Item(product="b", amount_minor=300)))
    )
    yield
    desk.log("ann", paid(1, outlet="LATER"), paid(2, outlet="LATER"), member_name="Anna")
    desk.log("ann", paid(1, outlet="SHORT"))
    yield
    for _ in range(2):
        asked = Reward(**said("bob"), facts=(paid(4, outlet="CAP"),), install_id="phone", unique_install=True)
        desk.log_command(asked)
    yield
    # By hand, and what is spent of it.
    first = move(desk, moves.Grant, "ann", amount=60, expires="P5D")
    move(desk, moves.Grant, "ann", amount=20, active_after="PT2H")
    yield
    lines = (Item(product="a", amount_minor=3000), Item(product="b", amount_minor=4000))
    bought = desk.log("ann", paid(70, outlet="SHORT", items=lines))
    spent = move(desk, moves.Redeem, "ann", amount=35)
    move(desk, moves.Redeem, "ann", value_minor=300)
    yield
    desk.later(hours=3)
    move(desk, moves.Refund, "ann", target=spent.ticket, amount=11)
    yield
    move(desk, moves.Reverse, "ann", target=bought.ticket, parts=(moves.ReturnedPart(0, 1),))
    yield
    held = move(desk, moves.Hold, "ann", amount=20, expires_at=desk.now + timedelta(days=3))
    freed = move(desk, moves.Hold, "ann", amount=5)
    yield
    move(desk, moves.Capture, "ann", target=held.ticket, amount=15)
    yield
    move(desk, moves.Release, "ann", target=freed.ticket)
    move(desk, moves.Transfer, "ann", amount=12, to=identity_of("bob"))
    yield
    move(desk, moves.Adjust, "bob", amount=-500, below_zero=True)
    move(desk, moves.Adjust, "bob", amount=9, expires="P1D")
    yield
    desk.log("bob", paid(3), paid(2))
    yield
    # Rewards: stock and limit, a pool, a code to confirm, cancelled whole.
    mug = move(desk, moves.Redeem, "ann", reward="MUG")
    move(desk, moves.Redeem, "ann", reward="CARD")
    film = move(desk, moves.Redeem, "ann", reward="FILM")
    yield
    move(desk, moves.Refund, "ann", target=mug.ticket)
    move(desk, moves.Confirm, "ann", target=film.ticket, proof=b"wrong")
    yield
    code = validation_code_of(desk.processor._seed_of(film.ticket))
    move(desk, moves.Confirm, "ann", target=film.ticket, proof=proof_of(film.ticket, code))
    yield
    # Draws, raffles, check-ins.
    for name in ("ann", "ann", "dan"):
        desk.log(name, DrawEntry())
        desk.log(name, ProductPurchase(product="T", amount_minor=100))
    yield
    desk.log("ann", CheckIn(), Registration())
    yield
    desk.later(days=1)
    came = desk.log("ann", CheckIn())
    yield
    desk.later(days=2)
    move(desk, moves.Reverse, "ann", target=came.ticket)
    desk.log("ann", CheckIn())
    yield
    # Referrals: accepted, on a shared device, judged.
    for name, by in (("fay", "ann"), ("gus", "fay")):
        asked = Reward(
            **said(name),
            facts=(Registration(), Referral(referrer=identity_of(by))),
            install_id="one",
            unique_install=True,
        )
        desk.log_command(asked)
        yield
    yield
    yield
    for row in list(desk.books.held_rows.values()):
        about = {"dialect": Dialect.INTERNAL, "action": "test", "identity": links_of(PROGRAMME)}
        desk.log_command(Verdict(**about, target=row.claim, approved=True, actor="eve", note=""))
    yield
    desk.log("fay", ReferralPurchase(amount_minor=900), paid(2))
    yield
    # Too much too fast: held for review, approved and refused.
    for _ in range(6):
        desk.log("vic", paid(5))
    yield
    for number, row in enumerate(list(desk.books.held_command_rows.values())):
        verdict = {"target": row.ticket, "approved": number % 2 == 0, "actor": "eve", "note": "seen"}
        desk.log_command(Clearance(**{**said("vic"), "dialect": Dialect.INTERNAL}, **verdict))
    yield
    # Profiles and levels; what falls due; returns before their purchase; retries; mergers.
    desk.log_command(Profile(**said("vic"), tier="SILVER"), member_name="Vic")
    desk.log_command(Profile(**said("new"), attributes={"city": "Bandung"}))
    yield
    desk.later(days=8)
    due = {**said("ann"), "dialect": Dialect.INTERNAL}
    desk.log_command(moves.Activate(**due, asset="PTS", until=desk.now))
    desk.log_command(moves.Notice(**due, asset="PTS", since=desk.now, until=desk.now + timedelta(days=300), days=7))
    desk.log_command(moves.Expire(**due, asset="PTS", until=desk.now))
    yield
    desk.later(days=500)
    desk.log_command(moves.Review(**{**said("vic"), "dialect": Dialect.INTERNAL}, until=desk.now))
    yield
    move(desk, moves.Reverse, "ann", target=first.ticket[:-1] + b"\0")
    yield
    for row in list(desk.books.parked.values()):
        target = desk.books.log[row.bucket][row.position - 1]
        desk.log_command(Resume(**{**said("ann"), "dialect": Dialect.INTERNAL}, ticket=target.ticket))
    yield
    move(desk, moves.Merge, "bob", into=identity_of("ann"))
    yield
    yield
    desk.log("bob", paid(6))
    desk.log_bytes(identity_of("ann"), b"not a command")
    yield
