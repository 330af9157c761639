"""Setting points aside and letting go of them: holds and releases. What a hold becomes when it is spent is in spend."""

from __future__ import annotations

from accrual.domain.movements import Hold, Release
from accrual.domain.transfers import Kind
from accrual.engine.moves.scene import Scene
from accrual.engine.moves.spend import enough


def hold(asked: Hold, scene: Scene) -> None:
    """Set units aside: still the member's, and no longer to be spent."""
    asset_id = scene.asset_id(asked.asset)
    if asset_id is None:
        return
    scene.purse.bring_up_to_date(asset_id)
    if asked.expires_at is not None and asked.expires_at <= scene.now:
        scene.refuse("hold_expired")
    elif asked.amount <= 0:
        scene.refuse("amount_too_small", amount=asked.amount)
    elif enough(scene, asset_id, asked.amount):
        scene.purse.hold(asset_id, asked.amount)
        scene.hold = (asset_id, asked.amount, asked.expires_at)
        scene.book(Kind.HOLD, asset_id, 0, {"held": asked.amount})


def release(asked: Release, scene: Scene) -> None:
    """The units are free again; what of them has expired meanwhile goes now, and what is owed is paid."""
    row = scene.known.hold
    asset_id = None if row is None else scene.asset_of_account(row.account)
    if row is None or asset_id is None:
        scene.refuse("hold_unknown")
    elif row.resolved_position is not None:
        scene.refuse("hold_resolved")
    else:
        purse = scene.purse
        purse.bring_up_to_date(asset_id)
        purse.hold(asset_id, -row.amount, Kind.RELEASE)
        scene.released = row
        scene.book(Kind.RELEASE, asset_id, row.amount, {"timed_out": True} if asked.timed_out else None)
        purse.expire(asset_id, scene.now if asked.until is None else max(scene.now, asked.until))
        purse.settle_debt(asset_id)
