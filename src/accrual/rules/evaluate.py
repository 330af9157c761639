"""Judges one command: facts that count, promos that hold, stacking, awards and declines with reasons. A pure function."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from datetime import datetime

from accrual.domain.commands import Reward
from accrual.domain.facts import CheckIn, Fact, Identity, Referral, ReferralPurchase, Registration
from accrual.domain.outcomes import Declined
from accrual.domain.promos import Lane, Period
from accrual.rules.admit import REMEMBERED, admit, kinds_of
from accrual.rules.calendar import period_key
from accrual.rules.compile import LANES
from accrual.rules.compiled import CompiledProgramme, Looks
from accrual.rules.concerns import is_referrer_side
from accrual.rules.give import Giving
from accrual.rules.limits import Key, limit_key
from accrual.rules.listeners import Stretch, listeners_of
from accrual.rules.match import Matched, alike, lacks_code, match
from accrual.rules.give_streak import count_days
from accrual.rules.snapshot import (
    PROGRAMME_ITSELF,
    SLOT_CHECKED_IN,
    SLOT_REFERRED,
    SLOT_REGISTERED,
    FollowUp,
    Judgement,
    Snapshot,
)

REFERRED = frozenset({Referral, ReferralPurchase})
CAP_LANE = LANES.index(Lane.CAP)


def evaluate(command: Reward, snapshot: Snapshot) -> Judgement:
    """What the programme gives for these facts, and why not. Same inputs, same judgement.

    Raises StockShort when more of a shared stock has to be fetched first, OverflowError beyond int64.
    """
    kinds = kinds_of(command)
    admitted = admit(command, kinds, snapshot)
    facts = admitted.facts
    giving = Giving(command, snapshot, admitted.counters, admitted.declines)
    referred = not kinds.isdisjoint(REFERRED)
    as_referrer = referred and bool(facts) and is_referrer_side(facts[0])
    if facts:
        matched = match(command, facts, snapshot, giving.declines)
        if admitted.repeats:
            matched = list(_without_repeats(matched, admitted.repeats, giving))
        _stack(matched, giving, side)
    first = command.facts[0]
    return Judgement(
        tuple(giving.awards),
        tuple(giving.declines),
        admitted.enrol,
        admitted.referrer,
        giving.counters,
        () if as_referrer or not referred else _follow_ups(facts, snapshot, admitted.referrer),
        first.occurred_at or snapshot.now,
        giving.taken,
        spent=tuple(giving.spent),
        drawn=tuple(giving.drawn),
    )


def _stack(ordered: Sequence[Matched], giving: Giving, as_referrer: bool) -> None:
    """Give in the total order (SEMANTICS row 7). An exclusive promo that gave ends its lane."""
    for version, _ in ordered:
        if version.lane == CAP_LANE:
            giving.cap(version)
    ended: dict[int, str] = {}
    simply = not (as_referrer or giving.has_lines or giving.ceilings)
    for version, facts in ordered:
        benefits = version.for_referrer if as_referrer else version.for_member
        if not benefits:
            continue
        if ended and version.lane in ended:
            details = {"by": ended[version.lane]}
            giving.declines.append(Declined(version.promo_version_id, "outranked", details))
            continue
        if simply and version.simple:
            gave = giving.give_simply(version, benefits[0], facts)
        else:
            gave = giving.give(version, benefits, facts)
        if gave and version.exclusive:
            if version.streak is not None:  # who stands before it takes the award, not the streak
                count_days(giving, version, version.streak, facts)
            ended[version.lane] = version.code


def _without_repeats(ordered: Sequence[Matched], repeats: Sequence[Fact], giving: Giving) -> Iterator[Matched]:
    """A second check-in of the programme's day is only for promos that count days of their own."""
    for version, facts in ordered:
        kept = facts
        if version.streak is None:
            kept = [fact for fact in facts if not any(fact is repeat for repeat in repeats)]
        if kept:
            yield version, kept
        else:
            giving.declines.append(Declined(version.promo_version_id, "already_checked_in"))


def _numbered(command: Reward, snapshot: Snapshot) -> Reward:
    """The command with each referral purchase numbered among all that the member made."""
    if all(side_of(fact) for fact in command.facts):
        return command
    number = snapshot.counted((PROGRAMME_ITSELF, SLOT_FRIEND_BOUGHT, 0))
    facts: list[Fact] = []
    for fact in command.facts:
        if isinstance(fact, ReferralPurchase) and fact.referred is None:
            number += 1
            fact = msgspec.structs.replace(fact, number=number)
        facts.append(fact)
    return msgspec.structs.replace(command, facts=tuple(facts))


def _follow_ups(facts: Sequence[Fact], snapshot: Snapshot, admitted: Admitted) -> tuple[FollowUp, ...]:
    """The referrer's side of these facts, for his own lane; only as far up as some promo gives to referrers.

    What has yet to be claimed, or is passed on by way of the links, goes to nobody from here.
    """
    wanted = snapshot.programme.referrer_levels
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


def asks_for_keys(kinds: Set[type[Fact]], looks: Looks) -> bool:
    """Whether judging a command of these kinds of fact may look at counters or stocks at all; most do not."""
    return looks.limits or not REMEMBERED.isdisjoint(kinds)


def keys_needed(command: Reward, programme: CompiledProgramme, now: datetime, client: str | None) -> list[Key]:
    """The counters and stocks that judging this command may look at. Raises OverflowError as judging would."""
    keys: dict[Key, None] = {}
    for facts in alike(command.facts):
        kind = type(facts[0])
        if kind in REMEMBERED:
            for fact in facts:
                _remembered(fact, programme, now, keys)
        looks = programme.looks.get(kind.trigger)
        if looks is None or not looks.limits:
            continue
        listeners = listeners_of(programme, facts[0], client)
        seen: Stretch | None = None
        for fact in facts:
            stretch, _ = listeners.at(fact, now)
            if stretch is not seen:
                seen = stretch
                keys.update(dict.fromkeys(stretch.keys))
                keys.update((key, None) for codes, key in stretch.coded if not lacks_code(codes, command))
            for version, limit in stretch.loose:
                loose = limit_key(version, limit, command.install_id, fact, now)
                if loose is not None:
                    keys[loose] = None
    return list(keys)


def _remembered(fact: Fact, programme: CompiledProgramme, now: datetime, keys: dict[Key, None]) -> None:
    """What the programme itself counts of facts."""
    if isinstance(fact, Registration):
        keys[PROGRAMME_ITSELF, SLOT_REGISTERED, 0] = None
            for version in stretch.streaks:
                if version.streak is not None:
                    keys.update(dict.fromkeys(version.streak.keys(fact.occurred_at or now, now)))
    elif isinstance(fact, Referral) and fact.referred is None:
        keys[PROGRAMME_ITSELF, SLOT_REFERRED, 0] = None
    elif isinstance(fact, CheckIn):
        keys[PROGRAMME_ITSELF, SLOT_CHECKED_IN, period_key(fact.occurred_at or now, Period.DAY, programme.zone)] = None
