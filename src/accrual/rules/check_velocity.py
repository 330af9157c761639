"""Whether a programme's rules of velocity can be counted: names apart, a cap each that is above zero."""

from __future__ import annotations

from collections.abc import Iterator

from accrual.domain.errors import Invalid
from accrual.domain.facts import Trigger
from accrual.domain.programme import Settings
from accrual.domain.velocity import RULES_MAX
from accrual.rules.money import read_money
from accrual.rules.problems import Problem
from accrual.rules.velocity import slot_of_rule

PATH = "programme.velocity"
WITHOUT_MONEY = frozenset({Trigger.REGISTRATION, Trigger.CHECK_IN})


def check_velocity_rules(settings: Settings) -> Iterator[Problem]:
    """Everything that is wrong with them."""
    rules = settings.velocity
    if len(rules) > RULES_MAX:
        yield Problem(PATH, f"has {len(rules)} rules, at most {RULES_MAX} are allowed")
    slots: dict[int, tuple[str, int]] = {}
    for index, rule in enumerate(rules):
        path = f"{PATH}[{index}]"
        if (rule.count is None) == (rule.amount is None):
            yield Problem(path, "exactly one of count and amount is needed")
        elif rule.amount is not None:
            try:
                if read_money(rule.amount, settings) == 0:
                    yield Problem(f"{path}.amount", "must be above zero")
            except Invalid as error:
                yield Problem(f"{path}.amount", f"{error.message} Write such as '1000 {settings.currency}'.")
            if rule.triggers and WITHOUT_MONEY.issuperset(rule.triggers):
                yield Problem(f"{path}.amount", f"no money comes with {' and '.join(rule.triggers)}; use count")
        known, first = slots.setdefault(slot_of_rule(rule.name), (rule.name, index))
        if first != index and known == rule.name:
            yield Problem(f"{path}.name", f"{rule.name!r} is already the name of velocity[{first}]")
        elif first != index:
            yield Problem(f"{path}.name", f"{rule.name!r} and {known!r} would be counted as one; choose another name")
