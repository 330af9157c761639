"""The rights that a programme gives its clients, one duty each; nothing is checked against a request here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

DIALECTS = ("dsquares", "goodie", "profitflow", "qoin_processor", "qoin_task")
"""Rights to speak a partner's API."""

NATIVE: Mapping[str, str] = {
    "submit": "report facts, preview them, and read the tickets of its own commands",
    "read": "read members, statements and every ticket of the programme, voucher codes masked",
    "codes": "read voucher codes in tickets of other clients, where it may read the ticket",
    "profile": "change attributes, birthdays, segments and lists of members",
    "tiers": "set the tier of a member by hand",
    "points": "spend, refund, return, hold, capture, release and transfer points",
    "grant": "give points without a promo",
    "adjust": "correct a balance",
    "adjust_below_zero": "correct a balance below zero",
    "merge": "merge two members",
    "operate": "see and retry failed commands, review referrals",
    "promos": "take promos through their life, claim raffle prizes",
}
"""Rights in the native API, each with what it allows."""

SHORTHANDS: Mapping[str, tuple[str, ...]] = {"native": ("submit", "read")}
"""Older names that still stand for narrower rights; a plan warns about each."""

RIGHTS = tuple(sorted((*DIALECTS, *NATIVE)))
"""Every right that a programme file may give, shorthands left out."""


def has_right(rights: Iterable[str], right: str) -> bool:
    """Whether `rights`, as a programme file spells them, include `right`."""
    return any(given == right or right in SHORTHANDS.get(given, ()) for given in rights)
