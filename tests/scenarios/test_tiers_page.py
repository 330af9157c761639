"""The page about levels says what is so: its levels are the example programme's, and each line of its blocks is played."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.scenarios.playing import play_all

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "tiers.md").read_text(encoding="utf-8")
EXAMPLE = yaml.safe_load((ROOT / "examples" / "tiers" / "programme.yaml").read_bytes())
BLOCKS = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)
_STEP = re.compile(r"(?:\[(?P<word>at|key) (?P<value>[^\]]+)\] )?(?P<rest>.+)")


def _steps(block: str) -> Iterator[dict[str, Any]]:
    for line in block.splitlines():
        found = _STEP.fullmatch(line)
        assert found is not None, line
        step: dict[str, Any] = {found["word"]: found["value"]} if found["word"] else {}
        when, arrow, then = found["rest"].partition(" -> ")
        if when.startswith("check: "):
            yield {"check": when.removeprefix("check: ")}
        elif when.startswith("upkeep of "):
            yield step | {"upkeep": when.removeprefix("upkeep of ")}
        else:
            assert arrow, f"nobody knows what this says: {line}"
            yield step | {"when": when, "then": then.split("; ")}


@pytest.mark.parametrize("forgetful", [False, True], ids=["in one go", "started again at each step"])
@pytest.mark.parametrize("block", BLOCKS, ids=[str(number) for number in range(1, len(BLOCKS) + 1)])
async def test_block_of_the_page_gives_what_it_says(block: str, forgetful: bool) -> None:
    codes = {name: [each["code"] for each in EXAMPLE[name]] for name in ("assets", "clients")}
    scenario = {"name": "a block", "programme": EXAMPLE["programme"], "promos": EXAMPLE["promos"], **codes}
    await play_all({**scenario, "steps": list(_steps(block))}, forgetful=forgetful)


def test_page_shows_the_levels_of_the_example() -> None:
    (shown,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert yaml.safe_load(shown)["programme"]["tiers"] == EXAMPLE["programme"]["tiers"]


def test_page_has_a_block_for_each_part_of_the_story() -> None:
    assert len(BLOCKS) >= 8
