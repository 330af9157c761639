"""Says in words which days an award of a streak is for, what was bridged for them and which later days it raised."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from accrual.domain.programme import Language
from accrual.rules.words import enumerate_words, number, say

DAYS_TOLD_MAX = 8


def days_words(details: Mapping[str, Any], language: Language) -> str:
    """`day 3 of the streak (2026-03-03)`, for each check-in of the command."""
    told = [
        say(language, "part.streak_day", day=str(each["day"]), streak=number(language, int(each["streak"])))
        for each in details["days"]
    ]
    return _listed(told, language)


def more_days(details: Mapping[str, Any], language: Language) -> Iterator[str]:
    """What else a late or bridged day did, a part of the sentence each."""
    days = details.get("days", ())
    frozen = [str(day) for each in days for day in each.get("frozen", ())]
    if frozen:
        yield say(language, "award_with.frozen", days=_listed(frozen, language))
    raised = [
        say(
            language,
            "part.raised_day",
            day=str(day),
            streak=number(language, int(streak)),
            units=number(language, int(units)),
        )
        for each in days
        for day, streak, units in each.get("raised", ())
    ]
    if raised:
        yield say(language, "award_with.raised", days=_listed(raised, language))


def _listed(told: list[str], language: Language) -> str:
    if len(told) > DAYS_TOLD_MAX:
        told = [*told[:DAYS_TOLD_MAX], f"+{number(language, len(told) - DAYS_TOLD_MAX)}"]
    return enumerate_words(language, told, joined_by="and")
