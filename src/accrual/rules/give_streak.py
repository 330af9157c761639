"""What the check-ins of one command come to in a promo with a streak: days counted, freezes spent. Awards are made elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from accrual.domain.facts import Fact
from accrual.domain.outcomes import Declined
from accrual.domain.promos import PromoStatus
from accrual.rules.compiled import CompiledVersion
from accrual.rules.snapshot import Spent
from accrual.rules.streaks import CompiledStreak, DayKey, Rung, count, told, written_day

if TYPE_CHECKING:  # giving stands above: it asks for what is here
    from accrual.rules.give import Giving


class StreakGiven(NamedTuple):
    """What the ladder gives for the check-ins that count: units for all of them, the last one's day of the streak."""

    units: int
    number: int
    told: tuple[dict[str, Any], ...]


NOTHING_COUNTED = StreakGiven(0, 0, ())


def count_days(giving: Giving, version: CompiledVersion, streak: CompiledStreak, facts: Sequence[Fact]) -> list[Fact]:
    """The check-ins that count, in their order; earlier ones are counted first. Where none does, a decline says why.

    The days stand whatever becomes of the award: a streak is not broken by a budget. Raises OverflowError.
    """
    now = giving.snapshot.now
    declined: Declined | None = None
    counted: list[Fact] = []
    units = number = 0
    said: list[dict[str, Any]] = []
    for fact in sorted(facts, key=lambda each: each.occurred_at or now):
        moment = fact.occurred_at or now
        result = count(
            streak,
            moment,
            now,
            lambda key: _value(giving, key),
            lambda: _freezes(giving, streak),
            lambda at: _rung_at(giving, version, at),
        )
        if isinstance(result, str):
            details = {"day": written_day(streak, streak.day(moment))}
            declined = declined or Declined(version.promo_version_id, result, details)
            continue
        giving.counters.update(result.changes)
        counted.append(fact)
        units, number = units + result.units, result.number
        said.append(told(streak, result))
        if streak.freeze_id is not None:
            for day in result.frozen:
                bridged = {"freeze": version.code, "day": written_day(streak, day)}
                giving.spent.append(Spent(streak.freeze_id, 1, version.promo_version_id, version.code, bridged))
    giving.streaks[version.promo_version_id] = StreakGiven(units, number, tuple(said))
    if not counted and declined is not None:
        giving.declines.append(declined)
    return [fact for fact in facts if any(fact is each for each in counted)]


def _value(giving: Giving, key: DayKey) -> int:
    return giving.counters[key] if key in giving.counters else giving.snapshot.counted(key)


def _freezes(giving: Giving, streak: CompiledStreak) -> int:
    if streak.freeze_id is None:
        return 0
    spent = sum([each.amount for each in giving.spent if each.asset_id == streak.freeze_id])
    return giving.snapshot.spendable(streak.freeze_id) - spent


def _rung_at(giving: Giving, version: CompiledVersion, moment: datetime) -> Rung | None:
    """By the version that holds for that day, which may be another than the one that judges."""
    timeline = giving.snapshot.programme.streaks.get(version.promo_id)
    held = None if timeline is None else timeline.at(moment)
    if held is None or held.status is not PromoStatus.ACTIVE or held.streak is None:
        return None
    return held.streak.rung
