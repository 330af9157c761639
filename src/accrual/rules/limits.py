"""Limits and budgets: how much a promo may still give in one outcome. Reads what is handed in, stores nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from accrual.domain.amounts import INT64_MAX
from accrual.domain.commands import Reward
from accrual.domain.facts import Fact
from accrual.domain.ids import digest16
from accrual.domain.outcomes import Declined
from accrual.domain.promos import LimitPer
from accrual.domain.stocks import StockKey
from accrual.rules.calendar import period_key
from accrual.rules.compiled import CompiledLimit, CompiledVersion
from accrual.rules.concerns import is_referrer_side
from accrual.rules.snapshot import CounterKey, Snapshot, StockShort

Key = CounterKey | StockKey


REFERRER_SIDE = 128
"""Added to a slot for the referrer's side of a promo: being invited does not use up what inviting gives."""


def limit_key(
    version: CompiledVersion, limit: CompiledLimit, install_id: str | None, fact: Fact, now: datetime
) -> Key | None:
    """Which counter or stock this limit counts on for a fact; None where its subject (outlet, device) is not known."""
    period = period_key(fact.occurred_at or now, limit.every, version.zone)
    if limit.per is LimitPer.MEMBER:
        return version.promo_id, limit.slot + (REFERRER_SIDE if is_referrer_side(fact) else 0), period
    subject = b""
    if limit.per is LimitPer.OUTLET:
        if fact.outlet is None:
            return None
        subject = digest16(b"outlet", fact.outlet.encode())
    elif limit.per is LimitPer.DEVICE:
        if install_id is None:
            return None
        subject = digest16(b"device", install_id.encode())
    return StockKey(subject, version.promo_id, limit.slot, period, limit.cap)


class _Use:
    """One limit at work: what is left of it, and whether more may be fetched."""

    __slots__ = ("final", "key", "left", "limit")

    def __init__(self, limit: CompiledLimit, key: Key, left: int, final: bool) -> None:
        self.limit = limit
        self.key = key
        self.left = left
        self.final = final

    def need(self, wanted: int) -> None:
        """Raises StockShort when `wanted` is more than is at hand and more may be had."""
        if not self.final and self.left < wanted and isinstance(self.key, StockKey):
            raise StockShort(self.key, wanted)


class Allowance:
    """What a promo may still give in one outcome; `declined` is set when that is nothing."""

    def __init__(self, version: CompiledVersion, uses: list[_Use]) -> None:
        self._version = version
        self._uses = uses
        self._given: dict[int, int] = {}
        self.declined: Declined | None = None
        for use in uses:
            use.need(1)
            if use.left <= 0:
                self.declined = Declined(version.promo_version_id, use.limit.reason, _told(use, 0))
                return

    def take(self, asset_id: int, amount: int) -> tuple[int, dict[str, Any] | None, Declined | None]:
        """(units granted, what to tell about a reduction, the decline if nothing is granted)."""
        granted, tightest = amount, None
        for use in self._uses:
            if not use.limit.by_amount or use.limit.asset_id not in (None, asset_id):
                continue
            given = self._given_of(use)
            use.need(given + amount)
            if use.left - given < granted:
                granted, tightest = use.left - given, use
        if tightest is None:
            self._given[asset_id] = self._given.get(asset_id, 0) + amount
            return amount, None, None
        told = {**_told(tightest, self._given_of(tightest)), "wanted": amount}
        if granted <= 0 or not tightest.limit.reduces:
            return 0, None, Declined(self._version.promo_version_id, tightest.limit.reason, told)
        self._given[asset_id] = self._given.get(asset_id, 0) + granted
        return granted, told, None

    def put_back(self, asset_id: int, amount: int) -> None:
        """What was granted was not given after all."""
        self._given[asset_id] -= amount

    def _given_of(self, use: _Use) -> int:
        asset_id = use.limit.asset_id
        return sum(self._given.values()) if asset_id is None else self._given.get(asset_id, 0)

    def used(self) -> Iterator[tuple[Key, int, int]]:
        """(key, used in this outcome, used in all after it) of every limit, once something was given."""
        for use in self._uses:
            amount = self._given_of(use) if use.limit.by_amount else 1
            yield use.key, amount, use.limit.cap - use.left + amount


def allow(
    version: CompiledVersion,
    command: Reward,
    fact: Fact,
    snapshot: Snapshot,
    counters: dict[CounterKey, int],
    taken: dict[StockKey, int],
) -> Allowance:
    """The allowance in the periods of the first matching fact; what this command used already counts.

    Raises StockShort.
    """
    uses: dict[Key, _Use] = {}
    for limit in version.limits:
        key = limit_key(version, limit, command.install_id, fact, snapshot.now)
        if key is None:
            continue
        if isinstance(key, StockKey):
            at_hand = snapshot.stock(key)
            use = _Use(limit, key, at_hand.left - taken.get(key, 0), at_hand.final)
        else:
            value = counters[key] if key in counters else snapshot.counted(key)
            use = _Use(limit, key, min(limit.cap - value, INT64_MAX), True)
        known = uses.get(key)
        if known is None or use.left < known.left:
            uses[key] = use
    return Allowance(version, list(uses.values()))


def _told(use: _Use, given: int) -> dict[str, Any]:
    limit = use.limit
    told: dict[str, Any] = {
        "limit": limit.cap,
        "left": max(use.left - given, 0),
        "per": limit.per.value,
        "every": limit.every.value,
        "by": "amount" if limit.by_amount else "count",
    }
    if limit.per is LimitPer.MEMBER:
        told["used"] = limit.cap - use.left + given
    return told
