"""Turns a catalogue into what evaluation needs: promos with closures, indexed by trigger, outlet and product."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec

from accrual.domain.accounts import Role
from accrual.domain.facts import Trigger
from accrual.domain.programme import Catalogue, Settings
from accrual.domain.promos import Benefit, Limit, OnLimit, Period, PromoStatus, PromoVersion, Recipient
from accrual.rules.benefits import KINDS, Compute, kind_of
from accrual.rules.calendar import read_instant

LIVE = (PromoStatus.ACTIVE, PromoStatus.PAUSED)
LOOKUPS_MAX = 50_000
LOOKUP_PRODUCTS_MAX = 4
"""Look-ups of longer baskets are not kept: nearly all are different, and their names alone would fill the memory."""
_PERIODS = tuple(Period)


class CompiledBenefit(msgspec.Struct, frozen=True, kw_only=True):
    """One benefit, ready to compute; `cap` is its own maximum in units."""

    kind: str
    asset_id: int
    cap: int | None
    per_fact: bool
    compute: Compute
    expires: str | None
    active_after: str | None


class CompiledLimit(msgspec.Struct, frozen=True, kw_only=True):
    """A cap a member and period. `slot` names its counter and stays the same over versions of the promo."""

    slot: int
    cap: int
    by_amount: bool
    every: Period
    reduces: bool


class CompiledVersion(msgspec.Struct, frozen=True, kw_only=True):
    """One promo version. `window_until` is exclusive; None bounds nothing."""

    promo_version_id: int
    promo_id: int
    code: str
    trigger: Trigger
    version: int
    status: PromoStatus
    effective_from: datetime | None
    window_from: datetime | None
    window_until: datetime | None
    zone: ZoneInfo
    outlets: frozenset[str]
    products: frozenset[str]
    for_member: tuple[CompiledBenefit, ...]
    for_referrer: tuple[CompiledBenefit, ...]
    limits: tuple[CompiledLimit, ...]


class Timeline(msgspec.Struct, frozen=True, kw_only=True):
    """All versions of one promo, oldest first, and its place in the total order (priority, then code).

    `always` is the only version, where there is one that holds at every moment and has no window.
    """

    order: tuple[int, str]
    versions: tuple[CompiledVersion, ...]
    always: CompiledVersion | None

    def at(self, moment: datetime) -> CompiledVersion | None:
        """The version that holds for a fact of this moment: the newest whose `effective_from` is not after it."""
        for version in reversed(self.versions):
            if version.effective_from is None or version.effective_from <= moment:
                return version
        return None


class CompiledProgramme(msgspec.Struct, frozen=True, kw_only=True):
    """A catalogue revision, ready to judge.

    `accounts_of` are the (asset_id, role) that facts of a trigger may credit; `limited` triggers have promos with
    limits, `referrer_triggers` promos that give to referrers.
    """

    catalogue: Catalogue
    revision: int
    settings: Settings
    zone: ZoneInfo
    index: dict[tuple[Trigger, str | None, str | None], tuple[Timeline, ...]]
    accounts_of: dict[Trigger, tuple[tuple[int, Role], ...]]
    limited: frozenset[Trigger]
    referrer_triggers: frozenset[Trigger]
    lookups: dict[tuple[Trigger, str | None, tuple[str, ...]], tuple[Timeline, ...]]

    def candidates(self, trigger: Trigger, outlet: str | None, products: tuple[str, ...]) -> tuple[Timeline, ...]:
        """Promos that may listen to such a fact, in total order; the cost grows with these, not with all promos."""
        found = self.lookups.get((trigger, outlet, products))
        if found is None:
            if len(products) > LOOKUP_PRODUCTS_MAX:
                return self._look_up(trigger, outlet, products)
            if len(self.lookups) >= LOOKUPS_MAX:
                self.lookups.clear()
            found = self.lookups[trigger, outlet, products] = self._look_up(trigger, outlet, products)
        return found

    def _look_up(self, trigger: Trigger, outlet: str | None, products: tuple[str, ...]) -> tuple[Timeline, ...]:
        outlets = (None,) if outlet is None else (None, outlet)
        keys = [(trigger, at, product) for at in outlets for product in (None, *products)]
        distinct = {timeline.order: timeline for key in keys for timeline in self.index.get(key, ())}
        return tuple(distinct[order] for order in sorted(distinct))


def compile_programme(catalogue: Catalogue) -> CompiledProgramme:
    """Compile every promo once. Raises ValueError or Invalid for documents that the check on saving would have refused."""
    settings = catalogue.settings
    assets = {stored.asset.code: stored.asset_id for stored in catalogue.assets}
    by_promo: dict[int, list[PromoVersion]] = {}
    for stored in catalogue.promos:
        by_promo.setdefault(stored.promo_id, []).append(stored)
    index: dict[tuple[Trigger, str | None, str | None], dict[tuple[int, str], Timeline]] = {}
    accounts_of: dict[Trigger, set[tuple[int, Role]]] = {}
    limited: set[Trigger] = set()
    referrer_triggers: set[Trigger] = set()
    for versions in by_promo.values():
        versions.sort(key=lambda stored: stored.version)
        if not any(stored.promo.status in LIVE for stored in versions):
            continue
        newest = versions[-1].promo
        compiled = tuple(compile_version(stored, settings, assets) for stored in versions)
        timeline = Timeline(order=(-newest.stacking.priority, newest.code), versions=compiled, always=_always(compiled))
        for stored, version in zip(versions, compiled, strict=True):
            if stored.promo.status not in LIVE:
                continue
            trigger = stored.promo.trigger
            for key in _index_keys(stored):
                index.setdefault(key, {})[timeline.order] = timeline
            for benefit in (*version.for_member, *version.for_referrer):
                credited = accounts_of.setdefault(trigger, set())
                credited.add((benefit.asset_id, Role.MEMBER))
                if benefit.active_after is not None:
                    credited.add((benefit.asset_id, Role.PENDING))
            if version.limits:
                limited.add(trigger)
            if version.for_referrer:
                referrer_triggers.add(trigger)
    return CompiledProgramme(
        catalogue=catalogue,
        revision=catalogue.revision,
        settings=settings,
        zone=ZoneInfo(settings.time_zone),
        index={key: tuple(found[order] for order in sorted(found)) for key, found in index.items()},
        accounts_of={trigger: tuple(sorted(credited)) for trigger, credited in accounts_of.items()},
        limited=frozenset(limited),
        referrer_triggers=frozenset(referrer_triggers),
        lookups={},
    )


def _always(versions: tuple[CompiledVersion, ...]) -> CompiledVersion | None:
    only = versions[0]
    bounded = (only.effective_from, only.window_from, only.window_until) != (None, None, None)
    return None if len(versions) > 1 or bounded or only.status is not PromoStatus.ACTIVE else only


def _index_keys(stored: PromoVersion) -> Iterable[tuple[Trigger, str | None, str | None]]:
    where = stored.promo.where
    for outlet in where.outlets or (None,):
        for product in where.products or (None,):
            yield stored.promo.trigger, outlet, product


def compile_version(stored: PromoVersion, settings: Settings, assets: dict[str, int]) -> CompiledVersion:
    """One version, with its times read in its zone and its benefits as closures."""
    promo = stored.promo
    zone_name = promo.window.zone or settings.time_zone
    window_from, window_until = promo.window.from_, promo.window.until
    return CompiledVersion(
        promo_version_id=stored.promo_version_id,
        promo_id=stored.promo_id,
        code=promo.code,
        trigger=promo.trigger,
        version=stored.version,
        status=promo.status,
        effective_from=stored.effective_from,
        window_from=None if window_from is None else read_instant(window_from, zone_name),
        window_until=None if window_until is None else read_instant(window_until, zone_name),
        zone=ZoneInfo(zone_name),
        outlets=frozenset(promo.where.outlets),
        products=frozenset(promo.where.products),
        for_member=_benefits(promo.benefits, Recipient.MEMBER, settings, assets),
        for_referrer=_benefits(promo.benefits, Recipient.REFERRER, settings, assets),
        limits=tuple(compile_limit(limit) for limit in promo.limits),
    )


def _benefits(
    benefits: Iterable[Benefit], to: Recipient, settings: Settings, assets: dict[str, int]
) -> tuple[CompiledBenefit, ...]:
    compiled = []
    for benefit in benefits:
        if benefit.to is not to:
            continue
        kind = kind_of(benefit)
        compiled.append(
            CompiledBenefit(
                kind=kind,
                asset_id=assets[benefit.asset],
                cap=benefit.max,
                per_fact=benefit.per_fact,
                compute=KINDS[kind](benefit, settings),
                expires=benefit.expires,
                active_after=benefit.active_after,
            )
        )
    return tuple(compiled)


def compile_limit(limit: Limit) -> CompiledLimit:
    """By count unless the limit has an amount. Amounts reduce by default, counts decline (SEMANTICS row 6)."""
    by_amount = limit.amount is not None
    cap = limit.amount if limit.amount is not None else limit.count
    if cap is None:
        raise ValueError("a limit needs count or amount")
    on_limit = limit.on_limit or (OnLimit.REDUCE if by_amount else OnLimit.DECLINE)
    return CompiledLimit(
        slot=(16 if by_amount else 8) + _PERIODS.index(limit.every),
        cap=cap,
        by_amount=by_amount,
        every=limit.every,
        reduces=on_limit is OnLimit.REDUCE,
    )
