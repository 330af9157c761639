"""What a member has, in Goodie's words: points, tier, what expires next. Pure; nothing is looked up here."""

from __future__ import annotations

from accrual.api.dialects.goodie.promotions import points_asset
from accrual.api.dialects.goodie.reply import PointsOfMember
from accrual.domain.programme import Catalogue
from accrual.domain.tiers import Level
from accrual.engine.views import MemberView

IMAGE_LABEL = "image"
"""The label of a level that is shown as the tier's image."""


def standing_of(view: MemberView, catalogue: Catalogue, *, member_id: str, merchant_id: str) -> PointsOfMember:
    """The points that a member can spend, with the tier and the one above.

    Who has no tier, or one that is no level any more, is at the lowest level; without levels a tier is its own name.
    """
    asset = points_asset(catalogue)
    balance = next((balance for balance in view.balances if balance.code == asset), None)
    expiry = None if balance is None else balance.next_expiry
    code = view.profile.tier or ""
    levels = catalogue.settings.tiers.levels if catalogue.settings.tiers is not None else ()
    place = next((number for number, level in enumerate(levels) if level.code == code), 0)
    level, above = (*levels[place : place + 2], None, None)[:2]
    return PointsOfMember(
        tier_name=code if level is None else level.name or level.code,
        tier_image=_image(level),
        next_tier_name="" if above is None else above.name or above.code,
        next_tier_image=_image(above),
        total_points=0 if balance is None else balance.available,
        member_name=view.name or "",
        member_id=member_id,
        merchant_id=merchant_id,
        nearest_point_to_be_expire=0 if expiry is None else expiry.amount,
        nearest_expired_date="" if expiry is None else expiry.date.isoformat(),
    )


def _image(level: Level | None) -> str:
    return "" if level is None else str(level.labels.get(IMAGE_LABEL, ""))
