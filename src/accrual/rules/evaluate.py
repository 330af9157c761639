"""Judges one command: candidates, window, benefits, limits; awards and declines with reasons. A pure function."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from accrual.domain.amounts import INT64_MAX
from accrual.domain.commands import Reward
from accrual.domain.facts import CheckIn, Fact, Identity, Referral, ReferralPurchase, Registration
from accrual.domain.outcomes import Award, Declined
from accrual.domain.promos import Period, PromoStatus
from accrual.rules.admit import REMEMBERED, admit, kinds_of
from accrual.rules.benefits.measure import Computed, Measure
from accrual.rules.calendar import after, expiry, period_key
from accrual.rules.compile import LIVE, CompiledBenefit, CompiledProgramme, CompiledVersion, Timeline
from accrual.rules.limits import allow
from accrual.rules.snapshot import (
    PROGRAMME_ITSELF,
    SLOT_CHECKED_IN,
    SLOT_REFERRED,
    SLOT_REGISTERED,
    CounterKey,
    FollowUp,
    Judgement,
    Snapshot,
)

REFERRED = frozenset({Referral, ReferralPurchase})

Matches = dict[int, tuple[CompiledVersion, list[Fact]]]
"""By promo_version_id, in total order: the version and the facts that it holds for."""


def evaluate(command: Reward, snapshot: Snapshot) -> Judgement:
    """What the programme gives for these facts, and why not. Same inputs, same judgement."""
    kinds = kinds_of(command)
    admitted = admit(command, kinds, snapshot)
    facts = admitted.facts
    declines = admitted.declines
    counters = admitted.counters
    awards: list[Award] = []
    as_referrer = not kinds.isdisjoint(REFERRED) and bool(facts) and _is_referrer_side(facts[0])
    for version, matched in _match(facts, snapshot, declines, as_referrer).values():
        benefits = version.for_referrer if as_referrer else version.for_member
        if benefits:
            _give(version, benefits, matched, snapshot, counters, awards, declines)
    first = command.facts[0]
    return Judgement(
        tuple(awards),
        tuple(declines),
        admitted.enrol,
        admitted.referrer,
        counters,
        () if as_referrer or kinds.isdisjoint(REFERRED) else _follow_ups(facts, snapshot, admitted.referrer),
        first.occurred_at or snapshot.now,
    )


def _is_referrer_side(fact: Fact) -> bool:
    return isinstance(fact, Referral | ReferralPurchase) and fact.referred is not None


def _match(facts: Sequence[Fact], snapshot: Snapshot, declines: list[Declined], as_referrer: bool) -> Matches:
    found: Matches = {}
    order: dict[int, tuple[int, str]] = {}
    closed: dict[int, str] = {}
    groups = _alike(facts)
    for alike in groups:
        first = alike[0]
        products = products_of(first)
        for timeline in snapshot.programme.candidates(first.trigger, first.outlet, products):
            for version, matched in _by_version(timeline, alike, products, snapshot.now, closed, as_referrer):
                order[version.promo_version_id] = timeline.order
                known = found.get(version.promo_version_id)
                if known is None:
                    found[version.promo_version_id] = (version, matched)
                else:
                    known[1].extend(matched)
    if len(groups) > 1:
        place = {id(fact): number for number, fact in enumerate(facts)}
        for _, matched in found.values():
            matched.sort(key=lambda fact: place[id(fact)])
    for version_id, reason in closed.items():
        if version_id not in found:
            declines.append(Declined(version_id, reason))
    if len(found) < 2:
        return found
    return {version_id: found[version_id] for version_id in sorted(found, key=lambda key: (order[key], key))}


def _alike(facts: Sequence[Fact]) -> list[list[Fact]]:
    """Facts grouped by what chooses their candidates: kind, outlet and products; nearly always one group."""
    groups: dict[Any, list[Fact]] = {}
    for fact in facts:
        key = (type(fact), fact.outlet, fact.product, fact.items)
        group = groups.get(key)
        if group is None:
            groups[key] = [fact]
        else:
            group.append(fact)
    return list(groups.values())


def _by_version(
    timeline: Timeline,
    facts: list[Fact],
    products: tuple[str, ...],
    now: datetime,
    closed: dict[int, str],
    as_referrer: bool,
) -> list[tuple[CompiledVersion, list[Fact]]]:
    """The facts of a group under the versions that hold for them; why a version is closed to a fact goes to `closed`."""
    first = facts[0]
    always = timeline.always
    if always is not None:
        return [(always, list(facts))] if _listens(always, first, products) else []
    split: dict[int, tuple[CompiledVersion, list[Fact]]] = {}
    for fact in facts:
        moment = fact.occurred_at or now
        version = timeline.at(moment)
        if version is None or not _listens(version, first, products):
            continue
        if not (version.for_referrer if as_referrer else version.for_member):
            continue
        reason = _not_open(version, moment)
        if reason is None:
            split.setdefault(version.promo_version_id, (version, []))[1].append(fact)
        else:
            closed.setdefault(version.promo_version_id, reason)
    return list(split.values())


def products_of(fact: Fact) -> tuple[str, ...]:
    """The products a fact names, on its own or by its lines; sorted, without doubles."""
    if fact.items:
        named = {item.product for item in fact.items if item.product is not None}
        if fact.product is not None:
            named.add(fact.product)
        return tuple(sorted(named))
    return () if fact.product is None else (fact.product,)


def _listens(version: CompiledVersion, fact: Fact, products: tuple[str, ...]) -> bool:
    if version.trigger is not fact.trigger or version.status not in LIVE:
        return False
    if version.outlets and fact.outlet not in version.outlets:
        return False
    return not version.products or not version.products.isdisjoint(products)


def _not_open(version: CompiledVersion, moment: datetime) -> str | None:
    if version.status is PromoStatus.PAUSED:
        return "promo_paused"
    if version.window_from is not None and moment < version.window_from:
        return "not_started"
    if version.window_until is not None and moment >= version.window_until:
        return "window_closed"
    return None


def _give(
    version: CompiledVersion,
    benefits: tuple[CompiledBenefit, ...],
    facts: list[Fact],
    snapshot: Snapshot,
    counters: dict[CounterKey, int],
    awards: list[Award],
    declines: list[Declined],
) -> None:
    allowance = (
        allow(version, facts[0].occurred_at or snapshot.now, snapshot.counted, counters) if version.limits else None
    )
    if allowance is not None and allowance.declined is not None:
        declines.append(allowance.declined)
        return
    gave = False
    for benefit in benefits:
        computed = _compute(benefit, facts)
        amount = computed.amount
        if amount <= 0:
            declines.append(Declined(version.promo_version_id, "amount_too_small", {"basis": computed.basis}))
            continue
        details: dict[str, Any] | None = None
        if allowance is not None:
            amount, details, declined = allowance.take(amount)
            if declined is not None:
                declines.append(declined)
                continue
        gave = True
        awards.append(_award(version, benefit, amount, computed.basis, facts, snapshot, details))
    if gave and allowance is not None:
        counters.update(allowance.counters_after())


def _compute(benefit: CompiledBenefit, facts: list[Fact]) -> Computed:
    """Amounts summed over the facts and then rounded once, or fact by fact where the benefit says so."""
    if not benefit.per_fact:
        computed = benefit.compute(Measure(len(facts), sum([fact.amount_minor or 0 for fact in facts])))
        return Computed(_capped(computed.amount, benefit.cap), computed.basis)
    parts = [benefit.compute(Measure(1, fact.amount_minor or 0)) for fact in facts]
    return Computed(sum(_capped(part.amount, benefit.cap) for part in parts), sum(part.basis for part in parts))


def _capped(amount: int, cap: int | None) -> int:
    return amount if cap is None else min(amount, cap)


def _award(
    version: CompiledVersion,
    benefit: CompiledBenefit,
    amount: int,
    basis: int,
    facts: list[Fact],
    snapshot: Snapshot,
    details: dict[str, Any] | None,
) -> Award:
    if amount > INT64_MAX:
        raise OverflowError("the award is beyond int64")
    active_at: datetime | None = None
    expires_at: datetime | None = None
    if benefit.active_after is not None or benefit.expires is not None:
        zone = snapshot.programme.settings.time_zone
        active_at = start = facts[0].occurred_at or snapshot.now
        if benefit.active_after is not None:
            active_at = start = after(start, benefit.active_after, zone)
        if benefit.expires is not None:
            expires_at = expiry(start, benefit.expires, zone)
        if active_at <= snapshot.now:
            active_at = None
    return Award(
        version.promo_version_id, benefit.asset_id, amount, benefit.kind, basis, active_at, expires_at, details
    )


def _follow_ups(facts: Sequence[Fact], snapshot: Snapshot, new_link: Identity | None) -> tuple[FollowUp, ...]:
    """The referrer's side of these facts, for his own lane; only where some promo gives to referrers."""
    wanted = snapshot.programme.referrer_triggers
    if not wanted:
        return ()
    member = snapshot.member
    link = new_link or (member.referrer if member is not None else None)
    sides: dict[Identity, list[Fact]] = {}
    for fact in facts:
        if not isinstance(fact, Referral | ReferralPurchase) or fact.trigger not in wanted:
            continue
        referrer = link if link is not None else fact.referrer
        if referrer is not None:
            sides.setdefault(referrer, []).append(_other_side(fact, snapshot.member_id, snapshot.now))
    return tuple(FollowUp(identity, tuple(group)) for identity, group in sides.items())


