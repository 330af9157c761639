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


def _limit(details: Details, version: PromoVersion | None, settings: Settings) -> str:
    if "limit" not in details:
        return "The member's limit for this promo is used up."
    what = "units" if details.get("by") == "amount" else "award" if details["limit"] == 1 else "awards"
    period = _PERIODS.get(str(details.get("every")), "in its period")
    text = f"The limit is {details['limit']:,} {what} a member {period}, and {details.get('used', 0):,} are used"
    return f"{text}; {details['wanted']:,} were wanted." if "wanted" in details else f"{text}."


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
    "limit_reached": Reason("promo", "The member's limit for this promo is used up in the period of the fact.", _limit),
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
        period = _PERIODS.get(str(details.get("every")), "in its period")
        text = (
            f"{text}; {details['wanted']:,} by the promo, reduced to what is left of "
            f"{details['limit']:,} a member {period}"
        )
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
