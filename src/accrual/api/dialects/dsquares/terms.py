"""What a catalogue means to this partner: points, segments, branches, SKUs, the promo of the factor. Nothing is judged."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping

import msgspec

from accrual.domain.facts import Trigger
from accrual.domain.members import MemberProfile
from accrual.domain.programme import Asset, Catalogue, Outlet
from accrual.domain.promos import Lane, Promo, PromoStatus, PromoVersion, Recipient
from accrual.domain.tiers import Level
from accrual.engine.wallets import Counted

REVISIONS_KEPT_MAX = 64
NO_LEVEL = Level(code="-")
"""At which members of a programme without levels are: a unit for a whole of money."""


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """One catalogue for one client. `counted` is the promo of the segment's factor, None where no promo is."""

    catalogue: Catalogue
    asset_id: int
    asset: Asset
    branches: Mapping[str, Outlet]
    skus: frozenset[str]
    counted: Counted | None

    @property
    def minor_units(self) -> int:
        """Decimals of the programme's currency."""
        return self.catalogue.settings.minor_units

    def level(self, profile: MemberProfile) -> Level:
        """The level of a member: that of the profile, else the lowest; NO_LEVEL where the programme has none."""
        levels = self.levels
        return next((level for level in levels if level.code == profile.tier), levels[0] if levels else NO_LEVEL)

    @property
    def levels(self) -> tuple[Level, ...]:
        """The programme's levels, lowest first."""
        tiers = self.catalogue.settings.tiers
        return () if tiers is None else tiers.levels


class TermsKept:
    """Terms by programme, revision and client. Catalogues never change, so neither do these."""

    def __init__(self, *, kept_max: int = REVISIONS_KEPT_MAX) -> None:
        self._kept_max = kept_max
        self._kept: OrderedDict[tuple[int, int, str], Terms] = OrderedDict()

    def of(self, catalogue: Catalogue, client: str) -> Terms | None:
        """The terms of a catalogue; None when it has no asset at all."""
        key = (catalogue.programme_id, catalogue.revision, client)
        known = self._kept.get(key)
        if known is not None:
            self._kept.move_to_end(key)
            return known
        found = terms_of(catalogue, client)
        if found is not None:
            self._kept[key] = found
            if len(self._kept) > self._kept_max:
                self._kept.popitem(last=False)
        return found


def terms_of(catalogue: Catalogue, client: str) -> Terms | None:
    """The terms of a catalogue for the client of this code; None when it has no asset at all."""
    by_code = {stored.asset.code: stored for stored in catalogue.assets}
    tiers = catalogue.settings.tiers
    wanted = tiers.asset if tiers is not None else "PTS"
    stored = by_code.get(wanted) or next(iter(by_code.values()), None)
    if stored is None:
        return None
    return Terms(
        catalogue=catalogue,
        asset_id=stored.asset_id,
        asset=stored.asset,
        branches={alias: outlet for outlet in catalogue.outlets for alias in outlet.aliases.get(client, ())},
        skus=frozenset(
            product
            for version in catalogue.promos
            for product in (*version.promo.where.products, *version.promo.where.except_.products)
        ),
        counted=_counted(catalogue, stored.asset.code, client),
    )


def _counted(catalogue: Catalogue, asset: str, client: str) -> Counted | None:
    """The promo of the segment's factor: the first in the order of stacking that gives points for each so-much of a purchase.

    A live one goes before one that is not, one that follows the level before one that does not, one that holds everywhere
    before one of some outlets or products, one that names this client before one for everybody.
    """
    newest: dict[int, PromoVersion] = {}
    versions: dict[int, list[int]] = {}
    for version in catalogue.promos:
        versions.setdefault(version.promo_id, []).append(version.promo_version_id)
        known = newest.get(version.promo_id)
        if known is None or known.version < version.version:
            newest[version.promo_id] = version
    found = sorted(
        (rank, promo_id)
        for promo_id, version in newest.items()
        if (rank := _rank(version.promo, asset, client)) is not None
    )
    if not found:
        return None
    promo_id = found[0][1]
    return Counted(promo_id=promo_id, versions=tuple(sorted(versions[promo_id])))


def _rank(promo: Promo, asset: str, client: str) -> tuple[bool, bool, bool, bool, int, str] | None:
    where = promo.where
    if promo.trigger is not Trigger.PURCHASE or promo.stacking.lane is not Lane.BASE:
        return None
    if (where.clients and client not in where.clients) or client in where.except_.clients:
        return None
    rates = [
        benefit
        for benefit in promo.benefits
        if benefit.asset == asset
        and benefit.to is Recipient.MEMBER
        and (benefit.points_per is not None or benefit.percent is not None)
    ]
    if not rates:
        return None
    by_level = any(benefit.by_level for benefit in rates)
    return (
        promo.status not in (PromoStatus.ACTIVE, PromoStatus.PAUSED),
        not by_level,
        bool(where.outlets or where.products or where.categories),
        client not in where.clients,
        -promo.stacking.priority,
        promo.code,
    )
