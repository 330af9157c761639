"""What a condition may name: each name with its type, for which triggers it exists, and what it says. No text is read."""

from __future__ import annotations

from typing import NamedTuple

from accrual.domain.facts import Trigger

WITH_PURCHASE = frozenset({Trigger.PURCHASE, Trigger.REFERRAL_PURCHASE, Trigger.PRODUCT_PURCHASE})
WITH_EVENT = frozenset({Trigger.EVENT})
WITH_FRIEND = frozenset({Trigger.REFERRAL_PURCHASE})
EVERYWHERE = frozenset(Trigger)


class Named(NamedTuple):
    """One name: the type it is checked as, its meaning in a line, and the triggers whose promos may use it."""

    type: str
    says: str
    triggers: frozenset[Trigger] = EVERYWHERE


NAMES: dict[str, Named] = {
    "purchase.amount": Named("money", "what was paid, all lines together", WITH_PURCHASE),
    "purchase.currency": Named("string", "the currency's code, such as IDR", WITH_PURCHASE),
    "purchase.products": Named("list(string)", "the products bought, in alphabetical order", WITH_PURCHASE),
    "purchase.categories": Named("list(string)", "their categories, in alphabetical order", WITH_PURCHASE),
    "purchase.quantity": Named("int", "how many pieces, over all lines", WITH_PURCHASE),
    "purchase.outlet": Named("string", "the outlet's code, empty when none was sent", WITH_PURCHASE),
    "purchase.payment": Named("string", "how it was paid, empty when that was not sent", WITH_PURCHASE),
    "purchase.lines": Named("list(line)", "the lines, each with product, category, quantity, amount", WITH_PURCHASE),
    "referral.purchase_number": Named("int", "which of the referred member's purchases it is, from 1", WITH_FRIEND),
    "event.name": Named("string", "the event's name", WITH_EVENT),
    "event.attributes": Named("map(string, dyn)", "the event's attributes by name", WITH_EVENT),
    "member.tier": Named("string", "the member's tier when it happened: with levels one of them, else empty for none"),
    "member.segments": Named("list(string)", "segments the member is in, in alphabetical order"),
    "member.lists": Named("list(string)", "lists the member is on, in alphabetical order"),
    "member.attributes": Named("map(string, dyn)", "the member's attributes by name"),
    "member.joined": Named("timestamp", "when the member joined"),
    "member.days": Named("int", "whole days since the member joined"),
    "member.birthday": Named("string", "the birthday as MM-DD, empty when it is not known"),
    "member.balance": Named("map(string, int)", "units that can be spent, by asset code; 0 for an asset never had"),
    "now": Named("timestamp", "when it happened"),
}
"""Values by name. What hangs on a literal (`history.purchases("P30D")`) is in FUNCTIONS."""

FUNCTIONS: dict[str, Named] = {
    "money": Named("money", 'an amount of money: money("50000 IDR")'),
    "history.purchases": Named("int", 'how many purchases before this one: history.purchases("P30D")'),
    "history.spend": Named("money", 'what they came to: history.spend("P30D")'),
    "history.first": Named("bool", "whether there was no purchase before: history.first()"),
}
"""What is written with brackets behind it and belongs to promos; the rest is CEL's own."""

LINE_FIELDS = {"product": "string", "category": "string", "quantity": "int", "amount": "money"}

MACROS = frozenset({"all", "exists", "exists_one", "filter", "map"})
CALENDAR_PARTS = frozenset(
    {
        "getDate",
        "getDayOfMonth",
        "getDayOfWeek",
        "getDayOfYear",
        "getFullYear",
        "getHours",
        "getMinutes",
        "getMonth",
    }
)
PLAIN_FUNCTIONS = frozenset(
    {"contains", "duration", "endsWith", "has", "int", "matches", "size", "startsWith", "string", "timestamp"}
)
ROOTS = frozenset(name.partition(".")[0] for name in (*NAMES, *FUNCTIONS))
MONEY_NAMES = frozenset(
    name for name, named in (*NAMES.items(), *FUNCTIONS.items()) if named.type == "money" and name != "money"
)
