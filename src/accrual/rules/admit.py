"""Which facts of a command count at all: membership, second registrations, referrals and check-ins. Promos come later."""

from __future__ import annotations

from functools import cache

import msgspec

from accrual.domain.commands import Reward
from accrual.domain.facts import CheckIn, Fact, Identity, Referral, ReferralPurchase, Registration
from accrual.domain.outcomes import Declined
from accrual.domain.programme import Enrol
from accrual.rules.listeners import listeners_of
from accrual.rules.referring import Referring
from accrual.rules.snapshot import (
    PROGRAMME_ITSELF,
    SLOT_REGISTERED,
    CounterKey,
    Snapshot,
)
from accrual.rules.streak_undo import programme_day
from accrual.rules.streaks import already_counted


class Admitted(msgspec.Struct, frozen=True, gc=False):
    """The facts that count, what was declined, and what the programme itself will remember.

    `claimed` are facts for the place where the programme's links are decided, `passing` those among the facts of which
    only it knows whom else they concern. `repeats` are check-ins among the facts that are the day's second for the
    programme, and still a day's first for some promo that counts days of its own.
    """

    facts: tuple[Fact, ...]
    declines: list[Declined]
    counters: dict[CounterKey, int]
    referrer: Identity | None
    enrol: bool
    claimed: tuple[Fact, ...] = ()
    passing: tuple[Fact, ...] = ()
    repeats: tuple[Fact, ...] = ()


REMEMBERED = frozenset({Registration, Referral, ReferralPurchase, CheckIn})
"""Facts about which the programme itself remembers or decides something; the others are for promos alone."""


def kinds_of(command: Reward) -> frozenset[type[Fact]]:
    """Which kinds of fact a command carries; nearly always one."""
    facts = command.facts
    kind = type(facts[0])
    for fact in facts:
        if type(fact) is not kind:
            return frozenset(map(type, facts))
    return _alone(kind)


@cache
def _alone(kind: type[Fact]) -> frozenset[type[Fact]]:
    return frozenset({kind})


def admit(command: Reward, kinds: frozenset[type[Fact]], snapshot: Snapshot) -> Admitted:
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


def may_be_judged(command: Reward, snapshot: Snapshot) -> bool:
    """Whether it is a member's, or makes somebody one."""
    return snapshot.member is not None or _may_enrol(command, snapshot)


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
    referring = Referring(snapshot, counters)
    repeats: list[Fact] = []
    for fact in facts:
        reason: str | None = None
        if isinstance(fact, Registration):
            reason = _once(snapshot, counters, (PROGRAMME_ITSELF, SLOT_REGISTERED, 0), "already_registered")
        elif isinstance(fact, CheckIn):
            day, taken = programme_day(fact.occurred_at or snapshot.now, snapshot.programme)
            reason = _once(snapshot, counters, day, "already_checked_in", taken)
            if reason is not None and _is_open(fact, snapshot, counters):
                reason = None
                repeats.append(fact)
        elif isinstance(fact, Referral):
            if fact.referred is None and not fact.linked:
                reason = referring.claim(fact)
                if reason is None:
                    continue  # it counts once the link is decided
            elif fact.linked:
                reason = referring.accept(fact)
            else:
                referring.pass_on(fact)
        elif isinstance(fact, ReferralPurchase):
            if fact.referred is None:
                reason = referring.bought(fact, declines)
            else:
                referring.pass_on(fact)
        if reason is None:
            kept.append(fact)
        elif not any(decline.reason == reason for decline in declines):
            declines.append(Declined(PROGRAMME_ITSELF, reason))
    return Admitted(
        tuple(kept),
        declines,
        counters,
        referring.new_link,
        enrol,
        referring.claimed(),
        tuple(referring.passing),
        tuple(repeats),
    )


def _is_open(fact: CheckIn, snapshot: Snapshot, counters: dict[CounterKey, int]) -> bool:
    """Whether some promo counts days of its own, in its zone or from its hour on, and has none yet for this check-in."""
    if not snapshot.programme.streaks:
        return False
    now = snapshot.now
    stretch, _ = listeners_of(snapshot.programme, fact, snapshot.client).at(fact, now)
    return any(
        version.streak is not None
        and not already_counted(
            version.streak,
            fact.occurred_at or now,
            now,
            lambda key: counters[key] if key in counters else snapshot.counted(key),
        )
        for version in stretch.streaks
    )


def _once(
    snapshot: Snapshot, counters: dict[CounterKey, int], key: CounterKey, reason: str, value: int = 1
) -> str | None:
    if counters.get(key) or snapshot.counted(key):
        return reason
    counters[key] = value
    return None
