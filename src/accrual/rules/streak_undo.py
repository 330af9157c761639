"""Takes days checked in away again: the run behind them counts anew. What was given is taken back elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime

from accrual.domain.facts import CheckIn, Fact
from accrual.domain.outcomes import Award
from accrual.domain.promos import Period
from accrual.domain.streaks import StreakEvery
from accrual.rules.calendar import period_key
from accrual.rules.compiled import CompiledProgramme
from accrual.rules.snapshot import PROGRAMME_ITSELF, SLOT_CHECKED_IN, CounterKey
from accrual.rules.streak_days import ZONE_SLACK, Mark, moment_of, unpacked
from accrual.rules.streaks import CompiledStreak

Value = Callable[[CounterKey], int]


def programme_day(moment: datetime, programme: CompiledProgramme) -> tuple[CounterKey, int]:
    """The counter of the programme's own day, and what it stands at once this check-in took it: never 0."""
    local = moment.astimezone(programme.zone)
    key = (PROGRAMME_ITSELF, SLOT_CHECKED_IN, period_key(moment, Period.DAY, programme.zone))
    return key, 1 + local.hour * 60 + local.minute


def keys_to_undo(
    programme: CompiledProgramme, facts: Sequence[Fact], happened: datetime, now: datetime
) -> list[CounterKey]:
    """The counters that taking these check-ins away looks at; `happened` is when those without a moment of their own did."""
    keys: dict[CounterKey, None] = {}
    for fact in facts:
        if isinstance(fact, CheckIn):
            moment = fact.occurred_at or happened
            keys[programme_day(moment, programme)[0]] = None
            for streak in _streaks(programme, moment):
                day = streak.day(moment)
                for each in range(day - ZONE_SLACK, max(day, streak.day(now)) + ZONE_SLACK + 1):
                    keys[streak.key(each)] = None
    return list(keys)


def undo_days(
    programme: CompiledProgramme,
    facts: Sequence[Fact],
    awards: Sequence[Award],
    happened: datetime,
    now: datetime,
    value: Value,
) -> dict[CounterKey, int]:
    """Counters as they stand without these check-ins; those that a day was not counted for change nothing.

    `awards` of the same command are taken back with them: later days that they raised are worth again what they were.
    """
    changes: dict[CounterKey, int] = {}

    def seen(key: CounterKey) -> int:
        return changes[key] if key in changes else value(key)

    for fact in facts:
        if not isinstance(fact, CheckIn):
            continue
        moment = fact.occurred_at or happened
        key, taken = programme_day(moment, programme)
        if seen(key) == taken:
            changes[key] = 0
        for streak in _streaks(programme, moment):
            _undo(streak, moment, now, seen, changes)
    for award in awards:
        if award.reason == "streak":
            _lower(award, programme, seen, changes)
    return changes


def _streaks(programme: CompiledProgramme, moment: datetime) -> Iterator[CompiledStreak]:
    for timeline in programme.streaks.values():
        version = timeline.at(moment)
        if version is not None and version.streak is not None:
            yield version.streak


def _undo(streak: CompiledStreak, moment: datetime, now: datetime, seen: Value, changes: dict[CounterKey, int]) -> None:
    every, near = streak.rung.every, streak.day(moment)
    last = max(near, streak.day(now)) + ZONE_SLACK
    shift = 0
    for day in range(near - ZONE_SLACK, last + 1):
        mark = unpacked(seen(streak.key(day)))
        if mark is None:
            continue
        if not shift:
            if abs(day - near) <= ZONE_SLACK and moment_of(mark, day, every) == moment.replace(second=0, microsecond=0):
                shift = mark.number
                changes[streak.key(day)] = 0
            continue
        if mark.number <= shift:  # a run of its own
            return
        changes[streak.key(day)] = Mark(mark.number - shift, mark.minute, mark.worth).packed()


def _lower(award: Award, programme: CompiledProgramme, seen: Value, changes: dict[CounterKey, int]) -> None:
    """Days that this award raised are worth so much less again."""
    for timeline in programme.streaks.values():
        for version in timeline.versions:
            if version.promo_version_id != award.promo_version_id or version.streak is None:
                continue
            for counted in (award.details or {}).get("days", ()):
                for written, _, more in counted.get("raised", ()):
                    key = version.streak.key(_day(written, version.streak.rung.every))
                    mark = unpacked(seen(key))
                    if mark is not None:
                        changes[key] = Mark(mark.number, mark.minute, max(mark.worth - more, 0)).packed()


def _day(written: str, every: StreakEvery) -> int:
    if every is StreakEvery.DAY:
        return date.fromisoformat(written).toordinal()
    return (date.fromisoformat(f"{written}-1").toordinal() - 1) // 7
