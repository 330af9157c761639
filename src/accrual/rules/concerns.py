"""Whether a promo version is about a fact at all: trigger, places, products, client, side. Moments and members come later."""

from __future__ import annotations

from accrual.domain.facts import Event, Fact, Referral, ReferralPurchase
from accrual.rules.compiled import LIVE, CompiledBenefit, CompiledVersion, Subject

HAVE_MORE = frozenset({Event, Referral, ReferralPurchase})
"""Facts whose promos depend on more than where they happened and what was bought."""


def subjects_of(fact: Fact) -> tuple[Subject, ...]:
    """The products and categories a fact names, on its own or by its lines, or the event's name; sorted, no doubles."""
    if isinstance(fact, Event):
        return (("event", fact.name),)
    if not fact.items:
        return () if fact.product is None else (("product", fact.product),)
    named: set[Subject] = set() if fact.product is None else {("product", fact.product)}
    for item in fact.items:
        if item.product is not None:
            named.add(("product", item.product))
        if item.category is not None:
            named.add(("category", item.category))
    return tuple(sorted(named))


def is_referrer_side(fact: Fact) -> bool:
    """Whether this fact came by follow-up, for the one who referred the member."""
    return isinstance(fact, Referral | ReferralPurchase) and fact.referred is not None


def side_of(fact: Fact) -> int:
    """Whose side of a referral this fact is: 0 the member's own, 1 the referrer's, 2 the referrer's referrer's..."""
    return fact.level if isinstance(fact, Referral | ReferralPurchase) and fact.referred is not None else 0


def benefits_for(version: CompiledVersion, side: int) -> tuple[CompiledBenefit, ...]:
    """What the version gives on this side."""
    if not side:
        return version.for_member
    return tuple([benefit for benefit in version.for_referrer if benefit.level == side])


def listens(version: CompiledVersion, fact: Fact, subjects: tuple[Subject, ...], client: str | None) -> bool:
    """Whether this version is about such a fact at all; one that is not is no candidate and leaves no decline."""
    if version.trigger is not fact.trigger or version.status not in LIVE:
        return False
    if not version.narrowed:
        return True
    if version.event is not None and ("event", version.event) not in subjects:
        return False
    where, exclude = version.where, version.exclude
    if (where.outlets and fact.outlet not in where.outlets) or (
        fact.outlet is not None and fact.outlet in exclude.outlets
    ):
        return False
    return may_be_of(version, client) and (not version.by_item or counts(version, fact))


def may_be_of(version: CompiledVersion, client: str | None) -> bool:
    """Whether a version is about what this client sends at all, whatever that is."""
    wanted, unwanted = version.where.clients, version.exclude.clients
    return (not wanted or client in wanted) and (client is None or client not in unwanted)


def has_for_side(version: CompiledVersion, side: int) -> bool:
    """Whether the version has anything for this side, member or referrer; the other sides' promos are none of its."""
    return bool(version.ceilings or benefits_for(version, side))


def counts(version: CompiledVersion, fact: Fact) -> bool:
    """Whether anything of this fact counts for a promo that looks at products or categories."""
    if fact.items:
        return any(item_counts(version, item.product, item.category) for item in fact.items)
    return item_counts(version, fact.product, None)


def item_counts(version: CompiledVersion, product: str | None, category: str | None) -> bool:
    """Whether one line counts: its product and its category must both be wanted, and neither left out."""
    where, exclude = version.where, version.exclude
    if (where.products and product not in where.products) or (where.categories and category not in where.categories):
        return False
    if product is not None and product in exclude.products:
        return False
    return category is None or category not in exclude.categories
