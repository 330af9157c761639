"""The page about draws says what is so: its promos are good, its figures come out, every field of a table is on it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from accrual.domain.draw_tables import Draw, Prize, Raffle
from accrual.domain.facts import Trigger
from accrual.domain.promos import Benefit, Promo
from accrual.engine.draw_views import percent_text
from accrual.engine.draws import compile_draw_of
from accrual.engine.programme_file import read_programme
from accrual.rules.draws import table_of
from tests.desk import catalogue_of

PAGE = (Path(__file__).parents[2] / "docs" / "draws.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
ASSETS = ("PTS", "LD", "PHONE", "CAR", "CHANCE")


@pytest.mark.parametrize("block", BLOCKS)
def test_a_promo_of_the_page_is_good(block: str) -> None:
    document = {
        "programme": {"code": "page"},
        "assets": [{"code": code} for code in ASSETS],
        "promos": [yaml.safe_load(block)],
    }
    read_programme(yaml.safe_dump(document), "page.yaml")


def _odds(fallback: str | None, out: dict[str, str]) -> dict[str, str]:
    prizes = (
        Prize(code="PHONE", weight=1, stock=3),
        Prize(code="TEN", weight=4),
        Prize(code="NOTHING", nothing=True, weight=5),
    )
    draw = Draw(prizes=prizes, fallback=fallback)
    promo = Promo(code="W", trigger=Trigger.DRAW_ENTRY, benefits=(Benefit(asset="PTS", draw=draw),))
    catalogue = catalogue_of((promo,))
    table, _ = table_of(compile_draw_of(catalogue.promos[0], catalogue), out, 0)
    whole = sum(weight for _, weight in table)
    return {prize.code: percent_text(weight, whole) for prize, weight in table}


def test_the_figures_of_tables_that_lose_a_prize_come_out() -> None:
    gone = {"PHONE": "no_stock"}
    assert _odds(None, {}) == {"PHONE": "10.0000 %", "TEN": "40.0000 %", "NOTHING": "50.0000 %"}
    assert _odds(None, gone) == {"TEN": "44.4444 %", "NOTHING": "55.5555 %"}
    assert _odds("TEN", gone) == {"TEN": "50.0000 %", "NOTHING": "50.0000 %"}
    assert "TEN 44.4444 %, NOTHING 55.5555 %" in PAGE
    assert "TEN 50 %, NOTHING 50 %" in PAGE


def test_every_field_of_a_table_is_on_the_page() -> None:
    for document in (Draw, Prize, Raffle):
        for name in document.__struct_encode_fields__:
            assert f"`{name}`" in PAGE or f"{name}:" in PAGE, name
