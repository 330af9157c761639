"""Limits a member: how much of a promo is left for this member in a period. Reads counters handed in, stores nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from accrual.domain.amounts import INT64_MAX
from accrual.domain.outcomes import Declined
from accrual.rules.calendar import period_key
from accrual.rules.compile import CompiledLimit, CompiledVersion
from accrual.rules.snapshot import CounterKey

Used = dict[CounterKey, tuple[CompiledLimit, int]]


class Allowance:
    """What a promo may still give in one outcome; `declined` is set when that is nothing."""

    def __init__(self, version: CompiledVersion, used: Used) -> None:
        self._version = version
        self._used = used
        self._given = 0
        self.declined: Declined | None = None
        for limit, value in used.values():
            if value >= limit.cap:
                self.declined = Declined(version.promo_version_id, "limit_reached", _told(limit, value))
                return

    def take(self, amount: int) -> tuple[int, dict[str, Any] | None, Declined | None]:
        """(units granted, what to tell about a reduction, the decline if nothing is granted)."""
        left, tightest, used_before = INT64_MAX, None, 0
        for limit, value in self._used.values():
            if limit.by_amount and limit.cap - value - self._given < left:
                left, tightest, used_before = limit.cap - value - self._given, limit, value
        if tightest is None or amount <= left:
            self._given += amount
            return amount, None, None
        told = {**_told(tightest, used_before + self._given), "wanted": amount}
        if left <= 0 or not tightest.reduces:
            return 0, None, Declined(self._version.promo_version_id, "limit_reached", told)
        self._given += left
        return left, told, None

    def counters_after(self) -> dict[CounterKey, int]:
        """The counters' values once this outcome is posted."""
        return {key: value + (self._given if limit.by_amount else 1) for key, (limit, value) in self._used.items()}


def allow(
    version: CompiledVersion, moment: datetime, counted: Callable[[CounterKey], int], written: dict[CounterKey, int]
) -> Allowance:
    """The allowance in the periods of `moment`; counters `written` earlier in this command win over stored ones."""
    used: Used = {}
    for limit in version.limits:
        key = (version.promo_id, limit.slot, period_key(moment, limit.every, version.zone))
        value = written[key] if key in written else counted(key)
        known = used.get(key)
        if known is None or limit.cap < known[0].cap:
            used[key] = (limit, value)
    return Allowance(version, used)


def _told(limit: CompiledLimit, used: int) -> dict[str, Any]:
    return {
        "limit": limit.cap,
        "used": used,
        "every": limit.every.value,
        "by": "amount" if limit.by_amount else "count",
    }
