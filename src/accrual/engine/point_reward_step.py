"""What adding, changing, switching and deleting a point reward writes: its row, its promos, an outlet. Pure; writes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from accrual.domain.documents import write_out
from accrual.domain.errors import Broken, Conflict, Invalid, Missing, Refused
from accrual.domain.point_rewards import ORIGIN, PointReward, Shelf, Terms, fold_name
from accrual.domain.programme import Client, Outlet
from accrual.domain.stored_programme import AuditEntry, CatalogueChange, PromoWrite, StoredProgramme
from accrual.engine.point_reward_outlets import check_owner, find_outlet
from accrual.engine.point_reward_promos import Part, promo_code, promos_of
from accrual.engine.point_reward_writes import check, ending, writes
from accrual.rules.check import COUNTS_MAX

OWNED_MAX = 1_000
"""Point rewards that one user of a client may have at a time, all outlets together."""


class TermsChange(msgspec.Struct, frozen=True, kw_only=True):
    """What a call says of a point reward's terms; UNSET is what it does not say. `sent` are the fields as they came."""

    name: str
    sent: dict[str, Any]
    loyalty_type: str | UnsetType | None = UNSET
    total_spend: str | UnsetType | None = UNSET
    buy_products: tuple[str, ...] | UnsetType = UNSET
    buy_category: str | UnsetType | None = UNSET
    points_gain: int | UnsetType = UNSET
    new_member_points: int | UnsetType = UNSET
    reward_list: tuple[str, ...] | UnsetType = UNSET
    reward_category: str | UnsetType | None = UNSET
    starts_at: datetime | UnsetType | None = UNSET
    ends_at: datetime | UnsetType | None = UNSET
    send_validation_code: bool | UnsetType = UNSET
    is_active: bool | UnsetType = UNSET

    def of(self, terms: Terms) -> Terms:
        """The terms with what this says, and the rest as it was."""
        said = {field: getattr(self, field) for field in Terms.__struct_fields__ if getattr(self, field) is not UNSET}
        return msgspec.structs.replace(terms, **said)


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """Where a step is taken: the programme with its shelf, the client who takes it, and when."""

    stored: StoredProgramme
    shelf: Shelf
    client: Client
    now: datetime


def add(at: Setting, said: TermsChange) -> CatalogueChange | None:
    """The change that makes a point reward; None when its corner has one of this name. Raises Refused, Invalid."""
    if _named(at.shelf, said.name) is not None:
        return None
    if at.shelf.owned >= OWNED_MAX:
        raise Refused(f"This user has {OWNED_MAX} point rewards already, which is the most.")
    reward = PointReward(
        point_reward_id=_free_id(at),
        corner=at.shelf.corner,
        number=at.shelf.next_number,
        terms=said.of(Terms(name=said.name)),
        sent=said.sent,
        is_active=True if said.is_active is UNSET else said.is_active,
        promos=(),
        created_at=at.now,
    )
    return _written(at, None, reward, "add", asked=True)


def update(at: Setting, number: int, said: TermsChange) -> tuple[CatalogueChange | None, bool]:
    """The change that gives a point reward other terms (None: nothing differs), and whether its name was free.

    Raises Missing `point_reward_unknown`, Invalid, Refused.
    """
    before = _find(at.shelf, number)
    namesake = _named(at.shelf, said.name)
    if namesake is not None and namesake.number != number:
        return None, False
    after = msgspec.structs.replace(
        before,
        terms=said.of(before.terms),
        sent=before.sent | said.sent,
        is_active=before.is_active if said.is_active is UNSET else said.is_active,
    )
    return _written(at, before, after, "update", asked=said.is_active is not UNSET), True


def switch(at: Setting, number: int, *, is_active: bool) -> CatalogueChange | None:
    """The change that makes all its promos give, or none; None when it is so already. Raises Missing, Invalid, Refused."""
    before = _find(at.shelf, number)
    return _written(at, before, msgspec.structs.replace(before, is_active=is_active), "set", asked=True)


def delete(at: Setting, number: int) -> CatalogueChange:
    """The change that ends a point reward and its promos. Raises Missing `point_reward_unknown`."""
    before = _find(at.shelf, number)
    after = msgspec.structs.replace(before, promos=(), ended_at=at.now)
    change = _written(at, before, after, "del", asked=True)
    if change is None:
        raise Broken("A point reward was deleted without a trace.")
    return change


def _find(shelf: Shelf, number: int) -> PointReward:
    for reward in shelf.rewards:
        if reward.number == number:
            return reward
    raise Missing(
        f"There is no point reward RWD-{number:02d} of this user at this outlet.", code="point_reward_unknown"
    )


