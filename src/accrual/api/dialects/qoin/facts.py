"""Which facts an action makes of its items, for both Qoin dialects (SEMANTICS: what a command is). No promo is judged."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec

from accrual.api.dialects.dates import read_date
from accrual.api.dialects.qoin.items import Item, Names
from accrual.api.dialects.tolerant import Fields, Misread
from accrual.domain.amounts import to_minor
from accrual.domain.commands import Reward
from accrual.domain.errors import Invalid
from accrual.domain.facts import (
    CheckIn,
    DrawEntry,
    Fact,
    Identity,
    ProductPurchase,
    Purchase,
    Referral,
    ReferralPurchase,
    Registration,
)
from accrual.domain.identities import known_as
from accrual.domain.programme import Settings
from accrual.engine.bounds import find_beyond
from accrual.rules.admissible import admissible_span, check_occurred_at

IDENTITY_KIND = "qoin.user_id"
NEEDS_AMOUNT = frozenset({"transaction", "transactionpromo"})
_EASY_DIGITS = 10
"""Whole amounts up to this many digits, nearly all of them, need no decimals; with 8 minor units they still fit int64."""
REFERRALS = frozenset({"registerreferral", "transactionreferral"})


class Line(msgspec.Struct, frozen=True, gc=False):
    """One item read to the end: when (None: now), how much in minor units (None: not said), which product."""

    occurred_at: datetime | None
    amount_minor: int | None
    product: str | None


def read_amounts(action: str, items: tuple[Item, ...], names: Names, minor_units: int) -> tuple[int | None, ...]:
    """Each item's amount in minor units. Raises Misread `invalid_amount`: malformed, too fine, or missing where needed."""
    return tuple([_read_amount(action, item, names, minor_units) for item in items])


def read_lines(
    items: tuple[Item, ...], amounts: tuple[int | None, ...], names: Names, settings: Settings
) -> tuple[Line, ...]:
    """The items with their moments. Raises Misread `invalid_date`: one bad item, no command."""
    zone = ZoneInfo(settings.time_zone)
    lines = []
    for item, amount_minor in zip(items, amounts, strict=True):
        try:
            occurred_at = read_date(item.date, zone)
        except Invalid as error:
            raise item.misread(names.date, error.message, error.code) from error
        lines.append(Line(occurred_at, amount_minor, item.product))
    return tuple(lines)


def find_inadmissible(
    items: tuple[Item, ...], lines: tuple[Line, ...], names: Names, settings: Settings, now: datetime
) -> Misread | None:
    """`date_out_of_range` of the first item that is too old or ahead of `now`: one such item, no new command."""
    earliest, latest = admissible_span(now, settings.late_limit)
    for item, line in zip(items, lines, strict=True):
        if line.occurred_at is None or earliest <= line.occurred_at <= latest:
            continue
        try:
            check_occurred_at(line.occurred_at, now, settings.late_limit)
        except Invalid as error:
            return item.misread(names.date, error.message, error.code)
    return None


def find_too_large(command: Reward, names: Names, data: Fields, settings: Settings) -> Misread | None:
    """`invalid_amount` of the items together: more money than a command may tell of, no new command."""
    beyond = find_beyond(command, settings)
    return None if beyond is None else Misread(data.spelling(names.array), beyond.message, code=beyond.code)


def _read_amount(action: str, item: Item, names: Names, minor_units: int) -> int | None:
    if item.amount is None:
        if action in NEEDS_AMOUNT:
            raise item.misread(names.amount_spelt, f"is needed for {action}.", "invalid_amount")
        return None
    if len(item.amount) <= _EASY_DIGITS and item.amount.isascii() and item.amount.isdigit():
        return int(item.amount + "0" * minor_units)
    try:
        return to_minor(item.amount, minor_units)
    except Invalid as error:
        raise item.misread(names.amount, error.message, error.code) from error


def facts_of(action: str, lines: tuple[Line, ...], referrer: Identity | None, outlet: str | None) -> tuple[Fact, ...]:
    """The facts of an action. One registration and one referral a call, at its first item; else one fact an item.

    Without any item the call itself is the one item, now. `referrer` counts in the two referral actions only, whatever
    was sent with the others. `transaction` and `transactionpromo` are the same action. Qoin names no outlet: `outlet` is
    the client's own.
    """
    lines = lines or (Line(None, None, None),)
    match action:
        case "register":
            return (_fact(Registration, lines[0], outlet),)
        case "registerreferral":
            first = lines[0]
            return (
                _fact(Registration, first, outlet),
                Referral(
                    occurred_at=first.occurred_at,
                    amount_minor=first.amount_minor,
                    product=first.product,
                    outlet=outlet,
                    referrer=referrer,
                ),
            )
        case "transactionreferral":
            return tuple(fact for line in lines for fact in _referred(line, referrer, outlet))
        case "luckydraw":
            return tuple([_fact(DrawEntry, line, outlet) for line in lines])
        case "dailycheckin":
            return tuple([_fact(CheckIn, line, outlet) for line in lines])
        case "productsku":
            return tuple([_fact(ProductPurchase, line, outlet) for line in lines])
        case _:
            return tuple([_fact(Purchase, line, outlet) for line in lines])


_Plain = Registration | Purchase | DrawEntry | CheckIn | ProductPurchase


def _fact(kind: type[_Plain], line: Line, outlet: str | None) -> Fact:
    return kind(occurred_at=line.occurred_at, amount_minor=line.amount_minor, product=line.product, outlet=outlet)


def _referred(line: Line, referrer: Identity | None, outlet: str | None) -> tuple[Fact, Fact]:
    return (
        _fact(Purchase, line, outlet),
        ReferralPurchase(
            occurred_at=line.occurred_at,
            amount_minor=line.amount_minor,
            product=line.product,
            outlet=outlet,
            referrer=referrer,
        ),
    )


def known_value(value: str | None, settings: Settings, data: Fields, name: str) -> str | None:
    """A member's number in the programme's one spelling; None and 0 name no one. Raises Misread `invalid_identity`."""
    if value is None or value == "0":
        return value
    try:
        return known_as(Identity(IDENTITY_KIND, value), settings).value
    except Invalid as error:
        raise Misread(data.spelling(name), error.message, code=error.code) from error


def identity_of(value: str | None, data: Fields, name: str) -> Identity:
    """The member a call is about. Raises Misread `invalid_identity` when no one is named; 0 names no one at Qoin."""
    if value is None or value == "0":
        raise Misread(data.spelling(name), "is needed, and 0 names no one.", code="invalid_identity")
    return Identity(IDENTITY_KIND, value)


def sharer_of(value: str | None) -> Identity | None:
    """Who referred; None when absent or 0, which is how Qoin says that nobody is known."""
    return None if value is None or value == "0" else Identity(IDENTITY_KIND, value)


def need_items(action: str, items: tuple[Item, ...], names: Names, data: Fields) -> None:
    """Raises Misread when an action that pays for something comes without any item."""
    if action in NEEDS_AMOUNT and not items:
        raise Misread(data.spelling(names.array), f"is needed for {action}.", code="invalid_amount")
