"""Puts words of a language and values together: sentences, numbers, money. The words stand in words_en and words_id."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from accrual.domain.programme import Language, Settings
from accrual.rules import (
    words_bounds_en,
    words_bounds_id,
    words_check_in_en,
    words_check_in_id,
    words_draws_en,
    words_draws_id,
    words_en,
    words_id,
    words_moves_en,
    words_moves_id,
    words_referrals_en,
    words_referrals_id,
    words_rewards_en,
    words_rewards_id,
    words_velocity_en,
    words_velocity_id,
)

TABLES: Mapping[Language, Mapping[str, str]] = {
    Language.EN: {
        **words_en.WORDS,
        **words_bounds_en.WORDS,
        **words_check_in_en.WORDS,
        **words_draws_en.WORDS,
        **words_moves_en.WORDS,
        **words_referrals_en.WORDS,
        **words_rewards_en.WORDS,
        **words_velocity_en.WORDS,
    },
    Language.ID: {
        **words_id.WORDS,
        **words_bounds_id.WORDS,
        **words_check_in_id.WORDS,
        **words_draws_id.WORDS,
        **words_moves_id.WORDS,
        **words_referrals_id.WORDS,
        **words_rewards_id.WORDS,
        **words_velocity_id.WORDS,
    },
}
_MARKS = {
    Language.EN: (words_en.THOUSANDS, words_en.DECIMALS),
    Language.ID: (words_id.THOUSANDS, words_id.DECIMALS),
}


def say(language: Language, key: str, /, **values: str) -> str:
    """The words of a key with these values in their places. Raises KeyError for a key or a value that is not there."""
    return TABLES[language][key].format_map(values)


def number(language: Language, value: int) -> str:
    """A whole number with its thousands apart: 1,234,567 or 1.234.567."""
    return f"{value:,}".replace(",", _MARKS[language][0])


def money(language: Language, amount_minor: int, settings: Settings) -> str:
    """Minor units as people write money: 684350 with two decimals in IDR is `6,843.50 IDR` or `6.843,50 IDR`."""
    sign = "-" if amount_minor < 0 else ""
    whole, rest = divmod(abs(amount_minor), 10**settings.minor_units)
    decimals = f"{_MARKS[language][1]}{rest:0{settings.minor_units}d}" if settings.minor_units else ""
    return f"{sign}{number(language, whole)}{decimals} {settings.currency}"


def enumerate_words(language: Language, words: Sequence[str], *, joined_by: str = "or") -> str:
    """`a, b or c`; `joined_by` is `or` or `and`."""
    if len(words) < 2:
        return "".join(words)
    return say(language, f"part.{joined_by}", some=", ".join(words[:-1]), last=words[-1])
