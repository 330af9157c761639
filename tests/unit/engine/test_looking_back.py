"""Many commands about earlier ones in one batch: decided as they are one by one, with one read a relation."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from accrual.domain import movements as moves
from accrual.domain.commands import Command, Dialect, LoggedCommand, Resume, Reward
from accrual.domain.facts import CheckIn, Item, Purchase, ReferralPurchase
from accrual.domain.ids import bucket_of, ticket_of
from accrual.domain.outcomes import Status
from accrual.domain.programme import Catalogue
from accrual.domain.rewards import RewardItem, StoredReward, proof_of, subject_of
from accrual.domain.transfers import Kind
from accrual.engine import load
from accrual.rules.rewards import validation_code_of
from tests.desk import CLIENT, PROGRAMME, START, Books, Desk, catalogue_of, identity_of, member_of, promo_of

MANY = 200
READS_MAX = 16
"""One read a relation: members, balances, lots, targets, what was undone of them, counters and their like."""

BASE = {"code": "BASE", "trigger": "purchase", "benefits": [{"asset": "PTS", "points_per": {"every": "1 IDR"}}]}
DAILY = {
    "code": "DAILY", "trigger": "purchase", "limits": [{"count": 3, "per": "member", "every": "day"}],
    "benefits": [{"asset": "LD", "fixed": 2, "expires": "P2D"}],
}  # fmt: skip
LATER = {
    "code": "LATER", "trigger": "purchase",
    "benefits": [{"asset": "PTS", "fixed": 7, "active_after": "P1D", "expires": "P3D"}],
}  # fmt: skip
FRIEND = {
    "code": "FRIEND", "trigger": "referral_purchase",
    "benefits": [{"asset": "PTS", "points_per": {"every": "1 IDR"}, "to": "referrer"}],
}  # fmt: skip
DAYS = {
    "code": "DAYS", "trigger": "check_in",
    "benefits": [{"asset": "PTS", "streak": {"steps": {1: 1, 2: 2, 3: 4}, "after_last": "restart"}}],
}  # fmt: skip
MUG = {"code": "MUG", "name": "Mug", "asset": "PTS", "price": 10, "stock": 5, "limit": {"count": 4, "every": "day"}}
CUP = {**MUG, "code": "CUP", "send_validation_code": True, "code_valid_for": "PT10M", "voucher": {"kind": "pool"}}


class CountingBooks(Books):
    """Books that count how often each kind of thing is read."""

    reads: Counter[str]

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        if name in READ:
            object.__getattribute__(self, "reads")[name] += 1
        return found


READ = {
    *("look_up", "marked", "links", "balances", "counters", "fetch_shares", "quotas", "reward_codes", "draw_heads"),
    *(
        "profiles",
        "history",
        "earned",
        "parked_facts",
        "lots",
        "targets",
        "undone",
        "holds",
        "awaiting",
        "held_commands",
    ),
}


def catalogue(*promos: dict[str, Any]) -> Catalogue:
    rewards = [msgspec.convert(item, RewardItem) for item in (MUG, CUP)]
    stored = tuple(StoredReward(reward_id=number, item=item) for number, item in enumerate(rewards, 1))
    return msgspec.structs.replace(catalogue_of([promo_of(**promo) for promo in promos]), rewards=stored)


def counting_desk(*promos: dict[str, Any], buckets: int = 1) -> Desk:
    desk = Desk(catalogue(*(promos or (BASE,))), buckets=buckets)
    desk.books = CountingBooks(buckets=buckets)
    desk.books.reads = Counter()
    return desk


def said(name: str) -> dict[str, Any]:
    return {"dialect": Dialect.NATIVE, "action": "test", "identity": identity_of(name)}


def purchase(name: str, amount: int = 1_000) -> Reward:
    return Reward(**said(name), facts=(Purchase(amount_minor=amount),))


def back(name: str, of: LoggedCommand) -> moves.Reverse:
    return moves.Reverse(**said(name), target=of.ticket)


async def decide_counted(desk: Desk) -> tuple[int, int]:
    """(batches, reads) until nothing waits."""
    before, reads = len(desk.books.postings), desk.books.reads
    reads.clear()
    await desk.decide_all()
    return len(desk.books.postings) - before, sum(reads.values())


async def test_returns_of_one_purchase_are_one_batch_and_one_read_a_relation() -> None:
    desk = counting_desk()
    bought = desk.log_command(purchase("ann"))
    await desk.decide_all()
    returns = [desk.log_command(back("ann", bought)) for _ in range(MANY)]
    batches, reads = await decide_counted(desk)
    assert batches == 1 and reads <= READS_MAX
    answers = [desk.books.outcome(each) for each in returns]
    assert not answers[0].declines
    assert [[d.reason for d in answer.declines] for answer in answers[1:]] == [["already_returned"]] * (MANY - 1)
    assert desk.books.balance("ann") == 0


async def test_returns_of_as_many_purchases_are_one_batch_and_one_read_a_relation() -> None:
    desk = counting_desk(BASE, DAILY)
    bought = [desk.log_command(purchase("ann")) for _ in range(MANY)]
    await desk.decide_all()
    desk.forget()
    for each in bought:
        desk.log_command(back("ann", each))
    batches, reads = await decide_counted(desk)
    assert batches == 1 and reads <= READS_MAX
    assert desk.books.balance("ann") == 0


async def test_purchases_and_their_returns_are_one_batch_in_whatever_order() -> None:
    desk = counting_desk(BASE, DAILY)
    for _ in range(MANY // 2):
        desk.log_command(back("ann", desk.log_command(purchase("ann"))))
    batches, reads = await decide_counted(desk)
    assert batches == 1 and reads <= READS_MAX
    assert desk.books.balance("ann") == desk.books.balance("ann", asset_id=2) == 0


async def test_holds_and_what_ends_them_are_one_batch() -> None:
    desk = counting_desk()
    desk.log_command(moves.Grant(**said("ann"), asset="PTS", amount=MANY))
    for number in range(MANY):
        hold = desk.log_command(moves.Hold(**said("ann"), asset="PTS", amount=1))
        ends = moves.Capture if number % 2 else moves.Release
        desk.log_command(ends(**said("ann"), target=hold.ticket))
    batches, reads = await decide_counted(desk)
    assert batches == 1 and reads <= READS_MAX
    assert (desk.books.balance("ann"), desk.books.held("ann")) == (MANY // 2, 0)


async def test_redemptions_and_their_refunds_are_one_batch() -> None:
    desk = counting_desk()
    desk.log_command(moves.Grant(**said("ann"), asset="PTS", amount=10))
    for _ in range(MANY):
        redeemed = desk.log_command(moves.Redeem(**said("ann"), asset="PTS", amount=10))
        desk.log_command(moves.Refund(**said("ann"), target=redeemed.ticket))
    batches, reads = await decide_counted(desk)
    assert batches == 1 and reads <= READS_MAX
    assert desk.books.balance("ann") == 10


async def test_returns_before_their_purchases_wait_and_are_tried_again_in_one_batch() -> None:
    desk = counting_desk()
    bucket = bucket_of(member_of("ann"), 1)
    for number in range(MANY):
        ticket = ticket_of(PROGRAMME, CLIENT, member_of("ann"), b"p%d" % number, bucket)
        desk.log_command(moves.Reverse(**said("ann"), target=ticket))
    batches, reads = await decide_counted(desk)
    assert batches == 1 and reads <= READS_MAX and len(desk.books.parked) == MANY
    for number in range(MANY):
        desk.log_command(purchase("ann"), key=b"p%d" % number)
    batches, reads = await decide_counted(desk)
    assert batches == 2 and reads <= 2 * READS_MAX  # the purchases, then the returns that they woke
    assert desk.books.balance("ann") == 0 and len(desk.books.resumed) == MANY


async def test_retries_of_parked_commands_are_read_for_together() -> None:
    desk = counting_desk()
    broken = [desk.log_bytes(identity_of("ann"), b"nonsense") for _ in range(MANY)]
    await desk.decide_all()
    for each in broken:
        desk.log_command(Resume(**said("ann"), ticket=each.ticket))
    batches, reads = await decide_counted(desk)
    assert batches == 1 and reads <= READS_MAX


async def test_mergers_into_one_member_are_one_batch_on_each_side() -> None:
    desk = counting_desk()
    names = [f"m{number}" for number in range(MANY)]
    for name in names:
        desk.log_command(purchase(name))
    await desk.decide_all()
    for name in names:
        desk.log_command(moves.Merge(**said(name), into=identity_of("ann")))
    batches, reads = await decide_counted(desk)
    assert batches == 2 and reads <= 2 * READS_MAX
    assert desk.books.balance("ann") == MANY * 10


@pytest.mark.parametrize(("ahead", "expected"), [(1_024, 1), (1, 2)])
async def test_return_that_is_read_for_before_its_target_in_another_bucket_is_decided_waits_a_batch(
    ahead: int, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load, "AHEAD", ahead)
    desk = counting_desk(buckets=8)
    names = sorted(("ann", "bob", "eve", "joe", "kim"), key=lambda name: bucket_of(member_of(name), 8))
    first, last = names[0], names[-1]
    assert bucket_of(member_of(first), 8) < bucket_of(member_of(last), 8)
    wrong = desk.log_command(back(last, desk.log_command(purchase(first))))
    batches, _ = await decide_counted(desk)
    assert batches == expected
    assert [decline.reason for decline in desk.books.outcome(wrong).declines] == ["purchase_unknown"]


NAMES = ("ann", "bob", "eve")


class History:
    """Random commands of three members about each other's and their own earlier and later ones, as (ask, key, delay in hours)."""

    def __init__(self, seed: int, buckets: int) -> None:
        self._rng = random.Random(seed)
        self._buckets = buckets
        self._named: list[tuple[str, bytes]] = []
        self.steps: list[tuple[Command, bytes, int]] = []
        for number in range(70):
            key, name = b"h%d" % number, self._rng.choice(NAMES)
            ticket = ticket_of(PROGRAMME, CLIENT, member_of(name), key, bucket_of(member_of(name), buckets))
            self._named.append((name, ticket))
        for number, (name, _) in enumerate(self._named):
            make = self._rng.choice(self._makers())
            self.steps.append((make(name, number), b"h%d" % number, self._rng.choice((0, 0, 0, 1, 30))))

    def _makers(self) -> list[Callable[[str, int], Command]]:
        return [
            *[self._purchase] * 6,
            *[self._check_in] * 2,
            *[self._friend] * 1,
            lambda name, _: moves.Grant(**said(name), asset="PTS", amount=25, expires="P1D"),
            *[lambda name, _: moves.Redeem(**said(name), asset="PTS", amount=self._rng.randint(1, 12))] * 2,
            *[lambda name, _: moves.Redeem(**said(name), reward=self._rng.choice(("MUG", "CUP")))] * 3,
            *[self._reverse] * 6,
            *[self._refund] * 3,
            *[lambda name, _: moves.Hold(**said(name), asset="PTS", amount=self._rng.randint(1, 9))] * 2,
            *[lambda name, n: moves.Capture(**said(name), target=self._target(name, n, moves.Hold))] * 2,
            *[lambda name, n: moves.Release(**said(name), target=self._target(name, n, moves.Hold))] * 2,
            *[self._confirm] * 3,
            lambda name, _: moves.Transfer(
                **said(name), asset="PTS", amount=3, to=identity_of(self._rng.choice(NAMES))
            ),
            lambda name, _: moves.Expire(**said(name), asset="PTS", until=START + timedelta(hours=5)),
            *([self._merge] if self._rng.random() < 0.3 else []),
        ]

    def _target(self, name: str, number: int, *kinds: type) -> bytes:
        """Mostly a fitting earlier command of the same member; sometimes a later one, or another member's."""
        made = enumerate(self.steps)
        fitting = [self._named[n][1] for n, (ask, _, _) in made if isinstance(ask, kinds) and self._named[n][0] == name]
        if fitting and self._rng.random() < 0.8:
            return self._rng.choice(fitting[-4:])
        near = self._named[max(0, number - 14) : number + 4]
        return self._rng.choice(
            [ticket for who, ticket in near if who == name or self._rng.random() < 0.1] or [near[0][1]]
        )

    def _purchase(self, name: str, _: int) -> Command:
        items = tuple(Item(product=f"p{n}", quantity=self._rng.randint(1, 3), amount_minor=900) for n in range(2))
        return Reward(**said(name), facts=(Purchase(amount_minor=2_000, items=items),))

    def _check_in(self, name: str, _: int) -> Command:
        return Reward(**said(name), facts=(CheckIn(),))

    def _friend(self, name: str, _: int) -> Command:
        fact = ReferralPurchase(amount_minor=500, referrer=identity_of(self._rng.choice(NAMES)))
        return Reward(**said(name), facts=(fact,))

    def _reverse(self, name: str, number: int) -> Command:
        parts = self._rng.choice(
            ((), (moves.ReturnedPart(0),), (moves.ReturnedPart(0, 0, 1),), (moves.ReturnedPart(0, 1),))
        )
        return moves.Reverse(**said(name), target=self._target(name, number, Reward), parts=parts)

    def _refund(self, name: str, number: int) -> Command:
        return moves.Refund(
            **said(name), target=self._target(name, number), amount=self._rng.choice((None, None, 1, 4))
        )

    def _confirm(self, name: str, number: int) -> Command:
        target = self._target(name, number, moves.Redeem)
        return moves.Confirm(**said(name), target=target, proof=target if self._rng.random() < 0.2 else b"right")

    def _merge(self, name: str, _: int) -> Command:
        return moves.Merge(**said(name), into=identity_of(self._rng.choice(NAMES)))


