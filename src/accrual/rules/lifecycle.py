"""The life of a promo: where it stands, which steps it may take, and from when what they make holds. Nothing is stored here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

import msgspec

from accrual.domain.errors import Missing, Refused
from accrual.domain.programme import Settings
from accrual.domain.promos import WAITING, Promo, PromoStatus
from accrual.domain.stored_programme import SavedVersion
from accrual.rules.calendar import read_stored_instant

DRAFT, APPROVED, ACTIVE, PAUSED, ENDED = PromoStatus


class Action(StrEnum):
    """What a person may do with a promo."""

    APPROVE = "approve"
    ACTIVATE = "activate"
    PAUSE = "pause"
    END = "end"
    RESTORE = "restore"


STEPS: Mapping[Action, Mapping[PromoStatus, PromoStatus]] = {
    Action.APPROVE: {DRAFT: APPROVED},
    Action.ACTIVATE: {DRAFT: ACTIVE, APPROVED: ACTIVE, PAUSED: ACTIVE},
    Action.PAUSE: {ACTIVE: PAUSED},
    Action.END: {DRAFT: ENDED, APPROVED: ENDED, ACTIVE: ENDED, PAUSED: ENDED},
}
"""From which status a step leads to which. `restore` saves an earlier document and may be taken from any."""


class Life(NamedTuple):
    """Where a promo stands: the version that holds (active, paused or ended), and a draft or approved one that waits."""

    live: SavedVersion | None
    waits: SavedVersion | None

    @property
    def status(self) -> PromoStatus:
        """The status of what holds; where nothing does, of what waits."""
        if self.live is not None and (self.waits is None or self.live.promo.status is not ENDED):
            return self.live.promo.status
        return ENDED if self.waits is None else self.waits.promo.status


class Step(NamedTuple):
    """The next version: its document, and from when it holds (None: from the beginning)."""

    promo: Promo
    holds_from: datetime | None


def read_life(saved: Sequence[SavedVersion]) -> Life:
    """Where a promo with these versions, oldest first, stands.

    A change goes on waiting while the promo is paused and resumed. It is gone once something else goes live, the promo
    ends, or a draft is saved that says what holds already.
    """
    live: SavedVersion | None = None
    waits: SavedVersion | None = None
    for each in saved:
        holds = live if live is not None and live.promo.status is not ENDED else None
        if each.promo.status in WAITING:
            waits = None if holds is not None and same_content(each.promo, holds.promo) else each
            continue
        if each.promo.status is ENDED or holds is None or not same_content(each.promo, holds.promo):
            waits = None
        live = each
    return Life(live, waits)


def same_content(one: Promo, other: Promo) -> bool:
    """Whether two documents differ in nothing but their status."""
    return one == msgspec.structs.replace(other, status=one.status)


def holds_from(promo: Promo, *, is_first: bool, settings: Settings, now: datetime) -> datetime | None:
    """From when a version that goes live holds (SEMANTICS row 12): its own `effective_from`, else now.

    The first of a promo to go live holds from its window's start, without one from the beginning.
    """
    zone = promo.window.zone or settings.time_zone
    if promo.effective_from is not None:
        return read_stored_instant(promo.effective_from, zone)
    if not is_first:
        return now
    return None if promo.window.from_ is None else read_stored_instant(promo.window.from_, zone)


def moment_of(life: Life, promo: Promo, *, settings: Settings, now: datetime) -> datetime | None:
    """From when the next version of a promo with this life holds.

    An end or a pause holds from now. What is resumed does not reach back over the pause, and waits for the instant it names.
    """
    live = life.live
    same = live is not None and same_content(promo, live.promo)
    if promo.status is ENDED or (promo.status is PAUSED and same):
        return now
    moment = holds_from(promo, is_first=live is None, settings=settings, now=now)
    return max(now, moment or now) if same else moment


def take_step(
    life: Life,
    action: Action,
    *,
    settings: Settings,
    actor: str,
    now: datetime,
) -> Step:
    """The version that this action makes. Raises Refused `step_refused` or `four_eyes`."""
    if action is Action.RESTORE:
        raise ValueError("a return to an earlier version is made by restore()")
    source = _source(life, action, four_eyes=settings.four_eyes)
    status = source.promo.status
    if action is Action.APPROVE and settings.four_eyes and same_actor(source.actor, actor):
        raise Refused(
            f"{source.actor} wrote version {source.version.version} of {source.promo.code} and cannot approve it: "
            "the programme asks for a second pair of eyes.",
            code="four_eyes",
            details={"promo": source.promo.code, "version": source.version.version, "author": source.actor},
        )
    if action is Action.ACTIVATE and status is DRAFT and settings.four_eyes:
        raise Refused(
            f"Version {source.version.version} of {source.promo.code} is a draft; the programme asks that somebody else "
            f"than {source.actor} approves it first.",
            code="four_eyes",
            details={"promo": source.promo.code, "version": source.version.version, "author": source.actor},
        )
    promo = msgspec.structs.replace(source.promo, status=STEPS[action][status])
    return Step(promo, moment_of(life, promo, settings=settings, now=now))


def restore(
    life: Life, saved: Sequence[SavedVersion], version: int, *, settings: Settings, now: datetime
) -> tuple[Step, str]:
    """The version that brings back what an earlier one said, and what that means in a sentence.

    A promo that is live goes over to it at once, or under four eyes when somebody has approved it; of one that is not,
    it is a draft. Restoring what holds takes back the change that waits. Raises Missing `version_unknown`, Refused.
    """
    target = next((each for each in saved if each.version.version == version), None)
    if target is None:
        raise Missing(
            f"{saved[-1].promo.code} has no version {version}; it has 1 to {saved[-1].version.version}.",
            code="version_unknown",
        )
    live = life.live if life.live is not None and life.live.promo.status is not ENDED else None
    draft = msgspec.structs.replace(target.promo, status=DRAFT)
    if live is not None and same_content(draft, live.promo):
        if life.waits is None:
            raise _refused(life, Action.RESTORE, f"Version {version} says what holds already.")
        return Step(draft, None), f"Version {life.waits.version.version} is taken back; nothing waits any more."
    if life.waits is not None and same_content(draft, life.waits.promo):
        raise _refused(life, Action.RESTORE, f"Version {version} says what waits already.")
    if live is None:
        return Step(draft, None), "It is a draft: nothing is given before it is activated."
    if settings.four_eyes:
        return Step(draft, None), "It is a draft: what holds goes on until somebody else has approved it."
    promo = msgspec.structs.replace(target.promo, status=live.promo.status)
    return Step(promo, holds_from(promo, is_first=False, settings=settings, now=now)), f"It is {promo.status} as such."


def same_actor(one: str, other: str) -> bool:
    """Whether two names mean the same person: case and white space around do not count."""
    return one.strip().casefold() == other.strip().casefold()


def _source(life: Life, action: Action, *, four_eyes: bool) -> SavedVersion:
    """The version that a step starts from. Raises Refused where the step is none that it may take."""
    steps = STEPS[action]
    # A paused promo can be resumed while a change to it still waits for approval.
    ready = life.waits is not None and not (four_eyes and life.waits.promo.status is DRAFT)
    choices = {
        Action.APPROVE: (life.waits,),
        Action.ACTIVATE: (life.waits, life.live) if ready else (life.live, life.waits),
        Action.PAUSE: (life.live,),
        Action.END: (life.live if life.live is not None and life.live.promo.status is not ENDED else None, life.waits),
    }[action]
    for version in choices:
        if version is not None and version.promo.status in steps:
            return version
    raise _refused(life, action, _advice(life, action))


_ADVICE = {
    (Action.ACTIVATE, ENDED): "An ended promo comes back by restoring one of its versions, and activating that.",
    (Action.ACTIVATE, ACTIVE): "It gives already.",
    (Action.PAUSE, PAUSED): "It gives nothing already.",
    (Action.APPROVE, APPROVED): "It was approved already; activate it.",
}


def _advice(life: Life, action: Action) -> str:
    if action is Action.APPROVE and life.waits is None:
        return "No version of it waits for approval."
    known = _ADVICE.get((action, life.waits.promo.status if action is Action.APPROVE and life.waits else life.status))
    return known or f"Only what is {' or '.join(STEPS[action])} can take this step."


def _refused(life: Life, action: Action, advice: str) -> Refused:
    known = life.live or life.waits
    code = "" if known is None else known.promo.code
    return Refused(
        f"{code} is {life.status}: {action} is refused. {advice}",
        code="step_refused",
        details={"promo": code, "status": life.status.value, "action": action.value},
    )
