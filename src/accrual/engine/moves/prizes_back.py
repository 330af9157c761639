"""A returned prize goes back to its stock once all of it has come back, and the log of entries records it."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from accrual.domain.draws import DrawHead, DrawKey, DrawnRow, DrawSecret
from accrual.domain.outcomes import Award
from accrual.domain.programme import Catalogue
from accrual.domain.stocks import StockKey
from accrual.domain.undoing import Part
from accrual.engine.draft import CommandDraft
from accrual.engine.moves.scene import Scene
from accrual.engine.state import State
from accrual.engine.task import Task
from accrual.rules.draw_tables import stock_of
from accrual.rules.draws import return_prize
from accrual.rules.snapshot import Drawn

CAME_BACK = -2
"""As the fact of a part of an award: how many units of a prize came back, without what became debt or was let go."""


class ReturnedPrize(NamedTuple):
    """A prize all of whose units came back: its stock, its promo, the receipt that won it, and what was booked last for it."""

    stock: StockKey
    promo_id: int
    won_by: dict[str, Any]
    booked: int


def prize_back(scene: Scene, number: int, award: Award, units: int) -> None:
    """Note that so many units of an award came back to the programme. Only a prize with a stock makes a difference.

    Units that the member spent, sent on or let expire do not come back, and debt is not a prize: what is still out of the
    stock stays out, so that there are never more prizes than the table states.
    """
    receipt = instant_receipt(award)
    found = None if receipt is None else _stock(scene.programme.catalogue, award, receipt)
    if receipt is None or found is None:
        return
    part: Part = (number, CAME_BACK, -1)
    before = scene.known.undone.get(part, 0)
    if units:
        scene.undone[part] = before + units
    if before < award.amount <= before + units:
        scene.prizes.append(ReturnedPrize(found, found.promo_id, receipt, len(scene.booked) - 1))


def instant_receipt(award: Award) -> dict[str, Any] | None:
    """The receipt of the instant draw that an award is the prize of; None for any other award."""
    receipt = (award.details or {}).get("draw")
    return receipt if isinstance(receipt, dict) and "point" in receipt else None


def rounds_of(catalogue: Catalogue, awards: tuple[Award, ...]) -> list[DrawKey]:
    """The open rounds in whose logs returns of these awards are recorded."""
    found = []
    for award in awards:
        receipt = instant_receipt(award)
        stock = None if receipt is None else _stock(catalogue, award, receipt)
        secret = None if stock is None else _secret(catalogue, stock.promo_id)
        if secret is not None:
            found.append((secret.promo_id, secret.round))
    return found


def record_returns(task: Task, scene: Scene, state: State) -> list[Drawn]:
    """The records of a movement's returned prizes; each is part of what was booked for its award. Changes no state."""
    made: dict[DrawKey, DrawHead | None] = {}
    drawn = []
    for prize in scene.prizes:
        secret = _secret(scene.programme.catalogue, prize.promo_id)
        if secret is None:
            continue
        key = (secret.promo_id, secret.round)
        bucket = task.command.bucket
        head = made[key] if key in made else state.drawn[bucket, key[0], key[1]]
        receipt, record = return_prize(secret, prize.won_by, task.ticket, bucket, scene.now, head)
        made[key] = record.head
        drawn.append(record)
        booked = scene.booked[prize.booked]
        details = {**(booked.details or {}), "draw": receipt}
        scene.booked[prize.booked] = msgspec.structs.replace(booked, details=details)
    return drawn


def keep_records(task: Task, drawn: list[Drawn], state: State, draft: CommandDraft) -> None:
    """The bucket's next entry follows these records. They have no tickets."""
    bucket, position = task.command.bucket, task.command.position
    for record in drawn:
        (promo_id, number), head = record.key, record.head
        draft.put(state.drawn, (bucket, promo_id, number), head)
        row = DrawnRow(bucket, promo_id, number, head.entries, position, record.units, task.member_id, head.chain)
        draft.add(draft.posting.drawn, row)


def _secret(catalogue: Catalogue, promo_id: int) -> DrawSecret | None:
    return next((each for each in catalogue.secrets if each.promo_id == promo_id), None)


def _stock(catalogue: Catalogue, award: Award, receipt: dict[str, Any]) -> StockKey | None:
    """The stock of the prize, as the version of the promo that gave it states it, whether or not that promo is live."""
    for version in catalogue.promos:
        if version.promo_version_id == award.promo_version_id:
            for benefit in version.promo.benefits:
                for prize in () if benefit.draw is None else benefit.draw.prizes:
                    if prize.code == receipt["prize"]:
                        return stock_of(version.promo_id, prize)
    return None
