"""Every named query and migration keeps its rules, and each rule is seen to tell its good from its bad samples."""

from __future__ import annotations

import pytest

from tests.arch.query_rules import MIGRATION_RULES, QUERY_RULES, QueryRule
from tests.arch.tree import MIGRATIONS, QUERIES

_every = pytest.mark.parametrize(
    "rule", QUERY_RULES + MIGRATION_RULES, ids=lambda rule: rule.check.__name__.replace("_", "-")
)


@_every
def test_rule_passes_each_good_sample(rule: QueryRule) -> None:
    assert rule.good
    assert [breach for sample in rule.good for breach in rule.check(sample)] == []


@_every
def test_rule_catches_each_bad_sample(rule: QueryRule) -> None:
    assert rule.bad
    assert [sample for sample in rule.bad if not list(rule.check(sample))] == []


@pytest.mark.parametrize("rule", QUERY_RULES, ids=lambda rule: rule.check.__name__.replace("_", "-"))
def test_every_query_keeps_the_rule(rule: QueryRule) -> None:
    paths = sorted(QUERIES.rglob("*.sql"))
    assert paths
    breaches = [f"{path.name}: {breach}" for path in paths for breach in rule.check(path.read_text(encoding="utf-8"))]
    assert not breaches, "\n".join(breaches)


@pytest.mark.parametrize("rule", MIGRATION_RULES, ids=lambda rule: rule.check.__name__.replace("_", "-"))
def test_every_migration_keeps_the_rule(rule: QueryRule) -> None:
    paths = sorted(MIGRATIONS.rglob("*.sql"))
    assert paths
    breaches = [f"{path.name}: {breach}" for path in paths for breach in rule.check(path.read_text(encoding="utf-8"))]
    assert not breaches, "\n".join(breaches)
