"""What is said in English of check-ins in a row; names in braces are values."""

from __future__ import annotations

from collections.abc import Mapping

WORDS: Mapping[str, str] = {
    # What a code means in general: the reference page.
    "means.check_in_too_late": "The check-in is of a day further back than the promo lets be made up.",
    "means.day_without_prize": "The check-in counts for the streak; for this day of it the promo gives nothing.",
    # One case of a code, with its values where they are known.
    "decline.already_checked_in.told": "The member has a check-in on {day} of the promo's calendar already.",
    "decline.check_in_too_late": "The check-in is of a day too far back to be made up.",
    "decline.check_in_too_late.told": "{day} is too far back to be made up.",
    "decline.day_without_prize": "The check-in counts for the streak, and its day gives nothing.",
    "decline.day_without_prize.told": "{day} counts as day {streak} of the streak, for which the promo gives nothing.",
    # How an award came about.
    "award.streak": "for check-ins in a row",
    "award.streak.days": "for {days}",
    "part.streak_day": "day {streak} of the streak ({day})",
    "award_with.frozen": "bridged for it: {days}",
    "award_with.raised": "later days raised: {days}",
    "part.raised_day": "{day} to day {streak} ({units} more)",
}
