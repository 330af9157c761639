"""Turns a catalogue into what evaluation needs: promos with closures, indexed by trigger, outlet and subject."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from zoneinfo import ZoneInfo

import msgspec

from accrual.domain.amounts import read_ratio
from accrual.domain.draws import SECRET_BYTES, DrawSecret
from accrual.domain.facts import Trigger
from accrual.domain.programme import Catalogue, Settings
from accrual.domain.promos import (
    WAITING,
    Benefit,
    Budget,
    Except,
    Lane,
    Limit,
    LimitPer,
    OnLimit,
    Period,
    Promo,
    PromoVersion,
    Recipient,
    Where,
)
from accrual.domain.promos import (
    Audience as AudienceDocument,
)
from accrual.rules.benefits import CEILING, KINDS, kind_of
from accrual.rules.calendar import read_stored_instant
from accrual.rules.compiled import (
    HOLDOUT_PARTS,
    LIVE,
    Audience,
    CompiledBenefit,
    CompiledLimit,
    CompiledProgramme,
    CompiledVersion,
    Places,
    Subject,
    Timeline,
)
from accrual.rules.conditions import compile_condition
from accrual.rules.draw_tables import UNCOMMITTED, Drawing, compile_draw, compile_raffle
from accrual.rules.ladder import compile_ladder
from accrual.rules.rewards import compile_rewards
from accrual.rules.room import small_units
from accrual.rules.schedule import compile_schedule
from accrual.rules.streaks import compile_streak
from accrual.rules.velocity import compile_velocity

LANES = tuple(Lane)
BY_AMOUNT = frozenset({"fixed", "points_per", "percent", "bracket"})
_PERIODS = tuple(Period)
_PERS = tuple(LimitPer)
BUDGET_SLOT = 1


def compile_programme(catalogue: Catalogue) -> CompiledProgramme:
    """Compile every promo once. Raises ValueError or Invalid for documents that the check on saving would have refused."""
    settings = catalogue.settings
    assets = {stored.asset.code: stored.asset_id for stored in catalogue.assets}
    by_promo: dict[int, list[PromoVersion]] = {}
    for stored in catalogue.promos:
        if stored.promo.status not in WAITING:  # a draft of a live promo must not stop it
            by_promo.setdefault(stored.promo_id, []).append(stored)
    index: dict[tuple[Trigger, str | None, Subject | None], dict[int, Timeline]] = {}
    listening: dict[Trigger, list[CompiledVersion]] = {}
    shared: SharedBenefits = {}
    streaks: dict[int, Timeline] = {}
    velocity = compile_velocity(settings, catalogue.programme_id)
    drawn_with = {secret.promo_id: secret for secret in catalogue.secrets}
    for promo_id, versions in by_promo.items():
        versions.sort(key=lambda stored: stored.version)
        if not any(stored.promo.status in LIVE for stored in versions):
            continue
        secret = drawn_with.get(promo_id)
        compiled = tuple(compile_version(stored, settings, assets, shared, secret) for stored in versions)
        timeline = Timeline(promo_id=promo_id, versions=compiled)
        if any(version.streak is not None for version in compiled):
            streaks[promo_id] = timeline
        for stored, version in zip(versions, compiled, strict=True):
            if stored.promo.status in LIVE:
                listening.setdefault(version.trigger, []).append(version)
                for key in _index_keys(stored.promo):
                    index.setdefault(key, {})[promo_id] = timeline
    return CompiledProgramme(
        catalogue=catalogue,
        revision=catalogue.revision,
        settings=settings,
        zone=ZoneInfo(settings.time_zone),
        assets=assets,
        index={key: tuple(found.values()) for key, found in index.items()},
        listening={trigger: tuple(versions) for trigger, versions in listening.items()},
        looks={},
        looks_of_types={},
        referrer_triggers=frozenset(
            trigger for trigger, versions in listening.items() if any(version.for_referrer for version in versions)
        ),
        referrer_levels={
            trigger: max([benefit.level for version in versions for benefit in version.for_referrer], default=0)
            for trigger, versions in listening.items()
        },
        routes={},
        listeners={},
        stretches={},
        openings={},
        told={},
        given={},
        condition_sets={},
        rewards=compile_rewards(catalogue),
        ladder=compile_ladder(settings, assets),
        streaks=streaks,
        velocity=velocity,
        small_units=small_units(settings.bounds),
    )


def _index_keys(promo: Promo) -> Iterable[tuple[Trigger, str | None, Subject | None]]:
    where = promo.where
    subjects: list[Subject | None] = [("product", product) for product in where.products]
    if not subjects:
        subjects = [("category", category) for category in where.categories]
    if promo.event is not None:
        subjects = [("event", promo.event)]
    for outlet in where.outlets or (None,):
        for subject in subjects or (None,):
            yield promo.trigger, outlet, subject


def compile_version(
    stored: PromoVersion,
    settings: Settings,
    assets: dict[str, int],
    shared: SharedBenefits | None = None,
    secret: DrawSecret | None = None,
) -> CompiledVersion:
    """One version, with its times read in its zone and its benefits as closures; equal ones are `shared`.

    `secret` is that of the promo's draws; without one they are drawn for looking at only.
    """
    promo = stored.promo
    zone_name = promo.window.zone or settings.time_zone
    zone = ZoneInfo(zone_name)
    window_from, window_until = promo.window.from_, promo.window.until
    where, exclude = _places(promo.where), _places(promo.where.except_)
    schedule = compile_schedule(promo.window, zone)
    audience = _audience(promo.audience)
    lane, condition = LANES.index(promo.stacking.lane), None
    if promo.condition is not None:
        condition = compile_condition(promo.condition, trigger=promo.trigger, settings=settings, zone=zone_name)
    shared = {} if shared is None else shared
    for_member = _shared_benefits(promo.benefits, Recipient.MEMBER, settings, assets, shared)
    if any(benefit.draw is not None or benefit.raffle is not None for benefit in promo.benefits):
        secret = secret or DrawSecret(promo_id=stored.promo_id, round=UNCOMMITTED, secret=bytes(SECRET_BYTES))
        drawing = Drawing(stored.promo_id, promo.code, stored.version, secret, zone)
        for_member = _with_draws(for_member, promo, drawing, assets)
    limits = (*(compile_limit(limit) for limit in promo.limits), *_budget(promo.budget, assets))
    by_item = bool(where.products or where.categories or exclude.products or exclude.categories)
    return CompiledVersion(
        promo_version_id=stored.promo_version_id,
        promo_id=stored.promo_id,
        code=promo.code,
        trigger=promo.trigger,
        event=promo.event,
        version=stored.version,
        status=promo.status,
        effective_from=stored.effective_from,
        window_from=None if window_from is None else read_stored_instant(window_from, zone_name),
        window_until=None if window_until is None else read_stored_instant(window_until, zone_name),
        zone=zone,
        schedule=schedule,
        where=where,
        exclude=exclude,
        narrowed=where != NOWHERE or exclude != NOWHERE or promo.event is not None,
        by_item=by_item,
        audience=audience,
        promo_codes=frozenset(code.casefold() for code in promo.promo_codes),
        condition=condition,
        for_member=for_member,
        for_referrer=_shared_benefits(promo.benefits, Recipient.REFERRER, settings, assets, shared),
        ceilings=tuple((assets[b.asset], b.ceiling) for b in promo.benefits if b.ceiling is not None),
        limits=limits,
        lane=lane,
        priority=promo.stacking.priority,
        exclusive=promo.stacking.exclusive,
        gift=(stored.promo_version_id, for_member[0])
        if _is_simple(for_member) and not (limits or by_item or promo.stacking.exclusive)
        else None,
        place=(lane, -promo.stacking.priority, promo.code, stored.version),
        streak=next((compile_streak(b, stored.promo_id, zone, assets) for b in promo.benefits if b.streak), None),
    )


def _is_simple(benefits: Sequence[CompiledBenefit]) -> bool:
    """Whether it is one benefit that looks at the amount alone and has neither a maximum nor a time of its own."""
    return len(benefits) == 1 and all(
        b.by_amount and b.cap is None and not (b.per_fact or b.lasts or b.by_level) for b in benefits
    )


def _places(written: Where | Except) -> Places:
    return Places(
        outlets=frozenset(written.outlets),
        products=frozenset(written.products),
        categories=frozenset(written.categories),
        clients=frozenset(written.clients),
    )


NOWHERE = Places(outlets=frozenset(), products=frozenset(), categories=frozenset(), clients=frozenset())


def _audience(written: AudienceDocument) -> Audience | None:
    if not (written.lists or written.segments or written.holdout):
        return None
    held_out = 0
    if written.holdout is not None:
        share = read_ratio(written.holdout)
        held_out = share.numerator * HOLDOUT_PARTS // (share.denominator * 100)
    return Audience(lists=frozenset(written.lists), segments=frozenset(written.segments), held_out=held_out)


def _with_draws(
    benefits: tuple[CompiledBenefit, ...], promo: Promo, drawing: Drawing, assets: dict[str, int]
) -> tuple[CompiledBenefit, ...]:
    """The same, with the tables that are drawn from: these are the promo's own, by its stocks and its secret."""
    made = []
    for compiled in benefits:
        benefit, table = promo.benefits[compiled.number], None
        if benefit.draw is not None:
            table = compile_draw(benefit, benefit.draw, drawing, assets)
        elif benefit.raffle is not None:
            table = compile_raffle(benefit.raffle, drawing, assets)
        made.append(compiled if table is None else msgspec.structs.replace(compiled, draw=table))
    return tuple(made)


