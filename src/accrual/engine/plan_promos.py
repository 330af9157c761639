"""What a file's promo means for one that has a life already: which document to save, as a draft or to give. Writes nothing."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from accrual.domain.promos import WAITING, Promo, PromoStatus
from accrual.domain.stored_programme import SavedVersion
from accrual.rules.lifecycle import Life, same_content


class Wanted(NamedTuple):
    """The document to save, the one it is compared with (None: there is none), and what to say about it."""

    promo: Promo
    before: Promo | None
    changes: bool
    notes: tuple[str, ...] = ()


def want(promo: Promo, life: Life, *, is_open: bool, four_eyes: bool) -> Wanted:
    """What applying a file with this promo saves.

    `is_open`: the file names no status. Under `four_eyes` whatever would give something new is saved as a draft, while
    pausing, resuming and ending need nobody's approval.
    """
    live, waits = life.live, life.waits
    if live is None and waits is None:
        return _new(promo, four_eyes=four_eyes)
    notes: tuple[str, ...] = ()
    if is_open:
        promo = msgspec.structs.replace(promo, status=life.status)
        if life.status is not PromoStatus.ACTIVE:
            notes = (f"stays {life.status}: the file names no status",)
    holds = live if live is not None and live.promo.status is not PromoStatus.ENDED else None
    if holds is not None and same_content(promo, holds.promo):
        return _step_only(promo, holds.promo, waits, notes)
    if promo.status is PromoStatus.ENDED:
        before = (live or waits or _never()).promo
        return Wanted(promo, before, promo != before, notes)
    if waits is not None and same_content(promo, waits.promo) and (promo.status in WAITING or four_eyes):
        raised = promo.status is PromoStatus.APPROVED and waits.promo.status is PromoStatus.DRAFT and not four_eyes
        if not raised:
            return Wanted(promo, waits.promo, changes=False, notes=(*notes, _waiting(waits)))
    elif promo.status is PromoStatus.APPROVED and is_open:
        promo = msgspec.structs.replace(promo, status=PromoStatus.DRAFT)  # what was approved was something else
    if four_eyes:
        promo = msgspec.structs.replace(promo, status=PromoStatus.DRAFT)
        notes = (*notes, _draft_note(promo.code))
    if promo.status in WAITING and holds is not None:
        notes = (
            *notes,
            f"version {holds.version.version}, which is {holds.promo.status}, goes on until this is activated",
        )
    first, second = (waits, live) if promo.status in WAITING else (live, waits)
    return Wanted(promo, (first or second or _never()).promo, changes=True, notes=notes)


def _new(promo: Promo, *, four_eyes: bool) -> Wanted:
    if four_eyes and promo.status is not PromoStatus.ENDED:
        draft = msgspec.structs.replace(promo, status=PromoStatus.DRAFT)
        return Wanted(draft, None, changes=True, notes=(_draft_note(promo.code),))
    return Wanted(promo, None, changes=True)


def _step_only(promo: Promo, holds: Promo, waits: SavedVersion | None, notes: tuple[str, ...]) -> Wanted:
    """The file says what holds: at the most its status differs. A draft of what holds is no change."""
    if waits is not None:
        notes = (*notes, _waiting(waits))
    if promo.status in WAITING:
        return Wanted(promo, holds, changes=False, notes=(f"is {holds.status} already, as written", *notes))
    return Wanted(promo, holds, promo != holds, notes)


def _waiting(waits: SavedVersion) -> str:
    needs = "activation" if waits.promo.status is PromoStatus.APPROVED else "approval"
    return f"version {waits.version.version}, saved by {waits.actor}, waits for {needs}: accrual promo show {waits.promo.code}"


def _draft_note(code: str) -> str:
    return f"four eyes: saved as a draft until somebody else runs: accrual promo approve {code}"


def _never() -> SavedVersion:
    raise AssertionError("a promo that is known has a version that holds or waits")
