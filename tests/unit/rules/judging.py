"""Judges one command in a unit test: a catalogue, a member with counters, facts, and the judgement. No test here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime

from accrual.domain.commands import Dialect, Reward
from accrual.domain.facts import Fact, Identity
from accrual.domain.programme import Settings
from accrual.domain.promos import Promo, PromoVersion
from accrual.rules.compile import CompiledProgramme, compile_programme
from accrual.rules.evaluate import counters_needed, evaluate
from accrual.rules.snapshot import CounterKey, Judgement, MemberState, Snapshot
from tests.desk import SETTINGS, START, catalogue_of, identity_of, member_of


def compiled(*promos: Promo | PromoVersion, settings: Settings = SETTINGS) -> CompiledProgramme:
    return compile_programme(catalogue_of(promos, settings=settings))


def judge(
    programme: CompiledProgramme,
    *facts: Fact,
    counters: Mapping[CounterKey, int] | None = None,
    known: bool = True,
    referrer: Identity | None = None,
    now: datetime = START,
) -> Judgement:
    """The judgement on Ann. Only counters that are said to be needed may be looked at, as in a lane."""
    reward = Reward(dialect=Dialect.NATIVE, action="test", identity=identity_of("ann"), facts=facts)
    stored = defaultdict(int, counters or {})
    needed = {key: stored[key] for key in counters_needed(reward, programme, now)}
    member = MemberState(member_of("ann"), referrer) if known else None
    return evaluate(reward, Snapshot(programme, member, member_of("ann"), identity_of("ann"), now, needed.__getitem__))


def gave(judgement: Judgement) -> list[tuple[int, int, int]]:
    """(promo version, asset, amount) of each award."""
    return [(award.promo_version_id, award.asset_id, award.amount) for award in judgement.awards]


def declined(judgement: Judgement) -> list[tuple[int, str]]:
    return [(decline.promo_version_id, decline.reason) for decline in judgement.declines]
