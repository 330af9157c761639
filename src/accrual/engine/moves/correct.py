"""Points by a person's word: grants and adjustments, and what falls due by the calendar. No promo is asked."""

from __future__ import annotations

from accrual.domain.accounts import Role
from accrual.domain.commands import Dialect
from accrual.domain.movements import Activate, Adjust, Expire, Grant
from accrual.domain.promos import Period
from accrual.domain.stocks import StockKey
from accrual.domain.transfers import Kind
from accrual.engine.moves.scene import Scene
from accrual.engine.moves.spend import enough
from accrual.engine.settle import is_crowded
from accrual.rules.calendar import after, expiry, period_key
from accrual.rules.room import CLIENT_DAY_SLOT, uncounted_units


def grant(asked: Grant, scene: Scene) -> None:
    """Give units, active and expiring as said."""
    asset_id = scene.asset_id(asked.asset)
    if asset_id is None:
        return
    purse = scene.purse
    if asked.amount <= 0:
        scene.refuse("amount_too_small", amount=asked.amount)
        return
    if not has_room(asked, asset_id, scene):
        return
    scene.enrol = True
    purse.bring_up_to_date(asset_id)
    start = asked.occurred_at or scene.now
    if asked.active_after is not None:
        start = after(start, asked.active_after, scene.zone)
    expires_at = None if asked.expires is None else expiry(start, asked.expires, scene.zone)
    active_at = start if start > scene.now else None
    purse.credit(
        asset_id, asked.amount, kind=Kind.GRANT, contra=Role.ISSUANCE, expires_at=expires_at, active_at=active_at
    )
    scene.book(Kind.GRANT, asset_id, asked.amount)


def adjust(asked: Adjust, scene: Scene) -> None:
    """Correct a balance. What it does not have becomes debt where that is allowed, else nothing happens."""
    asset_id = scene.asset_id(asked.asset)
    if asset_id is None:
        return
    purse = scene.purse
    if asked.amount > 0:
        if not has_room(asked, asset_id, scene):
            return
        scene.enrol = True
        purse.bring_up_to_date(asset_id)
        expires_at = None if asked.expires is None else expiry(scene.now, asked.expires, scene.zone)
        purse.credit(asset_id, asked.amount, kind=Kind.ADJUST, contra=Role.ISSUANCE, expires_at=expires_at)
        scene.book(Kind.ADJUST, asset_id, asked.amount)
        return
    purse.bring_up_to_date(asset_id)
    wanted = -asked.amount
    taken = min(wanted, purse.available(asset_id))
    if wanted == 0:
        scene.refuse("amount_too_small", amount=0)
    elif asked.below_zero or enough(scene, asset_id, wanted):
        purse.debit(asset_id, taken, kind=Kind.ADJUST, contra=Role.ISSUANCE)
        if wanted > taken:
            purse.owe(asset_id, wanted - taken, kind=Kind.ADJUST, contra=Role.ISSUANCE)
        scene.book(Kind.ADJUST, asset_id, -wanted, {"debt": wanted - taken} if wanted > taken else None)


def has_room(asked: Grant | Adjust, asset_id: int, scene: Scene) -> bool:
    """Whether the client may add so many units today, which then count, and the balance holds them; else it is refused.

    Raises StockShort. Less than `uncounted_units` at once is not counted (rules/room.py).
    """
    if is_crowded(scene.cell, asset_id):
        scene.refuse("balance_full")
        return False
    units, most = asked.amount, scene.programme.settings.bounds.client_units_per_day
    if asked.dialect is Dialect.INTERNAL:
        return True  # such as a raffle's prize
    if units <= uncounted_units(most) or scene.desk is None:
        return True
    day = period_key(scene.now, Period.DAY, scene.programme.zone)
    left = scene.desk.take_share(StockKey(b"", scene.command.client_id, CLIENT_DAY_SLOT, day, most), units)
    if left is not None:
        scene.refuse("daily_bound_reached", wanted=units, left=left, limit=most)
    return left is None


def activate(asked: Activate, scene: Scene) -> None:
    """What becomes active by then is active."""
    for asset_id in assets_of(asked.asset, scene):
        scene.purse.activate(asset_id, max(scene.now, asked.until))


def expire(asked: Expire, scene: Scene) -> None:
    """What expires by then has expired; what becomes active by then is activated first."""
    for asset_id in assets_of(asked.asset, scene):
        scene.purse.bring_up_to_date(asset_id, asked.until)


def assets_of(code: str, scene: Scene) -> list[int]:
    """The asset named, or all of them."""
    if not code:
        return list(scene.programme.assets.values())
    found = scene.asset_id(code)
    return [] if found is None else [found]
