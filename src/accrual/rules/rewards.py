"""Rewards as redemptions want them: instants, keys of counters and stocks, codes; and why one cannot be had. Pure."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from accrual.domain.programme import Catalogue
from accrual.domain.promos import Period
from accrual.domain.rewards import RewardItem, StoredReward, subject_of
from accrual.domain.stocks import StockKey
from accrual.rules.calendar import period_key, read_stored_instant
from accrual.rules.codes import UNTOLD, code_of

CODE_DIGITS = 6
"""How long a validation code is."""

_PERIODS = tuple(Period)
_LIMIT_SLOT = 8
"""Of a member's counter, before the period's own number: as limits by count of promos are numbered."""


class CompiledReward(msgspec.Struct, frozen=True, kw_only=True):
    """A reward of one revision. `window_until` is exclusive; None bounds nothing. `subject` is its stock's and pool's."""

    reward_id: int
    item: RewardItem
    asset_id: int
    zone: ZoneInfo
    window_from: datetime | None
    window_until: datetime | None
    subject: bytes

    @property
    def stock_key(self) -> StockKey | None:
        """Its stock; None where there is no end of it, and where the pool is the stock."""
        if self.item.stock is None or self.item.has_pool:
            return None
        return stock_key(self.reward_id, self.subject, self.item.stock)

    def counter_key(self, moment: datetime) -> tuple[int, int, int] | None:
        """The counter of a member's limit in the period of this moment, as (promo_id, slot, period)."""
        if self.item.limit is None:
            return None
        every = self.item.limit.every
        return counted_as(self.reward_id), _LIMIT_SLOT + _PERIODS.index(every), period_key(moment, every, self.zone)

    def why(self, moment: datetime, outlet: str | None) -> tuple[str, dict[str, Any]] | None:
        """The code and values of why it cannot be had then and there; None when it can."""
        if not self.item.active:
            return "reward_inactive", {"reward": self.item.code}
        if self.window_from is not None and moment < self.window_from:
            return "reward_not_started", {"reward": self.item.code, "at": _shown(self.window_from, self.zone)}
        if self.window_until is not None and moment >= self.window_until:
            return "reward_over", {"reward": self.item.code, "at": _shown(self.window_until, self.zone)}
        if self.item.outlets and outlet not in self.item.outlets:
            return "reward_not_here", {"reward": self.item.code, "outlet": outlet or "-"}
        return None


def compile_rewards(catalogue: Catalogue) -> dict[str, CompiledReward]:
    """Every reward of a revision by its code."""
    assets = {stored.asset.code: stored.asset_id for stored in catalogue.assets}
    return {
        stored.item.code: _compile(stored, catalogue, assets[stored.item.asset])
        for stored in catalogue.rewards
        if stored.item.asset in assets
    }


def _compile(stored: StoredReward, catalogue: Catalogue, asset_id: int) -> CompiledReward:
    item = stored.item
    zone = item.window.zone or catalogue.settings.time_zone
    return CompiledReward(
        reward_id=stored.reward_id,
        item=item,
        asset_id=asset_id,
        zone=ZoneInfo(zone),
        window_from=None if item.window.from_ is None else read_stored_instant(item.window.from_, zone),
        window_until=None if item.window.until is None else read_stored_instant(item.window.until, zone),
        subject=subject_of(catalogue.programme_id, item.code),
    )


def counted_as(reward_id: int) -> int:
    """The number under which counters and stocks know a reward: below 0, so that it is no promo's."""
    return -reward_id


def stock_key(reward_id: int, subject: bytes, cap: int) -> StockKey:
    """The stock of a reward when there are `cap` of it in all."""
    return StockKey(subject, counted_as(reward_id), 0, 0, cap)


def voucher_of(item: RewardItem, seed: bytes) -> str | None:
    """The generated voucher code of a redemption; None where the reward generates none."""
    if item.voucher is None or item.has_pool:
        return None
    return item.voucher.prefix + code_of(seed, b"reward/" + item.code.encode(), item.voucher.length)


def validation_code_of(seed: bytes) -> str:
    """The digits that complete a redemption; nobody can tell them without the seed, and without one they are `?`."""
    if not seed:
        return UNTOLD * CODE_DIGITS
    digest = hashlib.blake2b(b"validation", key=seed, digest_size=16, person=b"code").digest()
    return f"{int.from_bytes(digest, 'big') % 10**CODE_DIGITS:0{CODE_DIGITS}d}"


def _shown(moment: datetime, zone: ZoneInfo) -> str:
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M} ({zone.key})"
