"""Promo behaviour in plain words: every scenario of the YAML files beside this one, played with and without memory."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from accrual.domain.errors import AccrualError
from tests.scenarios.stage import Stage
from tests.scenarios.words import NotUnderstood, as_list, read_becomes, read_check, read_does

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
HERE = Path(__file__).parent
ROOT = HERE.parents[1]
FILE_KEYS = {"about", "from", "programme", "client", "clients", "assets", "outlets", "promos", "scenarios"}
SCENARIO_KEYS = {"name", "programme", "client", "clients", "assets", "outlets", "promos", "steps"}
STEP_KEYS = {"at", "promos", "when", "then", "earns", "key", "called", "typed", "also", "check"}


def _read(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = yaml.load(path.read_bytes(), LOADER)  # noqa: S506 - both are safe loaders
    return document


@cache
def _files() -> list[tuple[Path, dict[str, Any]]]:
    return [(path, _read(path)) for path in sorted(HERE.glob("*.yaml"))]


def _scenarios() -> Iterator[Any]:
    for path, document in _files():
        _known(document, FILE_KEYS, path.name)
        for scenario in document["scenarios"]:
            _known(scenario, SCENARIO_KEYS, f"{path.name}: {scenario.get('name')}")
            yield pytest.param(_merged(document, scenario), id=f"{path.stem}: {scenario['name']}")


def _known(document: dict[str, Any], keys: set[str], where: str) -> None:
    unknown = set(document) - keys
    assert not unknown, f"{where}: nobody knows {', '.join(sorted(unknown))}"


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


def _by_kind(sentences: list[str]) -> tuple[list[str], list[str], list[str]]:
    """Awards in their order, declines in any order, and whatever else."""
    awards = [sentence for sentence in sentences if " gets " in sentence]
    declines = sorted(sentence for sentence in sentences if " is declined" in sentence)
    return awards, declines, [s for s in sentences if s not in awards and s not in declines]


async def _play(stage: Stage, step: dict[str, Any], answered: dict[str, tuple[bytes, list[str]]]) -> None:
    before = stage.commands
    wanted = as_list(step["then"] if "then" in step else step["earns"])
    try:
        receipt, said = await stage.act(as_list(step["when"]), step)
    except AccrualError as error:
        assert wanted == [f"refused: {error.code}"], f"refused {error.code}: {error.message}"
        assert stage.commands == before, "what is refused leaves nothing behind"
        return
    if wanted == ["the first answer again"]:
        assert receipt.repeated
        assert (receipt.ticket, said) == answered[step["key"]]
        assert stage.commands == before
        return
    assert not receipt.repeated, "this is answered like a repeat"
    if "key" in step:
        answered.setdefault(step["key"], (receipt.ticket, said))
    if "earns" in step:
        said = [sentence for sentence in said if " is declined " not in sentence]
    assert _by_kind(said) == _by_kind(wanted), f"{step['when']}: {said}"


async def _play_all(scenario: dict[str, Any], *, forgetful: bool) -> None:
    stage = Stage(scenario, forgetful=forgetful)
    answered: dict[str, tuple[bytes, list[str]]] = {}
    for step in scenario["steps"]:
        _known(step, STEP_KEYS, scenario["name"])
        if "at" in step:
            stage.set_clock(str(step["at"]))
        if "promos" in step:
            stage.save_promos(step["promos"])
        if "when" in step:
            await _play(stage, step, answered)
        for sentence in as_list(step.get("check", "nothing")):
            assert stage.holds(sentence) == sentence


@pytest.mark.parametrize("forgetful", [False, True], ids=["in one go", "started again at each step"])
@pytest.mark.parametrize("scenario", list(_scenarios()))
async def test_scenario(scenario: dict[str, Any], forgetful: bool) -> None:
    await _play_all(scenario, forgetful=forgetful)


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
    await _play_all({"name": "good", "promos": [promo], "steps": [good, {"check": "ann has 2 PTS"}]}, forgetful=False)
    for step in wrong:
        with pytest.raises(AssertionError):
            await _play_all({"name": "wrong", "promos": [promo], "steps": [step]}, forgetful=False)
