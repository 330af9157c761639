"""Which promos listen to facts of one kind at one place, and which of them are open at a moment: all that needs no member."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Hashable, Iterable, Sequence
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from accrual.domain.facts import Event, Fact
from accrual.domain.outcomes import Declined
from accrual.domain.promos import LimitPer, Period, PromoStatus
from accrual.rules.compiled import LOOKUPS_MAX, CompiledLimit, CompiledProgramme, CompiledVersion, Gift, Timeline
from accrual.rules.concerns import HAVE_MORE, has_for_side, listens, side_of, subjects_of
from accrual.rules.condition_cost import Cost, together
from accrual.rules.limits import Key, limit_key

ROUTE_ITEMS_MAX = 4
"""Longer baskets are looked up each time: nearly all are different, and their names alone would fill the memory."""

STRETCHES_MAX = 20_000
TOLD_MAX = 2_000
DAY_NAMES = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MINUTES_A_DAY = 1440


class Shut(NamedTuple):
    """A promo that is closed at a moment, whoever asks; in `zone` the decline tells the local time."""

    promo_version_id: int
    reason: str
    zone: ZoneInfo


class Gate(NamedTuple):
    """A promo that a member or a command may be let through to, and its place among the opening's declines.

    `birthdays` (`MM-DD`): the promo is open to those whose birthday is one of these.
    """

    version: CompiledVersion
    slot: int
    birthdays: frozenset[str] | None


class Opening(msgspec.Struct, frozen=True, eq=False):
    """What the promos of a place come to for a stretch of time. `plain` hold, in the total order; `gifts` are what these
    come to where each is but a gift, None where one is more.

    `conditional` have a condition alone to be asked, in the order of promos, as `declined` are; `conditional_order` has
    their indices in the total order. `cost` is what judging all conditions takes.
    `declined` are the declines in the order of promos, Shut where
    they tell the time, None in the slots of `gates`, which need the member. Those of one `sort` differ in nothing but the
    reasons of declines.
    """

    sort: dict[tuple[str | None, ...], Opening]
    plain: tuple[CompiledVersion, ...]
    gifts: tuple[Gift, ...] | None
    conditional: tuple[CompiledVersion, ...]
    conditional_ids: tuple[int, ...]
    conditional_order: tuple[int, ...]
    gates: tuple[Gate, ...]
    declined: tuple[Declined | Shut | None, ...]
    cost: Cost
    told: dict[tuple[Opening, Hashable], tuple[Declined | None, ...]]

    def declines(self, moment: datetime, when: Hashable) -> list[Declined | None]:
        """The declines for a fact of this moment; `when` is what tells local minutes apart."""
        key = (self, when)
        found = self.told.get(key)
        if found is None:
            if len(self.told) >= TOLD_MAX:
                self.told.clear()
            found = self.told[key] = tuple(_told(each, moment) for each in self.declined)
        return list(found)


class Stretch(NamedTuple):
    """A stretch of time in which nothing opens or closes, and which keys its limits count on.

    `keys` hold for every command, `coded` for those that bring one of the codes; `loose` depend on outlet or device;
    `streaks` count days, which depend on how late a fact comes.
    """

    opening: Opening
    keys: tuple[Key, ...]
    coded: tuple[tuple[frozenset[str], Key], ...]
    loose: tuple[tuple[CompiledVersion, CompiledLimit], ...]
    streaks: tuple[CompiledVersion, ...] = ()


class Listeners:
    """The promos that listen to such facts. Made when first asked for, kept with the programme."""

    __slots__ = ("_edges", "_instants", "_only", "_programme", "_timelines", "_versions", "_zones", "always")

    def __init__(
        self, programme: CompiledProgramme, timelines: Sequence[Timeline], versions: Sequence[CompiledVersion]
    ) -> None:
        self._programme = programme
        self._timelines = timelines
        self._versions = frozenset(version.promo_version_id for version in versions)
        self._instants = _instants(timelines, versions)
        self._zones = tuple({v.zone.key: v.zone for v in versions if v.schedule is not None or _by_period(v)}.values())
        self._edges = tuple(_edges(versions, zone) for zone in self._zones)
        self.always = not self._zones and not self._instants
        """Whether nothing ever opens or closes: one stretch for all time."""

        self._only: tuple[Stretch, Hashable] | None = None

    def at(self, fact: Fact, now: datetime) -> tuple[Stretch, Hashable]:
        """The stretch that the fact's moment lies in, and what tells its local minute from others.

        Raises OverflowError for a moment before the calendar's first day in a promo's zone.
        """
        if self._only is not None:
            return self._only
        moment = fact.occurred_at or now
        key: tuple[Hashable, ...]
        when: Hashable
        if len(self._zones) == 1:
            local = moment.astimezone(self._zones[0])
            day, minute = local.toordinal(), local.hour * 60 + local.minute
            key = (self, bisect_right(self._instants, moment), day, bisect_right(self._edges[0], minute))
            when = day * MINUTES_A_DAY + minute
        else:
            places = [_local(moment, zone, edges) for zone, edges in zip(self._zones, self._edges, strict=True)]
            key = (self, bisect_right(self._instants, moment), *(place[:2] for place in places))
            when = tuple([place[2] for place in places])
        kept = self._programme.stretches
        found = kept.get(key)
        if found is None:
            if len(kept) >= STRETCHES_MAX:
                kept.clear()
                self._programme.openings.clear()
            found = kept[key] = self._stretch(fact, now, moment)
        if self.always:
            self._only = found, when
        return found, when

    def _stretch(self, fact: Fact, now: datetime, moment: datetime) -> Stretch:
        plain, conditional, gates = [], [], []
        declined: list[Declined | Shut | None] = []
        limited: list[CompiledVersion] = []
        for timeline in self._timelines:
            version = timeline.at(moment)
            if version is None or version.promo_version_id not in self._versions:
                continue
            closed, birthdays = _closed(version, moment)
            if birthdays is None and closed is not None:
                declined.append(closed)
                continue
            limited.append(version)
            if birthdays is not None or version.audience is not None or version.promo_codes:
                gates.append(Gate(version, len(declined), birthdays))
                declined.append(closed)
            elif version.condition is not None:
                conditional.append(version)
            else:
                plain.append(version)
        plain.sort(key=_place)
        day = moment.astimezone(self._zones[0]).toordinal() if any(gate.birthdays for gate in gates) else 0
        opening = self._opening(plain, conditional, gates, declined, day)
        return _with_keys(opening, limited, fact, now)

    def _opening(
        self,
        plain: list[CompiledVersion],
        conditional: list[CompiledVersion],
        gates: list[Gate],
        declined: list[Declined | Shut | None],
        day: int,
    ) -> Opening:
        """One and the same object for stretches that come to the same."""
        ids = [tuple([version.promo_version_id for version in group]) for group in (plain, conditional)]
        asked = tuple([(gate.version.promo_version_id, gate.birthdays) for gate in gates])
        shut = tuple([None if each is None else each.promo_version_id for each in declined])
        reasons = tuple([None if each is None else each.reason for each in declined])
        same = (self, *ids, asked, shut, day)
        kept = self._programme.openings
        of_sort = kept.setdefault(same, {})
        found = of_sort.get(reasons)
        if found is None:
            found = of_sort[reasons] = Opening(
                of_sort,
                tuple(plain),
                _gifts(plain),
                tuple(conditional),
                ids[1],
                total_order(conditional),
                tuple(gates),
                tuple(declined),
                together(
                    [version.condition.cost for version in asking(conditional, gates) if version.condition is not None]
                ),
                self._programme.told,
            )
        return found


def asking(conditional: Iterable[CompiledVersion], gates: Iterable[Gate]) -> list[CompiledVersion]:
    """The versions whose condition may be asked, whoever the member is, in the total order."""
    behind = [gate.version for gate in gates if gate.version.condition is not None]
    return sorted([*conditional, *behind], key=_place)


def _gifts(plain: Sequence[CompiledVersion]) -> tuple[Gift, ...] | None:
    gifts = tuple([version.gift for version in plain if version.gift is not None])
    return gifts if len(gifts) == len(plain) else None


def listeners_of(programme: CompiledProgramme, fact: Fact, client: str | None) -> Listeners:
    """The promos that listen to such a fact; the cost grows with these, not with all promos that exist."""
    kind, items = type(fact), fact.items
    key: tuple[Hashable, ...]
    if not items and kind not in HAVE_MORE:
        key = (kind, fact.outlet, fact.product, client)
    else:
        pairs = tuple([(item.product, item.category) for item in items]) if items else None
        name = fact.name if isinstance(fact, Event) else None
        key = (kind, fact.outlet, fact.product, client, name, side_of(fact), pairs)
    found = programme.routes.get(key)
    if found is None:
        found = _find(programme, fact, client, side_of(fact))
        if not items or len(items) <= ROUTE_ITEMS_MAX:
            if len(programme.routes) >= LOOKUPS_MAX:
                programme.routes.clear()
            programme.routes[key] = found
    return found


def _find(programme: CompiledProgramme, fact: Fact, client: str | None, side: int) -> Listeners:
    """The same listeners for all places that come to the same promos."""
    subjects = subjects_of(fact)
    timelines, versions = [], []
    for timeline in programme.candidates(fact.trigger, fact.outlet, subjects):
        heard = [v for v in timeline.versions if listens(v, fact, subjects, client) and has_for_side(v, side)]
        if heard:
            timelines.append(timeline)
            versions += heard
    key = tuple([version.promo_version_id for version in versions])
    kept = programme.listeners
    found = kept.get((side, key))
    if found is None:
        if len(kept) >= LOOKUPS_MAX:
            kept.clear()
        found = kept[side, key] = Listeners(programme, timelines, versions)
    return found


def _instants(timelines: Iterable[Timeline], versions: Iterable[CompiledVersion]) -> list[datetime]:
    edges = {version.effective_from for timeline in timelines for version in timeline.versions}
    for version in versions:
        edges |= {version.window_from, version.window_until}
    return sorted(edge for edge in edges if edge is not None)


def _edges(versions: Iterable[CompiledVersion], zone: ZoneInfo) -> list[int]:
    """The minutes of a day at which something opens or closes in this zone."""
    schedules = [v.schedule for v in versions if v.schedule is not None and v.zone.key == zone.key]
    return sorted({edge for schedule in schedules for span in schedule.spans for edge in span})


def _by_period(version: CompiledVersion) -> bool:
    return any(limit.every is not Period.EVER for limit in version.limits) or any(
        benefit.draw is not None and benefit.draw.by_period for benefit in version.for_member
    )


def _local(moment: datetime, zone: ZoneInfo, edges: list[int]) -> tuple[int, int, int]:
    local = moment.astimezone(zone)
    day, minute = local.toordinal(), local.hour * 60 + local.minute
    return day, bisect_right(edges, minute), day * MINUTES_A_DAY + minute


def _closed(version: CompiledVersion, moment: datetime) -> tuple[Declined | Shut | None, frozenset[str] | None]:
    """Why nobody gets anything now, and the birthdays of those who do for all that."""
    number = version.promo_version_id
    if version.status is PromoStatus.PAUSED:
        return Declined(number, "promo_paused"), None
    if version.window_from is not None and moment < version.window_from:
        return Declined(number, "not_started", {"from": version.window_from.isoformat()}), None
    if version.window_until is not None and moment >= version.window_until:
        return Declined(number, "window_closed", {"until": version.window_until.isoformat()}), None
    schedule = version.schedule
    reason = None if schedule is None else schedule.closed_by(moment, None)
    if schedule is None or reason is None:
        return None, None
    birthdays = schedule.birthdays_on(moment) if reason == "wrong_date" and schedule.birthday else None
    return Shut(number, reason, version.zone), birthdays


def _with_keys(opening: Opening, limited: Iterable[CompiledVersion], fact: Fact, now: datetime) -> Stretch:
    keys: dict[Key, None] = {}
    coded: dict[tuple[frozenset[str], Key], None] = {}
    loose = []
    for version in limited:
        for benefit in version.for_member:
            for each in () if benefit.draw is None else benefit.draw.keys(fact, now):
                if version.promo_codes:
                    coded[version.promo_codes, each] = None
                else:
                    keys[each] = None
        for limit in version.limits:
            if limit.per in (LimitPer.OUTLET, LimitPer.DEVICE):
                loose.append((version, limit))
                continue
            key = limit_key(version, limit, None, fact, now)
            if key is not None and version.promo_codes:
                coded[version.promo_codes, key] = None
            elif key is not None:
                keys[key] = None
    streaks = tuple([version for version in limited if version.streak is not None])
    return Stretch(opening, tuple(keys), tuple(coded), tuple(loose), streaks)


def _told(each: Declined | Shut | None, moment: datetime) -> Declined | None:
    if not isinstance(each, Shut):
        return each
    local = moment.astimezone(each.zone)
    return Declined(each.promo_version_id, each.reason, {"at": told_time(local), "zone": each.zone.key})


def told_time(local: datetime) -> str:
    """A local time as people read it: `Fri 2026-11-27 09:05`."""
    day = DAY_NAMES[local.weekday()]
    return f"{day} {local.year:04}-{local.month:02}-{local.day:02} {local.hour:02}:{local.minute:02}"


def total_order(versions: Sequence[CompiledVersion]) -> tuple[int, ...]:
    """The indices of versions in the total order (SEMANTICS row 7)."""
    return tuple(sorted(range(len(versions)), key=lambda index: versions[index].place))


def _place(version: CompiledVersion) -> tuple[int, int, str, int]:
    return version.place
