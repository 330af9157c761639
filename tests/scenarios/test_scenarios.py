"""Promo behaviour in plain words: every scenario of the YAML files beside this one, played with and without memory."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.scenarios.playing import check_keys, play_all
from tests.scenarios.words import NotUnderstood, read_becomes, read_check, read_does

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
HERE = Path(__file__).parent
ROOT = HERE.parents[1]
FILE_KEYS = {"about", "from", "programme", "client", "clients", "assets", "outlets", "promos", "scenarios"}
SCENARIO_KEYS = {"name", "programme", "client", "clients", "assets", "outlets", "promos", "steps"}


def _read(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = yaml.load(path.read_bytes(), LOADER)  # noqa: S506 - both are safe loaders
    return document


@cache
def _files() -> list[tuple[Path, dict[str, Any]]]:
    return [(path, _read(path)) for path in sorted(HERE.glob("*.yaml"))]


def _scenarios() -> Iterator[Any]:
    for path, document in _files():
        check_keys(document, FILE_KEYS, path.name)
        for scenario in document["scenarios"]:
            check_keys(scenario, SCENARIO_KEYS, f"{path.name}: {scenario.get('name')}")
            yield pytest.param(_merged(document, scenario), id=f"{path.stem}: {scenario['name']}")


def _merged(file: dict[str, Any], scenario: dict[str, Any]) -> dict[str, Any]:
    """A scenario with what its file gives to all: settings are added to, promos of the same code are replaced."""
    if "from" in file:
        whole = _read(ROOT / file["from"])
        codes = {name: [each["code"] for each in whole.get(name, [])] for name in ("assets", "outlets", "clients")}
        file = {**file, "programme": whole["programme"], "promos": whole["promos"], **codes}
    merged = {**file, **scenario}
    for key in ("programme", "client"):
        merged[key] = {**file.get(key, {}), **scenario.get(key, {})}
    own = {promo["code"] for promo in scenario.get("promos", [])}
    merged["promos"] = [p for p in file.get("promos", []) if p["code"] not in own] + scenario.get("promos", [])
    return merged


@pytest.mark.parametrize("forgetful", [False, True], ids=["in one go", "started again at each step"])
@pytest.mark.parametrize("scenario", list(_scenarios()))
async def test_scenario(scenario: dict[str, Any], forgetful: bool) -> None:
    await play_all(scenario, forgetful=forgetful)


def test_every_file_says_what_it_is_about_and_every_scenario_checks_something() -> None:
    for path, document in _files():
        assert document["about"].endswith("."), path.name
        names = [scenario["name"] for scenario in document["scenarios"]]
        assert len(set(names)) == len(names), path.name
        for scenario in document["scenarios"]:
            assert any({"then", "earns", "check"} & set(step) for step in scenario["steps"]), scenario["name"]
            assert all(("when" in step) == (len({"then", "earns"} & set(step)) == 1) for step in scenario["steps"]), (
                scenario["name"]
            )


@pytest.mark.parametrize("sentence", ["ann pays much", "ann", "ann pays 10 IDR on Friday", "pays 10 IDR", "ann flies"])
def test_sentence_that_means_nothing_is_an_error(sentence: str) -> None:
    with pytest.raises(NotUnderstood):
        read_does(sentence)
    assert read_becomes(sentence) is None
    with pytest.raises(NotUnderstood):
        read_check(sentence)


async def test_scenario_that_expects_something_else_fails() -> None:
    """The runner itself: each kind of wrong expectation is seen."""
    promo = {"code": "P", "trigger": "purchase", "benefits": [{"asset": "PTS", "fixed": 2}]}
    good = {"when": "ann pays 10 IDR", "then": "ann gets 2 PTS by P"}
    wrong: list[dict[str, Any]] = [
        {**good, "then": "nothing"},
        {**good, "then": "ann gets 3 PTS by P"},
        {**good, "then": ["ann gets 2 PTS by P", "ann is declined P: limit_reached"]},
        {**good, "then": "refused: invalid_amount"},
        {"when": "ann pays -10 IDR", "then": "ann gets 2 PTS by P"},
        {"check": "ann has 1 PTS"},
        {**good, "whenever": "x"},
    ]
    await play_all({"name": "good", "promos": [promo], "steps": [good, {"check": "ann has 2 PTS"}]}, forgetful=False)
    for step in wrong:
        with pytest.raises(AssertionError):
            await play_all({"name": "wrong", "promos": [promo], "steps": [step]}, forgetful=False)
