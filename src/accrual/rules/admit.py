"""Which facts of a command count at all: membership, second registrations, referrals and check-ins. Promos come later."""

from __future__ import annotations

import msgspec

from accrual.domain.commands import Reward
from accrual.domain.facts import CheckIn, Fact, Identity, Referral, ReferralPurchase, Registration
from accrual.domain.outcomes import Declined
from accrual.domain.programme import Enrol
from accrual.domain.promos import Period
from accrual.rules.calendar import period_key
from accrual.rules.snapshot import (
    PROGRAMME_ITSELF,
    SLOT_CHECKED_IN,
    SLOT_REFERRED,
    SLOT_REGISTERED,
    CounterKey,
    Snapshot,
)


class Admitted(msgspec.Struct, frozen=True, gc=False):
    """The facts that count, what was declined, and what the programme itself will remember."""

    facts: tuple[Fact, ...]
    declines: list[Declined]
    counters: dict[CounterKey, int]
    referrer: Identity | None
    enrol: bool


REMEMBERED = frozenset({Registration, Referral, ReferralPurchase, CheckIn})
"""Facts about which the programme itself remembers or decides something; the others are for promos alone."""


def kinds_of(command: Reward) -> set[type[Fact]]:
    """Which kinds of fact a command carries; nearly always one."""
    return set(map(type, command.facts))


def admit(command: Reward, kinds: set[type[Fact]], snapshot: Snapshot) -> Admitted:
    """Sort out facts that the programme itself declines: a stable code each (SEMANTICS 'What a command is')."""
    enrol = False
    if snapshot.member is None:
        if not _may_enrol(command, snapshot):
            return Admitted((), [Declined(PROGRAMME_ITSELF, "member_unknown")], {}, None, False)
        enrol = True
    facts = command.facts
    if kinds.isdisjoint(REMEMBERED):
        return Admitted(facts, [], {}, None, enrol)
    return _sort_out(facts, snapshot, enrol)


def _may_enrol(command: Reward, snapshot: Snapshot) -> bool:
    enrol = snapshot.programme.settings.enrol
    if enrol is Enrol.ALWAYS:
        return True
    if enrol is Enrol.REGISTER_ONLY:
        return any(isinstance(fact, Registration) for fact in command.facts)
    return False


def _sort_out(facts: tuple[Fact, ...], snapshot: Snapshot, enrol: bool) -> Admitted:
    kept: list[Fact] = []
    declines: list[Declined] = []
    counters: dict[CounterKey, int] = {}
    link = snapshot.member.referrer if snapshot.member is not None else None
    new_link: Identity | None = None
    for fact in facts:
        reason: str | None = None
        if isinstance(fact, Registration):
            reason = _once(snapshot, counters, (PROGRAMME_ITSELF, SLOT_REGISTERED, 0), "already_registered")
        elif isinstance(fact, CheckIn):
            day = period_key(fact.occurred_at or snapshot.now, Period.DAY, snapshot.programme.zone)
            reason = _once(snapshot, counters, (PROGRAMME_ITSELF, SLOT_CHECKED_IN, day), "already_checked_in")
        elif isinstance(fact, Referral) and fact.referred is None:
            # Without a referrer there is no link to tell by that the member was referred: a counter remembers it.
            referred = (PROGRAMME_ITSELF, SLOT_REFERRED, 0)
            if link is not None or counters.get(referred) or snapshot.counted(referred):
                reason = "already_referred"
            elif fact.referrer == snapshot.identity:
                reason = "self_referral"
            else:
                counters[referred] = 1
                new_link = fact.referrer
        elif isinstance(fact, ReferralPurchase) and fact.referred is None:
            known = link or new_link
            if known is None and fact.referrer == snapshot.identity:
                reason = "self_referral"
            elif known is not None and fact.referrer is not None and fact.referrer != known:
                mismatch = Declined(PROGRAMME_ITSELF, "referrer_mismatch")
                if mismatch not in declines:
                    declines.append(mismatch)
        if reason is None:
            kept.append(fact)
        elif not any(decline.reason == reason for decline in declines):
            declines.append(Declined(PROGRAMME_ITSELF, reason))
    return Admitted(tuple(kept), declines, counters, new_link, enrol)


def _once(snapshot: Snapshot, counters: dict[CounterKey, int], key: CounterKey, reason: str) -> str | None:
    if counters.get(key) or snapshot.counted(key):
        return reason
    counters[key] = 1
    return None
