"""What a programme would be if a file had always said so: the catalogue that a backtest tries. Nothing is stored."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

import msgspec

from accrual.domain.programme import Catalogue, Programme, StoredAsset
from accrual.domain.promos import WAITING, Promo, PromoStatus, PromoVersion
from accrual.domain.stored_programme import CatalogueChange, StoredProgramme
from accrual.engine.plan import make_plan
from accrual.rules.calendar import read_stored_instant


class Proposed(NamedTuple):
    """The catalogue to try. `unchanged`: it is what is stored, so each command can be tried as it was decided."""

    catalogue: Catalogue
    unchanged: bool


def propose(
    document: Programme,
    stored: StoredProgramme,
    live: Catalogue,
    *,
    key_digests: Mapping[str, bytes],
    now: datetime,
    prune: bool,
) -> Proposed:
    """The stored programme with what the file changes. A changed promo replaces all its versions, over all time.

    What the file does not name stays, as `apply` leaves it; with `prune` it is left out. Raises what a plan raises.
    """
    change = make_plan(document, stored, key_digests=key_digests, now=now, prune=prune).change
    if change is None or not (change.promos or change.revises or change.assets):
        return Proposed(live, True)
    return Proposed(_changed(live, change), False)


def from_nothing(document: Programme, programme_id: int) -> Catalogue:
    """The catalogue of a file alone, for running a file of transactions without any database."""
    change = CatalogueChange(
        settings=document.programme,
        outlets=document.outlets,
        revises=True,
        assets=(),
        clients=(),
        ended_clients=(),
        promos=(),
        audit=(),
    )
    empty = Catalogue(
        programme_id=programme_id,
        revision=0,
        settings=document.programme,
        assets=tuple(StoredAsset(asset_id=number, asset=asset) for number, asset in enumerate(document.assets, 1)),
        outlets=document.outlets,
        promos=(),
    )
    return _with_promos(empty, change, [*document.promos])


def _changed(live: Catalogue, change: CatalogueChange) -> Catalogue:
    return _with_promos(live, change, [write.promo for write in change.promos])


def _with_promos(live: Catalogue, change: CatalogueChange, promos: list[Promo]) -> Catalogue:
    replaced = {promo.code for promo in promos}
    kept = [version for version in live.promos if version.promo.code not in replaced]
    known = {version.promo.code: version for version in sorted(live.promos, key=lambda version: version.version)}
    next_version = max((version.promo_version_id for version in live.promos), default=0) + 1
    next_promo = max((version.promo_id for version in live.promos), default=0) + 1
    made = []
    for number, promo in enumerate(promos):
        if promo.status is PromoStatus.ENDED:
            continue
        if promo.status in WAITING:  # what a draft would do is what is asked for
            promo = msgspec.structs.replace(promo, status=PromoStatus.ACTIVE)
        before = known.get(promo.code)
        made.append(
            PromoVersion(
                promo_version_id=next_version + number,
                promo_id=next_promo + number if before is None else before.promo_id,
                version=1 if before is None else before.version + 1,
                revision=live.revision + 1,
                effective_from=_holds_from(promo, change),
                promo=promo,
            )
        )
    return Catalogue(
        programme_id=live.programme_id,
        revision=live.revision + 1,
        settings=change.settings,
        assets=_assets(live, change),
        outlets=change.outlets,
        promos=(*kept, *made),
        secrets=live.secrets,
    )


def _assets(live: Catalogue, change: CatalogueChange) -> tuple[StoredAsset, ...]:
    changed = {asset.code: asset for asset in change.assets}
    kept = [
        StoredAsset(asset_id=stored.asset_id, asset=changed.pop(stored.asset.code, stored.asset))
        for stored in live.assets
    ]
    first = max((stored.asset_id for stored in live.assets), default=0) + 1
    return (*kept, *(StoredAsset(asset_id=first + n, asset=asset) for n, asset in enumerate(changed.values())))


def _holds_from(promo: Promo, change: CatalogueChange) -> datetime | None:
    """From its own instant where the file names one, else from the beginning: its window bounds it anyway."""
    if promo.effective_from is None:
        return None
    return read_stored_instant(promo.effective_from, promo.window.zone or change.settings.time_zone)
