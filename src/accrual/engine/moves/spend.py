"""Spending points and giving them back: redemptions, captures of holds, refunds into the lots that points came from."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from accrual.domain.accounts import Role
from accrual.domain.chain import micros_of
from accrual.domain.movements import Capture, Confirm, Redeem, Refund
from accrual.domain.outcomes import Booked, Status
from accrual.domain.transfers import Kind
from accrual.domain.undoing import WHOLE
from accrual.engine.moves.scene import Scene, command_of, outcome_of, units_of_value
from accrual.engine.purse import Taken
from accrual.rules.calendar import after

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

LotTaken = list[int | None]
"""Of one lot, in an outcome: units, bucket, position and leg of its origin, and its expiry in microseconds since 1970 or None."""


def redeem(asked: Redeem, scene: Scene) -> None:
    """Spend units, or what so much money is worth at the member's level."""
    asset_id = scene.asset_id(asked.asset)
    if asset_id is None:
        return
    purse, level = scene.purse, scene.level()
    purse.bring_up_to_date(asset_id)
    told: dict[str, Any] = {}
    if asked.value_minor is not None:
        amount = units_of_value(asked.value_minor, scene.programme.settings.minor_units, level.redeem)
        told = {"value_minor": asked.value_minor, "factor": level.redeem}
    else:
        amount = asked.amount or 0
    if amount <= 0:
        scene.refuse("amount_too_small", amount=amount)
    elif purse.posted(asset_id) < level.redeem_from:
        scene.refuse("below_threshold", threshold=level.redeem_from, posted=purse.posted(asset_id))
    elif enough(scene, asset_id, amount):
        taken = purse.debit(asset_id, amount, kind=Kind.REDEEM, contra=Role.REDEMPTION)
        scene.book(Kind.REDEEM, asset_id, -amount, {**told, "lots": lots_told(taken)})


def enough(scene: Scene, asset_id: int, amount: int) -> bool:
    """Whether so much can be spent; refused when not."""
    available = scene.purse.available(asset_id)
    if available < amount:
        scene.refuse("insufficient_points", available=available, wanted=amount, held=scene.purse.held(asset_id))
        return False
    return True


def lots_told(taken: Iterable[Taken]) -> list[LotTaken]:
    """What a debit took of which lots, in order, so that a refund finds its way back."""
    return [[units, *lot.origin, None if lot.expires_at is None else micros_of(lot.expires_at)] for lot, units in taken]


def capture(asked: Capture, scene: Scene) -> None:
    """Spend what a hold set aside, or part of it; what is not spent is free again."""
    hold = scene.known.hold
    asset_id = None if hold is None else scene.asset_of_account(hold.account)
    if hold is None or asset_id is None:
        scene.refuse("hold_unknown")
        return
    if hold.resolved_position is not None:
        scene.refuse("hold_resolved")
        return
    amount = hold.amount if asked.amount is None else asked.amount
    over = hold.expires_at is not None and hold.expires_at <= scene.now
    if not over and amount > hold.amount:
        scene.refuse("more_than_held", held=hold.amount, wanted=amount)
        return
    if not over and amount <= 0:
        scene.refuse("amount_too_small", amount=amount)
        return
    purse = scene.purse
    purse.bring_up_to_date(asset_id)
    purse.hold(asset_id, -hold.amount, Kind.RELEASE)
    scene.released = hold
    if over:
        scene.refuse("hold_expired")
        scene.book(Kind.RELEASE, asset_id, hold.amount)
    else:
        taken = purse.debit(asset_id, amount, kind=Kind.REDEEM, contra=Role.REDEMPTION)
        scene.book(Kind.REDEEM, asset_id, -amount, {"held": hold.amount, "lots": lots_told(taken)})
    purse.expire(asset_id, scene.now)
    purse.settle_debt(asset_id)


def redemption_in(scene: Scene) -> Booked | None:
    """What the target took, if it is a redemption that was made."""
    row = scene.known.target
    if row is None or row.status != Status.DECIDED or not isinstance(command_of(row), Redeem | Capture | Confirm):
        return None
    return next((booked for booked in outcome_of(row).booked if booked.kind == Kind.REDEEM), None)


def refund(asked: Refund, scene: Scene) -> None:
    """Give back what a redemption took, last taken first, each parcel with its own expiry; or a new one where that is over."""
    made = redemption_in(scene)
    if made is None:
        scene.refuse("redemption_unknown")
        return
    details = made.details or {}
    taken, before = -made.amount, scene.known.undone.get(WHOLE, 0)
    left = taken - before
    amount = left
    if asked.amount is not None:
        amount = asked.amount
    elif asked.value_minor is not None:
        settings = scene.programme.settings
        amount = units_of_value(asked.value_minor, settings.minor_units, details.get("factor") or scene.level().redeem)
    if left <= 0:
        scene.refuse("already_refunded", taken=taken)
    elif amount > left:
        scene.refuse("more_than_taken", left=left, wanted=amount)
    elif amount <= 0:
        scene.refuse("amount_too_small", amount=amount)
    else:
        scene.purse.bring_up_to_date(made.asset_id)
        reinstated = _give_back(scene, made.asset_id, list(reversed(details.get("lots", ()))), before, amount)
        scene.undone[WHOLE] = before + amount
        scene.book(
            Kind.REFUND,
            made.asset_id,
            amount,
            {"target": asked.target.hex(), "reinstated": reinstated, "left": left - amount},
        )


def _give_back(scene: Scene, asset_id: int, lots: list[LotTaken], skip: int, amount: int) -> int:
    """Units that got a new expiry, since that of their lot is over."""
    reinstated = 0
    for units, *origin, expires_us in lots:
        here = (units or 0) - min(skip, units or 0)
        skip -= (units or 0) - here
        here = min(here, amount)
        if here <= 0:
            continue
        amount -= here
        place = (origin[0] or 0, origin[1] or 0, origin[2] or 0)
        expires_at = None if expires_us is None else _instant(expires_us)
        kind = Kind.REFUND
        if expires_at is not None and expires_at <= scene.now:
            expires_at = after(scene.now, scene.programme.settings.refund_grace, scene.zone)
            kind = Kind.REINSTATE
            reinstated += here
        scene.purse.credit(asset_id, here, kind=kind, contra=Role.REDEMPTION, expires_at=expires_at, origin=place)
    if amount:
        raise AssertionError("a redemption names fewer units than it took")
    return reinstated


def _instant(micros: int) -> datetime:
    seconds, rest = divmod(micros, 1_000_000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest)
