"""Finds the values that conditions ask for in a fact and its snapshot: only those asked for, each once a fact."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from accrual.domain.commands import Reward
from accrual.domain.facts import Event, Fact, ReferralPurchase
from accrual.domain.members import EMPTY_PROFILE, MemberProfile
from accrual.rules.condition_compile import Wanted
from accrual.rules.levels import tier_said
from accrual.rules.periods import before

SAME_FOR_ALIKE = frozenset(
    {
        "purchase.products",
        "purchase.categories",
        "purchase.quantity",
        "purchase.outlet",
        "purchase.payment",
        "event.name",
        "member.segments",
        "member.lists",
        "member.attributes",
        "member.birthday",
        "member.balance",
        "history.first",
    }
)
"""What is the same for all facts of a command that are of one kind, at one place and of the same products."""

if TYPE_CHECKING:  # a snapshot holds compiled conditions: at run time it stands above this module
    from accrual.rules.snapshot import Snapshot


class Facts(NamedTuple):
    """What values are read from: one fact of a command, and what was known before it."""

    command: Reward
    fact: Fact
    snapshot: Snapshot

    @property
    def now(self) -> datetime:
        """When the fact happened."""
        return self.fact.occurred_at or self.snapshot.now

    @property
    def profile(self) -> MemberProfile:
        member = self.snapshot.member
        return EMPTY_PROFILE if member is None else member.profile

    @property
    def joined(self) -> datetime:
        """A member who is made by this command joins now."""
        member = self.snapshot.member
        return self.now if member is None or member.joined_at is None else member.joined_at


def values_of(wanted: Wanted, facts: Facts) -> dict[str, Any]:
    """By name, as the evaluating environment takes them. A value that was not sent is left out: to use it fails."""
    values = {name: value for name in wanted.names if (value := _READ[name](facts)) is not None}
    if wanted.counted or wanted.summed:
        values["history.purchases"], values["history.spend"] = _history(wanted, facts)
    return values


def _history(wanted: Wanted, facts: Facts) -> tuple[dict[str, int], dict[str, int]]:
    """Counts and sums of purchases in each period that ends with the fact, its own moment included."""
    past, now, zone = facts.snapshot.history(), facts.now, facts.snapshot.programme.settings.time_zone
    counts: dict[str, int] = {}
    sums: dict[str, int] = {}
    for period in wanted.counted | wanted.summed if wanted.summed else wanted.counted:
        start = before(now, period, zone) if past else now
        amounts = [amount_minor for occurred_at, amount_minor in past if start < occurred_at <= now]
        counts[period], sums[period] = len(amounts), sum(amounts)
    return counts, sums


def _amount(facts: Facts) -> int | None:
    return facts.fact.amount_minor


def _products(facts: Facts) -> list[str]:
    fact = facts.fact
    named = {item.product for item in fact.items or () if item.product is not None}
    return sorted(named if fact.product is None else named | {fact.product})


def _categories(facts: Facts) -> list[str]:
    return sorted({item.category for item in facts.fact.items or () if item.category is not None})


def _lines(facts: Facts) -> list[dict[str, Any]]:
    """A fact without lines that names a product is one line of it."""
    fact = facts.fact
    if fact.items is None:
        return [] if fact.product is None else [_line(fact.product, None, 1, fact.amount_minor)]
    return [_line(item.product, item.category, item.quantity, item.amount_minor) for item in fact.items]


def _line(product: str | None, category: str | None, quantity: int, amount_minor: int | None) -> dict[str, Any]:
    line: dict[str, Any] = {"product": product or "", "category": category or "", "quantity": quantity}
    return line if amount_minor is None else {**line, "amount": amount_minor}


def _quantity(facts: Facts) -> int:
    fact = facts.fact
    if fact.items is None:
        return 0 if fact.product is None else 1
    return sum(item.quantity for item in fact.items)


def _event_attributes(facts: Facts) -> dict[str, Any]:
    return facts.fact.attributes if isinstance(facts.fact, Event) else {}


def _balance(facts: Facts) -> dict[str, int]:
    assets = facts.snapshot.programme.assets
    return {**dict.fromkeys(assets, 0), **facts.snapshot.balances()}


_READ: dict[str, Callable[[Facts], Any]] = {
    "purchase.amount": _amount,
    "purchase.currency": lambda facts: facts.fact.currency or facts.snapshot.programme.settings.currency,
    "purchase.products": _products,
    "purchase.categories": _categories,
    "purchase.quantity": _quantity,
    "purchase.outlet": lambda facts: facts.fact.outlet or "",
    "purchase.payment": lambda facts: facts.command.payment or "",
    "purchase.lines": _lines,
    "referral.purchase_number": lambda facts: facts.fact.number if isinstance(facts.fact, ReferralPurchase) else 0,
    "event.name": lambda facts: facts.fact.name if isinstance(facts.fact, Event) else "",
    "event.attributes": _event_attributes,
    "member.tier": lambda facts: tier_said(facts.snapshot.programme.ladder, facts.profile, facts.now),
    "member.segments": lambda facts: sorted(facts.profile.segments),
    "member.lists": lambda facts: sorted(facts.profile.lists),
    "member.attributes": lambda facts: facts.profile.attributes,
    "member.joined": lambda facts: facts.joined,
    "member.days": lambda facts: max(0, (facts.now - facts.joined).days),
    "member.birthday": lambda facts: (facts.profile.birthday or "")[-5:],
    "member.balance": _balance,
    "now": lambda facts: facts.now,
    "history.first": lambda facts: not facts.snapshot.history(),
}
