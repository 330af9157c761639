"""The outbox event of a notice: who has how much of what, and until when. Made of the outcome alone; nothing is sent here."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from accrual.domain.outcomes import Booked
from accrual.domain.transfers import Kind
from accrual.engine.render import ticket_text
from accrual.engine.task import Task

POINTS_DUE = "points.due"


def notice_event(task: Task, booked: Sequence[Booked]) -> tuple[str, bytes] | None:
    """(kind, JSON) of the event `points.due`; None for a command that gave no notice."""
    programme = task.programme
    told = next((each for each in booked if each.kind == Kind.NOTICE), None)
    if told is None or told.details is None or programme is None:
        return None
    asset = next(code for code, asset_id in programme.assets.items() if asset_id == told.asset_id)
    document = {
        "event": POINTS_DUE,
        "programme": programme.settings.code,
        "member": task.member_id.hex(),
        "identity": told.details["identity"],
        "asset": asset,
        "amount": told.details["due"],
        "date": told.details["date"],
        "expires_at": told.details["expires_at"],
        "days": told.details["days"],
        "ticket": ticket_text(task.command.ticket),
    }
    return POINTS_DUE, msgspec.json.encode(document)
