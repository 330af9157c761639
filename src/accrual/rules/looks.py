"""What judging a command may look at beyond its facts, and so what has to be loaded for it. Nothing is loaded here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from accrual.domain.accounts import Role
from accrual.domain.draws import DrawKey
from accrual.domain.facts import Fact
from accrual.rules.admit import REMEMBERED
from accrual.rules.calendar import read_duration
from accrual.rules.compiled import LOOKUPS_MAX, CompiledProgramme, CompiledVersion, Looks
from accrual.rules.concerns import may_be_of

# As plain numbers: a lane keeps them in a dictionary for each member, which the garbage collector then need not look into.
MEMBER, PENDING = int(Role.MEMBER), int(Role.PENDING)
DAYS_A_MONTH_MAX = 31
DAYS_A_YEAR_MAX = 366
FIRST_DAYS = 90
"""Whoever bought something lately does not buy for the first time: only of the others is all that was ever looked at."""


def kinds_and_looks(
    programme: CompiledProgramme, facts: Sequence[Fact], client: str | None
) -> tuple[frozenset[type[Fact]], Looks]:
    """Which kinds of fact these are, and what judging them looks at."""
    key = (tuple(map(type, facts)), client)
    found = programme.looks_of_types.get(key)
    if found is None:
        kinds = frozenset(key[0])
        if len(programme.looks_of_types) >= LOOKUPS_MAX:
            programme.looks_of_types.clear()
        found = programme.looks_of_types[key] = (kinds, looks_of(programme, kinds, client))
    return found


def looks_of(programme: CompiledProgramme, kinds: frozenset[type[Fact]], client: str | None) -> Looks:
    """What judging a command of these kinds of fact from this client looks at: other clients' promos are none of it."""
    found = programme.looks.get((kinds, client))
    if found is None:
        triggers = {kind.trigger for kind in kinds}
        versions = [
            version
            for trigger in sorted(triggers)
            for version in programme.listening.get(trigger, ())
            if may_be_of(version, client)
        ]
        counted = any(not triggers.isdisjoint(rule.triggers or triggers) for rule in programme.velocity)
        if len(programme.looks) >= LOOKUPS_MAX:
            programme.looks.clear()
        found = programme.looks[kinds, client] = _fold(
            versions, programme.assets, counted=counted, remembered=not kinds.isdisjoint(REMEMBERED)
        )
    return found


def looks_of_all(programme: CompiledProgramme) -> Looks:
    """What judging any command of the programme may look at."""
    return _fold(
        [version for versions in programme.listening.values() for version in versions],
        programme.assets,
        counted=bool(programme.velocity),
        remembered=True,
    )


def _fold(versions: Iterable[CompiledVersion], assets: Mapping[str, int], *, counted: bool, remembered: bool) -> Looks:
    accounts: set[tuple[int, int]] = set()
    limits, profile, balance, codes = counted, False, False, False
    history_days, first = 0, False
    costs: set[int] = set()
    rounds: set[DrawKey] = set()
    asked = False
    for version in versions:
        for benefit in (*version.for_member, *version.for_referrer):
            accounts.add((benefit.asset_id, MEMBER))
            codes = codes or benefit.kind == "voucher"
            if benefit.draw is not None:
                limits = limits or bool(benefit.draw.prizes)
                rounds.add(benefit.draw.key)
                won = {prize.asset_id for prize in benefit.draw.prizes if prize.asset_id is not None}
                accounts.update((asset_id, MEMBER) for asset_id in won)
                if benefit.active_after is not None:
                    accounts.update((asset_id, PENDING) for asset_id in won)
                if benefit.draw.cost is not None:
                    costs.add(benefit.draw.cost.asset_id)
                    accounts.add((benefit.draw.cost.asset_id, MEMBER))
            profile = profile or benefit.by_level
            if benefit.active_after is not None:
                accounts.add((benefit.asset_id, PENDING))
        limits = limits or bool(version.limits) or version.streak is not None
        if version.streak is not None and version.streak.freeze_id is not None:
            costs.add(version.streak.freeze_id)
            accounts.add((version.streak.freeze_id, MEMBER))
        audience = version.audience
        named = audience is not None and bool(audience.lists or audience.segments)
        profile = profile or named or (version.schedule is not None and version.schedule.birthday)
        if version.condition is not None:
            asked = True
            needs = version.condition.needs
            profile = profile or needs.profile
            balance = balance or needs.balance
            spans = [days_of(period) for period in needs.history]
            history_days = max([history_days, *spans, FIRST_DAYS if needs.first else 0])
            first = first or needs.first
    if balance:
        accounts.update((asset_id, MEMBER) for asset_id in assets.values())
    plain = not (remembered or limits or profile or history_days or first or costs or rounds)
    return Looks(
        accounts=tuple(sorted(accounts)),
        limits=limits,
        profile=profile,
        balance=balance,
        history_days=history_days,
        first=first,
        codes=codes,
        costs=tuple(sorted(costs)),
        rounds=tuple(sorted(rounds)),
        plain=plain,
        timeless=plain and not asked,
    )


def days_of(period: str) -> int:
    """At most how many days an ISO duration spans; a day more than its parts, for zones."""
    parts = dict(read_duration(period).items())
    years, months, weeks, days = (abs(parts.get(unit, 0)) for unit in ("years", "months", "weeks", "days"))
    return years * DAYS_A_YEAR_MAX + months * DAYS_A_MONTH_MAX + weeks * 7 + days + 1
