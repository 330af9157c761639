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
    "event": rf"does (?P<name>{_NAME})(?: with (?P<attributes>\w+=\S+(?: \w+=\S+)*))?",
}
_DETAILS = rf"(?: in (?P<outlet>\S+))?(?: at (?P<at>{_MOMENT}))?(?:: (?P<lines>.+))?\Z"
_LINE = re.compile(
    r"(?P<quantity>\d+) (?P<product>\S+?)(?: of (?P<category>\S+))?(?: for (?P<amount>[\d.]+) [A-Z]{3})?\Z"
)
_BECOMES: Mapping[str, str] = {
    "tier": r"becomes (?P<value>\S+)\Z",
    "no tier": r"has no tier any more\Z",
    "birthday": r"was born on (?P<value>\S+)\Z",
    "attribute": r"has (?P<name>\w+) = (?P<value>.+)\Z",
    "no attribute": r"has no (?P<name>\w+) any more\Z",
    "add": r"joins (?P<what>list|segment) (?P<value>\S+)\Z",
    "remove": r"leaves (?P<what>list|segment) (?P<value>\S+)\Z",
}
_OF_A_PROMO: Mapping[str, str] = {
    "shares": r"is shared over the lines (?P<shares>\d+(?: \+ \d+)*)\Z",
    "codes": r"drew (?P<codes>\S+(?: and \S+)*)\Z",
    "failed": r"failed at (?P<part>.+)\Z",
    "said": r"said: (?P<text>.+)\Z",
    "days": r"counted (?P<days>.+)\Z",
}
_CHECKS: Mapping[str, str] = {
    "balance": r"has (?P<amount>\d+) (?P<asset>\S+?)(?P<sort> pending| owed| set aside)?\Z",
    "level": r"is at (?P<level>\S+)\Z",
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


def read_becomes(sentence: str) -> tuple[str, dict[str, Any]] | None:
    """Who, and what becomes known of them as a native profile: `ann becomes gold`; None for any other sentence."""
    who, _, rest = sentence.strip().partition(" ")
    for kind, pattern in _BECOMES.items():
        found = re.match(pattern, rest)
        if found is None:
            continue
        words = found.groupdict()
        match kind:
            case "tier" | "birthday":
                return who, {kind: words["value"]}
            case "no tier":
                return who, {"tier": ""}
            case "attribute":
                return who, {"attributes": {words["name"]: _plain(words["value"])}}
            case "no attribute":
                return who, {"attributes": {words["name"]: None}}
            case _:
                return who, {f"{words['what']}s": {kind: [words["value"]]}}
    return None


def merge(into: dict[str, Any], more: Mapping[str, Any]) -> None:
    """Put one part of a profile to the others."""
    for name, value in more.items():
        if isinstance(value, Mapping):
            merge(into.setdefault(name, {}), value)
        elif isinstance(value, list):
            into.setdefault(name, []).extend(value)
        else:
            into[name] = value


def _plain(text: str) -> str | int | bool:
    """A number or yes and no where it looks like one, else text."""
    if text in ("true", "false"):
        return text == "true"
    return int(text) if re.fullmatch(r"-?\d+", text) else text


def _line(text: str) -> dict[str, Any]:
    found = _LINE.match(text.strip())
    if found is None:
        raise NotUnderstood(f"nobody knows what this line is: {text!r}")
    words = {key: value for key, value in found.groupdict().items() if value is not None}
    return {**words, "quantity": int(words["quantity"])}


def _fact(trigger: str, words: dict[str, str]) -> dict[str, Any]:
    fact: dict[str, Any] = {"type": trigger}
    fact.update({key: words[key] for key in ("amount", "currency", "product", "outlet", "name") if key in words})
    if "lines" in words:
        fact["lines"] = [_line(text) for text in words["lines"].split(",")]
    if "attributes" in words:
        pairs = (pair.partition("=") for pair in words["attributes"].split(" "))
        fact["attributes"] = {name: _plain(value) for name, _, value in pairs}
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
    """(who or which promo, what is asked, the words of it) of `ann has 10 PTS`, `BASE is shared over the lines 7 + 3`."""
    who, _, rest = sentence.strip().partition(" ")
    for asked, pattern in {**_CHECKS, **_OF_A_PROMO}.items():
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
