"""Which promos give the same asset in the same lane for the same facts, and how. A hint for people; it refuses nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Set
from itertools import islice
from typing import NamedTuple, TypeVar

from accrual.domain.facts import Trigger
from accrual.domain.programme import Settings
from accrual.domain.promos import Lane, Promo, Recipient, Window
from accrual.rules.calendar import read_stored_instant
from accrual.rules.schedule import MINUTES_A_DAY, read_span

SHOWN_MAX = 5
COMPARED_MAX = 2_000
"""A promo is compared with so many others at most: a programme of thousands of alike promos is warned of soon enough."""
COMPARED_IN_ALL_MAX = 100_000
"""And all promos that one file changes together: a second or two, while nobody else can change the programme."""

_Place = tuple[Trigger, str | None, Lane, str, Recipient]
T = TypeVar("T")


class Overlap(NamedTuple):
    """One promo that meets another. `how` is a sentence without its full stop."""

    code: str
    how: str


class Overlaps:
    """The promos of a programme, arranged so that one is compared only with those that may meet it."""

    def __init__(self, promos: Iterable[Promo], settings: Settings) -> None:
        self._settings = settings
        self._compared = 0
        self._found: dict[_Place, dict[str | None, list[Promo]]] = {}
        for promo in promos:
            for place in dict.fromkeys(_places(promo)):
                by_outlet = self._found.setdefault(place, {})
                for outlet in promo.where.outlets or (None,):
                    by_outlet.setdefault(outlet, []).append(promo)

    def of(self, promo: Promo) -> list[Overlap]:
        """At most SHOWN_MAX promos that this one meets, in the order of the programme."""
        met: dict[str, Overlap] = {}
        for place in dict.fromkeys(_places(promo)):
            left = min(COMPARED_MAX, COMPARED_IN_ALL_MAX - self._compared)
            for other in islice(self._near(place, promo), left):
                self._compared += 1
                if other.code == promo.code or other.code in met or not meet(promo, other, self._settings):
                    continue
                met[other.code] = Overlap(other.code, _how(promo, other, place))
                if len(met) == SHOWN_MAX:
                    return list(met.values())
        return list(met.values())

    def _near(self, place: _Place, promo: Promo) -> Iterator[Promo]:
        by_outlet = self._found.get(place, {})
        outlets = [None, *promo.where.outlets] if promo.where.outlets else list(by_outlet)
        for outlet in outlets:
            yield from by_outlet.get(outlet, ())


def meet(one: Promo, other: Promo, settings: Settings) -> bool:
    """Whether one fact can satisfy both, as far as where, window, audience and promo codes tell."""
    return (
        _where_meets(one, other)
        and _windows_meet(one.window, other.window, settings)
        and _share(set(one.promo_codes), set(other.promo_codes))
        and _share(_named(one), _named(other))
    )


def _places(promo: Promo) -> Iterator[_Place]:
    for benefit in promo.benefits:
        yield promo.trigger, promo.event, promo.stacking.lane, benefit.asset, benefit.to


def _share(one: Set[T], other: Set[T]) -> bool:
    """Whether two narrowings leave anything in common; an empty one narrows nothing."""
    return not one or not other or not one.isdisjoint(other)


def _named(promo: Promo) -> set[tuple[str, str]]:
    audience = promo.audience
    return {("list", name) for name in audience.lists} | {("segment", name) for name in audience.segments}


def _where_meets(one: Promo, other: Promo) -> bool:
    for field in ("outlets", "products", "categories", "clients"):
        mine, yours = set(getattr(one.where, field)), set(getattr(other.where, field))
        mine -= set(getattr(other.where.except_, field))
        yours -= set(getattr(one.where.except_, field))
        emptied = (getattr(one.where, field) and not mine) or (getattr(other.where, field) and not yours)
        if emptied or not _share(mine, yours):
            return False
    return True


def _windows_meet(one: Window, other: Window, settings: Settings) -> bool:
    zone, other_zone = one.zone or settings.time_zone, other.zone or settings.time_zone
    if _ends_before(one.until, zone, other.from_, other_zone) or _ends_before(other.until, other_zone, one.from_, zone):
        return False
    if zone != other_zone:  # days and hours of two zones nearly always share a moment
        return True
    return (
        _share(set(one.days), set(other.days))
        and _hours_meet(one.hours, other.hours)
        and _dates_meet(one.dates, other.dates)
    )


def _ends_before(until: str | None, zone: str, start: str | None, start_zone: str) -> bool:
    return (
        until is not None
        and start is not None
        and read_stored_instant(until, zone) <= read_stored_instant(start, start_zone)
    )


def _hours_meet(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    if not one or not other:
        return True
    return any(start < end_ and start_ < end for start, end in _spans(one) for start_, end_ in _spans(other))


def _spans(hours: tuple[str, ...]) -> Iterator[tuple[int, int]]:
    """Minutes of the day, end exclusive; a span past midnight is two."""
    for start, end in map(read_span, hours):
        if start < end:
            yield start, end
        else:
            yield start, MINUTES_A_DAY
            yield 0, end


def _dates_meet(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Dates of one kind are compared; a day of the month and a day of the year may fall together."""
    if {_kind(text) for text in (*one, *other)} in ({"month"}, {"year"}, {"full"}):
        return _share(set(one), set(other))
    return True


def _kind(text: str) -> str:
    if text.isdigit():
        return "month"
    return {5: "year", 10: "full"}.get(len(text), text) if text[0].isdigit() else text


def _how(promo: Promo, other: Promo, place: _Place) -> str:
    _, _, lane, asset, to = place
    whom = "" if to is Recipient.MEMBER else f" to the {to}"
    first, second = sorted((promo, other), key=lambda each: (-each.stacking.priority, each.code))
    if first.stacking.exclusive:
        order = f"{first.code} goes first and, being exclusive, keeps {second.code} from giving"
    else:
        order = f"both give, {first.code} first"
    return f"{_where_words(promo, other)} both may give {asset}{whom} in lane {lane}; {order}"


def _where_words(promo: Promo, other: Promo) -> str:
    event = f" {promo.event}" if promo.event else ""
    shared = sorted(set(promo.where.outlets) & set(other.where.outlets)) or [
        *(promo.where.outlets or other.where.outlets)
    ]
    if not shared:
        return f"for {promo.trigger}{event} facts"
    more = f" and {len(shared) - 3} more" if len(shared) > 3 else ""
    return f"for {promo.trigger}{event} facts at {', '.join(shared[:3])}{more}"
