"""One entry at a time: chances as stated, no bias, tables that lose prizes in the open, receipts in a chain."""

from __future__ import annotations

import hashlib
import hmac
from collections import Counter
from datetime import timedelta, timezone
from typing import Any

import msgspec
import pytest

from accrual.domain.draw_tables import Draw, Prize
from accrual.domain.draws import DrawHead, DrawSecret
from accrual.domain.facts import DrawEntry
from accrual.domain.ids import ticket_of
from accrual.domain.promos import Benefit, Promo, Trigger
from accrual.domain.stocks import StockLeft
from accrual.rules import draws
from accrual.rules.compile import compile_programme
from accrual.rules.draw_tables import CompiledDraw
from accrual.rules.draws import draw_entry, point_of
from accrual.rules.snapshot import Snapshot
from tests.desk import START, catalogue_of, identity_of, member_of
from tests.unit.rules.chi_square import chi_square_p

DRAWS = 200_000
SECRET = hashlib.sha256(b"a fixed seed").digest()
WEIGHTS = {"PHONE": 1_000, "HUNDRED": 9_000, "TEN": 90_000, "NOTHING": 400_000}


def _table(weights: dict[str, int]) -> tuple[CompiledDraw, Snapshot]:
    prizes = tuple(Prize(code=code, weight=weight, nothing=code == "NOTHING") for code, weight in weights.items())
    promo = Promo(code="WHEEL", trigger=Trigger.DRAW_ENTRY, benefits=(Benefit(asset="PTS", draw=Draw(prizes=prizes)),))
    catalogue = catalogue_of((promo,))
    (version,) = catalogue.promos
    secret = DrawSecret(promo_id=version.promo_id, round=1, secret=SECRET)
    programme = compile_programme(msgspec.structs.replace(catalogue, secrets=(secret,)))
    (timeline,) = next(iter(programme.index.values()))
    draw = timeline.versions[0].for_member[0].draw
    assert draw is not None
    return draw, Snapshot(programme, None, member_of("ann"), identity_of("ann"), START, lambda key: 0)


def _wins(weights: dict[str, int], count: int = DRAWS) -> Counter[str]:
    draw, snapshot = _table(weights)
    fact, won = DrawEntry(occurred_at=START), Counter[str]()
    for number in range(count):
        at = msgspec.structs.replace(snapshot, ticket=ticket_of(1, 1, member_of("ann"), b"%d" % number, 1))
        won[draw_entry(draw, fact, at, {}, {}, {}).prize.code] += 1
    return won


def test_chi_square_is_right_where_tables_tell() -> None:
    # 16.266 is the 0.001 quantile for 3 degrees of freedom, 7.815 the 0.05 one.
    for statistic, expected in ((16.266, 0.001), (7.815, 0.05), (2.366, 0.5)):
        skew = (statistic * 2_500 / 2) ** 0.5
        observed = {"a": 2_500 + round(skew * 1000), "b": 2_500 - round(skew * 1000), "c": 2_500, "d": 2_500}
        scaled = {name: (count - 2_500) / 1000 + 2_500 for name, count in observed.items()}
        found = chi_square_p(scaled, dict.fromkeys("abcd", 1))  # type: ignore[arg-type]  # thousandths, to hit the quantile
        assert found == pytest.approx(expected, rel=0.01)


def test_two_hundred_thousand_draws_come_as_the_odds_state() -> None:
    won = _wins(WEIGHTS)
    assert sum(won.values()) == DRAWS
    assert chi_square_p(won, WEIGHTS) > 0.001


def _biased(secret: bytes, message: str, total: int) -> int:
    """What not to do: the remainder of 16 bits, so that the low numbers come more often."""
    digest = hmac.digest(secret, f"{message}/0".encode(), "sha256")
    return int.from_bytes(digest[:2], "big") % total


