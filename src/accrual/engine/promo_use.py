"""What a promo has given and what is left of its caps: exact from stocks, bounded reading of outcomes for the rest. No SQL."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence, Set
from datetime import datetime, timedelta
from itertools import accumulate

import msgspec

from accrual.domain.ids import digest16
from accrual.domain.programme import Catalogue
from accrual.domain.promos import Limit, LimitPer, PromoVersion
from accrual.domain.stocks import StockKey
from accrual.engine.ports_promos import PromoSource
from accrual.engine.promo_views import CapView, Given
from accrual.rules.calendar import period_key
from accrual.rules.compile import compile_version
from accrual.rules.compiled import CompiledLimit, CompiledVersion

LOOKED_AT_MAX = 20_000
"""Outcomes read for one figure, evenly spread where there are more."""
OUTCOMES_A_READ = 5_000
OUTLETS_SHOWN_MAX = 50
RATE_DAYS = 7
RATE_OVER_MIN = timedelta(hours=1)
HORIZON = timedelta(days=36_525)


async def count_given(
    source: PromoSource, version_ids: Set[int], assets: Mapping[int, str], *, since: datetime | None, is_exact: bool
) -> Given:
    """What these promo versions gave in outcomes of commands recorded since then (None: ever).

    Reads LOOKED_AT_MAX outcomes at the most, evenly spread, unless `is_exact`: then all of them.
    """
    last = await source.decided()
    first = dict.fromkeys(last, 1) if since is None else await _first_since(source, last, since)
    buckets = sorted(last)
    counts = [max(last[bucket] - first[bucket] + 1, 0) for bucket in buckets]
    ends = list(accumulate(counts))
    total = ends[-1] if ends else 0
    look = total if is_exact else min(total, LOOKED_AT_MAX)
    awards, units = 0, dict.fromkeys(assets.values(), 0)
    for start in range(0, look, OUTCOMES_A_READ):
        places = []
        for number in range(start, min(start + OUTCOMES_A_READ, look)):
            place = number * total // look
            index = bisect_right(ends, place)
            places.append((buckets[index], first[buckets[index]] + place - (ends[index] - counts[index])))
        for outcome in await source.outcomes(places):
            for award in outcome.awards:
                if award.promo_version_id in version_ids:
                    awards += 1
                    units[assets[award.asset_id]] += award.amount
    return Given(
        since=since,
        awards=_scaled(awards, total, look),
        units={code: _scaled(amount, total, look) for code, amount in units.items() if amount},
        commands=total,
        looked_at=look,
    )


def _scaled(amount: int, total: int, look: int) -> int:
    return (amount * total + look // 2) // look if look else 0


async def _first_since(source: PromoSource, last: Mapping[int, int], since: datetime) -> dict[int, int]:
    """In each bucket the first position recorded at or after `since`, by halving; behind the last where there is none."""
    low = dict.fromkeys(last, 1)
    high = {bucket: position + 1 for bucket, position in last.items()}
    while open_buckets := [bucket for bucket in last if low[bucket] < high[bucket]]:
        middles = {bucket: (low[bucket] + high[bucket]) // 2 for bucket in open_buckets}
        recorded = await source.recorded(list(middles.items()))
        for bucket, middle in middles.items():
            if recorded[bucket, middle] < since:
                low[bucket] = middle + 1
            else:
                high[bucket] = middle
    return low


async def read_caps(
    source: PromoSource, catalogue: Catalogue, stored: PromoVersion, lately: Given, rate_over: timedelta, now: datetime
) -> tuple[CapView, ...]:
    """The budget and limits of a version with their use in the period of `now`."""
    assets = {each.asset.code: each.asset_id for each in catalogue.assets}
    compiled = compile_version(stored, catalogue.settings, assets)
    keys = {index: _keys(compiled, limit, stored, catalogue, now) for index, limit in enumerate(compiled.limits)}
    wanted = [key for found in keys.values() for key in found.values()]
    left = await source.left_of_budgets([key for key in wanted if not key.subject])
    left |= await source.left_of_quotas([key for key in wanted if key.subject])
    views = []
    for index, limit in enumerate(compiled.limits):
        written = stored.promo.limits[index] if index < len(stored.promo.limits) else None
        if limit.per is LimitPer.MEMBER or not keys[index]:
            views.append(_cap(limit, written, stored, None, None))
        for outlet, key in keys[index].items():
            view = _cap(limit, written, stored, outlet, left[key])
            if outlet is not None and not view.used:
                continue  # of hundreds of outlets only those that used something are worth a line
            views.append(_running_out(view, lately, rate_over, now) if written is None else view)
    return tuple(views)


def _keys(
    version: CompiledVersion, limit: CompiledLimit, stored: PromoVersion, catalogue: Catalogue, now: datetime
) -> dict[str | None, StockKey]:
    """The stock of a limit, by outlet for those of outlets; none where members or devices have one each."""
    period = period_key(now, limit.every, version.zone)
    if limit.per is LimitPer.PROMO:
        return {None: StockKey(b"", version.promo_id, limit.slot, period, limit.cap)}
    if limit.per is not LimitPer.OUTLET:
        return {}
    outlets: Sequence[str] = stored.promo.where.outlets or [outlet.code for outlet in catalogue.outlets]
    return {
        outlet: StockKey(digest16(b"outlet", outlet.encode()), version.promo_id, limit.slot, period, limit.cap)
        for outlet in outlets[:OUTLETS_SHOWN_MAX]
    }


def _cap(
    limit: CompiledLimit, written: Limit | None, stored: PromoVersion, outlet: str | None, left: int | None
) -> CapView:
    budget = stored.promo.budget if written is None else None
    return CapView(
        kind="budget" if written is None else "limit",
        per=limit.per.value,
        every=limit.every.value,
        by="amount" if limit.by_amount else "count",
        cap=limit.cap,
        asset=None if budget is None else budget.asset,
        outlet=outlet,
        on_limit="reduce" if limit.reduces else "decline",
        used=None if left is None else limit.cap - left,
        left=left,
    )


def _running_out(cap: CapView, lately: Given, rate_over: timedelta, now: datetime) -> CapView:
    used = lately.units.get(cap.asset or "", 0)
    if not cap.left or used <= 0:
        return cap
    # Whole seconds: a forecast is no amount, but it needs no float either.
    seconds = cap.left * int(rate_over.total_seconds()) // used
    if seconds > int(HORIZON.total_seconds()):
        return cap
    return msgspec.structs.replace(cap, runs_out_at=now + timedelta(seconds=seconds))


def rate_time(first_live_at: datetime | None, now: datetime) -> timedelta:
    """Over which time the rate is taken: the last seven days, or since the promo went live, an hour at the least."""
    longest = timedelta(days=RATE_DAYS)
    if first_live_at is None:
        return longest
    return max(RATE_OVER_MIN, min(longest, now - first_live_at))


def version_ids_of(versions: Iterable[PromoVersion]) -> frozenset[int]:
    """The numbers under which outcomes name these versions."""
    return frozenset(version.promo_version_id for version in versions)