def _other_side(fact: Referral | ReferralPurchase, referred: bytes, now: datetime) -> Fact:
    cls = type(fact)
    return cls(
        occurred_at=fact.occurred_at or now,
        amount_minor=fact.amount_minor,
        product=fact.product,
        outlet=fact.outlet,
        currency=fact.currency,
        items=fact.items,
        referred=referred,
    )


def counters_needed(command: Reward, programme: CompiledProgramme, now: datetime) -> list[CounterKey]:
    """The counters that judging this command may look at: none for most commands, and then none are loaded."""
    kinds = kinds_of(command)
    if kinds.isdisjoint(REMEMBERED) and programme.limited.isdisjoint([kind.trigger for kind in kinds]):
        return []
    keys: set[CounterKey] = set()
    for fact in command.facts:
        moment = fact.occurred_at or now
        if isinstance(fact, Registration):
            keys.add((PROGRAMME_ITSELF, SLOT_REGISTERED, 0))
        elif isinstance(fact, Referral) and fact.referred is None:
            keys.add((PROGRAMME_ITSELF, SLOT_REFERRED, 0))
        elif isinstance(fact, CheckIn):
            keys.add((PROGRAMME_ITSELF, SLOT_CHECKED_IN, period_key(moment, Period.DAY, programme.zone)))
        if fact.trigger not in programme.limited:
            continue
        for timeline in programme.candidates(fact.trigger, fact.outlet, products_of(fact)):
            version = timeline.at(moment)
            if version is not None:
                for limit in version.limits:
                    keys.add((version.promo_id, limit.slot, period_key(moment, limit.every, version.zone)))
    return list(keys)
