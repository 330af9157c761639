"""Whether a command is too much too fast by the programme's rules, and what it adds to their counts. A pure function."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from accrual.domain.amounts import INT64_MAX
from accrual.domain.commands import Reward
from accrual.domain.facts import Fact, Referral, ReferralPurchase, Trigger
from accrual.domain.ids import digest16
from accrual.domain.outcomes import Declined
from accrual.domain.programme import Settings
from accrual.domain.promos import Period
from accrual.domain.stocks import StockKey
from accrual.domain.velocity import Span, VelocityAction, VelocityPer, VelocityRule
from accrual.rules.calendar import period_key
from accrual.rules.money import read_money
from accrual.rules.snapshot import PROGRAMME_ITSELF, CounterKey, Snapshot

_SLOT_FIRST, _SLOTS = 1_024, 31_000
_MINUTES, _HOURS = 600_000_000, 700_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PERIODS = {Span.DAY: Period.DAY, Span.WEEK: Period.WEEK, Span.MONTH: Period.MONTH}


class CompiledVelocity(msgspec.Struct, frozen=True, kw_only=True):
    """One rule, ready to count; `triggers` empty means all of them, `cap` are facts or minor units."""

    name: str
    per: VelocityPer
    every: Span
    triggers: frozenset[Trigger]
    cap: int
    by_amount: bool
    holds: bool
    slot: int
    zone: ZoneInfo
    programme_id: int

    def concerned(self, facts: Sequence[Fact]) -> list[Fact]:
        """The facts that count: what a client told, not what follows from it for others."""
        return [fact for fact in facts if (not self.triggers or fact.trigger in self.triggers) and not _followed(fact)]

    def key(self, command: Reward, moment: datetime, client: str | None) -> CounterKey | StockKey | None:
        """What it counts on; None where the device is not known. Raises OverflowError at the calendar's ends."""
        period = span_key(moment, self.every, self.zone)
        if self.per is VelocityPer.MEMBER:
            return PROGRAMME_ITSELF, self.slot, period
        if self.per is VelocityPer.CLIENT:
            subject = client
        elif self.per is VelocityPer.DEVICE and not command.unique_install:
            subject = None
        else:
            subject = command.install_id
        if subject is None:
            return None
        digest = digest16(b"velocity", self.per.encode(), b"%d" % self.programme_id, subject.encode())
        return StockKey(digest, PROGRAMME_ITSELF, self.slot, period, self.cap)


class TooFast(NamedTuple):
    """What the rules say of a command. `declined` None: it is not too much; `holds`: somebody has to look at it."""

    declined: Declined | None
    holds: bool
    counters: dict[CounterKey, int]
    taken: dict[StockKey, int]


def check_velocity(rules: Sequence[CompiledVelocity], command: Reward, snapshot: Snapshot) -> TooFast:
    """Count a command on every rule, also when it is too much: in the stretch in which it happened, and in that in which it
    came in. The first rule that declines says why, else the first that holds. Raises OverflowError at the calendar's ends.
    """
    over: list[CompiledVelocity] = []
    counters: dict[CounterKey, int] = {}
    taken: dict[StockKey, int] = {}
    for rule, facts, key in _keys(rules, command, snapshot.now, snapshot.client):
        used = sum([fact.amount_minor or 0 for fact in facts]) if rule.by_amount else len(facts)
        if isinstance(key, StockKey):
            left = snapshot.stock(key).left
            taken[key] = min(used, left)
        else:
            before = snapshot.counted(key)
            left = rule.cap - before
            counters[key] = min(before + used, INT64_MAX)
        if used > left:
            over.append(rule)
    if not over:
        return TooFast(None, False, counters, {key: used for key, used in taken.items() if used})
    first = next((rule for rule in over if not rule.holds), over[0])
    details = {
        "rule": first.name,
        "limit": first.cap,
        "by": "amount" if first.by_amount else "count",
        "per": first.per.value,
        "every": first.every.value,
    }
    if first.holds:
        said = Declined(PROGRAMME_ITSELF, "held_for_review", details)
    else:
        said = Declined(PROGRAMME_ITSELF, "too_fast", details)
    return TooFast(said, first.holds, counters, {key: used for key, used in taken.items() if used})


def velocity_keys(
    rules: Sequence[CompiledVelocity], command: Reward, now: datetime, client: str | None
) -> Iterator[CounterKey | StockKey]:
    """The counters and stocks that checking a command looks at. Raises OverflowError as checking would."""
    for _, _, key in _keys(rules, command, now, client):
        yield key


def _keys(
    rules: Sequence[CompiledVelocity], command: Reward, now: datetime, client: str | None
) -> Iterator[tuple[CompiledVelocity, list[Fact], CounterKey | StockKey]]:
    for rule in rules:
        facts = rule.concerned(command.facts)
        if facts:
            came_in = rule.key(command, now, client)
            if came_in is not None:
                yield rule, facts, came_in
                # By when it happened as well, so that neither dating back nor sending late passes a rule.
                occurred_at = facts[0].occurred_at
                happened = None if occurred_at is None else rule.key(command, occurred_at, client)
                if happened is not None and happened != came_in:
                    yield rule, facts, happened


def _followed(fact: Fact) -> bool:
    if isinstance(fact, Referral) and fact.linked:
        return True
    return isinstance(fact, Referral | ReferralPurchase) and fact.referred is not None


def span_key(moment: datetime, every: Span, zone: ZoneInfo) -> int:
    """A number for the stretch of calendar; stored, never renumber. Those of days and longer are the limits' own."""
    period = _PERIODS.get(every)
    if period is not None:
        return period_key(moment, period, zone)
    seconds = int((moment - _EPOCH).total_seconds()) if moment > _EPOCH else 0
    return _MINUTES + seconds // 60 if every is Span.MINUTE else _HOURS + seconds // 3_600


def slot_of_rule(name: str) -> int:
    """The slot under which a rule counts, told by its name alone."""
    return _SLOT_FIRST + int.from_bytes(digest16(b"velocity", name.encode())[:4], "big") % _SLOTS


def compile_velocity(settings: Settings, programme_id: int) -> tuple[CompiledVelocity, ...]:
    """The programme's rules. Raises Invalid or ValueError for what the check on saving would have refused."""
    return tuple(_compile(rule, settings, programme_id) for rule in settings.velocity)


def _compile(rule: VelocityRule, settings: Settings, programme_id: int) -> CompiledVelocity:
    cap = rule.count if rule.amount is None else read_money(rule.amount, settings)
    if cap is None:
        raise ValueError("a rule of velocity needs count or amount")
    return CompiledVelocity(
        name=rule.name,
        per=rule.per,
        every=rule.every,
        triggers=frozenset(rule.triggers),
        cap=cap,
        by_amount=rule.amount is not None,
        holds=rule.action is VelocityAction.HOLD,
        slot=slot_of_rule(rule.name),
        zone=ZoneInfo(settings.time_zone),
        programme_id=programme_id,
    )
