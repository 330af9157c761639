"""Amounts and moments beyond the bounds are refused at every edge, and no promo's excess stops another, or another member."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from accrual.api.dialects.dates import read_date
from accrual.api.native.moments import read_moment
from accrual.domain.accounts import Role
from accrual.domain.bounds import FIRST_MOMENT, LAST_MOMENT
from accrual.domain.commands import Dialect, Reward, Submission
from accrual.domain.errors import Invalid, Refused
from accrual.domain.facts import Item, Purchase, Trigger
from accrual.domain.ids import is_member_account, system_account_id
from accrual.domain.movements import Grant
from accrual.domain.native import NativeCommand
from accrual.domain.outcomes import Outcome, Status, encode_outcome
from accrual.domain.programme import Bounds, Client, Outlet, StoredClient
from accrual.domain.stocks import StockKey, StockLeft
from accrual.domain.transfers import Kind
from accrual.engine.plan_outlets import warn_of_outlet
from accrual.engine.point_reward_outlets import check_owner, find_outlet
from accrual.engine.settle import FULL, net
from accrual.engine.state import AccountState
from accrual.engine.translate_native import Translator
from accrual.rules import calendar
from accrual.rules.check_bounds import check_units
from accrual.rules.compiled import CompiledProgramme
from accrual.rules.condition_cost import pattern_cost
from accrual.rules.conditions import check_condition
from accrual.rules.evaluate import evaluate
from accrual.rules.snapshot import Judgement, MemberState, Snapshot, StockShort
from tests.desk import SETTINGS, START, Desk, catalogue_of, identity_of, member_of, promo_of
from tests.unit.rules.judging import compiled, declined, gave, judge

pytestmark = pytest.mark.security

INT64_MAX = 2**63 - 1
BIG = "92233720368547758.07"
MEMBER = {"kind": "id", "value": "ann"}
TILL = StoredClient(
    client_id=3,
    programme_id=1,
    client=Client(code="till", rights=("native", "points", "grant", "adjust")),
    key_digest=None,
)
NATIVE = Translator(TILL, catalogue_of([]))


def submission(**document: Any) -> Submission:
    native = msgspec.convert({"member": MEMBER, **document}, NativeCommand)
    return NATIVE.to_submission(native, b"{}", now=START, chance=b"c")


def refusal(**document: Any) -> Invalid | None:
    """Why a native command is refused, wherever that is found."""
    try:
        found = submission(**document).refusal
    except (Invalid, msgspec.ValidationError) as error:
        return error if isinstance(error, Invalid) else Invalid(str(error), code="invalid_field")
    assert found is None or isinstance(found, Invalid)
    return found


def bought(**more: Any) -> dict[str, Any]:
    return {"facts": [{"type": "purchase", "amount": "1", **more}]}


def moved(**move: Any) -> dict[str, Any]:
    return {"move": {"asset": "PTS", "amount": 1, **move}}


BEYOND = {
    "one purchase": ({"facts": [{"type": "purchase", "amount": BIG}]}, "invalid_amount"),
    "facts together": ({"facts": [{"type": "purchase", "amount": "4000000000000"}] * 3}, "invalid_amount"),
    "lines together": (bought(lines=[{"product": "a", "amount": "4000000000000"}] * 3), "invalid_amount"),
    "grant": (moved(type="grant", amount=INT64_MAX), "invalid_amount"),
    "grant just above": (moved(type="grant", amount=10**12 + 1), "invalid_amount"),
    "adjustment": (moved(type="adjust", amount=-(10**12) - 1, note="n"), "invalid_amount"),
    "redemption": (moved(type="redeem", amount=10**12 + 1), "invalid_amount"),
    "redemption by value": ({"move": {"type": "redeem", "asset": "PTS", "value": BIG}}, "invalid_amount"),
    "hold": (moved(type="hold", amount=10**12 + 1), "invalid_amount"),
    "transfer": (moved(type="transfer", amount=10**12 + 1, to={"kind": "id", "value": "bob"}), "invalid_amount"),
    "hold until too late": (moved(type="hold", expires_at="2262-01-01T00:00:01Z"), "invalid_date"),
    "hold until 9999": (moved(type="hold", expires_at="9999-12-31T23:59:59-12:00"), "invalid_date"),
    "expiry": (moved(type="grant", expires="P9999Y"), "invalid_date"),
    "expiry just above": (moved(type="grant", expires="P100Y1D"), "invalid_date"),
    "activation": (moved(type="grant", active_after="P9999Y"), "invalid_date"),
    "year one": (bought(occurred_at="0001-01-01T00:00:00+00:00"), "invalid_date"),
    "year one ahead": (bought(occurred_at="0001-01-01T00:00:00+14:00"), "invalid_date"),
    "a second before 1970": (bought(occurred_at="1969-12-31T23:59:59Z"), "invalid_date"),
    "movement of year one": (moved(type="grant", occurred_at="0001-01-01T00:00:00Z"), "invalid_date"),
}


@pytest.mark.parametrize("case", BEYOND)
def test_native_command_beyond_a_bound_is_refused(case: str) -> None:
    document, code = BEYOND[case]
    found = refusal(**document)
    assert found is not None
    assert found.code == code
    assert found.details["path"]


@pytest.mark.parametrize(
    "document",
    [
        {"facts": [{"type": "purchase", "amount": "10000000000000"}]},
        bought(occurred_at="1970-01-01T00:00:00Z"),
        moved(type="grant", amount=10**12),
        moved(type="grant", expires="P100Y"),
        moved(type="hold", expires_at="2262-01-01T00:00:00Z"),
    ],
)
def test_native_command_on_a_bound_is_taken(document: dict[str, Any]) -> None:
    assert refusal(**document) is None


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00Z", "1969-12-31T23:59:59Z", "2262-01-01T00:00:01Z", "9999-12-31"])
def test_statement_and_programme_file_refuse_moments_beyond_the_bounds(text: str) -> None:
    with pytest.raises(Invalid):
        read_moment({"from": [text]}, "from", "Asia/Jakarta")
    with pytest.raises(Invalid):
        calendar.read_instant(text, "UTC")


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Asia/Jakarta", "UTC", "Etc/GMT+12"])
@pytest.mark.parametrize("year", [1, 1969, 1970, 2261, 2262, 2263, 9998, 9999])
def test_no_date_of_a_dialect_raises_anything_but_its_refusal(zone: str, year: int) -> None:
    for day in ("01-01", "01-02", "12-30", "12-31"):
        for tail in ("", "T00:00:00", "T23:59:59", " 23-59-59", "T00:00:00+14:00", "T23:59:59-14:00"):
            try:
                found = read_date(f"{year:04d}-{day}{tail}", ZoneInfo(zone))
            except Invalid:
                continue
            assert found is not None
            assert FIRST_MOMENT <= found <= LAST_MOMENT


@pytest.mark.parametrize("moment", [FIRST_MOMENT, LAST_MOMENT])
@pytest.mark.parametrize("rule", ["P100Y", "P9999Y", "PT1H", "end_of_day", "end_of_month", "end_of_year"])
def test_expiry_near_the_bounds_never_raises(moment: datetime, rule: str) -> None:
    for zone in ("Pacific/Kiritimati", "Etc/GMT+12"):
        assert calendar.expiry(moment, rule, zone).tzinfo is not None
    assert calendar.read_stored_instant("9999-12-31T23:59:59-12:00", "UTC") == LAST_MOMENT


EXCESSIVE: dict[str, dict[str, Any]] = {
    "fixed": {"fixed": 10**12 + 1},
    "points_per": {"points_per": {"every": "1 IDR", "give": 10**12 + 1}},
    "bracket": {"bracket": [{"from": "0 IDR", "give": 10**12 + 1}]},
    "issuing": {"issuing": {"rules": {"A": INT64_MAX}}},
    "draw": {"draw": {"prizes": [{"code": "P", "weight": 1, "amount": INT64_MAX}]}},
    "raffle": {
        "raffle": {
            "at": "2026-04-01T00:00",
            "prizes": [{"code": "P", "count": 1, "asset": "PTS", "amount": INT64_MAX}],
        }
    },
}


@pytest.mark.parametrize("kind", EXCESSIVE)
def test_promo_that_names_more_than_a_command_may_award_is_refused(kind: str) -> None:
    promo = promo_of(code="P", trigger="event", benefits=[{"asset": "PTS", **EXCESSIVE[kind]}])
    problems = list(check_units("benefits[0]", promo.benefits[0], SETTINGS))
    assert [problem.path.startswith("benefits[0].") for problem in problems] == [True]
    assert "1,000,000,000,000" in problems[0].message
    low = msgspec.structs.replace(SETTINGS, bounds=Bounds(units_per_command=10**15))
    assert kind not in ("fixed", "bracket") or list(check_units("b", promo.benefits[0], low)) == []


RUNAWAY: tuple[dict[str, Any], ...] = (
    {"benefits": [{"asset": "PTS", "fixed": INT64_MAX}]},
    {"benefits": [{"asset": "PTS", "fixed": 10**11, "per_fact": True}]},
    {"benefits": [{"asset": "PTS", "points_per": {"every": "0.01 IDR", "give": INT64_MAX}}]},
    {"benefits": [{"asset": "PTS", "percent": "9" * 30}]},
    {"benefits": [{"asset": "PTS", "bracket": [{"from": "0 IDR", "give": INT64_MAX}]}]},
    {"benefits": [{"asset": "PTS", "bracket": [{"from": "0 IDR", "percent": "9" * 30}]}]},
    {"benefits": [{"asset": "PTS", "multiplier": {"times": "9" * 30}}], "stacking": {"lane": "multiplier"}},
    {"benefits": [{"asset": "PTS", "fixed": INT64_MAX}], "limits": [{"count": 5}]},
    {"benefits": [{"asset": "PTS", "fixed": INT64_MAX, "expires": "P1Y"}]},
)


@pytest.mark.parametrize("runaway", RUNAWAY)
def test_promo_that_runs_away_is_declined_alone(runaway: dict[str, Any]) -> None:
    """Saved under wider bounds, or by what it makes of an amount: the others give, and the outcome can be stored."""
    good = promo_of(code="A", trigger="purchase", benefits=[{"asset": "PTS", "fixed": 7}])
    bad = promo_of(code="B", trigger="purchase", **runaway)
    for facts in (
        [Purchase(amount_minor=10**13)] * 11,
        [Purchase(amount_minor=10**13, items=(Item(product="x"),))] * 11,
    ):
        judgement = judge(compiled(good, bad), *facts)
        assert declined(judgement) == [(102, "amount_too_large")]
        assert gave(judgement) == [(101, 1, 7)]
        encode_outcome(Outcome(status=Status.DECIDED, revision=1, declines=judgement.declines, awards=judgement.awards))


def test_awards_of_a_command_together_stay_within_its_bound() -> None:
    promos = [
        promo_of(code=f"P{n}", trigger="purchase", benefits=[{"asset": "PTS", "fixed": 4 * 10**11}]) for n in range(4)
    ]
    judgement = _with_room(compiled(*promos), 10**15)
    assert [amount for _, _, amount in gave(judgement)] == [4 * 10**11] * 2
    assert [reason for _, reason in declined(judgement)] == ["amount_too_large"] * 2


def _with_room(programme: CompiledProgramme, left: int, *, final: bool = True) -> Judgement:
    reward = Reward(
        dialect=Dialect.NATIVE, action="test", identity=identity_of("ann"), facts=(Purchase(amount_minor=1),)
    )

    def stock(key: StockKey) -> StockLeft:
        assert key.cap == programme.settings.bounds.units_per_day
        return StockLeft(left, final)

    ann = MemberState(member_of("ann"))
    return evaluate(reward, Snapshot(programme, ann, ann.member_id, identity_of("ann"), START, lambda key: 0, stock))


def test_promo_gives_no_more_in_a_day_than_the_bound() -> None:
    programme = compiled(promo_of(code="P", trigger="purchase", benefits=[{"asset": "PTS", "fixed": 10**11}]))
    assert gave(_with_room(programme, 10**11)) == [(101, 1, 10**11)]
    assert declined(_with_room(programme, 10**11 - 1)) == [(101, "daily_bound_reached")]
    with pytest.raises(StockShort):
        _with_room(programme, 0, final=False)


async def test_days_bound_is_counted_over_commands_buckets_and_restarts() -> None:
    settings = msgspec.structs.replace(SETTINGS, bounds=Bounds(units_per_day=1000))
    promo = promo_of(code="P", trigger="purchase", benefits=[{"asset": "PTS", "fixed": 300}])
    at = Desk(catalogue_of([promo], settings=settings), buckets=4)
    commands = []
    for n in range(8):
        commands.append(at.log(f"member {n % 5}", Purchase(amount_minor=1)))
        for _ in range(3):
            await at.decide_all()
        at.forget()
    given = [sum(award.amount for award in at.books.outcome(command).awards) for command in commands]
    assert sum(given) == 900
    assert {declined.reason for c in commands for declined in at.books.outcome(c).declines} == {"daily_bound_reached"}


async def test_client_grants_no_more_in_a_day_than_the_bound() -> None:
    settings = msgspec.structs.replace(SETTINGS, bounds=Bounds(client_units_per_day=1000))
    at = Desk(catalogue_of([], settings=settings), buckets=1)
    commands = []
    for n in range(5):
        grant = Grant(dialect=Dialect.NATIVE, action="grant", identity=identity_of(f"m{n}"), asset="PTS", amount=300)
        commands.append(at.log_command(grant))
        for _ in range(3):
            await at.decide_all()
    found = [at.books.outcome(command) for command in commands]
    assert [len(outcome.booked) for outcome in found] == [1, 1, 1, 0, 0]
    assert [d.reason for outcome in found for d in outcome.declines] == ["daily_bound_reached"] * 2


def test_rule_is_refused_at_an_outlet_of_other_clients() -> None:
    outlets = (Outlet(code="O-1", clients=("pos",)), Outlet(code="O-2"))
    assert find_outlet(outlets, "O-3", "pos") == ("O-3", Outlet(code="O-3", clients=("pos",)))
    for code, client in (("O-1", "pos"), ("O-2", "evil"), ("O-2", "pos")):
        check_owner(outlets, code, client)
    with pytest.raises(Refused, match="O-1 belongs to other clients"):
        check_owner(outlets, "O-1", "evil")
    assert warn_of_outlet(outlets[0], ["pos"]) == ()
    assert warn_of_outlet(outlets[1], ["pos"]) != ()


def test_shared_account_is_never_full_whatever_years_of_batches_move() -> None:
    """Each batch moves more than 64 bits can hold; other members of the bucket go on being served, and nothing is lost."""
    issuance, redemption = (system_account_id(1, role) for role in (Role.ISSUANCE, Role.REDEMPTION))
    systems = {(0, number): AccountState(number, 0, None, True) for number in (issuance, redemption)}
    sums: dict[int, int] = {}
    moved_in_all = 0
    for position in range(1, 400):
        moved = {issuance: -(2**63) - position, redemption: 2**63 + position}
        moved_in_all += 2**63 + position
        for line in net(moved, systems, 0, position, 3, position, START):
            assert max(abs(line.amount), abs(line.balance_after)) <= INT64_MAX
            assert not is_member_account(line.account)
            sums[line.account] = sums.get(line.account, 0) + line.amount
            assert line.balance_after == sums[line.account]
            if line.account in (issuance, redemption):
                systems[0, line.account].balance = line.balance_after
    assert sum(sums.values()) == 0
    assert sum(total for account, total in sums.items() if account & 15 == Role.REDEMPTION) == moved_in_all
    assert all(abs(total) <= FULL * 2 for total in sums.values())


async def test_bucket_that_one_partner_filled_serves_the_others() -> None:
    promo = promo_of(code="P", trigger="purchase", benefits=[{"asset": "PTS", "fixed": 5}])
    at = Desk(catalogue_of([promo]), buckets=1)
    at.log("whale", Purchase(amount_minor=1))
    await at.decide_all()
    issuance = (0, system_account_id(1, Role.ISSUANCE))
    at.books.newest[issuance] = (-INT64_MAX, None)
    at.forget()
    for n in range(3):
        first, again = at.log(f"m{n}", Purchase(amount_minor=1)), at.log(f"m{n}", Purchase(amount_minor=1))
        grant = Grant(dialect=Dialect.NATIVE, action="grant", identity=identity_of(f"m{n}"), asset="PTS", amount=3)
        moved = at.log_command(grant)
        await at.decide_all()
        assert [at.books.outcome(c).status for c in (first, again, moved)] == [Status.DECIDED] * 3
        assert at.books.balance(f"m{n}") == 13
    assert at.books.newest[issuance] == (-39, None)
    carried = [line for line in at.books.lines if line.kind == Kind.CARRY]
    assert [line.amount for line in carried] == [INT64_MAX, -INT64_MAX]
    assert (0, carried[1].account) in at.books.accounts


POISON = 'purchase.lines.exists(l, l.product.matches("(a|aa|aaa|aaaa)*(a|b)*c[0-9]{%d}$"))'
WORST_S = 1.0
"""Ten times what the bound is worth, for machines that do other things as well."""


def test_conditions_of_a_command_cost_no_more_than_the_bound_whatever_it_carries() -> None:
    promos = [
        promo_of(
            code=f"P{n:02d}", trigger="purchase", condition=POISON % (n + 1), benefits=[{"asset": "PTS", "fixed": 1}]
        )
        for n in range(20)
    ]
    lines = tuple(Item(product="a" * 199 + "b", amount_minor=1) for _ in range(200))
    programme = compiled(*promos)
    facts = [Purchase(amount_minor=500, items=(*lines[:-1], Item(product=f"b{n}"))) for n in range(100)]
    for count, asked in ((1, 1), (100, 0)):
        judge(programme, facts[0])  # programs are compiled once
        started = time.perf_counter()
        judgement = judge(programme, *facts[:count])
        assert time.perf_counter() - started < WORST_S
        reasons = [reason for _, reason in declined(judgement)]
        assert reasons.count("condition_budget") == 20 - asked
        assert next(number for number, reason in declined(judgement) if reason == "condition_budget") == 101 + asked
        assert declined(judge(programme, *facts[:count])) == declined(judgement)


def test_plain_conditions_of_a_large_programme_are_all_judged() -> None:
    condition = 'purchase.amount >= money("1 IDR") && member.tier != "gold"'
    promos = [
        promo_of(code=f"P{n:04d}", trigger="purchase", condition=condition, benefits=[{"asset": "PTS", "fixed": 1}])
        for n in range(500)
    ]
    assert len(gave(judge(compiled(*promos), *[Purchase(amount_minor=500)] * 100))) == 500


@pytest.mark.parametrize(
    "pattern",
    [
        r"(.*a.{0,99}a.{0,99}){4}x",
        r"\\pL{2}x",
        r"\x5cpL{2}x",
        r"(a*b*){60}z",
        r"[^x]{60}y",
        r".{100}y",
        r"(((a{9}){9}){9})*x",
    ],
)
def test_pattern_that_takes_long_is_refused_when_it_is_saved(pattern: str) -> None:
    """As measured, each of these takes over half a millisecond a line."""
    text = f'purchase.lines.exists(l, l.product.matches("{pattern}"))'
    problems = check_condition(text, trigger=Trigger.PURCHASE, settings=SETTINGS, assets=frozenset())
    assert [problem.message.startswith("too much work") for problem in problems] == [True]


def test_ordinary_patterns_may_be_written() -> None:
    for pattern in ("^T30H", "^(SKU-1|SKU-2|SKU-3)[0-9]{4}$", "(?i)coffee|tea", ".*-promo$"):
        text = f'purchase.lines.exists(l, l.product.matches("{pattern}"))'
        assert check_condition(text, trigger=Trigger.PURCHASE, settings=SETTINGS, assets=frozenset()) == []
        assert pattern_cost(pattern) < 5_000


def test_many_short_patterns_cost_what_they_cost_together() -> None:
    many = " || ".join(['member.tier.matches("a.*b.*c.*")'] * 25)
    heavy = " || ".join(['member.tier.matches("(.*a.{0,9}b){9}")'] * 25)
    kept = {"trigger": Trigger.PURCHASE, "settings": SETTINGS, "assets": frozenset[str]()}
    assert check_condition(many, **kept) == []  # type: ignore[arg-type]
    assert check_condition(heavy, **kept) != []  # type: ignore[arg-type]
