"""Plays the steps of a scenario on a stage and compares what came of each with what was expected. No file is read here."""

from __future__ import annotations

from typing import Any

from accrual.domain.errors import AccrualError
from tests.scenarios.stage import Stage
from tests.scenarios.words import as_list

STEP_KEYS = {"at", "promos", "when", "then", "earns", "key", "called", "typed", "also", "check", "upkeep"}


def check_keys(document: dict[str, Any], keys: set[str], where: str) -> None:
    unknown = set(document) - keys
    assert not unknown, f"{where}: nobody knows {', '.join(sorted(unknown))}"


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


async def play_all(scenario: dict[str, Any], *, forgetful: bool) -> None:
    stage = Stage(scenario, forgetful=forgetful)
    answered: dict[str, tuple[bytes, list[str]]] = {}
    for step in scenario["steps"]:
        check_keys(step, STEP_KEYS, scenario["name"])
        if "at" in step:
            stage.set_clock(str(step["at"]))
        if "promos" in step:
            stage.save_promos(step["promos"])
        if "upkeep" in step:
            await stage.fall_due(as_list(step["upkeep"]))
        if "when" in step:
            await _play(stage, step, answered)
        for sentence in as_list(step.get("check", "nothing")):
            assert stage.holds(sentence) == sentence
