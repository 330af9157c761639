"""What a lane does about commands held for review: reads what a verdict is about, and writes down what became of it."""

from __future__ import annotations

from collections.abc import Set

import msgspec

from accrual.domain.commands import Reward, decode_command
from accrual.domain.held import APPROVED, OPEN, REFUSED, Clearance, HeldCommand, HeldCommandRow
from accrual.domain.outcomes import Declined
from accrual.engine.task import Task
from accrual.rules.snapshot import PROGRAMME_ITSELF


def held_for(task: Task, clearance: Clearance, held: HeldCommand | None) -> Reward | None:
    """The command that a verdict approves, to be judged in its place; None where there is nothing to judge."""
    if held is None or held.row.programme_id != task.command.programme_id:
        return None
    task.held = held.row
    if held.row.verdict != OPEN or not clearance.approved:
        return None
    try:
        asked = decode_command(held.facts)
    except msgspec.DecodeError as error:
        task.error = f"DecodeError: {error}"
        return None
    if not isinstance(asked, Reward):
        task.error = "what was held for review is no reward"
        return None
    facts = tuple(
        fact if fact.occurred_at is not None else msgspec.structs.replace(fact, occurred_at=held.recorded_at)
        for fact in asked.facts
    )
    return msgspec.structs.replace(asked, facts=facts)


def why_not_cleared(task: Task, clearance: Clearance, judged: Set[bytes]) -> Declined | None:
    """Why nothing is given for it; None: it is to be judged. `judged` are the tickets that this batch has judged already."""
    held = task.held
    if held is None:
        return Declined(PROGRAMME_ITSELF, "held_unknown")
    if held.verdict != OPEN or held.ticket in judged:
        return Declined(PROGRAMME_ITSELF, "held_judged")
    if not clearance.approved:
        return Declined(PROGRAMME_ITSELF, "held_refused", {"note": clearance.note})
    return None


def judged_row(held: HeldCommandRow, clearance: Clearance, position: int) -> HeldCommandRow:
    """The row as the verdict leaves it."""
    return held._replace(verdict=APPROVED if clearance.approved else REFUSED, verdict_position=position)
