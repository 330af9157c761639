"""The catalogue of rewards as people and clients see it, with what is left of each; loads codes into pools. Redeems nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from accrual.domain.errors import Invalid, Missing, Refused
from accrual.domain.rewards import PoolLeft
from accrual.domain.stocks import StockKey
from accrual.engine.catalog import Catalog
from accrual.engine.reward_views import CodesLoaded, RewardPage, RewardView, limit_of
from accrual.rules.rewards import CompiledReward, compile_rewards

PAGE_MAX = 200
CODES_MAX = 100_000
"""Codes of one load; more come in several."""
CODE_CHARACTERS_MAX = 64


class RewardSource(Protocol):
    """What the store knows of rewards. Every method raises DatabaseDown."""

    async def stocks(self, wanted: Sequence[StockKey]) -> Mapping[StockKey, int]:
        """What is left of stocks; below nothing where one was lowered under what was redeemed."""

    async def pools(self, subjects: Sequence[bytes]) -> Mapping[bytes, PoolLeft]:
        """How many codes pools have, and gave."""

    async def add_codes(self, subject: bytes, codes: Sequence[str]) -> int:
        """Put codes at the end of a pool, in one transaction; those it has already are left out. How many were new."""


class Rewards:
    """Over one database. `now` is the wall clock: what can be had is judged at it."""

    def __init__(self, catalog: Catalog, source: RewardSource, *, now: Callable[[], datetime]) -> None:
        self._catalog = catalog
        self._source = source
        self._now = now

    async def page(self, programme_id: int, *, after: str = "", limit: int = PAGE_MAX) -> RewardPage:
        """At most `limit` rewards (1 to 200) in the order of their codes, from behind `after` on."""
        rewards = await self._newest(programme_id)
        behind = sorted(code for code in rewards if code > after)
        codes = behind[: max(1, min(limit, PAGE_MAX))]
        views = await self._views([rewards[code] for code in codes])
        return RewardPage(rewards=tuple(views), next_after=codes[-1] if len(behind) > len(codes) else None)

    async def show(self, programme_id: int, code: str) -> RewardView:
        """One reward. Raises Missing `reward_unknown`."""
        (view,) = await self._views([await self._one(programme_id, code)])
        return view

    async def load(self, programme_id: int, code: str, codes: Sequence[str]) -> CodesLoaded:
        """Put voucher codes into a reward's pool, in this order. Raises Missing, Refused `no_pool`, Invalid `invalid_codes`."""
        reward = await self._one(programme_id, code)
        if not reward.item.has_pool:
            raise Refused(f"The vouchers of reward {code} do not come from a pool.", code="no_pool")
        distinct = _check(codes)
        added = await self._source.add_codes(reward.subject, distinct)
        pool = (await self._source.pools([reward.subject]))[reward.subject]
        return CodesLoaded(added=added, known=len(distinct) - added, pool=pool)

    async def _newest(self, programme_id: int) -> Mapping[str, CompiledReward]:
        await self._catalog.refresh()
        return compile_rewards(self._catalog.newest(programme_id))

    async def _one(self, programme_id: int, code: str) -> CompiledReward:
        found = (await self._newest(programme_id)).get(code)
        if found is None:
            raise Missing(f"There is no reward {code!r}.", code="reward_unknown")
        return found

    async def _views(self, rewards: Sequence[CompiledReward]) -> list[RewardView]:
        stocks = await self._source.stocks([each.stock_key for each in rewards if each.stock_key is not None])
        pools = await self._source.pools([each.subject for each in rewards if each.item.has_pool])
        return [self._view(each, stocks, pools) for each in rewards]

    def _view(
        self, reward: CompiledReward, stocks: Mapping[StockKey, int], pools: Mapping[bytes, PoolLeft]
    ) -> RewardView:
        item, pool, stock = reward.item, pools.get(reward.subject), reward.stock_key
        left = redeemed = None
        cap = item.stock
        if pool is not None:
            cap, left, redeemed = pool.loaded, pool.loaded - pool.given, pool.given
        elif stock is not None:
            left, redeemed = max(stocks[stock], 0), stock.cap - stocks[stock]
        # Which outlet it will be is not known here.
        declined = reward.why(self._now(), item.outlets[0] if item.outlets else None)
        why_not = declined[0] if declined is not None else ("out_of_stock" if left == 0 else None)
        return RewardView(
            code=item.code,
            name=item.name,
            asset=item.asset,
            price=item.price,
            stock=cap,
            left=left,
            redeemed=redeemed,
            opens_at=reward.window_from,
            closes_at=reward.window_until,
            limit=limit_of(item),
            outlets=item.outlets,
            voucher=None if item.voucher is None else item.voucher.kind.value,
            send_validation_code=item.send_validation_code,
            available=why_not is None,
            why_not=why_not,
        )


def _check(codes: Sequence[str]) -> list[str]:
    """The codes, each once. Raises Invalid with the number of the first that is none."""
    if len(codes) > CODES_MAX:
        raise Invalid(
            f"These are {len(codes)} codes; at most {CODES_MAX} can be loaded at a time.", code="invalid_codes"
        )
    for number, code in enumerate(codes, 1):
        if not code or len(code) > CODE_CHARACTERS_MAX or not code.isprintable() or code != code.strip():
            raise Invalid(
                f"Line {number} is no voucher code: 1 to {CODE_CHARACTERS_MAX} printable characters are expected.",
                code="invalid_codes",
                details={"line": number},
            )
    return list(dict.fromkeys(codes))
