"""Judges one command in a unit test: a catalogue, a member with counters, facts, and the judgement. No test here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime

from accrual.domain.commands import Dialect, Reward
from accrual.domain.facts import Fact, Identity
from accrual.domain.programme import Settings
from accrual.domain.promos import Promo, PromoVersion
from accrual.domain.stocks import StockKey, StockLeft
from accrual.rules.compile import compile_programme
from accrual.rules.compiled import CompiledProgramme
from accrual.rules.evaluate import evaluate, keys_needed
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
    joined_at: datetime | None = None,
) -> Judgement:
    """The judgement on Ann. Only counters that are said to be needed may be looked at, as in a lane."""
    reward = Reward(dialect=Dialect.NATIVE, action="test", identity=identity_of("ann"), facts=facts)
    stored = defaultdict(int, counters or {})
    keys = keys_needed(reward, programme, now, "till")
    needed = {key: stored[key] for key in keys if not isinstance(key, StockKey)}
    stocks = {key: StockLeft(key.cap, True) for key in keys if isinstance(key, StockKey)}
    member = MemberState(member_of("ann"), referrer, joined_at) if known else None
    snapshot = Snapshot(
        programme,
        member,
        member_of("ann"),
        identity_of("ann"),
        now,
        needed.__getitem__,
        stocks.__getitem__,
        client="till",
        seed=b"a seed of 16 by.",
    )
    return evaluate(reward, snapshot)


def gave(judgement: Judgement) -> list[tuple[int, int, int]]:
    """(promo version, asset, amount) of each award."""
    return [(award.promo_version_id, award.asset_id, award.amount) for award in judgement.awards]


def declined(judgement: Judgement) -> list[tuple[int, str]]:
    return [(decline.promo_version_id, decline.reason) for decline in judgement.declines]
