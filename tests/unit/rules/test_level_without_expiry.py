"""A benefit that follows the level does so also where it has nothing else to it: no maximum, no expiry, no lines."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from accrual.domain.facts import Purchase
from accrual.domain.programme import Asset, Catalogue, Settings, StoredAsset
from accrual.domain.promos import Promo, PromoVersion
from tests.desk import PROGRAMME, Desk


@pytest.mark.parametrize("benefit", [{"percent": "100"}, {"points_per": {"every": "1 EGP"}}, {"fixed": 100}])
@pytest.mark.parametrize("lasting", [{}, {"expires": "P1Y"}, {"max": 10_000}])
async def test_benefit_is_multiplied_by_what_the_level_earns(benefit: dict[str, Any], lasting: dict[str, Any]) -> None:
    levels = {"asset": "PTS", "levels": [{"code": "Basic", "earn": "3.0"}]}
    settings = msgspec.convert({"code": "p", "currency": "EGP", "tiers": levels}, Settings)
    written = {
        "code": "X",
        "trigger": "purchase",
        "benefits": [{"asset": "PTS", "by_level": True, **benefit, **lasting}],
    }
    version = PromoVersion(
        promo_version_id=1,
        promo_id=1,
        version=1,
        revision=1,
        effective_from=None,
        promo=msgspec.convert(written, Promo),
    )
    catalogue = Catalogue(
        programme_id=PROGRAMME,
        revision=1,
        settings=settings,
        assets=(StoredAsset(asset_id=1, asset=Asset(code="PTS")),),
        outlets=(),
        promos=(version,),
    )
    outcome = await Desk(catalogue).settle_one("somebody", Purchase(amount_minor=10_000))
    assert [award.amount for award in outcome.awards] == [300]
