"""Which promo versions hold for which facts: what a member and a command bring to the promos that are open. Nothing is given."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

from accrual.domain.commands import Reward
from accrual.domain.facts import Event, Fact
from accrual.domain.ids import digest16
from accrual.domain.members import EMPTY_PROFILE, MemberProfile
from accrual.domain.outcomes import Declined
from accrual.rules.compiled import HOLDOUT_PARTS, CompiledProgramme, CompiledVersion
from accrual.rules.concerns import HAVE_MORE, side_of
from accrual.rules.condition_values import Facts, values_of
from accrual.rules.conditions import ConditionSet
from accrual.rules.listeners import Listeners, Opening, asking, listeners_of, total_order
from accrual.rules.snapshot import Snapshot

Matched = tuple[CompiledVersion, Sequence[Fact]]
"""A version and the facts that it holds for, in their order."""

NO_FACTS: list[Fact] = []
NOTHING_SKIPPED: frozenset[int] = frozenset()

Alike = tuple[Opening, Hashable, Sequence[Fact]]
"""Facts for which the same promos are open, and what tells the first one's minute from others."""


def match(
    command: Reward, facts: Sequence[Fact], snapshot: Snapshot, declines: list[Declined], *, simply: bool = False
) -> list[Matched] | Opening:
    """The versions that hold, in the total order, and a decline for each candidate that holds for none of the facts.

    `simply` asks for the opening itself where all that holds, for all facts, is its gifts.
    """
    groups = alike(facts)
    if len(groups) == 1:
        judged = _by_opening(snapshot.programme, groups[0], snapshot)
        if len(judged) == 1:
            opening, when, _ = judged[0]
            if simply and opening.gifts is not None and not (opening.conditional or opening.gates):
                if opening.declined:
                    told = opening.declines(facts[0].occurred_at or snapshot.now, when)
                    declines.extend([declined for declined in told if declined is not None])
                return opening
            skipped = over_budget(judged, snapshot.programme)
            return _judge(command, judged[0], snapshot, declines, skipped)
    else:
        judged = [each for group in groups for each in _by_opening(snapshot.programme, group, snapshot)]
    return _judge_apart(command, facts, judged, snapshot, declines)


def alike(facts: Sequence[Fact]) -> list[Sequence[Fact]]:
    """Facts grouped by what chooses their candidates: kind, outlet, products, side; nearly always one group."""
    first = facts[0]
    kind, outlet, product = type(first), first.outlet, first.product
    if len(facts) == 1:
        return [facts]
    if kind not in HAVE_MORE:
        for fact in facts:
            if fact.items or type(fact) is not kind or fact.outlet != outlet or fact.product != product:
                break
        else:
            return [facts]
    groups: dict[Any, list[Fact]] = {}
    for fact in facts:
        name = fact.name if isinstance(fact, Event) else None
        key = (type(fact), fact.outlet, fact.product, fact.items, name, side_of(fact))
        groups.setdefault(key, []).append(fact)
    return list(groups.values())


def _by_opening(programme: CompiledProgramme, facts: Sequence[Fact], snapshot: Snapshot) -> list[Alike]:
    """Alike facts, apart where other promos are open for them."""
    listeners = listeners_of(programme, facts[0], snapshot.client)
    stretch, when = listeners.at(facts[0], snapshot.now)
    if len(facts) == 1 or listeners.always:
        return [(stretch.opening, when, facts)]
    return _apart(listeners, facts, snapshot)


def _apart(listeners: Listeners, facts: Sequence[Fact], snapshot: Snapshot) -> list[Alike]:
    apart: dict[int, tuple[Opening, Hashable, list[Fact]]] = {}
    for fact in facts:
        stretch, when = listeners.at(fact, snapshot.now)
        known = apart.get(id(stretch.opening.sort))
        if known is None:
            apart[id(stretch.opening.sort)] = (stretch.opening, when, [fact])
        else:
            known[2].append(fact)
    return list[Alike](apart.values())


def _judge_apart(
    command: Reward, facts: Sequence[Fact], judged: Sequence[Alike], snapshot: Snapshot, declines: list[Declined]
) -> list[Matched]:
    skipped = over_budget(judged, snapshot.programme)
    found: dict[int, tuple[CompiledVersion, list[Fact]]] = {}
    refused: dict[int, Declined] = {}
    for each in judged:
        told: list[Declined] = []
        for version, matched in _judge(command, each, snapshot, told, skipped):
            found.setdefault(version.promo_version_id, (version, []))[1].extend(matched)
        for declined in told:
            refused.setdefault(declined.promo_version_id, declined)
    declines.extend([declined for number, declined in refused.items() if number not in found])
    place = {id(fact): number for number, fact in enumerate(facts)}
    for _, together in found.values():
        together.sort(key=lambda fact: place[id(fact)])
    return sorted(found.values(), key=_place)


