"""Carries one movement out: builds its scene, asks whoever knows the command, and closes the purse. Keeps nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from accrual.domain.movements import (
    Absorb,
    Activate,
    Adjust,
    Capture,
    Confirm,
    Expire,
    Grant,
    Hold,
    Merge,
    Notice,
    Receive,
    Redeem,
    Refund,
    Release,
    Reverse,
    Review,
    Transfer,
)
from accrual.domain.outcomes import Booked
from accrual.domain.programme import Enrol
from accrual.domain.referrals import links_of
from accrual.domain.transfers import Kind
from accrual.engine.draft import Draft
from accrual.engine.moves.aside import hold
from accrual.engine.moves.correct import activate, adjust, expire, grant
from accrual.engine.moves.notice import notice
from accrual.engine.moves.review import review
from accrual.engine.moves.rewards import capture, confirm, redeem, refund, release
from accrual.engine.moves.scene import Known, Scene
from accrual.engine.moves.send import receive, transfer
from accrual.engine.moves.take_back import reverse
from accrual.engine.moves.unite import absorb, merge
from accrual.engine.purse import Purse
from accrual.engine.reward_desk import RewardDesk
from accrual.engine.state import AccountState, MemberCell
from accrual.engine.task import Task

MOVES: dict[type, Callable[[Any, Scene], None]] = {
    Grant: grant,
    Redeem: redeem,
    Refund: refund,
    Reverse: reverse,
    Hold: hold,
    Capture: capture,
    Confirm: confirm,
    Release: release,
    Transfer: transfer,
    Adjust: adjust,
    Activate: activate,
    Expire: expire,
    Merge: merge,
    Receive: receive,
    Absorb: absorb,
    Notice: notice,
    Review: review,
}
"""Who carries out which command."""

FOR_ANYBODY = (Receive, Merge, Absorb)
"""What may be about somebody who is no member yet, however the programme enrols."""

FIRST_SIGHT = (Grant, Adjust, Reverse)
"""What may enrol a member where the programme enrols everybody on first sight."""


def carry_out(
    task: Task, cell: MemberCell, transit: dict[int, AccountState], draft: Draft, desk: RewardDesk | None = None
) -> Scene:
    """What comes of a movement; its lots are changed in the draft. Raises OverflowError beyond int64, TooManyLegs."""
    command, move, programme = task.command, task.move, task.programme
    if move is None or programme is None:
        raise AssertionError("only movements are carried out")
    purse = Purse(
        cell,
        transit,
        draft,
        bucket=command.bucket,
        position=command.position,
        now=command.recorded_at,
        occurred_at=move.occurred_at or command.recorded_at,
    )
    scene = Scene(
        command=command,
        programme=programme,
        member_id=task.member_id,
        cell=cell,
        purse=purse,
        known=task.known or Known(),
        first_recorded_at=task.first_recorded_at or command.recorded_at,
        desk=desk,
    )
    by_links = move.identity == links_of(command.programme_id)
    if cell.row is None and not by_links and not _may_enrol(move, programme.settings.enrol):
        scene.refuse("member_unknown")
        return scene
    MOVES[type(move)](move, scene)
    purse.close()
    scene.booked[:0] = _by_the_way(purse)
    return scene


def _may_enrol(move: object, enrol: Enrol) -> bool:
    if isinstance(move, Adjust) and move.amount <= 0:
        return False  # whoever is unknown has nothing to be taken
    return isinstance(move, FOR_ANYBODY) or (isinstance(move, FIRST_SIGHT) and enrol is Enrol.ALWAYS)


def _by_the_way(purse: Purse) -> Iterator[Booked]:
    """What fell due and was done along with the movement."""
    for kind, sign, units in (
        (Kind.ACTIVATE, 1, purse.activated),
        (Kind.EXPIRE, -1, purse.expired),
        (Kind.DEBT, -1, purse.settled),
    ):
        for asset_id, amount in units.items():
            yield Booked(kind, asset_id, sign * amount)