SharedBenefits = dict[tuple[Recipient, bytes], tuple[CompiledBenefit, ...]]
"""What was compiled already, by its document: ten thousand promos that give one point are one point in the memory."""


def _shared_benefits(
    benefits: Sequence[Benefit], to: Recipient, settings: Settings, assets: dict[str, int], shared: SharedBenefits
) -> tuple[CompiledBenefit, ...]:
    key = to, msgspec.msgpack.encode(benefits)
    if key not in shared:
        shared[key] = _benefits(benefits, to, settings, assets)
    return shared[key]


def _benefits(
    benefits: Iterable[Benefit], to: Recipient, settings: Settings, assets: dict[str, int]
) -> tuple[CompiledBenefit, ...]:
    compiled = []
    for number, benefit in enumerate(benefits):
        kind = kind_of(benefit)
        if benefit.to is not to or kind == CEILING:
            continue
        compiled.append(
            CompiledBenefit(
                number=number,
                kind=kind,
                asset_id=assets[benefit.asset],
                cap=benefit.max,
                per_fact=benefit.per_fact and kind not in ("multiplier", "issuing"),
                compute=KINDS[kind](benefit, settings),
                expires=benefit.expires,
                active_after=benefit.active_after,
                by_amount=kind in BY_AMOUNT,
                lasts=benefit.expires is not None or benefit.active_after is not None,
                by_level=benefit.by_level,
                level=benefit.level,
            )
        )
    return tuple(compiled)


def compile_limit(limit: Limit) -> CompiledLimit:
    """By count unless the limit has an amount. Amounts reduce by default, counts decline (SEMANTICS row 6)."""
    by_amount = limit.amount is not None
    cap = limit.amount if limit.amount is not None else limit.count
    if cap is None:
        raise ValueError("a limit needs count or amount")
    on_limit = limit.on_limit or (OnLimit.REDUCE if by_amount else OnLimit.DECLINE)
    return CompiledLimit(
        per=limit.per,
        slot=_PERS.index(limit.per) * 32 + (16 if by_amount else 8) + _PERIODS.index(limit.every),
        cap=cap,
        by_amount=by_amount,
        every=limit.every,
        reduces=on_limit is OnLimit.REDUCE,
        asset_id=None,
        reason="limit_reached",
    )


def _budget(budget: Budget | None, assets: dict[str, int]) -> Iterable[CompiledLimit]:
    if budget is not None:
        yield CompiledLimit(
            per=LimitPer.PROMO,
            slot=BUDGET_SLOT,
            cap=budget.amount,
            by_amount=True,
            every=Period.EVER,
            reduces=budget.on_limit is OnLimit.REDUCE,
            asset_id=assets[budget.asset],
            reason="budget_exhausted",
        )