def _judge(
    command: Reward, each: Alike, snapshot: Snapshot, declines: list[Declined], skipped: frozenset[int]
) -> list[Matched]:
    opening, when, facts = each
    found: list[Matched] = [(version, facts) for version in opening.plain]
    conditional, ids, order = opening.conditional, opening.conditional_ids, opening.conditional_order
    runs = 1 if found else 0
    if opening.declined:
        told = opening.declines(facts[0].occurred_at or snapshot.now, when)
        if opening.gates:
            passed = _pass_gates(opening, command, snapshot, told)
            found += [(version, facts) for version in passed if version.condition is None]
            runs += 2 if passed else 0
            more = tuple([version for version in passed if version.condition is not None])
            if more:
                conditional = tuple(sorted((*conditional, *more), key=_promo))
                ids = tuple([version.promo_version_id for version in conditional])
                order = total_order(conditional)
        declines.extend([declined for declined in told if declined is not None])
    if skipped:
        declines.extend([Declined(number, "condition_budget") for number in ids if number in skipped])
        conditional = tuple([version for version in conditional if version.promo_version_id not in skipped])
        ids = tuple([version.promo_version_id for version in conditional])
        order = total_order(conditional)
    if conditional:
        held = _judge_conditions(command, facts, conditional, ids, snapshot, declines)
        found += [(conditional[index], held[index]) for index in order if held[index]]
        runs += 1
    if runs > 1:
        found.sort(key=_place)
    return found


def over_budget(judged: Sequence[Alike], programme: CompiledProgramme) -> frozenset[int]:
    """The versions whose conditions are not asked, for the command would cost too much: the last in the total order.

    Decided before any is asked, by what they cost at worst, so that it is the same on every machine.
    """
    most = programme.settings.bounds.condition_steps_per_command
    steps = 0
    for opening, _, facts in judged:
        cost = opening.cost
        if cost.fixed:
            steps += cost.of(len(facts[0].items or ())) * len(facts)
    if steps <= most:
        return NOTHING_SKIPPED
    costs: dict[int, int] = {}
    versions: dict[int, CompiledVersion] = {}
    for opening, _, facts in judged:
        lines = len(facts[0].items or ())
        for version in asking(opening.conditional, opening.gates):
            if version.condition is not None:
                number = version.promo_version_id
                versions[number] = version
                costs[number] = costs.get(number, 0) + version.condition.cost.of(lines) * len(facts)
    skipped, steps = set(), 0
    for version in sorted(versions.values(), key=lambda each: each.place):
        steps += costs[version.promo_version_id]
        if steps > most:
            skipped.add(version.promo_version_id)
    return frozenset(skipped)


def _pass_gates(
    opening: Opening, command: Reward, snapshot: Snapshot, told: list[Declined | None]
) -> list[CompiledVersion]:
    """The versions that this member and command are let through to; for the others `told` gets a decline in its slot."""
    profile = EMPTY_PROFILE if snapshot.member is None else snapshot.member.profile
    passed = []
    for version, slot, birthdays in opening.gates:
        if birthdays is not None and (profile.birthday is None or profile.birthday[-5:] not in birthdays):
            continue
        if lacks_code(version.promo_codes, command):
            told[slot] = Declined(version.promo_version_id, "promo_code_missing")
            continue
        reason = _audience(version, profile, snapshot.member_id)
        if reason is not None:
            told[slot] = Declined(version.promo_version_id, reason)
            continue
        told[slot] = None
        passed.append(version)
    return passed


def lacks_code(codes: frozenset[str], command: Reward) -> bool:
    """Whether one of these codes is wanted and the command brings none of them."""
    return bool(codes) and codes.isdisjoint([code.casefold() for code in command.promo_codes])


def _judge_conditions(
    command: Reward,
    facts: Sequence[Fact],
    versions: tuple[CompiledVersion, ...],
    ids: tuple[int, ...],
    snapshot: Snapshot,
    declines: list[Declined],
) -> list[Sequence[Fact]]:
    """The facts that each condition holds for. Of one that holds for none it is told why for the first."""
    conditions = snapshot.programme.conditions(versions, ids)
    values = values_of(conditions.names, Facts(command, facts[0], snapshot))
    numbers = conditions.numbers(values)
    if len(facts) == 1 or not conditions.varying:
        conditions.tell(ids, numbers, values, declines)
        return [facts if number == 0 else NO_FACTS for number in numbers]
    held = _hold_apart(command, facts, conditions, numbers, snapshot)
    conditions.tell(
        ids, [0 if matched else number for matched, number in zip(held, numbers, strict=True)], values, declines
    )
    return held


def _hold_apart(
    command: Reward, facts: Sequence[Fact], conditions: ConditionSet, numbers: Sequence[int | str], snapshot: Snapshot
) -> list[Sequence[Fact]]:
    """The facts that each condition holds for; `numbers` are those of the first fact."""
    held = [[facts[0]] if number == 0 else [] for number in numbers]
    for fact in facts[1:]:
        values = values_of(conditions.names_varying, Facts(command, fact, snapshot))
        for matched, holds in zip(held, conditions.hold_again(values, numbers), strict=True):
            if holds:
                matched.append(fact)
    return [facts if len(matched) == len(facts) else matched for matched in held]


def _audience(version: CompiledVersion, profile: MemberProfile, member_id: bytes) -> str | None:
    audience = version.audience
    if audience is None:
        return None
    named = bool(audience.lists or audience.segments)
    if named and audience.lists.isdisjoint(profile.lists) and audience.segments.isdisjoint(profile.segments):
        return "not_in_audience"
    if audience.held_out and holdout_part(member_id, version.code) < audience.held_out:
        return "held_out"
    return None


def holdout_part(member_id: bytes, code: str) -> int:
    """Where in 0 .. HOLDOUT_PARTS-1 a member stands for a promo; the same for ever, and independent between promos."""
    return int.from_bytes(digest16(b"holdout", member_id, code.encode())[:8], "big") % HOLDOUT_PARTS


def _place(entry: Matched) -> tuple[int, int, str, int]:
    return entry[0].place


def _promo(version: CompiledVersion) -> int:
    return version.promo_id
