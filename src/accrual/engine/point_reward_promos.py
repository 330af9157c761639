"""What a point reward gives, as promo documents: one for each kind of thing it rewards. Pure; whether they hold is not said."""

from __future__ import annotations

import json
from enum import StrEnum

from msgspec.structs import replace

from accrual.domain.facts import Trigger
from accrual.domain.point_rewards import Terms
from accrual.domain.promos import Benefit, Limit, PointsPer, Promo, Where, Window

SPENDING = "spend"
"""What the name of a loyalty type begins with, case folded, when it is about money spent."""


class Part(StrEnum):
    """What a point reward may reward, each by a promo of its own: a promo has one trigger, and lines of one kind."""

    SPEND = "SPEND"
    PRODUCTS = "PRODUCTS"
    CATEGORY = "CATEGORY"
    SKU_PRODUCTS = "SKU-PRODUCTS"
    SKU_CATEGORY = "SKU-CATEGORY"
    WELCOME = "WELCOME"


def promo_code(point_reward_id: int, part: Part) -> str:
    """The code of a part's promo, the same for ever."""
    return f"PROFITFLOW-{point_reward_id}-{part}"


def spends(terms: Terms) -> bool:
    """Whether money spent is rewarded: a loyalty type that begins with `spend`, so much money, and points for it."""
    kind = (terms.loyalty_type or "").casefold()
    return kind.startswith(SPENDING) and terms.total_spend is not None and terms.points_gain > 0


def buys(terms: Terms) -> bool:
    """Whether buying certain things is rewarded: points, and products or a category to buy."""
    return terms.points_gain > 0 and bool(terms.buy_products or terms.buy_category)


def promos_of(point_reward_id: int, terms: Terms, *, outlet: str, asset: str, currency: str) -> dict[Part, Promo]:
    """The promos that terms make, active; none where they give nothing. `outlet` and `asset` are codes of the programme.

    Each purchase of a call counts by itself. Buying a wanted product, or something of the wanted category, gives once a
    purchase, whichever it was: the category's promo stands back where a wanted product was bought. A product purchase
    (SKU) earns for what was bought and not for its amount, which a purchase may tell again. The welcome is given once a
    member, for its first purchase at the outlet that this promo sees.
    """
    window = Window(
        from_=None if terms.starts_at is None else _instant(terms.starts_at.isoformat()),
        until=None if terms.ends_at is None else _instant(terms.ends_at.isoformat()),
    )

    def promo(part: Part, trigger: Trigger, benefit: Benefit, where: Where) -> Promo:
        code = promo_code(point_reward_id, part)
        return Promo(code=code, trigger=trigger, benefits=(benefit,), name=terms.name, where=where, window=window)

    made: dict[Part, Promo] = {}
    here = Where(outlets=(outlet,))
    if spends(terms):
        step = PointsPer(every=f"{terms.total_spend} {currency}", give=terms.points_gain)
        made[Part.SPEND] = promo(
            Part.SPEND, Trigger.PURCHASE, Benefit(asset=asset, points_per=step, per_fact=True), here
        )
    gain = Benefit(asset=asset, fixed=terms.points_gain or None, per_fact=True)
    for by_product, by_category, trigger in _BOUGHT if buys(terms) else ():
        if terms.buy_products:
            where = Where(outlets=(outlet,), products=terms.buy_products)
            made[by_product] = promo(by_product, trigger, gain, where)
        if terms.buy_category:
            where = Where(outlets=(outlet,), categories=(terms.buy_category,))
            condition = _without(terms.buy_products)
            made[by_category] = replace(promo(by_category, trigger, gain, where), condition=condition)
    if terms.new_member_points:
        welcome = promo(Part.WELCOME, Trigger.PURCHASE, Benefit(asset=asset, fixed=terms.new_member_points), here)
        made[Part.WELCOME] = replace(welcome, limits=(Limit(count=1),))
    return made


_BOUGHT = (
    (Part.PRODUCTS, Part.CATEGORY, Trigger.PURCHASE),
    (Part.SKU_PRODUCTS, Part.SKU_CATEGORY, Trigger.PRODUCT_PURCHASE),
)


def _instant(iso: str) -> str:
    return iso.replace("+00:00", "Z")


def _without(products: tuple[str, ...]) -> str | None:
    """The condition that none of these was bought. A JSON text is a CEL text too, short of characters beyond printing."""
    if not products:
        return None
    return f"!{json.dumps(list(products), ensure_ascii=False)}.exists(wanted, wanted in purchase.products)"
