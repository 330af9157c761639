"""What a plan warns of when a reward is made or changed: what redemptions under way will meet. Pure; writes nothing."""

from __future__ import annotations

from collections.abc import Iterator

from accrual.domain.rewards import RewardItem


def warn_of_reward(before: RewardItem | None, after: RewardItem) -> tuple[str, ...]:
    """Sentences for who agrees to the plan."""
    return tuple(_warnings(before, after))


def _warnings(before: RewardItem | None, after: RewardItem) -> Iterator[str]:
    if after.has_pool and (before is None or not before.has_pool):
        yield f"it can be had once codes are loaded: accrual reward load {after.code} FILE"
    if before is None:
        return
    if before.stock is not None and after.stock is not None and after.stock < before.stock and not after.has_pool:
        yield "what was redeemed before counts against the smaller stock; what of it is too much stays redeemed"
    if before.asset != after.asset:
        yield f"what was redeemed before is given back in {before.asset}, as it was paid"
    if before.limit is not None and after.limit is not None and before.limit.every != after.limit.every:
        yield f"redemptions so far were counted every {before.limit.every}; every {after.limit.every} counts anew"
