"""The page about the promo language says what is so: each block is checked and its sentences are played."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from accrual.domain import promos
from accrual.domain.facts import Trigger
from accrual.domain.programme import Programme
from accrual.rules.benefits import CEILING, KINDS
from accrual.rules.check import check_programme
from accrual.rules.condition_names import CALENDAR_PARTS, FUNCTIONS, LINE_FIELDS, MACROS, NAMES, PLAIN_FUNCTIONS
from tests.scenarios.playing import play_all
from tests.scenarios.stage import SETTINGS

PAGE = (Path(__file__).parents[2] / "docs" / "promo-language.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
ASSETS, OUTLETS = ["PTS", "LD", "VOUCHER"], ["OTL-1", "OTL-2"]
_STEP = re.compile(r"(?:\[(?P<word>at|typed|\w+) (?P<value>[^\]]+)\] )?(?P<when>.+?) -> (?P<then>.+)")


def _promos(block: str) -> list[dict[str, Any]]:
    document = yaml.safe_load(block)
    return document if isinstance(document, list) else [document]


def _comments(block: str) -> list[str]:
    return [line[2:].rstrip() for line in block.splitlines() if line.startswith("# ")]


def _steps(block: str) -> Iterator[dict[str, Any]]:
    for line in _comments(block):
        if line.startswith("check: "):
            yield {"check": line.removeprefix("check: ")}
            continue
        found = _STEP.fullmatch(line)
        assert found is not None, f"nobody knows what this says: {line}"
        step: dict[str, Any] = {"when": found["when"].split(" & "), "then": found["then"].split("; ")}
        if found["word"] in ("at", "typed"):
            step[found["word"]] = found["value"]
        elif found["word"]:
            step["also"] = {found["word"]: found["value"]}
        yield step


PLAYED = [pytest.param(block, id=_promos(block)[0]["code"]) for block in BLOCKS if "# is refused:" not in block]
REFUSED = [pytest.param(block, id=_promos(block)[0]["code"]) for block in BLOCKS if "# is refused:" in block]


@pytest.mark.parametrize("forgetful", [False, True], ids=["in one go", "started again at each step"])
@pytest.mark.parametrize("block", PLAYED)
async def test_block_of_the_page_gives_what_it_says(block: str, forgetful: bool) -> None:
    steps = list(_steps(block))
    assert steps, "a block shows what comes of it"
    promos = _promos(block)
    scenario = {"name": "a block", "promos": promos, "assets": ASSETS, "outlets": OUTLETS, "clients": ["app"]}
    await play_all({**scenario, "steps": steps}, forgetful=forgetful)


@pytest.mark.parametrize("block", REFUSED)
def test_block_of_the_page_is_refused_with_the_words_it_shows(block: str) -> None:
    document = {
        "programme": SETTINGS,
        "assets": [{"code": code} for code in ASSETS],
        "outlets": [{"code": code} for code in OUTLETS],
        "promos": _promos(block),
    }
    problems = check_programme(msgspec.convert(document, Programme))
    said = [line for problem in problems for line in f"{problem.path}: {problem.message}".splitlines()]
    shown = _comments(block)
    told = [line[2:] for line in shown[shown.index("is refused:") + 1 :]]
    assert [line.rstrip() for line in said] == told


def _words_of(kind: type[msgspec.Struct]) -> set[str]:
    return {field.encode_name for field in msgspec.structs.fields(kind)}


def test_page_names_everything_that_the_language_has() -> None:
    kinds: tuple[type[msgspec.Struct], ...] = (
        *(promos.Promo, promos.Where, promos.Window, promos.Audience, promos.Stacking, promos.Benefit, promos.Limit),
        *(promos.PointsPer, promos.Band, promos.Issuing, promos.Multiplier, promos.Voucher, promos.Budget),
    )
    words = {word for kind in kinds for word in _words_of(kind)}
    for values in (promos.Lane, promos.LimitPer, promos.Period, promos.OnLimit, promos.PromoStatus, Trigger):
        words |= {str(value) for value in values}
    words |= {*KINDS, CEILING, *NAMES, *FUNCTIONS, *LINE_FIELDS, *MACROS, *CALENDAR_PARTS, *PLAIN_FUNCTIONS}
    named = set(re.findall(r"[\w.]+", " ".join(re.findall(r"`([^`\n]+)`", PAGE)) + " ".join(BLOCKS)))
    assert words <= named, f"the page does not name {sorted(words - named)}"
