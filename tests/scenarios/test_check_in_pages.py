"""The pages about check-ins and velocity say what is so: each line of their blocks is played on the example programme."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from accrual.domain.streaks import Freeze, Streak
from accrual.domain.velocity import Span, VelocityAction, VelocityPer, VelocityRule
from accrual.engine.programme_file import read_programme
from tests.scenarios.playing import play_all

ROOT = Path(__file__).parents[2]
FILE = ROOT / "examples" / "check-in" / "programme.yaml"
EXAMPLE = yaml.safe_load(FILE.read_bytes())
PAGES = {name: (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8") for name in ("check-in", "velocity")}
BLOCKS = [
    pytest.param(block, id=f"{name} {number}")
    for name, page in PAGES.items()
    for number, block in enumerate(re.findall(r"```text\n(.*?)```", page, re.DOTALL), 1)
]
_SET = re.compile(r"\[(\w+) ([^\]]+)\] ")


def _steps(block: str) -> Iterator[dict[str, Any]]:
    for line in block.splitlines():
        if line.startswith("check: "):
            yield {"check": line.removeprefix("check: ")}
            continue
        when, arrow, then = _SET.sub("", line).partition(" -> ")
        assert arrow, f"nobody knows what this says: {line}"
        step: dict[str, Any] = {"when": when.split(" & "), "then": then.split("; ")}
        for word, value in _SET.findall(line):
            if word in ("at", "key"):
                step[word] = value
            else:
                step["also"] = {word: value}
        yield step


@pytest.mark.parametrize("forgetful", [False, True], ids=["in one go", "started again at each step"])
@pytest.mark.parametrize("block", BLOCKS)
async def test_block_of_the_page_gives_what_it_says(block: str, forgetful: bool) -> None:
    client = EXAMPLE["clients"][0]
    codes = {"assets": [each["code"] for each in EXAMPLE["assets"]], "clients": [client["code"]]}
    scenario = {
        "name": "a block",
        "programme": {**EXAMPLE["programme"], "demo": False},
        "promos": [promo for promo in EXAMPLE["promos"] if f" {promo['code']}" in block],
        **codes,
        "client": {name: client[name] for name in ("code", "rights", "install_id")},
    }
    await play_all({**scenario, "steps": list(_steps(block))}, forgetful=forgetful)


def test_pages_show_what_the_example_has() -> None:
    shown = [
        yaml.safe_load(page) for name in PAGES for page in re.findall(r"```yaml\n(.*?)```", PAGES[name], re.DOTALL)
    ]
    ladder = EXAMPLE["promos"][0]["benefits"][0]["streak"]
    assert shown == [{"streak": ladder}, {"velocity": EXAMPLE["programme"]["velocity"]}]


def test_example_can_be_applied() -> None:
    assert read_programme(FILE.read_text(encoding="utf-8"), FILE.name).programme.programme.velocity


def _named(page: str) -> set[str]:
    return set(re.findall(r"\w+", " ".join(re.findall(r"`([^`\n]+)`", page))))


def test_pages_name_everything_that_can_be_said() -> None:
    said = {field.encode_name for kind in (Streak, Freeze) for field in msgspec.structs.fields(kind)}
    assert said <= _named(PAGES["check-in"])
    fields = {field.encode_name for field in msgspec.structs.fields(VelocityRule)}
    values = {str(value) for kind in (Span, VelocityPer, VelocityAction) for value in kind}
    assert fields | values <= _named(PAGES["velocity"])
