"""The page about referrals says what is so: each line of its blocks is played on the example programme."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from accrual.domain.programme import Programme
from accrual.rules.check import check_programme
from tests.scenarios.playing import play_all

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "referrals.md").read_text(encoding="utf-8")
EXAMPLE = yaml.safe_load((ROOT / "examples" / "referrals" / "programme.yaml").read_bytes())
BLOCKS = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)
_STEP = re.compile(r"(?:\[(?P<word>at|install_id) (?P<value>[^\]]+)\] )?(?P<when>.+?) -> (?P<then>.+)")


def _steps(block: str) -> Iterator[dict[str, Any]]:
    for line in block.splitlines():
        if line.startswith("check: "):
            yield {"check": line.removeprefix("check: ")}
            continue
        found = _STEP.fullmatch(line)
        assert found is not None, f"nobody knows what this says: {line}"
        step: dict[str, Any] = {"when": found["when"], "then": found["then"].split("; ")}
        if found["word"] == "at":
            step["at"] = found["value"]
        elif found["word"]:
            step["also"] = {found["word"]: found["value"]}
        yield step


@pytest.mark.parametrize("forgetful", [False, True], ids=["in one go", "started again at each step"])
@pytest.mark.parametrize("block", BLOCKS, ids=[str(number) for number in range(1, len(BLOCKS) + 1)])
async def test_block_of_the_page_gives_what_it_says(block: str, forgetful: bool) -> None:
    scenario = {
        "name": "a block",
        "programme": EXAMPLE["programme"],
        "promos": EXAMPLE["promos"],
        "assets": [each["code"] for each in EXAMPLE["assets"]],
        "client": {"install_id": EXAMPLE["clients"][0]["install_id"]},
    }
    await play_all({**scenario, "steps": list(_steps(block))}, forgetful=forgetful)


def test_example_of_the_page_can_be_applied_and_each_part_of_the_story_has_a_block() -> None:
    assert check_programme(msgspec.convert(EXAMPLE, Programme)) == []
    assert len(BLOCKS) >= 5


@pytest.mark.parametrize(
    ("benefit", "problem"),
    [
        ({"to": "member", "level": 2, "asset": "PTS", "fixed": 1}, "only what goes to: referrer has levels"),
        ({"to": "referrer", "level": 5, "asset": "PTS", "fixed": 1}, None),
    ],
)
def test_levels_are_for_referrers(benefit: dict[str, Any], problem: str | None) -> None:
    promo = {"code": "UP", "trigger": "referral", "benefits": [benefit]}
    found = check_programme(msgspec.convert({**EXAMPLE, "promos": [promo]}, Programme))
    assert [each.message for each in found] == ([] if problem is None else [problem])


@pytest.mark.parametrize("level", [0, 6])
def test_there_are_five_levels(level: int) -> None:
    benefit = {"to": "referrer", "level": level, "asset": "PTS", "fixed": 1}
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(
            {**EXAMPLE, "promos": [{"code": "UP", "trigger": "referral", "benefits": [benefit]}]}, Programme
        )
