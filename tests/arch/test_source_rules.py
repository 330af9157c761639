"""Every module under src keeps every rule of source_rules, and each rule is seen to tell its good from its bad samples."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.arch.draft_rule import CHANGES_BY_DRAFTS
from tests.arch.source_rules import MAY_CATCH_EVERYTHING, RULES, Rule, Source
from tests.arch.tree import PACKAGE, modules

_by_name = pytest.mark.parametrize("rule", (*RULES, CHANGES_BY_DRAFTS), ids=lambda rule: rule.name.replace(" ", "-"))


@_by_name
def test_rule_passes_each_good_sample(rule: Rule) -> None:
    assert rule.good
    assert [breach for sample in rule.good for breach in rule.check(sample)] == []


@_by_name
def test_rule_catches_each_bad_sample(rule: Rule) -> None:
    assert rule.bad
    assert [sample for sample in rule.bad if not list(rule.check(sample))] == []


@_by_name
def test_every_module_keeps_the_rule(rule: Rule) -> None:
    paths = modules()
    assert len(paths) > 10
    breaches = [f"{_name(path)}: {breach}" for path in paths for breach in rule.check(_source(path))]
    assert not breaches, "\n".join(breaches)


def test_places_that_may_catch_everything_exist() -> None:
    assert [path for path in MAY_CATCH_EVERYTHING if not (PACKAGE / path).is_file()] == []


def _name(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def _source(path: Path) -> Source:
    return Source(path=_name(path), text=path.read_text(encoding="utf-8"))
