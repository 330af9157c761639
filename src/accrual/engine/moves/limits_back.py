"""Which use of limits and budgets a return gives back: that of promos all of whose awards are taken back, entries excepted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from accrual.domain.commands import Reward
from accrual.domain.facts import Event, Fact
from accrual.domain.outcomes import Award, Outcome
from accrual.domain.undoing import Part
from accrual.rules.compiled import CompiledProgramme, CompiledVersion
from accrual.rules.limits import Key, limit_key


def uses_given_back(
    programme: CompiledProgramme,
    bought: Reward,
    outcome: Outcome,
    recorded_at: datetime,
    before: Mapping[Part, int],
    after: Mapping[Part, int],
) -> dict[Key, int]:
    """Units, or one time, by counter or stock. `before` is what was undone of each part so far, `after` what is changed now.

    What the programme remembers of facts (registered, referred) stays: these things have happened. So has an entry of a
    draw: it counts for ever, whether it won or not.
    """
    awards, entered = outcome.awards, _entered(outcome)
    by_version: dict[int, list[int]] = {}
    for number, award in enumerate(awards):
        by_version.setdefault(award.promo_version_id, []).append(number)
    found: dict[Key, int] = {}
    for version, numbers in _versions(programme, by_version):
        whole = [(number, -1, -1) for number in numbers]
        changed = any(part in after for part in whole)
        if not changed or any(after.get(part, before.get(part, 0)) < awards[part[0]].amount for part in whole):
            continue
        mine = [awards[number] for number in numbers]
        for key, units in _uses(version, bought, mine, recorded_at, drew=version.promo_version_id in entered):
            found.setdefault(key, units)  # two limits on one counter count once
    return found


def keys_of(programme: CompiledProgramme, bought: Reward, outcome: Outcome, recorded_at: datetime) -> list[Key]:
    """The counters and stocks that returns of this command may give back to."""
    awards, entered = outcome.awards, _entered(outcome)
    by_version: dict[int, list[int]] = {}
    for number, award in enumerate(awards):
        by_version.setdefault(award.promo_version_id, []).append(number)
    return [
        key
        for version, numbers in _versions(programme, by_version)
        for key, _ in _uses(
            version,
            bought,
            [awards[number] for number in numbers],
            recorded_at,
            drew=version.promo_version_id in entered,
        )
    ]


def _entered(outcome: Outcome) -> set[int]:
    """The promo versions that made an entry of a draw: whatever it won, there is a receipt of it."""
    told = [(award.promo_version_id, award.details) for award in outcome.awards]
    told += [(declined.promo_version_id, declined.details) for declined in outcome.declines]
    return {number for number, details in told if "draw" in (details or {})}


def _versions(
    programme: CompiledProgramme, wanted: Mapping[int, list[int]]
) -> Iterator[tuple[CompiledVersion, list[int]]]:
    """Of promos that are live, versions with limits; those of others give nothing any more, so nothing is kept for them."""
    seen: set[int] = set()
    for timelines in programme.index.values():
        for timeline in timelines:
            for version in timeline.versions:
                number = version.promo_version_id
                if version.limits and number in wanted and number not in seen:
                    seen.add(number)
                    yield version, wanted[number]


def _uses(
    version: CompiledVersion, bought: Reward, awards: Sequence[Award], recorded_at: datetime, *, drew: bool
) -> Iterator[tuple[Key, int]]:
    counted = [award for award in awards if "draw" not in (award.details or {})]  # prizes have caps of their own
    fact = _first_fact(version, bought, counted)
    if fact is None:
        return
    for limit in version.limits:
        if drew and not limit.by_amount:
            continue
        key = limit_key(version, limit, bought.install_id, fact, recorded_at)
        if key is None:
            continue
        units = 1
        if limit.by_amount:
            units = sum([award.amount for award in counted if limit.asset_id in (None, award.asset_id)])
        if units:
            yield key, units


def _first_fact(version: CompiledVersion, bought: Reward, awards: Sequence[Award]) -> Fact | None:
    """The fact in whose period the limits counted: the first one that the awards are about."""
    for award in awards:
        if award.shares:
            return bought.facts[award.shares[0][0]]
    heard = [
        fact
        for fact in bought.facts
        if fact.trigger is version.trigger
        and (version.event is None or (isinstance(fact, Event) and fact.name == version.event))
    ]
    outlets, products = version.where.outlets, version.where.products
    there = [
        fact
        for fact in heard
        if (not outlets or fact.outlet in outlets) and (not products or fact.items or fact.product in products)
    ]
    return next(iter(there or heard), None)
