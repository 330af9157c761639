"""Merging members: what one had goes to the other, with its dates and origins. What comes later is forwarded by the lane."""

from __future__ import annotations

from accrual.domain.accounts import Role
from accrual.domain.ids import member_of
from accrual.domain.movements import Absorb, Merge, Parcel
from accrual.domain.referrals import Join, links_of
from accrual.domain.transfers import Kind
from accrual.engine.lot_book import Lot
from accrual.engine.moves.carry_levels import carried, united
from accrual.engine.moves.scene import Scene


def merge(asked: Merge, scene: Scene) -> None:
    """Send all that this member has to the one they become part of. What is set aside must be resolved first."""
    into = member_of(scene.command.programme_id, asked.into.kind, asked.into.value)
    if into == scene.member_id:
        scene.refuse("self_merge")
        return
    if scene.known.holds_open:
        scene.refuse("holds_open")
        return
    purse = scene.purse
    parcels: list[Parcel] = []
    for asset_id in scene.programme.assets.values():
        purse.bring_up_to_date(asset_id)
        for role in (Role.MEMBER, Role.PENDING):
            lots: list[Lot] = list(purse.lots(asset_id, role))
            parcels.extend(
                Parcel(
                    asset_id=asset_id,
                    amount=lot.left,
                    role=role,
                    active_at=lot.active_at,
                    expires_at=lot.expires_at,
                    origin=lot.origin,
                )
                for lot in lots
            )
            purse.take(asset_id, role, [(lot, lot.left) for lot in lots], kind=Kind.MERGE, contra=Role.TRANSIT)
        owed = purse.debt(asset_id)
        if owed:
            purse.forgive(asset_id, owed, kind=Kind.MERGE, contra=Role.TRANSIT)
            parcels.append(Parcel(asset_id=asset_id, amount=owed, role=Role.DEBT))
        moved = sum(parcel.amount for parcel in parcels if parcel.asset_id == asset_id and parcel.role != Role.DEBT)
        if moved:
            scene.book(Kind.MERGE, asset_id, -moved)
    scene.enrol = True
    scene.merged_into = into
    earned = carried(scene)
    scene.earnings.extend((asset_id, moment, -units) for asset_id, moment, units in earned)
    scene.follow_ups.append(
        Absorb(
            dialect=asked.dialect,
            action=asked.action,
            identity=asked.into,
            note=asked.note,
            parcels=tuple(parcels),
            merged=scene.member_id,
            parent=scene.command.ticket,
            earned=earned,
            tier=None if scene.cell.profile is None else scene.cell.profile.tier,
        )
    )
    # Or else two members could come to refer each other by way of a third one that was merged.
    scene.follow_ups.append(
        Join(
            dialect=asked.dialect,
            action=asked.action,
            identity=links_of(scene.command.programme_id),
            merged=scene.member_id,
            into=into,
            parent=scene.command.ticket,
        )
    )


def absorb(asked: Absorb, scene: Scene) -> None:
    """Take in what a merged member had. Where that is this very member (two mergers crossed), the merger is undone."""
    scene.enrol = True
    scene.unmerged = asked.merged == scene.member_id
    scene.earnings.extend(asked.earned)
    scene.new_level = united(asked, scene)
    purse = scene.purse
    for asset_id in sorted({parcel.asset_id for parcel in asked.parcels}):
        purse.bring_up_to_date(asset_id)
        moved = 0
        for parcel in (parcel for parcel in asked.parcels if parcel.asset_id == asset_id):
            if parcel.role == Role.DEBT:
                purse.owe(asset_id, parcel.amount, kind=Kind.MERGE, contra=Role.TRANSIT)
                continue
            moved += parcel.amount
            purse.credit(
                asset_id,
                parcel.amount,
                kind=Kind.MERGE,
                contra=Role.TRANSIT,
                expires_at=parcel.expires_at,
                active_at=parcel.active_at,
                origin=parcel.origin,
            )
        purse.settle_debt(asset_id)
        if moved:
            scene.book(Kind.MERGE, asset_id, moved)
