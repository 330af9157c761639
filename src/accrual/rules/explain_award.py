"""Says each award in words: how its amount came about, what took something off it, which lines it is for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from accrual.domain.outcomes import Award
from accrual.domain.programme import Asset, Language, Settings
from accrual.domain.promos import Band, Benefit, PromoVersion, Scope
from accrual.rules.explain import chances, whose
from accrual.rules.explain_days import days_words, more_days
from accrual.rules.money import read_money
from accrual.rules.words import TABLES, enumerate_words, money, number, say

LINES_TOLD_MAX = 8


def explain_award(
    award: Award, asset: Asset, version: PromoVersion, settings: Settings, language: Language | None = None
) -> str:
    """One sentence: how the amount came about, and what was taken off it. Default: the programme's language."""
    language = language or settings.language
    parts = [_how(award, asset, version, settings, language), *_more(award, language)]
    return f"{number(language, award.amount)} {asset.code}: {'; '.join(parts)}."


def _how(award: Award, asset: Asset, version: PromoVersion, settings: Settings, language: Language) -> str:
    """By the benefit of this kind and asset; where a promo has several such, only what they share is said."""
    alike = [b for b in version.promo.benefits if b.asset == asset.code and getattr(b, award.reason, None) is not None]
    benefit = (
        alike[0] if alike and all(getattr(b, award.reason) == getattr(alike[0], award.reason) for b in alike) else None
    )
    details, values = _case(award, benefit, settings, language)
    key = f"award.{award.reason}{details}"
    if key in TABLES[language]:
        return say(language, key, **values)
    return say(language, "award.otherwise", reason=award.reason.replace("_", " "))


def _case(award: Award, benefit: Benefit | None, settings: Settings, language: Language) -> tuple[str, dict[str, str]]:
    """What is added to `award.KIND` to find the words, and their values."""
    units = number(language, award.basis or 0)
    amount = money(language, award.basis or 0, settings)
    match award.reason:
        case "fixed":
            return ("", {}) if award.basis in (None, 1) else (".facts", {"facts": units})
        case "points_per" if benefit is not None and benefit.points_per is not None and award.basis is not None:
            step = benefit.points_per
            return ".of", {"give": number(language, step.give), "every": step.every, "basis": amount}
        case "percent" if benefit is not None and benefit.percent is not None:
            return ".of", {"percent": benefit.percent, "basis": amount}
        case "issuing" if award.basis is not None:
            return ".rules", {"count": units}
        case "multiplier" if benefit is not None and benefit.multiplier is not None:
            of = "all" if benefit.multiplier.of is Scope.ALL else "base"
            return f".{of}", {"times": benefit.multiplier.times, "basis": units}
        case "bracket" if benefit is not None and (band := _band(benefit, award.basis or 0, settings)) is not None:
            if band.percent is not None:
                return ".percent", {"percent": band.percent, "basis": amount, "start": band.from_}
            return ".give", {"basis": amount, "start": band.from_}
        case "voucher" if (award.details or {}).get("codes"):
            codes = [str(code) for code in (award.details or {})["codes"]]
            return ".codes", {"codes": enumerate_words(language, codes, joined_by="and")}
        case "draw" | "raffle" if (award.details or {}).get("draw"):
            return _receipt(award.reason, (award.details or {})["draw"], language)
        case "streak" if (award.details or {}).get("days"):
            return ".days", {"days": days_words(award.details or {}, language)}
    return "", {"basis": units if award.reason == "multiplier" else amount}


def _receipt(kind: str, receipt: dict[str, Any], language: Language) -> tuple[str, dict[str, str]]:
    words = ".receipt" if receipt["round"] else ".preview"
    if kind == "draw":
        return words, chances(receipt, language)
    return words, {name: number(language, int(receipt[name])) for name in ("round", "bucket", "number")}


def _band(benefit: Benefit, amount_minor: int, settings: Settings) -> Band | None:
    reached = [band for band in benefit.bracket or () if read_money(band.from_, settings) <= amount_minor]
    return reached[-1] if reached else None


def _more(award: Award, language: Language) -> Iterator[str]:
    details = award.details or {}
    if details.get("levels"):
        told = [say(language, "part.level", level=str(code), times=str(earn)) for code, earn in details["levels"]]
        yield say(language, "award_with.levels", levels=enumerate_words(language, told, joined_by="and"))
    yield from more_days(details, language)
    if "wanted" in details:
        yield _reduced(details, language)
    if award.shares:
        yield _lines(award.shares, language)


def _reduced(details: dict[str, Any], language: Language) -> str:
    wanted = number(language, int(details["wanted"]))
    if "ceiling" in details:
        ceiling = number(language, int(details["ceiling"]))
        return say(language, "award_with.ceiling", wanted=wanted, by=str(details.get("by", "")), ceiling=ceiling)
    limit = number(language, int(details.get("limit", 0)))
    if (details.get("per"), details.get("every")) == ("promo", "ever"):
        return say(language, "award_with.budget", wanted=wanted, limit=limit)
    return say(language, "award_with.limit", wanted=wanted, limit=limit, whose=whose(details, language))


def _lines(shares: Sequence[tuple[int, int, int]], language: Language) -> str:
    if len(shares) > LINES_TOLD_MAX:
        return say(language, "award_with.many_lines", count=number(language, len(shares)))
    key = "part.fact_line" if len({fact for fact, _, _ in shares}) > 1 else "part.line"
    told = [
        say(language, key, **_place(key, fact, line), units=number(language, units)) for fact, line, units in shares
    ]
    return say(language, "award_with.lines", lines=enumerate_words(language, told, joined_by="and"))


def _place(key: str, fact: int, line: int) -> dict[str, str]:
    """People count from one."""
    return {"line": str(line + 1)} | ({"fact": str(fact + 1)} if key == "part.fact_line" else {})
