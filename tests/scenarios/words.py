"""The sentences of a scenario, read into native facts and said of outcomes. No judgement, no books: only words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_MOMENT = r"\d{4}-\d{2}-\d{2}(?:[ T]\d{2}:\d{2}(?::\d{2})?(?:Z|[+-]\d{2}:\d{2})?)?"
_NAME = r"[\w.@+-]+"
_MONEY = r"(?P<amount>-?[\d.]+) (?P<currency>[A-Z]{3})"

_DOES: Mapping[str, str] = {
    "registration": r"registers",
    "purchase": rf"pays {_MONEY}(?: of (?P<product>\S+))?",
    "referral_purchase": rf"pays {_MONEY} thanks to (?P<referrer>{_NAME})",
    "product_purchase": rf"buys (?P<product>\S+)(?: for {_MONEY})?",
    "draw_entry": r"enters the draw",
    "check_in": r"checks in",
    "referral": rf"is referred(?: by (?P<referrer>{_NAME}))?",
}
_DETAILS = rf"(?: in (?P<outlet>\S+))?(?: at (?P<at>{_MOMENT}))?\Z"
_CHECKS: Mapping[str, str] = {
    "balance": r"has (?P<amount>\d+) (?P<asset>\S+?)(?P<pending> pending)?\Z",
    "unknown": r"is unknown\Z",
    "name": r"is called (?P<name>.+)\Z",
    "referrer": rf"was referred by (?P<referrer>{_NAME})\Z",
}


class NotUnderstood(AssertionError):
    """A scenario has a sentence that is none of the format's."""


def read_does(sentence: str) -> tuple[str, dict[str, Any]]:
    """Who, and what they did as a native fact: `ann pays 10000 IDR of T30H in OTL-1 at 2026-03-01 09:00`."""
    who, _, rest = sentence.strip().partition(" ")
    for trigger, pattern in _DOES.items():
        found = re.match(pattern + _DETAILS, rest)
        if found:
            return who, _fact(trigger, {key: text for key, text in found.groupdict().items() if text is not None})
    raise NotUnderstood(f"nobody knows what this means: {sentence!r}")


def _fact(trigger: str, words: dict[str, str]) -> dict[str, Any]:
    fact: dict[str, Any] = {"type": trigger}
    fact.update({key: words[key] for key in ("amount", "currency", "product", "outlet") if key in words})
    if "at" in words:
        fact["occurred_at"] = moment(words["at"])
    if words.get("referrer") not in (None, "anybody"):
        fact["referrer"] = {"kind": "name", "value": words["referrer"]}
    return fact


def moment(text: str) -> str:
    """A moment as people write it, made RFC 3339: a day begins at midnight, seconds may be left out."""
    text = text.replace(" ", "T")
    if "T" not in text:
        return f"{text}T00:00:00"
    return re.sub(r"(T\d{2}:\d{2})(?!:|\d)", r"\1:00", text, count=1)


def read_check(sentence: str) -> tuple[str, str, dict[str, str]]:
    """(who, what is asked, the words of it) of `ann has 10 PTS`, `ann is unknown`, `ann was referred by bob`."""
    who, _, rest = sentence.strip().partition(" ")
    for asked, pattern in _CHECKS.items():
        found = re.match(pattern, rest)
        if found:
            return who, asked, {key: text for key, text in found.groupdict().items() if text is not None}
    raise NotUnderstood(f"nobody knows how to check this: {sentence!r}")


def say_award(who: str, amount: int, asset: str, promo: str, active_at: str | None, expires_at: str | None) -> str:
    text = f"{who} gets {amount} {asset} by {promo}"
    if active_at is not None:
        text += f", active from {active_at}"
    return text if expires_at is None else f"{text}, until {expires_at}"


def say_decline(who: str, promo: str | None, reason: str) -> str:
    return f"{who} is declined {promo}: {reason}" if promo else f"{who} is declined: {reason}"


def as_list(value: Any) -> list[str]:
    """A sentence or a list of sentences; `nothing` is an empty list."""
    sentences = value if isinstance(value, list) else [value]
    return [] if sentences == ["nothing"] else [str(sentence).strip() for sentence in sentences]
