"""Takes a promo one step on in its life: what to write, and what to tell. Decides by the rules; reads and writes nothing."""

from __future__ import annotations

from datetime import datetime

import msgspec

from accrual.domain.errors import Invalid, Missing
from accrual.domain.programme import Programme
from accrual.domain.promos import WAITING, Promo, PromoStatus
from accrual.domain.stored_programme import AuditEntry, CatalogueChange, PromoWrite, StoredProgramme, StoredPromo
from accrual.rules.check import check_programme
from accrual.rules.lifecycle import Action, Step, read_life, restore, take_step
from accrual.rules.overlap import Overlaps

REASON_CHARACTERS_MAX = 1_000


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody wants done with a promo. `version` is for `restore` alone."""

    code: str
    action: Action
    actor: str
    reason: str | None = None
    version: int | None = None


class Stepped(msgspec.Struct, frozen=True, kw_only=True):
    """What a step made: the promo's new version, its status, from when it holds (None: from the beginning, or it waits)."""

    promo: str
    version: int
    status: PromoStatus
    waits: bool
    holds_from: datetime | None
    told: str
    warnings: tuple[str, ...]


def make_step(stored: StoredProgramme | None, wish: Wish, *, now: datetime) -> tuple[CatalogueChange, Stepped]:
    """The change that a wish makes. Raises Missing `promo_unknown`, Refused `step_refused` or `four_eyes`, Invalid."""
    promo = _find(stored, wish.code)
    if stored is None or promo is None:
        raise Missing(f"There is no promo {wish.code!r}.", code="promo_unknown")
    if wish.reason is not None and len(wish.reason) > REASON_CHARACTERS_MAX:
        raise Invalid(f"A reason has at most {REASON_CHARACTERS_MAX} characters.", code="invalid_field")
    step, told = _step(stored, promo, wish, now)
    warnings: tuple[str, ...] = ()
    if wish.action in (Action.APPROVE, Action.ACTIVATE, Action.RESTORE):
        _check(stored, step.promo)
        warnings = _overlaps(stored, step.promo)
    version = promo.newest.version + 1
    # The whole document stands in its version, which never changes; the audit says who, why and from what to what.
    entry = AuditEntry(
        action=wish.action.value,
        subject=f"promo {promo.code}",
        before={"version": promo.newest.version, "status": read_life(promo.saved).status.value},
        after={"version": version, "status": step.promo.status.value, "reason": wish.reason, "restored": wish.version},
    )
    change = CatalogueChange(
        settings=stored.settings,
        outlets=stored.outlets,
        revises=False,
        assets=(),
        clients=(),
        ended_clients=(),
        promos=(PromoWrite(promo=step.promo, effective_from=step.holds_from, origin=promo.origin),),
        audit=(entry,),
    )
    stepped = Stepped(
        promo=promo.code,
        version=version,
        status=step.promo.status,
        waits=step.promo.status in WAITING,
        holds_from=step.holds_from,
        told=told,
        warnings=warnings,
    )
    return change, stepped


def _find(stored: StoredProgramme | None, code: str) -> StoredPromo | None:
    return None if stored is None else next((each for each in stored.promos if each.code == code), None)


def _step(stored: StoredProgramme, promo: StoredPromo, wish: Wish, now: datetime) -> tuple[Step, str]:
    life = read_life(promo.saved)
    if wish.action is Action.RESTORE:
        if wish.version is None:
            raise Invalid("Say which version to return to.", code="invalid_field", details={"path": "version"})
        step, told = restore(life, promo.saved, wish.version, settings=stored.settings, now=now)
    elif wish.version is not None:
        raise Invalid("Only restore takes a version.", code="invalid_field", details={"path": "version"})
    else:
        step = take_step(life, wish.action, settings=stored.settings, actor=wish.actor, now=now)
        told = f"It is {step.promo.status}."
    if step.promo.status in WAITING:
        # A version that waits holds for nothing; the instant is set when it goes live.
        return step._replace(holds_from=None), told
    return step, f"{told} {_since(step, now)}"


def _since(step: Step, now: datetime) -> str:
    if step.promo.status is PromoStatus.ENDED:
        return "Facts from before now are still judged by the version before."
    if step.holds_from is None:
        return "That holds for facts from the beginning, from the next batch on."
    when = step.holds_from.isoformat(timespec="seconds")
    return f"That holds for facts from {when}{', from the next batch on' if step.holds_from <= now else ''}."


def _check(stored: StoredProgramme, promo: Promo) -> None:
    """What was good when it was saved may not be any more: an outlet that is gone, a setting that has changed."""
    document = Programme(
        programme=stored.settings,
        assets=tuple(each.asset for each in stored.assets),
        outlets=stored.outlets,
        clients=tuple(each.client for each in stored.clients),
        promos=(promo,),
    )
    problems = [problem for problem in check_programme(document) if problem.path.startswith("promos[0]")]
    if problems:
        told = "\n".join(f"{problem.path.removeprefix('promos[0].')}: {problem.message}" for problem in problems)
        raise Invalid(
            f"{promo.code} cannot be saved as it stands under today's programme:\n{told}",
            code="promo_invalid",
            details={"problems": [problem._asdict() for problem in problems]},
        )


def _overlaps(stored: StoredProgramme, promo: Promo) -> tuple[str, ...]:
    lives = [read_life(each.saved) for each in stored.promos if each.code != promo.code]
    others = [version.promo for life in lives for version in life if version is not None]
    met = Overlaps((each for each in others if each.status is not PromoStatus.ENDED), stored.settings)
    return tuple(f"overlaps {other}: {how}" for other, how in met.of(promo))
