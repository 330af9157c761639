"""The made-up programmes that evaluation is measured on answer with as many promos as the figures claim."""

from __future__ import annotations

import pytest

from accrual.bench import promos
from accrual.bench.promos import CANDIDATES, CONDITIONS, cost_under, many_promos, with_conditions


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(promos, "COMMANDS", 120)
    monkeypatch.setattr(promos, "ROUNDS", 1)


@pytest.mark.parametrize("count", [10, 1_000])
def test_five_promos_are_candidates_however_many_there_are(count: int) -> None:
    assert min(cost_under(many_promos(count), seed=1, candidates=CANDIDATES)) > 0
    with pytest.raises(ValueError, match="candidates"):
        cost_under(many_promos(count), seed=1, candidates=CANDIDATES + 1)


@pytest.mark.parametrize("holding", [True, False, None])
def test_every_conditional_promo_answers(holding: bool | None) -> None:
    assert min(cost_under(with_conditions(holding=holding), seed=1, candidates=CONDITIONS)) > 0
