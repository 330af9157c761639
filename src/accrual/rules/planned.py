"""The short way to what match finds, for facts that are alike and promos that ask for little: looked up, not searched."""

from __future__ import annotations

from collections.abc import Sequence

from accrual.domain.commands import Reward
from accrual.domain.facts import Event, Fact, Referral, ReferralPurchase
from accrual.domain.outcomes import Declined
from accrual.rules.compiled import LOOKUPS_MAX, CompiledVersion, Plan
from accrual.rules.condition_values import Facts, values_of
from accrual.rules.match import listens, subjects_of
from accrual.rules.snapshot import Snapshot

Matched = tuple[CompiledVersion, Sequence[Fact]]

NEVER_PLANNED = (Event, Referral, ReferralPurchase)
"""Facts whose promos depend on more than where they happened and what was bought."""


def plan_of(facts: Sequence[Fact], snapshot: Snapshot) -> Plan | None:
    """The promos for facts that are all alike, where these ask for nothing but place, product and a condition; else None."""
    first = facts[0]
    kind, outlet, product = type(first), first.outlet, first.product
    for fact in facts:
        if fact.items or type(fact) is not kind or fact.outlet != outlet or fact.product != product:
            return None
    if kind in NEVER_PLANNED:
        return None
    programme = snapshot.programme
    key = (kind.trigger, outlet, product, snapshot.client)
    if key not in programme.plans:
        if len(programme.plans) >= LOOKUPS_MAX:
            programme.plans.clear()
        programme.plans[key] = _plan(first, snapshot)
    return programme.plans[key]


def _plan(fact: Fact, snapshot: Snapshot) -> Plan | None:
    subjects = subjects_of(fact)
    plain, conditional = [], []
    for timeline in snapshot.programme.candidates(fact.trigger, fact.outlet, subjects):
        version = timeline.always or timeline.by_condition
        if version is None:
            return None
        if not listens(version, fact, subjects, snapshot.client):
            continue
        if version.condition is None:
            plain.append(version)
        elif version.for_member or version.ceilings:
            conditional.append(version)
    plain.sort(key=_place)
    return Plan(tuple(plain), tuple(conditional))


def follow(
    plan: Plan, command: Reward, facts: Sequence[Fact], snapshot: Snapshot, declines: list[Declined]
) -> list[Matched]:
    """The versions of a plan that hold, in the total order, and a decline for each whose condition holds for no fact."""
    found: list[Matched] = [(version, facts) for version in plan.plain]
    versions = plan.conditional
    if not versions:
        return found
    conditions = snapshot.programme.conditions(versions)
    held: list[list[Fact]] = [[] for _ in versions]
    refused: list[Declined | None] = [None] * len(versions)
    for fact in facts:
        verdicts = conditions.judge(values_of(conditions.names, Facts(command, fact, snapshot)))
        for number, verdict in enumerate(verdicts):
            if verdict.holds:
                held[number].append(fact)
            elif refused[number] is None:
                refused[number] = Declined(versions[number].promo_version_id, verdict.reason, verdict.details)
    for version, matched, declined in zip(versions, held, refused, strict=True):
        if matched:
            found.append((version, matched))
        elif declined is not None:
            declines.append(declined)
    found.sort(key=lambda entry: _place(entry[0]))
    return found


def _place(version: CompiledVersion) -> tuple[int, int, str, int]:
    return version.place
