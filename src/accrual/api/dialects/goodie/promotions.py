"""Which promotions a reply lists and what each gave, by basic or by custom rules. Pure; nothing is decided here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec

from accrual.api.dialects.goodie.wire import CustomRule, Posting
from accrual.domain.amounts import read_decimal
from accrual.domain.programme import Catalogue
from accrual.engine.event_rules import NamedRules
from accrual.engine.views import TicketView

NOT_APPLICABLE = frozenset(
    {
        "promo_paused", "not_started", "window_closed", "wrong_day", "wrong_date", "wrong_hour", "not_in_audience",
        "held_out", "promo_code_missing",
    }
)  # fmt: skip
"""Declines that say that a promo is not for this member, or not for today: such promos are not listed."""

SCALE = 100_000_000
"""What one whole of money counts as where amounts are only compared: as finely as a currency may be divided."""

NamedBy = Callable[[str, int], NamedRules]
"""(promo code, version) -> the custom rules that it names."""


class CustomPoints(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What one custom rule gave."""

    custom_rule_name: str
    custom_rule_point: int


class Promotion(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One entry of promotionNumberIssued, fields in the order of the wire."""

    promotion_code: str
    promotion_name: str
    basic_rule_name: str = ""
    basic_rule_point: int = 0
    custom_rule_points: tuple[CustomPoints, ...] = ()

    @property
    def points(self) -> int:
        """All that it gave."""
        return self.basic_rule_point + sum(each.custom_rule_point for each in self.custom_rule_points)


def points_asset(catalogue: Catalogue) -> str | None:
    """The code of what this partner calls points: what tiers count, else `PTS`, else the programme's first asset."""
    codes = [stored.asset.code for stored in catalogue.assets]
    if catalogue.settings.tiers is not None:
        return catalogue.settings.tiers.asset
    return "PTS" if "PTS" in codes else next(iter(codes), None)


def promotions_of(view: TicketView, posting: Posting, asset: str | None, named_by: NamedBy) -> tuple[Promotion, ...]:
    """Each promo once: those that gave points in the order of the outcome, then the applicable ones that gave none.

    A promo that names custom rules, and none of those asked for, is no promotion of this posting.
    """
    given: dict[tuple[str, int], int] = {}
    names: dict[str, str] = {}
    for award in view.awards:
        key = (award.promo, award.promo_version)
        names[award.promo] = award.promo_name
        given[key] = given.get(key, 0) + (award.amount if award.code == asset else 0)
    listed = {code: _listed(code, names[code], amount, posting, named_by(code, version))
              for (code, version), amount in given.items()}  # fmt: skip
    for decline in view.declines:
        if decline.promo is None or decline.promo in listed or decline.reason in NOT_APPLICABLE:
            continue
        named = named_by(decline.promo, decline.promo_version or 0).names
        if not named or not named.isdisjoint(posting.rules):
            listed[decline.promo] = Promotion(promotion_code=decline.promo, promotion_name=decline.promo_name)
    return tuple(listed.values())


def _listed(code: str, name: str, amount: int, posting: Posting, named: NamedRules) -> Promotion:
    if amount == 0:
        return Promotion(promotion_code=code, promotion_name=name)
    if posting.basic is not None:
        return Promotion(
            promotion_code=code, promotion_name=name, basic_rule_name=name or code, basic_rule_point=amount
        )
    weights = _weights(posting, named)
    parts = _share(amount, list(weights.values()))
    return Promotion(
        promotion_code=code,
        promotion_name=name,
        custom_rule_points=tuple(
            CustomPoints(custom_rule_name=rule, custom_rule_point=part)
            for rule, part in zip(weights, parts, strict=True)
        ),
    )


def _weights(posting: Posting, named: NamedRules) -> Mapping[str, int]:
    """The rules asked for that a promo names (all, where it names none), with what each weighs in what it gave.

    Rules with points of their own weigh those, once for each time they were asked for; the others weigh their amount.
    """
    wanted = [rule for rule in posting.custom if rule.name in named.names] or posting.custom
    weights: dict[str, int] = {}
    for rule in wanted:
        weights[rule.name] = weights.get(rule.name, 0) + _weight(rule, named)
    return weights if any(weights.values()) else dict.fromkeys(weights, 1)


def _weight(rule: CustomRule, named: NamedRules) -> int:
    if rule.amount is None:
        return named.issuing.get(rule.name, 1)
    numerator, denominator = read_decimal(rule.amount).as_integer_ratio()
    return numerator * SCALE // denominator


def _share(amount: int, weights: Sequence[int]) -> list[int]:
    """The amount in whole parts by largest remainder, ties in order; they sum to the whole."""
    total = sum(weights)
    parts = [amount * weight // total for weight in weights]
    rests = sorted(range(len(weights)), key=lambda place: (-(amount * weights[place] % total), place))
    for place in rests[: amount - sum(parts)]:
        parts[place] += 1
    return parts
