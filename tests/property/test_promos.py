"""Random promos over random calls: order never matters where it must not, shares sum up, caps hold, a replay is the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from accrual.domain.commands import Dialect, LoggedCommand, Profile, Reward, decode_command
from accrual.domain.outcomes import Award, Outcome, Status
from accrual.domain.programme import Programme
from accrual.domain.stocks import StockKey
from accrual.rules.check import check_programme
from tests.desk import SETTINGS, Desk, catalogue_of, identity_of, promo_of
from tests.property.drawn_promos import ASSETS, CALLS, CUTS, Deed, Document, payments, programmes

TELLS = [(identity_of("ann"), "gold"), (identity_of("eve"), "silver")]
Said = tuple[list[tuple[str, str, int]], list[tuple[str, str]]]


def _desk(promos: Sequence[Document], *, buckets: int = 3) -> Desk:
    desk = Desk(catalogue_of([promo_of(**promo) for promo in promos]), buckets=buckets)
    for identity, tier in TELLS:
        desk.log_command(Profile(dialect=Dialect.NATIVE, action="profile", identity=identity, tier=tier), key=b"tell")
    return desk


def _log(desk: Desk, calls: Sequence[Deed]) -> list[LoggedCommand]:
    logged = []
    for number, call in enumerate(calls):
        desk.later(hours=call.pause_h)
        reward = Reward(
            dialect=Dialect.NATIVE,
            action="test",
            identity=identity_of(call.who),
            facts=call.facts,
            install_id=call.device,
        )
        logged.append(desk.log_command(reward, key=b"k%d" % number))
    return logged


async def _decide(desk: Desk, cuts: Sequence[int]) -> None:
    turn = 0
    while wanted := {b: cuts[turn % len(cuts)] for b in desk.books.log if desk.books.waiting(b)}:
        chosen = {bucket: count for bucket, count in wanted.items() if (bucket + turn) % 3} or wanted
        await desk.decide_batch(chosen)
        turn += 1
        if turn % 3 == 0:
            desk.forget()


def _said(outcome: Outcome, promos: Sequence[Document]) -> Said:
    code = {100 + number: promo["code"] for number, promo in enumerate(promos, 1)}
    awards = [(code[award.promo_version_id], ASSETS[award.asset_id], award.amount) for award in outcome.awards]
    return awards, sorted((code.get(d.promo_version_id, ""), d.reason) for d in outcome.declines)


def _outcomes(desk: Desk, logged: Sequence[LoggedCommand]) -> list[Outcome]:
    outcomes = [desk.books.outcome(command) for command in logged]
    assert all(outcome.status is Status.DECIDED for outcome in outcomes), [outcome.error for outcome in outcomes]
    return outcomes


@settings(max_examples=60, deadline=None)
@given(programmes())
def test_drawn_programme_could_be_saved(promos: list[dict[str, Any]]) -> None:
    programme = Programme(
        programme=SETTINGS,
        assets=tuple(stored.asset for stored in catalogue_of([]).assets),
        promos=tuple(promo_of(**promo) for promo in promos),
    )
    assert not check_programme(programme)


@settings(max_examples=100, deadline=None)
@given(programmes(), CALLS, st.randoms(use_true_random=False))
async def test_order_of_promos_in_the_file_does_not_matter(
    promos: list[Document], calls: list[Deed], dice: Any
) -> None:
    shuffled = list(promos)
    dice.shuffle(shuffled)
    said = []
    for order in (promos, shuffled):
        desk = _desk(order)
        logged = _log(desk, calls)
        await desk.decide_all(rows_max=1)
        said.append([_said(outcome, order) for outcome in _outcomes(desk, logged)])
    assert said[0] == said[1]


@settings(max_examples=100, deadline=None)
@given(programmes(), st.lists(payments(late=False), min_size=2, max_size=5), st.randoms(use_true_random=False))
async def test_order_of_payments_in_a_call_does_not_change_sums(
    promos: list[Document], facts: list[Any], dice: Any
) -> None:
    """Limits count at the first matching fact's outlet, so outlets are one here; everything else may differ."""
    facts = [type(fact)(amount_minor=fact.amount_minor, items=fact.items, outlet="OTL-1") for fact in facts]
    shuffled = list(facts)
    dice.shuffle(shuffled)
    said = []
    for order in (facts, shuffled):
        desk = _desk(promos)
        logged = _log(desk, [Deed("ann", tuple(order), "phone-1", 0)])
        await desk.decide_all()
        (outcome,) = _outcomes(desk, logged)
        said.append(_said(outcome, promos)[0])
    assert said[0] == said[1]


@settings(max_examples=150, deadline=None)
@given(programmes(), CALLS)
async def test_shares_of_lines_sum_to_the_award_and_are_less_than_a_unit_off(
    promos: list[Document], calls: list[Deed]
) -> None:
    desk = _desk(promos)
    logged = _log(desk, calls)
    await desk.decide_all()
    for command, outcome in zip(logged, _outcomes(desk, logged), strict=True):
        reward = decode_command(command.facts)
        assert isinstance(reward, Reward)
        for award in outcome.awards:
            _check_shares(award, reward, promos[award.promo_version_id - 101])


