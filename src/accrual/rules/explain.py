"""Says every decline and award in plain words, with its values. Nothing is decided here, and no new reason is made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from accrual.domain.outcomes import Award, Declined
from accrual.domain.programme import Asset, Settings
from accrual.domain.promos import PromoVersion

Details = Mapping[str, Any]
_Say = Callable[[Details, PromoVersion | None, Settings], str]


class Reason(NamedTuple):
    """A decline code: who declines (`programme` or `promo`), what it means in general, and how to say one case of it."""

    by: str
    meaning: str
    say: _Say


def _plain(sentence: str) -> _Say:
    return lambda details, version, settings: sentence


_PERIODS = {
    "day": "each day",
    "week": "each week",
    "month": "each month",
    "year": "each year",
    "ever": "for good",
}


_WHOSE = {"member": "a member", "outlet": "an outlet", "device": "a device", "promo": "for the whole promo"}


def _limit(details: Details, version: PromoVersion | None, settings: Settings) -> str:
    if "limit" not in details:
        return "The limit of this promo is used up."
    what = "units" if details.get("by") == "amount" else "award" if details["limit"] == 1 else "awards"
    return f"The limit is {details['limit']:,} {what} {_whose(details)}, {_left(details)}."


def _budget(details: Details, version: PromoVersion | None, settings: Settings) -> str:
    if "limit" not in details:
        return "The promo's budget is used up."
    return f"The promo's budget is {details['limit']:,} units, {_left(details)}."


def _whose(details: Details) -> str:
    whose = _WHOSE.get(str(details.get("per", "member")), "")
    return f"{whose} {_PERIODS.get(str(details.get('every')), 'in its period')}"


def _left(details: Details) -> str:
    rest = f"and {details['used']:,} are used" if "used" in details else f"and {details.get('left', 0):,} are left"
    return f"{rest}; {details['wanted']:,} were wanted" if "wanted" in details else rest


def _hours(details: Details, version: PromoVersion | None, settings: Settings) -> str:
    if "at" not in details:
        return "The promo does not run at that time."
    return f"The promo does not run on {details['at']} ({details.get('zone', settings.time_zone)})."


def _outranked(details: Details, version: PromoVersion | None, settings: Settings) -> str:
    return f"{details.get('by', 'Another promo')} comes first in the same lane, gave, and stands alone in it."


def _capped(details: Details, version: PromoVersion | None, settings: Settings) -> str:
    if "ceiling" not in details:
        return "A cap on the whole command leaves nothing for this promo."
    return (
        f"{details.get('by', 'A promo')} caps the whole command at {details['ceiling']:,} units, "
        f"and nothing is left of them; {details.get('wanted', 0):,} were wanted."
    )


def _condition(details: Details, version: PromoVersion | None, settings: Settings) -> str:
    verb = "could not be judged" if "error" in details else "does not hold"
    part = f" `{details['part']}`" if details.get("part") else ""
    values = details.get("values") or {}
    told = ", ".join(f"{name} is {'absent' if value is None else value}" for name, value in values.items())
    text = f"The condition{part} {verb}"
    text = f"{text}: {told}" if told else text
    return f"{text}; {str(details['error']).rstrip('.')}." if "error" in details else f"{text}."


def _too_small(details: Details, version: PromoVersion | None, settings: Settings) -> str:
    if "basis" not in details:
        return "The amount is too small to give anything."
    return f"{money_text(details['basis'], settings)} is too small to give anything."


def _not_started(details: Details, version: PromoVersion | None, settings: Settings) -> str:
    start = version.promo.window.from_ if version else None
    return (
        "The promo had not started yet."
        if start is None
        else f"The promo starts at {_local(start, version, settings)}."
    )


def _closed(details: Details, version: PromoVersion | None, settings: Settings) -> str:
    end = version.promo.window.until if version else None
    return "The promo was over." if end is None else f"The promo ended at {_local(end, version, settings)}."


REASONS: Mapping[str, Reason] = {
    "member_unknown": Reason(
        "programme",
        "Nobody is known by this identity, and the programme's `enrol` setting does not enrol on such a call.",
        _plain("Nobody is known by this identity, and the programme does not enrol on such a call."),
    ),
    "already_registered": Reason(
        "programme",
        "The member registered before; a registration counts once.",
        _plain("The member registered before; a registration counts once."),
    ),
    "already_referred": Reason(
        "programme",
        "The member has a referrer already: the first referral accepted holds for life.",
        _plain("The member has a referrer already: the first referral accepted holds for life."),
    ),
    "already_checked_in": Reason(
        "programme",
        "The member checked in before on this day of the programme's calendar.",
        _plain("The member checked in before on this day of the programme's calendar."),
    ),
    "self_referral": Reason(
        "programme",
        "The referrer named is the member itself.",
        _plain("The referrer named is the member itself."),
    ),
    "referrer_mismatch": Reason(
        "programme",
        "The call names another referrer than the one on record; the one on record is rewarded.",
        _plain("The call names another referrer than the one on record; the one on record is rewarded."),
    ),
    "nothing_parked": Reason(
        "programme",
        "The command to try again was tried again before; its answer stands.",
        _plain("The command to try again was tried again before; its answer stands."),
    ),
    "promo_paused": Reason("promo", "The promo was paused.", _plain("The promo was paused.")),
    "not_started": Reason("promo", "It happened before the promo's window opens.", _not_started),
    "window_closed": Reason("promo", "It happened after the promo's window closed.", _closed),
    "promo_code_missing": Reason(
        "promo",
        "The promo asks for one of its promo codes, and the call brought none of them.",
        _plain("The promo asks for one of its promo codes, and the call brought none of them."),
    ),
    "not_in_audience": Reason(
        "promo",
        "The member is in none of the promo's lists and segments.",
        _plain("The member is in none of the promo's lists and segments."),
    ),
    "held_out": Reason(
        "promo",
        "The member is in the part of the audience that is held out for comparison.",
        _plain("The member is in the part of the audience that is held out for comparison."),
    ),
    "wrong_day": Reason("promo", "The promo does not run on that day of the week.", _hours),
    "wrong_hour": Reason("promo", "The promo does not run at that hour.", _hours),
    "wrong_date": Reason("promo", "The promo does not run on that date.", _hours),
    "condition_false": Reason(
        "promo", "The promo's condition does not hold; the first false part is told.", _condition
    ),
    "condition_failed": Reason("promo", "The promo's condition could not be judged, so it gave nothing.", _condition),
    "outranked": Reason(
        "promo", "An exclusive promo came first in the same stacking lane and gave something.", _outranked
    ),
    "capped": Reason("promo", "A promo of the cap lane leaves nothing of its ceiling.", _capped),
    "limit_reached": Reason(
        "promo",
        "A limit of the promo is used up in the period of the fact: a member's, an outlet's or a device's.",
        _limit,
    ),
    "budget_exhausted": Reason("promo", "The promo's budget is used up, or what is left is too little.", _budget),
    "amount_too_small": Reason("promo", "The amount computes to less than one whole unit.", _too_small),
}
"""Every code a decline may carry. Codes are stored in outcomes: words may change, a code never does."""


def explain_decline(declined: Declined, version: PromoVersion | None, settings: Settings) -> str:
    """One sentence: why nothing was given. `version` None: the programme itself declined."""
    reason = REASONS.get(declined.reason)
    details = declined.details or {}
    if reason is not None:
        return reason.say(details, version, settings)
    told = ", ".join(f"{name} {value}" for name, value in details.items())
    words = declined.reason.replace("_", " ")
    return f"Declined: {words} ({told})." if told else f"Declined: {words}."


def explain_award(award: Award, asset: Asset, version: PromoVersion, settings: Settings) -> str:
    """One sentence: how the amount came about, and what a limit took off it."""
    text = f"{award.amount:,} {asset.code}"
    how = _how(award, asset, version, settings)
    if how:
        text = f"{text}: {how}"
    details = award.details or {}
    if "wanted" in details and "limit" in details:
        left_of = f"what is left of {details['limit']:,} {_whose(details)}"
        text = f"{text}; {details['wanted']:,} by the promo, reduced to {left_of}"
    elif "wanted" in details and "ceiling" in details:
        text = f"{text}; {details['wanted']:,} by the promo, {details.get('by')} caps all at {details['ceiling']:,}"
    return f"{text}."


def _how(award: Award, asset: Asset, version: PromoVersion, settings: Settings) -> str:
    of_asset = [benefit for benefit in version.promo.benefits if benefit.asset == asset.code]
    match award.reason:
        case "fixed":
            return "a fixed amount" if award.basis in (None, 1) else f"a fixed amount for {award.basis} facts"
        case "points_per":
            steps = {(b.points_per.give, b.points_per.every) for b in of_asset if b.points_per is not None}
            rate = f"{min(steps)[0]:,} for each {min(steps)[1]}" if len(steps) == 1 else "so many for each step"
        case "percent":
            rates = {b.percent for b in of_asset if b.percent is not None}
            rate = f"{min(rates)} %" if len(rates) == 1 else "a percentage"
        case _:
            return award.reason.replace("_", " ")
    return rate if award.basis is None else f"{rate} of {money_text(award.basis, settings)}"


def money_text(amount_minor: int, settings: Settings) -> str:
    """Minor units as people write money: 684350 with two decimals in IDR is `6,843.50 IDR`."""
    sign = "-" if amount_minor < 0 else ""
    whole, rest = divmod(abs(amount_minor), 10**settings.minor_units)
    decimals = f".{rest:0{settings.minor_units}d}" if settings.minor_units else ""
    return f"{sign}{whole:,}{decimals} {settings.currency}"


def _local(written: str, version: PromoVersion | None, settings: Settings) -> str:
    zone = version.promo.window.zone if version else None
    return f"{written} ({zone or settings.time_zone})"


def reference_page() -> str:
    """The page `docs/reference/declines.md`."""
    rows = [f"| `{code}` | {reason.by} | {reason.meaning} |" for code, reason in sorted(REASONS.items())]
    return "\n".join(
        [
            "# Why not: the decline codes",
            "",
            "Generated from `src/accrual/rules/explain.py`; a test holds the two together.",
            "",
            "A decline is no error. The call was accepted and has its ticket; this is what it did not earn, and why.",
            "`accrual explain TICKET` says each of them with its values. Codes are stable; words may change.",
            "",
            "| code | declined by | what it means |",
            "|---|---|---|",
            *rows,
            "",
        ]
    )