async def decided(history: History, rows_max: int | None, *, buckets: int, forgetful: bool) -> Desk:
    desk = Desk(catalogue(BASE, DAILY, LATER, FRIEND, DAYS), buckets=buckets)
    desk.books.pools[subject_of(PROGRAMME, "CUP")] = [f"code-{n}" for n in range(4)]
    for ask, key, hours in history.steps:
        if isinstance(ask, moves.Confirm) and ask.proof == b"right":
            code = validation_code_of(desk.processor._seed_of(ask.target))
            ask = msgspec.structs.replace(ask, proof=proof_of(ask.target, code))
        desk.log_command(ask, key=key)
        desk.later(hours=hours)
    while any(desk.books.waiting(bucket) for bucket in desk.books.log):
        if forgetful:
            desk.forget()
        wanted = {b: rows_max or len(desk.books.log[b]) for b in desk.books.log if desk.books.waiting(b)}
        await desk.decide_batch(wanted)
    return desk


def kept(desk: Desk) -> dict[str, Any]:
    """All that a database would hold but for netted lines, which are one a batch."""
    books = desk.books
    return {
        "outcomes": {place: (row.status, row.payload) for place, row in books.outcomes.items()},
        "lines": sorted(line for line in books.lines if line.covers_from is None),
        "uses": sorted(books.lot_uses),
        "undone": sorted(books.undone_rows),
        "holds": books.hold_rows,
        "log": {bucket: [(c.ticket, c.facts) for c in log] for bucket, log in books.log.items()},
        "parked": sorted((place, row.error) for place, row in books.parked.items()),
        "resumed": books.resumed,
        "counts": {key: value for key, value in books.counts.items() if value},
        "people": {member: row._replace(name=None) for member, row in books.people.items()},
        "given": books.given,
        "stocks": books.stocks,
    }


