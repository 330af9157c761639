"""Redeeming rewards in memory: each reason why not, stock, limits, vouchers, the validation code, cancelling whole."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from accrual.domain.commands import Dialect, LoggedCommand
from accrual.domain.movements import Capture, Confirm, Grant, Hold, Redeem, Refund, Release
from accrual.domain.native import NativeCommand, WrittenIdentity
from accrual.domain.native_moves import MoveRedeem
from accrual.domain.outcomes import Outcome
from accrual.domain.programme import Catalogue, Client, Outlet, StoredClient
from accrual.domain.rewards import RewardItem, StoredReward, proof_of, subject_of
from accrual.domain.tiers import Tiers
from accrual.domain.transfers import Kind
from accrual.engine import load as loading
from accrual.engine.translate_moves import to_move
from accrual.rules.compile import compile_programme
from accrual.rules.rewards import stock_key, validation_code_of
from tests.desk import PROGRAMME, SETTINGS, START, Desk, catalogue_of, identity_of, member_of


def catalogue(*items: dict[str, Any], settings: Any = SETTINGS) -> Catalogue:
    rewards = [msgspec.convert({"asset": "PTS", "price": 10, **item}, RewardItem) for item in items]
    stored = tuple(StoredReward(reward_id=number, item=item) for number, item in enumerate(rewards, 1))
    return msgspec.structs.replace(catalogue_of((), settings=settings), rewards=stored)


class Counter:
    """A desk with members who redeem."""

    def __init__(self, *items: dict[str, Any], settings: Any = SETTINGS, buckets: int = 4) -> None:
        self.desk = Desk(catalogue(*items, settings=settings), buckets=buckets)
        self.books = self.desk.books

    def log(self, kind: type, who: str, **more: Any) -> LoggedCommand:
        said = {"dialect": Dialect.NATIVE, "action": "test", "identity": identity_of(who)}
        return self.desk.log_command(kind(**said, **more))

    async def ask(self, kind: type, who: str = "ann", **more: Any) -> Outcome:
        command = self.log(kind, who, **more)
        await self.desk.decide_all()
        return self.books.outcome(command)

    async def give(self, who: str, amount: int) -> None:
        await self.ask(Grant, who, asset="PTS", amount=amount)

    async def redeem(self, reward: str = "MUG", who: str = "ann", **more: Any) -> Outcome:
        return await self.ask(Redeem, who, reward=reward, **more)

    def held(self, who: str = "ann") -> int:
        held: int | None = None
        for cell in (self.desk.state.members[member_of(who)],):
            held = cell.accounts[1, 0].held
        return held or 0

    def stock_left(self, code: str = "MUG", reward_id: int = 1, cap: int = 2) -> int:
        key = stock_key(reward_id, subject_of(PROGRAMME, code), cap)
        return self.books.stocks.get(key, cap)

    def code_for(self, ticket: bytes) -> str:
        return validation_code_of(self.desk.processor._seed_of(ticket))


def reasons(outcome: Outcome) -> list[str]:
    return [declined.reason for declined in outcome.declines]


async def test_reward_costs_its_price_and_says_what_was_had() -> None:
    at = Counter({"code": "MUG", "price": 30, "stock": 2, "limit": {"count": 1, "every": "day"}, "voucher": {}})
    await at.give("ann", 100)
    outcome = await at.redeem()
    (booked,) = outcome.booked
    assert (booked.kind, booked.amount, outcome.declines) == (Kind.REDEEM, -30, ())
    told = booked.details or {}
    assert (told["reward"], told["price"], told["stock"]) == ("MUG", 30, 2)
    assert len(told["voucher"]) == 12
    assert (at.books.balance("ann"), at.stock_left()) == (70, 1)
    assert outcome.stocks == ((-1, 0, 0, 2),)


@pytest.mark.parametrize(
    ("item", "more", "reason"),
    [
        ({"code": "PEN"}, {}, "reward_unknown"),
        ({"active": False}, {}, "reward_inactive"),
        ({"window": {"from": "2026-04-01T00:00"}}, {}, "reward_not_started"),
        ({"window": {"until": "2026-03-01T10:00"}}, {}, "reward_over"),
        ({"outlets": ["O1"]}, {"outlet": "O2"}, "reward_not_here"),
        ({"outlets": ["O1"]}, {}, "reward_not_here"),
        ({"stock": 0}, {}, "out_of_stock"),
        ({"voucher": {"kind": "pool"}}, {}, "out_of_stock"),
        ({"price": 101}, {}, "insufficient_points"),
    ],
)
async def test_what_stands_in_the_way_is_said_and_nothing_is_taken(
    item: dict[str, Any], more: dict[str, Any], reason: str
) -> None:
    at = Counter({"code": "MUG", **item})
    await at.give("ann", 100)
    outcome = await at.redeem(**more)
    assert (reasons(outcome), outcome.booked) == ([reason], ())
    assert at.books.balance("ann") == 100
    assert not at.books.postings[-1].quotas and not at.books.postings[-1].counters


async def test_window_is_judged_when_it_happened_and_its_end_is_outside() -> None:
    at = Counter({"code": "MUG", "window": {"from": "2026-02-01T00:00", "until": "2026-03-01T00:00", "zone": "UTC"}})
    await at.give("ann", 100)
    end = datetime(2026, 3, 1, tzinfo=UTC)
    assert reasons(await at.redeem(occurred_at=end)) == ["reward_over"]
    assert reasons(await at.redeem(occurred_at=end - timedelta(microseconds=1))) == []
    assert reasons(await at.redeem(occurred_at=datetime(2026, 1, 31, tzinfo=UTC))) == ["reward_not_started"]


async def test_here_it_can_be_had() -> None:
    at = Counter({"code": "MUG", "outlets": ["O1", "O2"]})
    await at.give("ann", 100)
    assert reasons(await at.redeem(outlet="O2")) == []


async def test_level_decides_from_which_balance_on() -> None:
    tiers = msgspec.convert({"asset": "PTS", "levels": [{"code": "basic", "redeem_from": 50}]}, Tiers)
    at = Counter({"code": "MUG"}, settings=msgspec.structs.replace(SETTINGS, tiers=tiers))
    await at.give("ann", 49)
    assert reasons(await at.redeem()) == ["below_threshold"]
    await at.give("ann", 1)
    assert reasons(await at.redeem()) == []


async def test_limit_of_a_member_counts_within_its_period_only() -> None:
    at = Counter({"code": "MUG", "limit": {"count": 2, "every": "day"}})
    await at.give("ann", 100)
    await at.give("bob", 100)
    assert [reasons(await at.redeem()) for _ in range(3)] == [[], [], ["limit_reached"]]
    assert reasons(await at.redeem(who="bob")) == []
    at.desk.state.forget()
    refused = await at.redeem()
    assert refused.declines[0].details == {
        "limit": 2,
        "used": 2,
        "every": "day",
        "per": "member",
        "by": "redemptions",
    }
    at.desk.now += timedelta(days=1)
    assert reasons(await at.redeem()) == []


async def test_stock_is_never_passed_within_a_batch_and_each_gets_one() -> None:
    at = Counter({"code": "MUG", "stock": 2})
    for who in ("ann", "bob", "eve", "joe"):
        at.log(Grant, who, asset="PTS", amount=10)
    commands = [at.log(Redeem, who, reward="MUG") for who in ("ann", "bob", "eve", "joe")]
    await at.desk.decide_all()
    said = [reasons(at.books.outcome(command)) for command in commands]
    assert sorted(said) == [[], [], ["out_of_stock"], ["out_of_stock"]]
    assert at.stock_left() == 0


async def test_generated_codes_are_the_same_on_a_replay_and_all_different() -> None:
    async def play() -> list[str]:
        at = Counter({"code": "MUG", "price": 1, "voucher": {"prefix": "MUG-"}})
        await at.give("ann", 200)
        outcomes = [await at.redeem() for _ in range(200)]
        return [str((outcome.booked[0].details or {})["voucher"]) for outcome in outcomes]

    codes = await play()
    assert codes == await play()
    assert len(set(codes)) == 200
    assert all(code.startswith("MUG-") and len(code) == 16 for code in codes)


async def test_codes_of_a_pool_are_given_in_order_until_there_are_none() -> None:
    at = Counter({"code": "MUG", "price": 1, "voucher": {"kind": "pool"}})
    at.books.pools[subject_of(PROGRAMME, "MUG")] = ["A", "B", "C"]
    await at.give("ann", 10)
    commands = [at.log(Redeem, "ann", reward="MUG") for _ in range(2)]
    await at.desk.decide_all()
    outcomes = [*(at.books.outcome(command) for command in commands), await at.redeem(), await at.redeem()]
    assert [(o.booked[0].details or {}).get("voucher") for o in outcomes if o.booked] == ["A", "B", "C"]
    assert reasons(outcomes[-1]) == ["out_of_stock"]


async def test_codes_of_a_pool_are_given_once_to_members_that_one_batch_loads_apart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(loading, "AHEAD", 1)
    at = Counter({"code": "MUG", "price": 2, "voucher": {"kind": "pool"}})
    at.books.pools[subject_of(PROGRAMME, "MUG")] = list("ABCDEFG")
    names = [f"m{number}" for number in range(9)]
    for name in names:
        await at.give(name, 2 if name != "m4" else 1)  # who cannot pay takes no code
    commands = [at.log(Redeem, name, reward="MUG") for name in reversed(names)]
    await at.desk.decide_all()
    outcomes = [at.books.outcome(command) for command in commands]
    given = [(o.booked[0].details or {}).get("voucher") for o in outcomes if o.booked]
    assert sorted(map(str, given)) == list("ABCDEFG")
    assert sorted(reasons(o)[0] for o in outcomes if not o.booked) == ["insufficient_points", "out_of_stock"]


async def test_cancel_gives_back_points_stock_and_use_of_the_limit_once() -> None:
    at = Counter({"code": "MUG", "stock": 2, "limit": {"count": 1}, "voucher": {}})
    await at.give("ann", 10)
    command = at.log(Redeem, "ann", reward="MUG")
    await at.desk.decide_all()
    voucher = (at.books.outcome(command).booked[0].details or {})["voucher"]
    assert reasons(await at.redeem()) == ["limit_reached"]
    cancelled = await at.ask(Refund, target=command.ticket)
    told = cancelled.booked[-1].details or {}
    assert (told["reward"], told["voucher"], told["cancelled"]) == ("MUG", voucher, True)
    assert (at.books.balance("ann"), at.stock_left()) == (10, 2)
    assert reasons(await at.ask(Refund, target=command.ticket)) == ["already_refunded"]
    assert at.stock_left() == 2
    again = await at.redeem()
    assert (again.booked[0].details or {})["voucher"] != voucher


@pytest.mark.parametrize("part", [{"amount": 4}, {"value_minor": 1_000}])
async def test_part_of_a_reward_is_not_given_back(part: dict[str, int]) -> None:
    at = Counter({"code": "MUG", "stock": 2})
    await at.give("ann", 10)
    command = at.log(Redeem, "ann", reward="MUG")
    await at.desk.decide_all()
    assert reasons(await at.ask(Refund, target=command.ticket, **part)) == ["reward_in_part"]
    assert (at.books.balance("ann"), at.stock_left()) == (0, 1)
    assert reasons(await at.ask(Refund, target=command.ticket, amount=10)) == []
    assert at.stock_left() == 2


async def test_code_of_a_pool_that_was_cancelled_is_not_given_again() -> None:
    at = Counter({"code": "MUG", "voucher": {"kind": "pool"}})
    at.books.pools[subject_of(PROGRAMME, "MUG")] = ["A", "B"]
    await at.give("ann", 10)
    command = at.log(Redeem, "ann", reward="MUG")
    await at.desk.decide_all()
    await at.ask(Refund, target=command.ticket)
    assert ((await at.redeem()).booked[0].details or {})["voucher"] == "B"


async def test_redemption_made_without_a_stock_gives_none_back() -> None:
    at = Counter({"code": "MUG"})
    await at.give("ann", 10)
    command = at.log(Redeem, "ann", reward="MUG")
    await at.desk.decide_all()
    at.desk.programme = compile_programme(catalogue({"code": "MUG", "stock": 2}))
    await at.ask(Refund, target=command.ticket)
    assert at.stock_left() == 2


WITH_CODE = {
    "code": "MUG",
    "name": "A mug",
    "stock": 2,
    "limit": {"count": 1},
    "voucher": {},
    "send_validation_code": True,
    "code_valid_for": "PT10M",
}


async def waiting_redemption(at: Counter) -> tuple[LoggedCommand, str]:
    await at.give("ann", 10)
    command = at.log(Redeem, "ann", reward="MUG")
    await at.desk.decide_all()
    return command, at.code_for(command.ticket)


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06d}"


async def confirm(at: Counter, command: LoggedCommand, code: str) -> Outcome:
    return await at.ask(Confirm, target=command.ticket, proof=proof_of(command.ticket, code))


async def test_code_goes_out_once_by_the_outbox_and_stands_nowhere_else() -> None:
    at = Counter(WITH_CODE)
    command, code = await waiting_redemption(at)
    (event,) = at.books.postings[-1].outbox
    said = json.loads(event.payload)
    assert (event.kind, said["code"], said["reward"]) == ("reward.validation_code", code, "MUG")
    assert said["member"] == {"kind": "name", "value": "ann", "name": None}
    assert said["expires_at"] == "2026-03-01T03:10:00Z"
    outcome = at.books.outcome(command)
    assert len(code) == 6 and code.isdigit()
    assert code.encode() not in at.books.postings[-1].outcomes[-1].payload
    assert (outcome.booked[0].kind, (outcome.booked[0].details or {})["awaits_code"]) == (Kind.HOLD, True)
    assert (at.books.balance("ann"), at.held(), at.stock_left()) == (10, 10, 1)


async def test_right_code_completes_the_redemption_with_its_voucher() -> None:
    at = Counter(WITH_CODE)
    command, code = await waiting_redemption(at)
    outcome = await confirm(at, command, code)
    told = outcome.booked[-1].details or {}
    assert (outcome.declines, outcome.booked[-1].amount, told["reward"]) == ((), -10, "MUG")
    assert len(told["voucher"]) == 12 and "awaits_code" not in told
    assert (at.books.balance("ann"), at.held(), at.stock_left()) == (0, 0, 1)
    assert reasons(await confirm(at, command, code)) == ["hold_resolved"]
    assert at.books.postings[-1].outbox == []


async def test_confirmed_redemption_is_cancelled_by_the_ticket_that_confirmed_it() -> None:
    at = Counter(WITH_CODE)
    command, code = await waiting_redemption(at)
    done = at.log(Confirm, "ann", target=command.ticket, proof=proof_of(command.ticket, code))
    await at.desk.decide_all()
    assert reasons(await at.ask(Refund, target=command.ticket)) == ["redemption_unknown"]
    assert reasons(await at.ask(Refund, target=done.ticket)) == []
    assert (at.books.balance("ann"), at.stock_left()) == (10, 2)
    assert reasons(await at.redeem()) == []


async def test_fifth_wrong_code_lets_go_of_everything() -> None:
    at = Counter(WITH_CODE)
    command, code = await waiting_redemption(at)
    said = [await confirm(at, command, wrong(code)) for _ in range(5)]
    assert [reasons(outcome) for outcome in said] == [["code_wrong"]] * 4 + [["code_wrong_too_often"]]
    assert [outcome.declines[0].details for outcome in said] == [
        {"left": 4},
        {"left": 3},
        {"left": 2},
        {"left": 1},
        {"tries": 5},
    ]
    assert (at.books.balance("ann"), at.held(), at.stock_left()) == (10, 0, 2)
    assert reasons(await confirm(at, command, code)) == ["hold_resolved"]
    assert reasons(await at.redeem()) == []


async def test_wrong_codes_sent_at_once_are_counted_one_by_one() -> None:
    at = Counter(WITH_CODE)
    command, code = await waiting_redemption(at)
    proof = proof_of(command.ticket, wrong(code))
    tries = [at.log(Confirm, "ann", target=command.ticket, proof=proof) for _ in range(5)]
    assert reasons(await confirm(at, command, code)) == ["hold_resolved"]
    said = [reasons(at.books.outcome(each)) for each in tries]
    assert said == [["code_wrong"]] * 4 + [["code_wrong_too_often"]]
    assert (at.books.balance("ann"), at.held(), at.stock_left()) == (10, 0, 2)


async def test_code_that_comes_too_late_lets_go() -> None:
    at = Counter(WITH_CODE)
    command, code = await waiting_redemption(at)
    at.desk.now = START + timedelta(minutes=10)
    assert reasons(await confirm(at, command, code)) == ["hold_expired"]
    assert (at.books.balance("ann"), at.held(), at.stock_left()) == (10, 0, 2)


@pytest.mark.parametrize("timed_out", [True, False])
async def test_release_gives_stock_and_limit_back(timed_out: bool) -> None:
    at = Counter(WITH_CODE)
    command, _ = await waiting_redemption(at)
    assert reasons(await at.ask(Release, target=command.ticket, timed_out=timed_out)) == []
    assert (at.books.balance("ann"), at.held(), at.stock_left()) == (10, 0, 2)
    assert reasons(await at.redeem()) == []


@pytest.mark.parametrize(("written", "expected"), [(None, "O1"), ("O2", "O2"), ("front till", "O3")])
def test_redemption_happens_at_the_clients_outlet_unless_it_names_one(written: str | None, expected: str) -> None:
    till = Client(code="till", rights=("submit", "points"), default_outlet="O1")
    client = StoredClient(client_id=1, programme_id=PROGRAMME, client=till, key_digest=None)
    move = MoveRedeem(reward="MUG", outlet=written)
    native = NativeCommand(member=WrittenIdentity(kind="name", value="ann"), move=move)
    outlets = (Outlet(code="O3", aliases={"till": ("front till",), "other": ("O2",)}),)
    here = msgspec.structs.replace(catalogue({"code": "MUG"}), outlets=outlets)
    made = to_move(native, move, client=client, catalogue=here, buckets=4)
    assert made.outlet == expected


async def test_hold_of_a_reward_cannot_be_captured_without_its_code() -> None:
    at = Counter(WITH_CODE)
    command, _ = await waiting_redemption(at)
    assert reasons(await at.ask(Capture, target=command.ticket)) == ["code_needed"]
    assert (at.books.balance("ann"), at.held()) == (10, 10)


async def test_plain_hold_is_captured_as_ever_and_has_no_code_to_confirm() -> None:
    at = Counter(WITH_CODE)
    await at.give("ann", 10)
    held = at.log(Hold, "ann", asset="PTS", amount=4)
    await at.desk.decide_all()
    assert reasons(await confirm(at, held, "000000")) == ["hold_unknown"]
    assert reasons(await at.ask(Capture, target=held.ticket)) == []
    assert at.books.balance("ann") == 6


@pytest.mark.parametrize("buckets", [1, 64])
async def test_code_of_one_member_confirms_nothing_of_another(buckets: int) -> None:
    at = Counter(WITH_CODE, buckets=buckets)
    command, code = await waiting_redemption(at)
    await at.give("bob", 10)
    outcome = await at.ask(Confirm, "bob", target=command.ticket, proof=proof_of(command.ticket, code))
    assert reasons(outcome) == ["hold_unknown"]
    assert at.held() == 10


async def test_empty_pool_at_the_confirmation_lets_go() -> None:
    at = Counter({**WITH_CODE, "stock": None, "voucher": {"kind": "pool"}}, {"code": "PEN"})
    subject = subject_of(PROGRAMME, "MUG")
    at.books.pools[subject] = ["A"]
    command, code = await waiting_redemption(at)
    at.books.given[subject] = [1]
    assert reasons(await confirm(at, command, code)) == ["out_of_stock"]
    assert (at.books.balance("ann"), at.held()) == (10, 0)
