"""Says each decline in words with its values: which words fit the case. The words themselves stand in one table a language."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from string import Formatter
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from accrual.domain.outcomes import Declined
from accrual.domain.programme import Language, Settings
from accrual.domain.promos import Promo, PromoVersion
from accrual.rules.benefits import kind_of
from accrual.rules.calendar import read_stored_instant
from accrual.rules.words import TABLES, enumerate_words, money, number, say

Details = Mapping[str, Any]
BY_PROGRAMME = frozenset(
    {
        "already_referred",
        "already_refunded",
        "already_registered",
        "already_returned",
        "asset_unknown",
        "below_threshold",
        "code_needed",
        "code_wrong",
        "code_wrong_too_often",
        "existing_member",
        "held_for_review",
        "held_judged",
        "held_refused",
        "held_unknown",
        "hold_expired",
        "hold_resolved",
        "hold_unknown",
        "holds_open",
        "insufficient_points",
        "member_unknown",
        "more_than_bought",
        "more_than_held",
        "more_than_taken",
        "nothing_parked",
        "out_of_stock",
        "part_unknown",
        "profile_refused",
        "purchase_unknown",
        "redemption_unknown",
        "referral_cycle",
        "referral_judged",
        "referral_not_accepted",
        "referral_refused",
        "referral_unknown",
        "referrer_mismatch",
        "reward_in_part",
        "reward_inactive",
        "reward_not_here",
        "reward_not_started",
        "reward_over",
        "reward_unknown",
        "self_merge",
        "self_referral",
        "self_transfer",
        "too_fast",
    }
)
"""Codes with which the programme itself declines; all others are a promo's."""
BY_EITHER = frozenset({"already_checked_in", "amount_too_small", "limit_reached"})
"""Codes with which a promo declines, and the programme too where no promo is asked."""
OF_MONEY = frozenset({"points_per", "percent", "bracket"})


class Case(NamedTuple):
    """A decline to be told: its values, the promo that declined (None: the programme), settings and language."""

    details: Details
    promo: Promo | None
    settings: Settings
    language: Language

    def number(self, name: str) -> str:
        """A value of the details as a number; 0 when it is not there."""
        return number(self.language, int(self.details.get(name, 0)))


Told = tuple[str, dict[str, str]]
"""What is added to `decline.CODE` to find the words (empty: nothing), and their values."""
PLAIN: Told = ("", {})


def explain_decline(
    declined: Declined, version: PromoVersion | None, settings: Settings, language: Language | None = None
) -> str:
    """One sentence: why nothing was given. `version` None: the programme itself declined. Default: the programme's language."""
    language = language or settings.language
    details = declined.details or {}
    key = f"decline.{declined.reason}"
    if key not in TABLES[language]:
        return _otherwise(declined.reason, details, language)
    tell = _TELL.get(declined.reason)
    if tell is None:
        variant, values = _as_they_are(key, details, language)
    else:
        variant, values = tell(Case(details, None if version is None else version.promo, settings, language))
    return say(language, f"{key}.{variant}" if variant else key, **values)


def _as_they_are(key: str, details: Details, language: Language) -> Told:
    """The values by their own names, where there are words for them and all that those name is there."""
    words = TABLES[language].get(f"{key}.told", "")
    names = [name for _, name, _, _ in Formatter().parse(words) if name]
    if not names or any(name not in details for name in names):
        return PLAIN
    values = {name: details[name] for name in names}
    return "told", {name: number(language, v) if isinstance(v, int) else str(v) for name, v in values.items()}


def _otherwise(reason: str, details: Details, language: Language) -> str:
    """A code that another release wrote is told as it stands."""
    words = reason.replace("_", " ")
    if not details:
        return say(language, "declined.otherwise", reason=words)
    told = ", ".join(f"{name} {value}" for name, value in details.items())
    return say(language, "declined.otherwise_with", reason=words, details=told)


def _limit(case: Case) -> Told:
    if "limit" not in case.details:
        return PLAIN
    rest = "used" if "used" in case.details else "left"
    values = {
        "limit": case.number("limit"),
        "what": what_of(case.details, case.language),
        "whose": whose(case.details, case.language),
        rest: case.number(rest),
    }
    if "wanted" in case.details:
        return f"{rest}_wanted", values | {"wanted": case.number("wanted")}
    return rest, values


def _budget(case: Case) -> Told:
    if "limit" not in case.details:
        return PLAIN
    values = {"limit": case.number("limit"), "left": case.number("left")}
    if "wanted" in case.details:
        return "wanted", values | {"wanted": case.number("wanted")}
    return "left", values


def what_of(details: Details, language: Language) -> str:
    """Units, an award or awards, a redemption or redemptions: what a limit counts."""
    if details.get("by") == "amount":
        return say(language, "part.units")
    what = "redemption" if details.get("by") == "redemptions" else "award"
    return say(language, f"part.{what}" if details.get("limit") == 1 else f"part.{what}s")


def whose(details: Details, language: Language) -> str:
    """Whose limit it is, and in which period: `a member each day`."""
    per, every = str(details.get("per", "member")), str(details.get("every", "ever"))
    known = TABLES[language]
    owner = known.get(f"part.whose.{per}", per)
    return owner if (per, every) == ("promo", "ever") else f"{owner} {known.get(f'part.every.{every}', every)}"


def _capped(case: Case) -> Told:
    if "by" not in case.details:
        return PLAIN
    return "by", {"by": str(case.details["by"]), "ceiling": case.number("ceiling"), "wanted": case.number("wanted")}


