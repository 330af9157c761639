"""Programmes made up for measuring evaluation, and what a command costs under them; no database, nothing is stored."""

from __future__ import annotations

import gc
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import msgspec

from accrual.domain.commands import Dialect, Reward
from accrual.domain.facts import Identity, Purchase
from accrual.domain.ids import member_id_of
from accrual.domain.programme import Asset, Catalogue, Outlet, Settings, StoredAsset
from accrual.domain.promos import Promo, PromoVersion
from accrual.domain.stocks import StockKey, StockLeft
from accrual.rules.compile import compile_programme
from accrual.rules.compiled import CompiledProgramme
from accrual.rules.evaluate import evaluate
from accrual.rules.snapshot import CounterKey, MemberState, Snapshot

CANDIDATES = 5
SIZES = (10, 100, 1_000, 10_000)
CONDITIONS = 20
COMMANDS = 4_000
ROUNDS = 7
"""The quickest round counts: others on the machine only ever make it slower."""

NOW = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)
TESTS = (
    'purchase.amount >= money("100 IDR") && purchase.currency == "IDR"',
    'purchase.amount >= money("500 IDR") || purchase.outlet == "O-0"',
    'purchase.outlet.startsWith("O-") && purchase.quantity >= 0',
    'member.days >= 30 && !(member.tier in ["gold", "silver"])',
    'purchase.amount < money("200 IDR")',
)


def many_promos(count: int) -> CompiledProgramme:
    """So many active promos, CANDIDATES for each outlet."""
    return _compiled(
        [
            {
                "code": f"P-{number}",
                "trigger": "purchase",
                "where": {"outlets": [f"O-{number // CANDIDATES}"]},
                "benefits": [{"asset": "PTS", "fixed": 1}],
            }
            for number in range(count)
        ],
        outlets=count // CANDIDATES,
    )


def with_conditions(count: int = CONDITIONS, *, holding: bool | None) -> CompiledProgramme:
    """So many promos that are candidates for every purchase, each with a condition of its own.

    `holding` True: nearly all hold; False: none does; None: there are no conditions.
    """
    sign = "<" if holding else ">"
    return _compiled(
        [
            {
                "code": f"C-{number}",
                "trigger": "purchase",
                "condition": None
                if holding is None
                else f'{TESTS[number % len(TESTS)]} && purchase.amount {sign} money("{number + 10_000} IDR")',
                "benefits": [{"asset": "PTS", "fixed": 1}],
            }
            for number in range(count)
        ],
        outlets=1,
    )


def _compiled(documents: list[dict[str, object]], outlets: int) -> CompiledProgramme:
    return compile_programme(
        Catalogue(
            programme_id=1,
            revision=1,
            settings=Settings(code="bench", currency="IDR", minor_units=2, late_limit=None),
            assets=(StoredAsset(asset_id=1, asset=Asset(code="PTS")),),
            outlets=tuple(Outlet(code=f"O-{number}") for number in range(outlets)),
            promos=tuple(
                PromoVersion(
                    promo_version_id=number,
                    promo_id=number,
                    version=1,
                    revision=1,
                    effective_from=None,
                    promo=msgspec.convert(document, Promo),
                )
                for number, document in enumerate(documents, 1)
            ),
        )
    )


class Cost(NamedTuple):
    """Microseconds of CPU that judging one purchase takes: `first_us` when the programme has just been compiled and
    nothing is remembered of any outlet, `settled_us` in the quickest round after that.
    """

    first_us: float
    settled_us: float


def cost_under(programme: CompiledProgramme, *, seed: int, candidates: int) -> Cost:
    """What judging COMMANDS purchases costs. Raises ValueError when other promos than those answer."""
    commands = _commands(seed, max(1, len(programme.catalogue.outlets)))
    gc.collect()  # else the first round pays for looking through all promos that were just compiled
    first_s = _round_s(programme, commands)
    for snapshot, command in commands[:100]:
        judgement = evaluate(command, snapshot(programme))
        if len(judgement.awards) + len(judgement.declines) != candidates:
            raise ValueError(f"{judgement} is not of {candidates} candidates")
    best_s = min(_round_s(programme, commands) for _ in range(ROUNDS))
    return Cost(first_s / len(commands) * 1_000_000, best_s / len(commands) * 1_000_000)


def _round_s(
    programme: CompiledProgramme, commands: list[tuple[Callable[[CompiledProgramme], Snapshot], Reward]]
) -> float:
    started_s = time.process_time()
    for snapshot, command in commands:
        evaluate(command, snapshot(programme))
    return time.process_time() - started_s


def _commands(seed: int, outlets: int) -> list[tuple[Callable[[CompiledProgramme], Snapshot], Reward]]:
    chance = random.Random(f"evaluate {seed}")  # noqa: S311 - a load drawn from a printed seed
    return [_command(chance, outlets) for _ in range(COMMANDS)]


def _command(chance: random.Random, outlets: int) -> tuple[Callable[[CompiledProgramme], Snapshot], Reward]:
    identity = Identity("bench", str(chance.randrange(100_000)))
    member_id = member_id_of(1, identity.kind, identity.value)
    member = MemberState(member_id, None, NOW - timedelta(days=100))
    fact = Purchase(
        occurred_at=NOW - timedelta(seconds=chance.randrange(86_400)),
        amount_minor=chance.randrange(10_000, 100_000),
        outlet=f"O-{chance.randrange(outlets)}",
    )
    command = Reward(dialect=Dialect.NATIVE, action="purchase", identity=identity, facts=(fact,))

    def snapshot(programme: CompiledProgramme) -> Snapshot:
        return Snapshot(programme, member, member_id, identity, NOW, _none_counted, _no_stock)

    return snapshot, command


def _none_counted(key: CounterKey) -> int:
    return 0


def _no_stock(key: StockKey) -> StockLeft:
    return StockLeft(0, True)
