"""Whether one benefit can be computed: its asset exists, its amounts and rates parse, its place in the order makes sense."""

from __future__ import annotations

from collections.abc import Iterator, Set

from accrual.domain.amounts import read_ratio
from accrual.domain.errors import Invalid
from accrual.domain.facts import Trigger
from accrual.domain.programme import Settings
from accrual.domain.promos import Band, Benefit, Lane, Promo, Recipient
from accrual.rules.benefits import CEILING, KINDS
from accrual.rules.calendar import ENDS
from accrual.rules.check_bounds import check_units
from accrual.rules.check_streak import check_streak
from accrual.rules.check_window import check_duration
from accrual.rules.money import read_money
from accrual.rules.problems import Problem, suggest

WITH_REFERRER = (Trigger.REFERRAL, Trigger.REFERRAL_PURCHASE)
_NOT_FOR_CEILING = ("max", "rounding", "expires", "active_after")


def check_benefit(path: str, benefit: Benefit, promo: Promo, settings: Settings, assets: Set[str]) -> Iterator[Problem]:
    """Everything that is wrong with it, as one of this promo's benefits."""
    if benefit.asset not in assets:
        yield Problem(f"{path}.asset", f"unknown asset {benefit.asset!r}{suggest(benefit.asset, assets)}")
    possible = (*KINDS, CEILING)
    kinds = [kind for kind in possible if getattr(benefit, kind) is not None]
    if len(kinds) != 1:
        yield Problem(path, f"exactly one of {', '.join(possible)} is needed, not {' and '.join(kinds) or 'none'}")
    if benefit.to is Recipient.REFERRER and promo.trigger not in WITH_REFERRER:
        yield Problem(f"{path}.to", f"only {' and '.join(WITH_REFERRER)} have a referrer, {promo.trigger} has none")
    if benefit.level != 1 and benefit.to is not Recipient.REFERRER:
        yield Problem(f"{path}.level", "only what goes to: referrer has levels")
    if benefit.issuing is not None:
        if not benefit.issuing.rules:
            yield Problem(f"{path}.issuing.rules", "names no rule")
        if promo.trigger is not Trigger.EVENT:
            yield Problem(f"{path}.issuing", f"only the trigger event asks for rules, {promo.trigger} does not")
    yield from check_streak(path, benefit, promo, assets)
    yield from _check_place(path, benefit, promo)
    yield from _check_rates(path, benefit, settings)
    yield from check_units(path, benefit, settings)
    if benefit.bracket is not None:
        yield from _check_bands(f"{path}.bracket", benefit.bracket, settings)
    if benefit.expires is not None and benefit.expires not in ENDS:
        yield from check_duration(f"{path}.expires", benefit.expires)
    if benefit.active_after is not None:
        yield from check_duration(f"{path}.active_after", benefit.active_after)


def _check_place(path: str, benefit: Benefit, promo: Promo) -> Iterator[Problem]:
    lane = promo.stacking.lane
    if benefit.ceiling is None:
        if lane is Lane.CAP:
            yield Problem(path, "a promo in the lane cap gives nothing; only ceiling is possible in it")
        elif benefit.multiplier is not None and lane is Lane.BASE:
            yield Problem(
                f"{path}.multiplier", "the lane base is what is multiplied; set stacking.lane to multiplier or bonus"
            )
        return
    if lane is not Lane.CAP:
        yield Problem(f"{path}.ceiling", f"a ceiling is possible in the lane cap only, not in {lane}")
    named = [name for name in _NOT_FOR_CEILING if getattr(benefit, name) is not None]
    named += ["per_fact"] if benefit.per_fact else []
    named += ["to"] if benefit.to is Recipient.REFERRER else []
    for name in named:
        yield Problem(f"{path}.{name}", "has no meaning for a ceiling")


def _check_rates(path: str, benefit: Benefit, settings: Settings) -> Iterator[Problem]:
    if benefit.points_per is not None:
        try:
            if read_money(benefit.points_per.every, settings) == 0:
                yield Problem(f"{path}.points_per.every", "must be above zero")
        except Invalid as error:
            yield Problem(f"{path}.points_per.every", f"{error.message} Write such as '1000 {settings.currency}'.")
    if benefit.percent is not None:
        yield from check_percent(f"{path}.percent", benefit.percent)
    if benefit.multiplier is not None:
        try:
            times = read_ratio(benefit.multiplier.times)
            if times.numerator <= times.denominator:
                yield Problem(f"{path}.multiplier.times", "must be above 1; 2 doubles")
        except Invalid as error:
            yield Problem(f"{path}.multiplier.times", f"{error.message} Write such as 2 or 1.5.")


def check_percent(path: str, text: str) -> Iterator[Problem]:
    """An exact percentage above zero."""
    try:
        if read_ratio(text).numerator == 0:
            yield Problem(path, "must be above zero")
    except Invalid as error:
        yield Problem(path, f"{error.message} Write such as 2.5.")


def _check_bands(path: str, bands: tuple[Band, ...], settings: Settings) -> Iterator[Problem]:
    highest: int | None = None
    for index, band in enumerate(bands):
        if (band.give is None) == (band.percent is None):
            yield Problem(f"{path}[{index}]", "a band needs exactly one of give and percent")
        elif band.percent is not None:
            yield from check_percent(f"{path}[{index}].percent", band.percent)
        try:
            start = read_money(band.from_, settings)
        except Invalid as error:
            yield Problem(f"{path}[{index}].from", f"{error.message} Write such as '50000 {settings.currency}'.")
            continue
        if highest is not None and start <= highest:
            yield Problem(
                f"{path}[{index}].from", "bands must begin at rising amounts; this one is not above the one before"
            )
        highest = start if highest is None else max(start, highest)
