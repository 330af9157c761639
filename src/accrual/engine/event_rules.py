"""Which named rules the promos of an event have, read off their documents: what a client may ask for. Nothing is judged."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from accrual.domain.facts import Trigger
from accrual.domain.programme import Catalogue
from accrual.domain.promos import WAITING, Promo, PromoStatus, PromoVersion
from accrual.rules.condition_text import Token, Unreadable, closing, conjuncts, plain_string, split_at, tokens_of

REVISIONS_KEPT_MAX = 64
"""Revisions whose rules are kept, all programmes together; the rules of an older one are read again."""

_LIVE = (PromoStatus.ACTIVE, PromoStatus.PAUSED)
_SUBJECTS = (
    ["event", ".", "attributes", "[", '"rule"', "]"],
    ["event", ".", "attributes", "[", "'rule'", "]"],
    ["event", ".", "attributes", ".", "rule"],
)


class NamedRules(NamedTuple):
    """The rules that one promo names, by kind: with points of their own by name, and those that compute from an amount."""

    issuing: dict[str, int]
    amount: frozenset[str]

    @property
    def names(self) -> frozenset[str]:
        """Every rule it names; a promo without any is about all of them."""
        return self.amount | self.issuing.keys()


NAMELESS = NamedRules({}, frozenset())


class EventRules:
    """The rules of one event in a catalogue. Keeps what it has read of a revision: catalogues never change."""

    def __init__(self, event: str, *, kept_max: int = REVISIONS_KEPT_MAX) -> None:
        self._event = event
        self._kept_max = kept_max
        self._kept: OrderedDict[tuple[int, int], _Read] = OrderedDict()

    def holding(self, catalogue: Catalogue, now: datetime) -> tuple[NamedRules, ...]:
        """What each promo names that is active or paused now; whether its window is open plays no part."""
        found = []
        for timeline in self._read(catalogue).timelines:
            version = next((v for v in timeline if v.effective_from is None or v.effective_from <= now), None)
            if version is not None and version.is_live:
                found.append(version.rules)
        return tuple(found)

    def named_by(self, catalogue: Catalogue, code: str, version: int) -> NamedRules:
        """What one version of a promo names; nothing when it is no promo of this event."""
        return self._read(catalogue).by_version.get((code, version), NAMELESS)

    def _read(self, catalogue: Catalogue) -> _Read:
        key = (catalogue.programme_id, catalogue.revision)
        known = self._kept.get(key)
        if known is not None:
            self._kept.move_to_end(key)
            return known
        timelines: dict[int, list[_Version]] = {}
        by_version = {}
        for stored in sorted(catalogue.promos, key=_newest_first):
            promo = stored.promo
            if promo.trigger is not Trigger.EVENT or promo.event not in (None, self._event) or promo.status in WAITING:
                continue
            rules = by_version[promo.code, stored.version] = rules_of(promo)
            version = _Version(stored.effective_from, promo.status in _LIVE, rules)
            timelines.setdefault(stored.promo_id, []).append(version)
        read = self._kept[key] = _Read(tuple(map(tuple, timelines.values())), by_version)
        if len(self._kept) > self._kept_max:
            self._kept.popitem(last=False)
        return read


class _Version(NamedTuple):
    """One version of a promo: from when it holds, whether it is active or paused, what it names."""

    effective_from: datetime | None
    is_live: bool
    rules: NamedRules


class _Read(NamedTuple):
    """The promos of the event: the versions of each newest first, and what each version names by code and number."""

    timelines: tuple[tuple[_Version, ...], ...]
    by_version: dict[tuple[str, int], NamedRules]


def _newest_first(stored: PromoVersion) -> int:
    return -stored.version


def rules_of(promo: Promo) -> NamedRules:
    """The rules that a promo names in an `issuing` benefit, or in a condition on the event's attribute `rule`.

    A rule named by the condition is of the kind of what the promo gives: `points_per`, `percent` and `bracket` compute
    from an amount, `fixed`, `voucher` and `issuing` do not.
    """
    issuing: dict[str, int] = {}
    amount: set[str] = set()
    named = frozenset(_named_in(promo.condition)) if promo.condition is not None else frozenset()
    for benefit in promo.benefits:
        if benefit.issuing is not None:
            rules = benefit.issuing.rules
            issuing.update({name: rules[name] for name in rules if not named or name in named})
        elif benefit.points_per is not None or benefit.percent is not None or benefit.bracket is not None:
            amount |= named
        elif benefit.fixed is not None:
            issuing.update(dict.fromkeys(named, benefit.fixed))
        elif benefit.voucher is not None:
            issuing.update(dict.fromkeys(named, benefit.voucher.count))
    return NamedRules(issuing, frozenset(amount))


def _named_in(condition: str) -> Iterator[str]:
    try:
        tokens = tokens_of(condition)
    except Unreadable:  # saving would have refused it; whatever it says, it names no rule
        return
    for part in conjuncts(tokens):
        found = [_named_in_part(_unwrapped(choice)) for choice in split_at(_unwrapped(part), "||")]
        if all(found):  # beside a choice that names none, the others limit nothing
            for names in found:
                yield from names


def _unwrapped(tokens: Sequence[Token]) -> list[Token]:
    inner = list(tokens)
    while inner and inner[0].text == "(" and closing(inner, 0) == len(inner) - 1:
        inner = inner[1:-1]
    return inner


def _named_in_part(tokens: Sequence[Token]) -> tuple[str, ...]:
    """The names in `event.attributes["rule"] == "A"`, the same turned round, or `... in ["A", "B"]`; none in all else."""
    words = [token.text for token in tokens]
    for subject in _SUBJECTS:
        length = len(subject)
        if words[:length] == subject and words[length : length + 1] == ["=="] and len(tokens) == length + 2:
            return _texts(tokens[-1:])
        if words[2:] == subject and words[1:2] == ["=="]:
            return _texts(tokens[:1])
        if words[:length] == subject and words[length : length + 2] == ["in", "["] and words[-1] == "]":
            listed = split_at(tokens[length + 2 : -1], ",")
            return _texts([part[0] for part in listed if len(part) == 1]) if all(listed) else ()
    return ()


def _texts(tokens: Sequence[Token]) -> tuple[str, ...]:
    texts = [plain_string(token) for token in tokens]
    return tuple(text for text in texts if text is not None)
