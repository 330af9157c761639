"""Points on their way to another member: what is sent, what arrives, what comes back. Each side in its own lane."""

from __future__ import annotations

from accrual.domain.accounts import Role
from accrual.domain.facts import Identity
from accrual.domain.ids import member_of
from accrual.domain.movements import MEMBER_KIND, Parcel, Receive, Transfer
from accrual.domain.programme import Enrol
from accrual.domain.transfers import Kind
from accrual.engine.moves.scene import Scene
from accrual.engine.moves.spend import enough
from accrual.engine.settle import is_crowded


def transfer(asked: Transfer, scene: Scene) -> None:
    """Send units to another member: out of the balance here, into theirs by a command in their name."""
    asset_id = scene.asset_id(asked.asset)
    if asset_id is None:
        return
    purse = scene.purse
    purse.bring_up_to_date(asset_id)
    if member_of(scene.command.programme_id, asked.to.kind, asked.to.value) == scene.member_id:
        scene.refuse("self_transfer")
    elif asked.amount <= 0:
        scene.refuse("amount_too_small", amount=asked.amount)
    elif enough(scene, asset_id, asked.amount):
        taken = purse.debit(asset_id, asked.amount, kind=Kind.TRANSFER, contra=Role.TRANSIT)
        parcels: dict[object, int] = {}
        for lot, units in taken:
            parcels[lot.expires_at] = parcels.get(lot.expires_at, 0) + units
        scene.follow_ups.append(
            Receive(
                dialect=asked.dialect,
                action=asked.action,
                identity=asked.to,
                asset=asked.asset,
                occurred_at=asked.occurred_at or scene.now,
                note=asked.note,
                parcels=tuple(
                    Parcel(asset_id=asset_id, amount=units, expires_at=expires_at)  # type: ignore[arg-type]
                    for expires_at, units in parcels.items()
                ),
                sender=Identity(MEMBER_KIND, scene.member_id.hex()),
                parent=scene.command.ticket,
            )
        )
        scene.book(Kind.TRANSFER, asset_id, -asked.amount, {"to": [asked.to.kind, asked.to.value]})


def receive(asked: Receive, scene: Scene) -> None:
    """Take what was sent; where nobody can be made a member for it, or the balance holds no more, it goes back."""
    reason = None
    if scene.cell.row is None and scene.programme.settings.enrol is not Enrol.ALWAYS:
        reason = "member_unknown"
    elif any(is_crowded(scene.cell, parcel.asset_id) for parcel in asked.parcels):
        reason = "balance_full"
    if reason is not None and not asked.returned:
        scene.refuse(reason)
        scene.follow_ups.append(
            Receive(
                dialect=asked.dialect,
                action=asked.action,
                identity=asked.sender,
                asset=asked.asset,
                occurred_at=asked.occurred_at,
                note=asked.note,
                parcels=asked.parcels,
                sender=asked.sender,
                parent=scene.command.ticket,
                returned=True,
            )
        )
        return
    scene.enrol = True
    for asset_id in sorted({parcel.asset_id for parcel in asked.parcels}):
        scene.purse.bring_up_to_date(asset_id)
        parcels = [parcel for parcel in asked.parcels if parcel.asset_id == asset_id]
        for parcel in parcels:
            scene.purse.credit(
                asset_id, parcel.amount, kind=Kind.TRANSFER, contra=Role.TRANSIT, expires_at=parcel.expires_at
            )
        total = sum(parcel.amount for parcel in parcels)
        scene.book(Kind.TRANSFER, asset_id, total, {"returned": True} if asked.returned else None)
