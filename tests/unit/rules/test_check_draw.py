"""What is wrong with a prize table is said with its place and in plain words, before anything is drawn from it."""

from __future__ import annotations

from typing import Any

import pytest

from accrual.domain.errors import Invalid
from accrual.engine.programme_file import read_programme

HEAD = "programme: {code: p}\nassets: [{code: PTS}, {code: LD}]\npromos:\n"


def _said(benefit: str, **promo: Any) -> str:
    more = "".join(f", {name}: {value}" for name, value in promo.items())
    text = f"{HEAD}  - {{code: WHEEL, trigger: draw_entry{more}, benefits: [{benefit}]}}\n"
    with pytest.raises(Invalid) as refused:
        read_programme(text, "p.yaml")
    return refused.value.message


def _table(rows: str, more: str = "") -> str:
    return f"{{asset: PTS, draw: {{prizes: [{rows}]{more}}}}}"


GOOD = "{code: TEN, amount: 10, weight: 1}"


def test_a_good_table_and_a_good_raffle_are_taken() -> None:
    raffle = '{asset: LD, raffle: {at: "2026-12-31T20:00", prizes: [{code: CAR, asset: PTS}], claim_within: P1D}}'
    for benefit in (_table(GOOD), raffle):
        read_programme(f"{HEAD}  - {{code: WHEEL, trigger: draw_entry, benefits: [{benefit}]}}\n", "p.yaml")


@pytest.mark.parametrize(
    ("benefit", "words"),
    [
        (_table("{code: TEN, weight: 1, stock: 5}"), "all of them can leave the table"),
        (_table("{code: TEN, weight: 1, stock: 5}", ", fallback: TEN"), "'TEN' can leave the table"),
        (_table(GOOD, ", fallback: TENN"), "unknown prize 'TENN'; did you mean 'TEN'?"),
        (_table(f"{GOOD}, {GOOD}"), "'TEN' stands a second time, first as [0]"),
        (_table(f"{GOOD}, {{code: X}}"), "must be above 0; only the fallback may have none"),
        (_table("{code: TEN, weight: 1, asset: PST}"), "unknown asset 'PST'"),
        (_table(GOOD, ", cost: {asset: XX}"), "draw.cost.asset: unknown asset 'XX'"),
        (_table(GOOD, ", pity: {after: 3, prizes: [GOLD]}"), "unknown prize 'GOLD'"),
        (_table("{code: N, nothing: true, weight: 1}", ", pity: {after: 3, prizes: [N]}"), "which helps nobody"),
        (_table(f"{GOOD}, {{code: N, nothing: true, weight: 1, stock: 1}}"), "nothing never runs out"),
        (
            _table(f'{GOOD}, {{code: G, weight: 1, window: {{from: "2026-02-01T00:00", until: "2026-01-01T00:00"}}}}'),
            "window.until: must be after from",
        ),
        (f"{_table(GOOD)}, {_table(GOOD)}", "a promo has one draw or raffle"),
        ("{asset: PTS, max: 3, draw: {prizes: [{code: TEN, weight: 1}]}}", "has no meaning for a draw"),
        ("{asset: LD, raffle: {at: soon, prizes: [{code: CAR, asset: PTS}]}}", "is not a date and time"),
        ('{asset: LD, raffle: {at: "2026-12-31T20:00", prizes: [{code: CAR, asset: CAR}]}}', "unknown asset 'CAR'"),
    ],
)
def test_what_is_wrong_is_said(benefit: str, words: str) -> None:
    said = _said(benefit)
    assert words in said, said


def test_limits_by_amount_and_budgets_are_for_other_promos() -> None:
    assert "is limited by count" in _said(_table(GOOD), limits="[{amount: 5}]")
    assert "has no budget" in _said(_table(GOOD), budget="{asset: PTS, amount: 5}")
    assert "stands in the lane base" in _said(_table(GOOD), stacking="{lane: bonus}")