def _check_shares(award: Award, reward: Reward, promo: Document) -> None:
    if award.shares is None:
        assert not any(fact.items for fact in reward.facts) or "condition" in promo
        return
    assert sum(units for _, _, units in award.shares) == award.amount
    places = [(fact, line) for fact, line, _ in award.shares]
    assert places == sorted(set(places))
    lines = {(n, m): item for n, fact in enumerate(reward.facts) for m, item in enumerate(fact.items or ())}
    if "condition" in promo:  # which payments held is the condition's own affair
        assert set(places) <= set(lines)
        return
    wanted = {place: item for place, item in lines.items() if "where" not in promo or item.category == "food"}
    weights = {place: item.amount_minor or 0 for place, item in wanted.items()}
    if not any(weights.values()):
        weights = {place: item.quantity for place, item in wanted.items()}
    shares = {(fact, line): units for fact, line, units in award.shares}
    assert set(shares) <= set(wanted)
    for place, weight in weights.items():
        assert abs(shares.get(place, 0) - Fraction(award.amount * weight, sum(weights.values()))) < 1


@settings(max_examples=150, deadline=None)
@given(programmes(), CALLS, CUTS, st.integers(1, 5))
async def test_no_limit_and_no_budget_is_ever_exceeded(
    promos: list[Document], calls: list[Deed], cuts: list[int], buckets: int
) -> None:
    desk = _desk(promos, buckets=buckets)
    logged = _log(desk, calls)
    await _decide(desk, cuts)
    used: Counter[Any] = Counter()
    for command, outcome in zip(logged, _outcomes(desk, logged), strict=True):
        reward = decode_command(command.facts)
        assert isinstance(reward, Reward)
        for number, promo in enumerate(promos):
            mine = [award for award in outcome.awards if award.promo_version_id == 101 + number]
            for key, amount in _uses(promo, mine, reward, command) if mine else ():
                used[key] += amount
    for key, amount in used.items():
        assert amount <= key[-1], key
    _check_stocks(desk)


def _uses(
    promo: Document, awards: list[Award], reward: Reward, command: LoggedCommand
) -> Iterator[tuple[tuple[Any, ...], int]]:
    """What these awards of one promo take of each of its caps, told from the outcome alone.

    Only where all payments of the call are of one day and outlet: else the first one that held decides.
    """
    days = {_day(fact.occurred_at or command.recorded_at) for fact in reward.facts}
    outlets = {fact.outlet for fact in reward.facts}
    units = sum(award.amount for award in awards)
    for place, limit in enumerate(promo.get("limits", ())):
        subject = {"member": reward.identity.value, "promo": "", "device": reward.install_id}.get(limit["per"])
        if limit["per"] == "outlet":
            subject = min(outlets, key=str) if len(outlets) == 1 else None
        if subject is None or (limit["every"] != "ever" and len(days) > 1):
            continue
        period = _period(next(iter(days)), limit["every"])
        cap = limit.get("count") or limit["amount"]
        yield (promo["code"], place, subject, period, cap), 1 if "count" in limit else units
    if "budget" in promo:
        spent = sum(award.amount for award in awards if ASSETS[award.asset_id] == promo["budget"]["asset"])
        yield (promo["code"], "budget", promo["budget"]["amount"]), spent


def _day(moment: datetime) -> datetime:
    return moment.astimezone(ZoneInfo(SETTINGS.time_zone)).replace(hour=0, minute=0, second=0, microsecond=0)


def _period(day: datetime, every: str) -> Any:
    return {
        "day": day,
        "week": day.isocalendar()[:2],
        "month": (day.year, day.month),
        "ever": None,
    }[every]


def _check_stocks(desk: Desk) -> None:
    """Whatever left a stock was used up or lies in some bucket's share: nothing came about, nothing is lost."""
    taken: Counter[StockKey] = Counter()
    for posting in desk.books.postings:
        for row in (*posting.shares, *posting.quotas):
            taken[StockKey(*row[1:6])] += row.used
    for key, left in desk.books.stocks.items():
        at_hand = sum(units for (_, known), units in desk.books.shares.items() if known == key)
        assert left + at_hand + taken[key] == key.cap
        assert min(left, at_hand) >= 0


@settings(max_examples=80, deadline=None)
@given(programmes(), CALLS, CUTS)
async def test_replay_of_the_log_gives_the_same_to_the_last_byte(
    promos: list[Document], calls: list[Deed], cuts: list[int]
) -> None:
    books = []
    for _ in range(2):
        desk = _desk(promos)
        _log(desk, calls)
        await _decide(desk, cuts)
        books.append(desk.books)
    assert books[0].outcomes == books[1].outcomes
    assert books[0].lines == books[1].lines
    assert books[0].postings == books[1].postings


@settings(max_examples=80, deadline=None)
@given(programmes(), CALLS, CUTS)
async def test_cuts_of_one_bucket_are_invisible_to_limits_conditions_and_budgets(
    promos: list[Document], calls: list[Deed], cuts: list[int]
) -> None:
    said = []
    for cut in ([100], cuts):
        desk = _desk(promos, buckets=1)
        logged = _log(desk, calls)
        await _decide(desk, cut)
        said.append([_said(outcome, promos) for outcome in _outcomes(desk, logged)])
    assert said[0] == said[1]
