"""Judges one command: facts that count, promos that hold, stacking, awards and declines with reasons. A pure function."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from datetime import datetime

import msgspec

from accrual.domain.commands import Dialect, Reward
from accrual.domain.facts import CheckIn, Fact, Identity, Referral, ReferralPurchase, Registration
from accrual.domain.ids import member_of
from accrual.domain.outcomes import Declined
from accrual.domain.promos import Lane, Period
from accrual.domain.referrals import LEVELS_MAX
from accrual.rules.admit import REMEMBERED, Admitted, admit, kinds_of, may_be_judged
from accrual.rules.calendar import period_key
from accrual.rules.compile import LANES
from accrual.rules.compiled import CompiledProgramme, Looks
from accrual.rules.concerns import benefits_for, side_of
from accrual.rules.give import Giving
from accrual.rules.give_streak import count_days
from accrual.rules.limits import Key, limit_key
from accrual.rules.listeners import Opening, Stretch, listeners_of
from accrual.rules.match import Matched, alike, lacks_code, match
from accrual.rules.snapshot import (
    PROGRAMME_ITSELF,
    SLOT_CHECKED_IN,
    SLOT_CLAIMED,
    SLOT_FRIEND_BOUGHT,
    SLOT_REFERRED,
    SLOT_REGISTERED,
    FollowUp,
    Judgement,
    Snapshot,
)
from accrual.rules.velocity import TooFast, check_velocity, velocity_keys

REFERRED = frozenset({Referral, ReferralPurchase})
CAP_LANE = LANES.index(Lane.CAP)


def evaluate(command: Reward, snapshot: Snapshot) -> Judgement:
    """What the programme gives for these facts, and why not. Same inputs, same judgement.

    Raises StockShort when more of a shared stock has to be fetched first, OverflowError beyond int64.
    """
    kinds = kinds_of(command)
    if ReferralPurchase in kinds:
        command = _numbered(command, snapshot)
    fast = None
    looked_at = snapshot.cleared or command.dialect is Dialect.INTERNAL
    if snapshot.programme.velocity and not looked_at and may_be_judged(command, snapshot):
        fast = check_velocity(snapshot.programme.velocity, command, snapshot)
        if fast.declined is not None:
            return _too_fast(command, snapshot, fast, fast.declined)
    admitted = admit(command, kinds, snapshot)
    facts = admitted.facts
    giving = Giving(command, snapshot, admitted.counters, admitted.declines)
    if fast is not None:
        giving.counters.update(fast.counters)
        giving.taken.update(fast.taken)
    referred = not kinds.isdisjoint(REFERRED)
    side = side_of(facts[0]) if referred and facts else 0
    if facts:
        simply = not (side or giving.has_lines or admitted.repeats)
        matched = match(command, facts, snapshot, giving.declines, simply=simply)
        if isinstance(matched, Opening):
            giving.give_each_simply([(gift, facts) for gift in matched.gifts or ()])
        else:
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
        _follow_ups(facts, snapshot, admitted) if referred else (),
        first.occurred_at or snapshot.now,
        giving.taken,
        admitted.claimed,
        tuple(giving.spent),
        tuple(giving.drawn),
    )


def _too_fast(command: Reward, snapshot: Snapshot, fast: TooFast, declined: Declined) -> Judgement:
    """Nothing of it is looked at; that it came is counted, and makes a member as any first command does."""
    return Judgement(
        (),
        (declined,),
        snapshot.member is None,
        None,
        fast.counters,
        (),
        command.facts[0].occurred_at or snapshot.now,
        fast.taken,
        held=fast.holds,
    )


def _stack(ordered: Sequence[Matched], giving: Giving, side: int) -> None:
    """Give in the total order (SEMANTICS row 7). An exclusive promo that gave ends its lane."""
    if ordered and ordered[-1][0].lane == CAP_LANE:  # that lane is the last one
        for version, _ in ordered:
            if version.lane == CAP_LANE:
                giving.cap(version)
    ended: dict[int, str] = {}
    simply = not (side or giving.has_lines or giving.ceilings)
    if simply:
        gifts = [(version.gift, facts) for version, facts in ordered if version.gift is not None]
        if len(gifts) == len(ordered):
            giving.give_each_simply(gifts)
            return
    for version, facts in ordered:
        benefits = version.for_member if not side else benefits_for(version, side)
        if not benefits:
            continue
        if ended and version.lane in ended:
            if version.streak is not None:  # who stands before it takes the award, not the streak
                count_days(giving, version, version.streak, facts)
            details = {"by": ended[version.lane]}
            giving.declines.append(Declined(version.promo_version_id, "outranked", details))
            continue
        if simply and version.gift is not None:
            gave = giving.give_simply(version, benefits[0], facts)
        else:
            gave = giving.give(version, benefits, facts)
        if gave and version.exclusive:
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
    link = member.referrer if member is not None else None
    sides: dict[Identity, list[Fact]] = {}
    for fact in facts:
        if not isinstance(fact, Referral | ReferralPurchase) or fact.level > LEVELS_MAX:
            continue
        level = side_of(fact) + 1
        if wanted.get(fact.trigger, 0) < level or any(fact is each for each in admitted.passing):
            continue
        if isinstance(fact, Referral) and level == 1:
            continue  # where it was accepted, the referrer was told as well
        referrer = link if link is not None or level > 1 else fact.referrer
        if referrer is not None and not is_about(fact, referrer, snapshot.programme.catalogue.programme_id):
            sides.setdefault(referrer, []).append(other_side(fact, snapshot.member_id, snapshot.now))
    return tuple(FollowUp(identity, tuple(group)) for identity, group in sides.items())


def is_about(fact: Referral | ReferralPurchase, who: Identity, programme_id: int) -> bool:
    """Whether a fact is about this very member: a buyer who names somebody they brought stands above that one."""
    return fact.referred is not None and member_of(programme_id, who.kind, who.value) == fact.referred


def other_side(fact: Referral | ReferralPurchase, referred: bytes, now: datetime) -> Fact:
    """A fact as it concerns whoever referred its member, one level further up."""
    return msgspec.structs.replace(
        fact if isinstance(fact, ReferralPurchase) else msgspec.structs.replace(fact, linked=False),
        occurred_at=fact.occurred_at or now,
        referrer=None,
        referred=fact.referred or referred,
        level=side_of(fact) + 1,
    )


def asks_for_keys(kinds: Set[type[Fact]], looks: Looks) -> bool:
    """Whether judging a command of these kinds of fact may look at counters or stocks at all; most do not."""
    return looks.limits or not REMEMBERED.isdisjoint(kinds)


def keys_needed(command: Reward, programme: CompiledProgramme, now: datetime, client: str | None) -> Sequence[Key]:
    """The counters and stocks that judging this command may look at. Raises OverflowError as judging would."""
    first = command.facts[0]
    if len(command.facts) == 1 and not programme.velocity and type(first) not in REMEMBERED:
        stretch, _ = listeners_of(programme, first, client).at(first, now)
        if not (stretch.coded or stretch.loose or stretch.streaks):
            return stretch.keys
    keys: dict[Key, None] = {}
    if programme.velocity:
        keys.update(dict.fromkeys(velocity_keys(programme.velocity, command, now, client)))
    for facts in alike(command.facts):
        kind = type(facts[0])
        if kind in REMEMBERED:
            for fact in facts:
                _remembered(fact, programme, now, keys)
        listeners = listeners_of(programme, facts[0], client)
        seen: Stretch | None = None
        for fact in facts:
            stretch, _ = listeners.at(fact, now)
            if stretch is not seen:
                seen = stretch
                keys.update(dict.fromkeys(stretch.keys))
                keys.update((key, None) for codes, key in stretch.coded if not lacks_code(codes, command))
            for version in stretch.streaks:
                if version.streak is not None:
                    keys.update(dict.fromkeys(version.streak.keys(fact.occurred_at or now, now)))
            for version, limit in stretch.loose:
                loose = limit_key(version, limit, command.install_id, fact, now)
                if loose is not None:
                    keys[loose] = None
    return list(keys)


def _remembered(fact: Fact, programme: CompiledProgramme, now: datetime, keys: dict[Key, None]) -> None:
    """What the programme itself counts of facts."""
    if isinstance(fact, Registration):
        keys[PROGRAMME_ITSELF, SLOT_REGISTERED, 0] = None
    elif isinstance(fact, Referral | ReferralPurchase):
        keys[PROGRAMME_ITSELF, SLOT_CLAIMED, 0] = None
        if fact.referred is None:
            slot = SLOT_REFERRED if isinstance(fact, Referral) else SLOT_FRIEND_BOUGHT
            keys[PROGRAMME_ITSELF, slot, 0] = None
    elif isinstance(fact, CheckIn):
        keys[PROGRAMME_ITSELF, SLOT_CHECKED_IN, period_key(fact.occurred_at or now, Period.DAY, programme.zone)] = None
