"""The sentences about points that move without a promo: read into native movements, and said of outcomes. Only words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from accrual.domain.members import LevelBy
from accrual.domain.outcomes import Booked, TierChange
from accrual.domain.transfers import Kind
from tests.scenarios.words import moment

_UNITS = r"(?P<amount>-?\d+) (?P<asset>[A-Z]{2,3})"
_MONEY = r"(?P<value>-?[\d.]+) (?P<currency>[A-Z]{3})"
_KEY = r"(?P<key>\S+)"
_MOVES: tuple[tuple[str, str], ...] = (
    ("redeem", rf"redeems {_MONEY} in (?P<asset>\S+)\Z"),
    ("redeem", rf"redeems {_UNITS}\Z"),
    ("refund", rf"is refunded (?P<amount>-?\d+) points of {_KEY}\Z"),
    ("refund", rf"is refunded {_MONEY} of {_KEY}\Z"),
    ("refund", rf"is refunded {_KEY}\Z"),
    ("reverse", rf"returns (?P<parts>(?:[\w ]+?)) of {_KEY}\Z"),
    ("reverse", rf"returns {_KEY}\Z"),
    ("hold", rf"holds {_UNITS}(?: until (?P<expires_at>\d.+))?\Z"),
    ("capture", rf"captures (?P<amount>-?\d+) points of {_KEY}\Z"),
    ("capture", rf"captures {_KEY}\Z"),
    ("release", rf"releases {_KEY}\Z"),
    ("transfer", rf"sends {_UNITS} to (?P<to>\S+)\Z"),
    ("grant", rf"is granted {_UNITS}(?: for (?P<expires>\w+))?(?: after (?P<active_after>\w+))?\Z"),
    ("adjust", rf"is adjusted by {_UNITS}(?P<below_zero> even below zero)?\Z"),
    ("merge", r"merges into (?P<into>\S+)\Z"),
)
_PART = re.compile(r"(?:(?P<quantity>\d+) of )?(?:line (?P<line>\d+)|all)(?: of payment (?P<fact>\d+))?\Z")
_SAID: Mapping[int, tuple[str, str]] = {
    Kind.ACTIVATE: ("sees {} {} become active", ""),
    Kind.EXPIRE: ("", "sees {} {} expire"),
    Kind.REDEEM: ("", "spends {} {}"),
    Kind.REFUND: ("gets {} {} back", ""),
    Kind.REVERSE: ("", "gives {} {} back"),
    Kind.HOLD: ("sets {} {} aside", "sets {} {} aside"),
    Kind.RELEASE: ("frees {} {}", ""),
    Kind.TRANSFER: ("receives {} {}", "sends {} {}"),
    Kind.ADJUST: ("is corrected by +{} {}", "is corrected by -{} {}"),
    Kind.DEBT: ("", "pays {} {} owed"),
    Kind.GRANT: ("is given {} {}", ""),
    Kind.MERGE: ("takes {} {} over", "hands {} {} over"),
}
"""What is said of units that came, and of units that went."""
_DETAILS: tuple[tuple[str, str], ...] = (
    ("from_balance", "{} from the rest"),
    ("debt", "{} owed"),
    ("expired", "{} had expired"),
    ("let_go", "{} let go"),
    ("pending", "{} not active yet"),
    ("reinstated", "{} with a grace"),
)


def read_move(sentence: str) -> tuple[str, dict[str, Any]] | None:
    """Who, and what they do as a native movement: `ann redeems 30 PTS`; None for any other sentence."""
    who, _, rest = sentence.strip().partition(" ")
    for kind, pattern in _MOVES:
        found = re.match(pattern, rest)
        if found is not None:
            words = {name: text for name, text in found.groupdict().items() if text is not None}
            parts = [_part(text) for text in words.pop("parts").split(" and ")] if "parts" in words else None
            if parts is None or None not in parts:
                note = {"note": "as agreed"} if kind == "adjust" else {}
            return who, {"type": kind, **note, **_fields(words), **({} if parts is None else {"parts": parts})}
    return None


def _part(text: str) -> dict[str, int] | None:
    """`line 2`, `1 of line 2 of payment 3`, `all of payment 2`: counted from 1 here, from 0 by clients."""
    found = _PART.match(text)
    if found is None:
        return None
    counted = {name: int(number) for name, number in found.groupdict().items() if number is not None}
    return {name: number if name == "quantity" else number - 1 for name, number in counted.items()}


def _fields(words: Mapping[str, str]) -> dict[str, Any]:
    fields: dict[str, Any] = {name: text for name, text in words.items() if name != "currency"}
    if "amount" in fields:
        fields["amount"] = int(fields["amount"])
    if "below_zero" in fields:
        fields["below_zero"] = True
    if "expires_at" in fields:
        fields["expires_at"] = moment(fields["expires_at"])
    for name in ("to", "into"):
        if name in fields:
            fields[name] = {"kind": "name", "value": fields[name]}
    return fields


def say_level(who: str, change: TierChange | None) -> Iterator[str]:
    """That a member's level changed, and to which."""
    if change is not None:
        direction = "down" if change.by == LevelBy.REVIEW else "up"
        if change.by == LevelBy.HAND:
            direction = "by hand"
        yield f"{who} moves {direction} to {change.after}"


def say_booked(who: str, booked: Sequence[Booked], assets: Sequence[str]) -> Iterator[str]:
    """What moved, a sentence each; what a return or a refund came to in detail behind it."""
    for each in booked:
        came, went = _SAID[each.kind]
        text = f"{who} {(came if each.amount > 0 or not went else went).format(abs(each.amount), assets[each.asset_id - 1])}"
        if each.kind == Kind.HOLD and each.details:
            text = f"{who} sets {each.details['held']} {assets[each.asset_id - 1]} aside"
        if each.kind in (Kind.REVERSE, Kind.REFUND) and each.details:
            told = [words.format(each.details[name]) for name, words in _DETAILS if each.details.get(name)]
            text = ", ".join([text, *told])
        yield text