@pytest.mark.parametrize("seed", range(30))
async def test_any_history_is_decided_in_one_batch_as_one_by_one(seed: int) -> None:
    history = History(seed, 1)
    one_by_one = await decided(history, 1, buckets=1, forgetful=bool(seed % 2))
    together = await decided(history, None, buckets=1, forgetful=False)
    expected, found = kept(one_by_one), kept(together)
    for table, rows in expected.items():
        assert found[table] == rows, table
    assert len(together.books.postings) < 8


async def test_histories_meet_what_they_are_about() -> None:
    """What the histories above decide is not all refusals."""
    met: Counter[str] = Counter()
    for seed in range(20):
        desk = await decided(History(seed, 1), None, buckets=1, forgetful=False)
        for log in desk.books.log.values():
            for command in log:
                outcome = desk.books.outcome(command)
                met.update(decline.reason for decline in outcome.declines)
                met.update(f"kind {int(booked.kind)}" for booked in outcome.booked)
                met[Status(outcome.status).name] += 1
    kinds = {
        f"kind {int(kind)}"
        for kind in (Kind.REDEEM, Kind.REFUND, Kind.REVERSE, Kind.HOLD, Kind.RELEASE, Kind.EXPIRE, Kind.MERGE)
    }
    assert kinds | {"PARKED", "FORWARDED"} <= met.keys()
    assert {"already_returned", "more_than_bought", "hold_resolved", "code_needed"} <= met.keys()
