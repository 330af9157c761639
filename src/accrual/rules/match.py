"""Which promo versions hold for which facts: where, window, audience, codes, condition. What they give comes later."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from accrual.domain.commands import Reward
from accrual.domain.facts import Event, Fact, Referral, ReferralPurchase
from accrual.domain.ids import digest16
from accrual.domain.members import EMPTY_PROFILE, MemberProfile
from accrual.domain.outcomes import Declined
from accrual.domain.promos import PromoStatus
from accrual.rules.compiled import HOLDOUT_PARTS, LIVE, CompiledVersion, Subject, Timeline
from accrual.rules.condition_values import Facts, values_of
from accrual.rules.snapshot import Snapshot

Found = dict[int, tuple[CompiledVersion, list[Fact]]]
"""By promo_version_id: the version and the facts that it holds for, in their order."""

DAY_NAMES = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

Reason = tuple[str, dict[str, Any] | None]


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


def match(command: Reward, facts: Sequence[Fact], snapshot: Snapshot, declines: list[Declined]) -> Found:
    """The versions that hold, and a decline for each candidate that holds for none of the facts."""
    found: Found = {}
    closed: dict[int, Reason] = {}
    groups = _alike(facts)
    for alike in groups:
        first = alike[0]
        subjects = subjects_of(first)
        for timeline in snapshot.programme.candidates(first.trigger, first.outlet, subjects):
            always = timeline.always
            if always is None:
                continue
            if not always.narrowed or listens(always, first, subjects, snapshot.client):
                _add(found, always, alike)
        bounded = [t for t in snapshot.programme.candidates(first.trigger, first.outlet, subjects) if t.always is None]
        if bounded:
            for fact in alike:
                _match_bounded(command, fact, bounded, subjects, snapshot, found, closed)
    if len(groups) > 1:
        place = {id(fact): number for number, fact in enumerate(facts)}
        for _, matched in found.values():
            matched.sort(key=lambda fact: place[id(fact)])
    for version_id, (reason, details) in closed.items():
        if version_id not in found:
            declines.append(Declined(version_id, reason, details))
    return found


def _alike(facts: Sequence[Fact]) -> list[list[Fact]]:
    """Facts grouped by what chooses their candidates: kind, outlet and subjects; nearly always one group."""
    groups: dict[Any, list[Fact]] = {}
    for fact in facts:
        name = fact.name if isinstance(fact, Event) else None
        key = (type(fact), fact.outlet, fact.product, fact.items, name)
        group = groups.get(key)
        if group is None:
            groups[key] = [fact]
        else:
            group.append(fact)
    return list(groups.values())


def _add(found: Found, version: CompiledVersion, facts: list[Fact]) -> None:
    known = found.get(version.promo_version_id)
    if known is None:
        found[version.promo_version_id] = (version, list(facts))
    else:
        known[1].extend(facts)


def _match_bounded(
    command: Reward,
    fact: Fact,
    timelines: Sequence[Timeline],
    subjects: tuple[Subject, ...],
    snapshot: Snapshot,
    found: Found,
    closed: dict[int, Reason],
) -> None:
    moment = fact.occurred_at or snapshot.now
    conditional: list[CompiledVersion] = []
    for timeline in timelines:
        version = timeline.at(moment)
        if version is None or not listens(version, fact, subjects, snapshot.client) or not _concerns(version, fact):
            continue
        reason = _not_open(version, moment) or (_gate(version, command, moment, snapshot) if version.gated else None)
        if reason is not None:
            closed.setdefault(version.promo_version_id, reason)
        elif version.condition is not None:
            conditional.append(version)
        else:
            _add(found, version, [fact])
    if conditional:
        _judge_conditions(command, fact, tuple(conditional), snapshot, found, closed)


def _judge_conditions(
    command: Reward,
    fact: Fact,
    versions: tuple[CompiledVersion, ...],
    snapshot: Snapshot,
    found: Found,
    closed: dict[int, Reason],
) -> None:
    conditions = snapshot.programme.conditions(versions)
    values = values_of(conditions.names, Facts(command, fact, snapshot))
    for version, verdict in zip(versions, conditions.judge(values), strict=True):
        if verdict.holds:
            _add(found, version, [fact])
        else:
            closed.setdefault(version.promo_version_id, (verdict.reason, verdict.details))


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
    if (where.clients and client not in where.clients) or (client is not None and client in exclude.clients):
        return False
    return not version.by_item or counts(version, fact)


def _concerns(version: CompiledVersion, fact: Fact) -> bool:
    """Whether the version has anything for this side, member or referrer; the other side's promos are none of its."""
    as_referrer = isinstance(fact, Referral | ReferralPurchase) and fact.referred is not None
    return bool(version.ceilings or (version.for_referrer if as_referrer else version.for_member))


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


def _not_open(version: CompiledVersion, moment: datetime) -> Reason | None:
    if version.status is PromoStatus.PAUSED:
        return "promo_paused", None
    if version.window_from is not None and moment < version.window_from:
        return "not_started", {"from": version.window_from.isoformat()}
    if version.window_until is not None and moment >= version.window_until:
        return "window_closed", {"until": version.window_until.isoformat()}
    return None


def _gate(version: CompiledVersion, command: Reward, moment: datetime, snapshot: Snapshot) -> Reason | None:
    profile = EMPTY_PROFILE if snapshot.member is None else snapshot.member.profile
    if version.schedule is not None:
        closed_by = version.schedule.closed_by(moment, profile.birthday)
        if closed_by is not None:
            local = moment.astimezone(version.zone)
            return closed_by, {"at": _told(local), "zone": version.zone.key}
    if version.promo_codes and version.promo_codes.isdisjoint([code.casefold() for code in command.promo_codes]):
        return "promo_code_missing", None
    return _audience(version, profile, snapshot.member_id)


def _told(local: datetime) -> str:
    """A local time as people read it: `Fri 2026-11-27 09:05`."""
    day = DAY_NAMES[local.weekday()]
    return f"{day} {local.year:04}-{local.month:02}-{local.day:02} {local.hour:02}:{local.minute:02}"


def _audience(version: CompiledVersion, profile: MemberProfile, member_id: bytes) -> Reason | None:
    audience = version.audience
    if audience is None:
        return None
    named = bool(audience.lists or audience.segments)
    if named and audience.lists.isdisjoint(profile.lists) and audience.segments.isdisjoint(profile.segments):
        return "not_in_audience", None
    if audience.held_out and holdout_part(member_id, version.code) < audience.held_out:
        return "held_out", None
    return None


def holdout_part(member_id: bytes, code: str) -> int:
    """Where in 0 .. HOLDOUT_PARTS-1 a member stands for a promo; the same for ever, and independent between promos."""
    return int.from_bytes(digest16(b"holdout", member_id, code.encode())[:8], "big") % HOLDOUT_PARTS