def test_a_planted_modulo_bias_fails_the_test(monkeypatch: pytest.MonkeyPatch) -> None:
    weights = {"FIRST": 20_000, "SECOND": 20_000}
    assert chi_square_p(_wins(weights, DRAWS // 5), weights) > 0.001
    monkeypatch.setattr(draws, "point_of", _biased)
    assert chi_square_p(_wins(weights, DRAWS // 5), weights) < 0.001


@pytest.mark.parametrize("total", [1, 2, 3, 10, 2**63 + 1, 2**64 - 1, 2**64])
def test_points_lie_below_the_total_and_repeat(total: int) -> None:
    points = [point_of(SECRET, str(number), total) for number in range(50)]
    assert all(0 <= point < total for point in points)
    assert points == [point_of(SECRET, str(number), total) for number in range(50)]


def test_what_lies_above_the_largest_multiple_is_drawn_again() -> None:
    total = 2**63 + 1  # nearly half of all first tries are rejected
    rejected = 0
    for number in range(200):
        first = int.from_bytes(hmac.digest(SECRET, f"{number}/0".encode(), "sha256")[:8], "big")
        rejected += first >= total
        # A rejected try leaves no trace: its remainder is not what comes out.
        assert (point_of(SECRET, str(number), total) == first % total) == (first < total)
    assert 60 < rejected < 140


@pytest.mark.parametrize("total", [0, -1, 2**64 + 1])
def test_nothing_is_drawn_from_nothing(total: int) -> None:
    with pytest.raises(ValueError, match="nothing to draw from"):
        point_of(SECRET, "x", total)


def test_names_in_a_receipt_are_in_order_for_chains_digest_them_sorted() -> None:
    stocks = {"ZERO": 0, "NONE": 0, "PEN": 5}
    prizes = tuple(Prize(code=code, weight=1, stock=stock + 1) for code, stock in stocks.items())
    rest = Prize(code="NOTHING", weight=1, nothing=True)
    promo = Promo(
        code="WHEEL",
        trigger=Trigger.DRAW_ENTRY,
        benefits=(Benefit(asset="PTS", draw=Draw(prizes=(*prizes, rest))),),
    )
    catalogue = catalogue_of((promo,))
    secret = DrawSecret(promo_id=catalogue.promos[0].promo_id, round=1, secret=SECRET)
    programme = compile_programme(msgspec.structs.replace(catalogue, secrets=(secret,)))
    (timeline,) = next(iter(programme.index.values()))
    draw = timeline.versions[0].for_member[0].draw
    assert draw is not None
    left = {prize.stock: stocks[prize.code] for prize in draw.watched}
    snapshot = Snapshot(
        *(programme, None, member_of("ann"), identity_of("ann"), START, lambda key: 0),
        stock=lambda key: StockLeft(left[key], True),
        ticket=ticket_of(1, 1, member_of("ann"), b"1", 1),
    )
    receipt = draw_entry(draw, DrawEntry(occurred_at=START), snapshot, {}, {}, {}).receipt
    assert list(receipt) == sorted(receipt)
    assert list(receipt["out"]) == ["NONE", "ZERO"]


@pytest.mark.parametrize("microsecond", [0, 1, 10, 123_000, 999_999])
def test_moments_are_written_in_utc_to_the_microsecond(microsecond: int) -> None:
    moment = START.replace(microsecond=microsecond)
    there = moment.astimezone(timezone(timedelta(hours=7)))
    assert draws.written(moment) == draws.written(there) == moment.isoformat(timespec="microseconds")


def test_receipts_are_numbered_and_follow_from_each_other() -> None:
    draw, snapshot = _table(WEIGHTS)
    heads: list[DrawHead | None] = [None]
    texts: list[dict[str, Any]] = []
    for number in range(3):
        ticket = ticket_of(1, 1, member_of("ann"), b"%d" % number, 7)
        at = msgspec.structs.replace(snapshot, ticket=ticket, drawn=lambda key: heads[-1])
        result = draw_entry(draw, DrawEntry(occurred_at=START), at, {}, {}, {})
        heads.append(result.drawn.head)
        texts.append(result.receipt)
    assert [receipt["number"] for receipt in texts] == [1, 2, 3]
    assert {receipt["bucket"] for receipt in texts} == {7}
    assert len({head.chain for head in heads[1:] if head is not None}) == 3
    assert [head.entries for head in heads[1:] if head is not None] == [1, 2, 3]