def _outranked(case: Case) -> Told:
    return ("by", {"by": str(case.details["by"])}) if "by" in case.details else PLAIN


def _too_small(case: Case) -> Told:
    if "basis" not in case.details or case.promo is None:
        return PLAIN
    kinds = {kind_of(benefit) for benefit in case.promo.benefits}
    if kinds <= OF_MONEY:
        return "money", {"basis": money(case.language, int(case.details["basis"]), case.settings)}
    if kinds == {"multiplier"}:
        return "nothing_given", {"basis": case.number("basis")}
    return ("no_rule", {}) if kinds == {"issuing"} else PLAIN


def _not_started(case: Case) -> Told:
    return _at(case, None if case.promo is None else case.promo.window.from_)


def _closed(case: Case) -> Told:
    return _at(case, None if case.promo is None else case.promo.window.until)


def _at(case: Case, written: str | None) -> Told:
    if written is None:
        return PLAIN
    local = read_stored_instant(written, _zone(case)).astimezone(ZoneInfo(_zone(case)))
    return "at", {"at": local.strftime("%Y-%m-%d %H:%M"), "zone": _zone(case)}


def _zone(case: Case) -> str:
    return (case.promo.window.zone if case.promo is not None else None) or case.settings.time_zone


def _day(case: Case) -> Told:
    days = [] if case.promo is None else [say(case.language, f"day.{day}") for day in case.promo.window.days]
    return _when(case, "days", days)


def _hour(case: Case) -> Told:
    return _when(case, "hours", [] if case.promo is None else list(case.promo.window.hours))


def _date(case: Case) -> Told:
    dates = [] if case.promo is None else [_date_words(text, case.language) for text in case.promo.window.dates]
    return _when(case, "dates", dates)


def _when(case: Case, name: str, allowed: list[str]) -> Told:
    if "at" not in case.details or not allowed:
        return PLAIN
    day, _, rest = str(case.details["at"]).partition(" ")
    known = TABLES[case.language].get(f"day.{day.lower()}", day)
    zone = str(case.details.get("zone", _zone(case)))
    return "at", {name: enumerate_words(case.language, allowed), "at": f"{known} {rest}", "zone": zone}


def _date_words(text: str, language: Language) -> str:
    if text in ("birthday", "last"):
        return say(language, f"part.{text}")
    return say(language, "part.month_day", day=str(int(text))) if text.isdigit() else text


def _audience(case: Case) -> Told:
    if case.promo is None or not (case.promo.audience.lists or case.promo.audience.segments):
        return PLAIN
    audience = case.promo.audience
    named = [say(case.language, "part.list", name=name) for name in audience.lists]
    named += [say(case.language, "part.segment", name=name) for name in audience.segments]
    return "named", {"audience": enumerate_words(case.language, named, joined_by="and")}


def _held_out(case: Case) -> Told:
    share = None if case.promo is None else case.promo.audience.holdout
    return PLAIN if share is None else ("share", {"share": share})


def _drew_nothing(case: Case) -> Told:
    receipt = case.details.get("draw")
    return PLAIN if receipt is None else ("receipt", chances(receipt, case.language))


def chances(receipt: Mapping[str, Any], language: Language) -> dict[str, str]:
    """The prize that a receipt names, its chances out of all, and where the entry stands."""
    table = {str(code): int(weight) for code, weight in receipt["table"]}
    return {
        "prize": str(receipt["prize"]),
        "weight": number(language, table[receipt["prize"]]),
        "total": number(language, sum(table.values())),
        **{name: number(language, int(receipt[name])) for name in ("round", "bucket", "number")},
    }


def _velocity(case: Case) -> Told:
    details = case.details
    if "rule" not in details:  # what holds may be a shared device, too
        return _as_they_are("decline.held_for_review", details, case.language)
    span = say(case.language, f"part.span.{details['every']}")
    values = {
        "rule": str(details["rule"]),
        "whose": say(case.language, f"part.velocity.{details['per']}", span=span),
    }
    if details.get("by") == "amount":
        return "amount", values | {"amount": money(case.language, int(details["limit"]), case.settings)}
    return "count", values | {"limit": case.number("limit")}


def _profile(case: Case) -> Told:
    problem = case.details.get("problem")
    return PLAIN if problem is None else ("problem", {"problem": str(problem).replace("_", " ")})


def _condition(case: Case) -> Told:
    if not case.details.get("part"):
        return PLAIN
    values = {"part": str(case.details["part"])}
    if "error" in case.details:
        values["error"] = str(case.details["error"]).rstrip(".")
    told = [
        say(case.language, "part.absent", name=name)
        if value is None
        else say(case.language, "part.value", name=name, value=str(value))
        for name, value in (case.details.get("values") or {}).items()
    ]
    return ("values", values | {"values": ", ".join(told)}) if told else ("part", values)


_TELL: Mapping[str, Callable[[Case], Told]] = {
    "amount_too_small": _too_small,
    "budget_exhausted": _budget,
    "capped": _capped,
    "condition_failed": _condition,
    "condition_false": _condition,
    "drew_nothing": _drew_nothing,
    "held_for_review": _velocity,
    "held_out": _held_out,
    "limit_reached": _limit,
    "not_in_audience": _audience,
    "not_started": _not_started,
    "outranked": _outranked,
    "too_fast": _velocity,
    "profile_refused": _profile,
    "window_closed": _closed,
    "wrong_date": _date,
    "wrong_day": _day,
    "wrong_hour": _hour,
}
"""How to tell codes that carry values; the others are told by their words alone. Words may change, a code never does."""