def _named(shelf: Shelf, name: str) -> PointReward | None:
    folded = fold_name(name)
    return next((reward for reward in shelf.rewards if fold_name(reward.terms.name) == folded), None)


def _free_id(at: Setting) -> int:
    """The next number whose promo codes nobody else has taken, such as a file."""
    taken = {promo.code for promo in at.stored.promos}
    number = at.shelf.next_id
    while any(promo_code(number, part) in taken for part in Part):
        number += 1
    return number


def _written(
    at: Setting, before: PointReward | None, after: PointReward, step: str, *, asked: bool
) -> CatalogueChange | None:
    """`asked`: the call says whether it is active, so that what was stopped by hand follows it too."""
    terms = after.terms
    if terms.starts_at is not None and terms.ends_at is not None and terms.ends_at <= terms.starts_at:
        raise Invalid("It would end before it begins.", code="invalid_date")
    outlets, promos = at.stored.outlets, dict[Part, Any]()
    made: Outlet | None = None
    if after.ended_at is None:
        home, made = find_outlet(at.stored.outlets, at.shelf.corner.outlet, at.client.code)
        if after.is_active:  # what was made before may still be stopped
            check_owner(at.stored.outlets, home, at.client.code)
        outlets = outlets if made is None else (*outlets, made)
        promos = promos_of(
            after.point_reward_id,
            terms,
            outlet=home,
            asset=_asset(at),
            currency=at.stored.settings.currency,
        )
        check(promos.values(), at.stored, outlets)
    codes = tuple(promo.code for promo in promos.values())
    known = {promo.code: promo for promo in at.stored.promos if promo.origin == ORIGIN}
    if any(promo.code in codes and promo.origin != ORIGIN for promo in at.stored.promos):
        raise Conflict("A file of this programme has a promo with a code that this point reward needs.")
    used = () if before is None else before.promos
    reason = f"{after.label} at {after.corner.outlet}: {step}"
    saved = [
        *writes(promos.values(), known, used, at.stored.settings, is_active=after.is_active, asked=asked, now=at.now),
        *(write for code in used if code not in codes for write in ending(known.get(code), now=at.now)),
    ]
    _check_counts(at.stored, saved, outlets)
    after = msgspec.structs.replace(after, promos=codes)
    if after == before and not saved:
        return None
    return CatalogueChange(
        settings=at.stored.settings,
        outlets=outlets,
        revises=made is not None,
        assets=(),
        clients=(),
        ended_clients=(),
        promos=tuple(saved),
        audit=_audit(before, after, made, saved, known, step, reason),
        point_rewards=(after,),
    )


def _asset(at: Setting) -> str:
    if at.client.asset is not None:
        return at.client.asset
    if not at.stored.assets:
        raise Refused("The programme counts nothing yet: it needs an asset before it can have point rewards.")
    return min(at.stored.assets, key=lambda stored: stored.asset_id).asset.code


def _check_counts(stored: StoredProgramme, saved: list[PromoWrite], outlets: tuple[Outlet, ...]) -> None:
    codes = {promo.code for promo in stored.promos} | {write.promo.code for write in saved}
    for what, count in (("promos", len(codes)), ("outlets", len(outlets))):
        if count > COUNTS_MAX[what]:
            raise Refused(f"The programme would have more than {COUNTS_MAX[what]} {what}, ended ones counted.")


def _audit(
    before: PointReward | None,
    after: PointReward,
    made: Outlet | None,
    saved: list[PromoWrite],
    known: Mapping[str, Any],
    step: str,
    reason: str,
) -> tuple[AuditEntry, ...]:
    """One row for the point reward, one for each of its promos that changes, and one for an outlet that is new."""
    entries = [
        AuditEntry(
            action=step,
            subject=f"point reward {after.point_reward_id}",
            before=None if before is None else write_out(before),
            after=write_out(after),
        )
    ]
    if made is not None:
        entries.append(AuditEntry(action="create", subject=f"outlet {made.code}", before=None, after=write_out(made)))
    for write in saved:
        promo = known.get(write.promo.code)
        version = 0 if promo is None else promo.newest.version
        entries.append(
            AuditEntry(
                action="create" if promo is None else step,
                subject=f"promo {write.promo.code}",
                before=None if promo is None else {"version": version, "status": promo.newest.promo.status.value},
                after={"version": version + 1, "status": write.promo.status.value, "reason": reason},
            )
        )
    return tuple(entries)
