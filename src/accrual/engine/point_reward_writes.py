"""Which versions of a point reward's promos to save, in whatever life they are, and whether they can be judged by. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

import msgspec

from accrual.domain.errors import Invalid
from accrual.domain.point_rewards import ORIGIN
from accrual.domain.programme import Outlet, Settings
from accrual.domain.promos import WAITING, Promo, PromoStatus
from accrual.domain.stored_programme import PromoWrite, StoredProgramme, StoredPromo
from accrual.engine.plan_promos import want
from accrual.rules.check_promo import check_promo
from accrual.rules.lifecycle import Life, moment_of, read_life


def check(promos: Iterable[Promo], stored: StoredProgramme, outlets: Sequence[Outlet]) -> None:
    """Raises Invalid `promo_invalid` with everything wrong with the promos, as a file's check would say it."""
    problems = [
        problem
        for promo in promos
        for problem in check_promo(
            promo.code,
            promo,
            settings=stored.settings,
            zone=stored.settings.time_zone,
            assets={each.asset.code for each in stored.assets},
            outlets={outlet.code for outlet in outlets},
            clients={each.client.code for each in stored.clients},
        )
    ]
    if problems:
        told = " ".join(f"{problem.message}." for problem in problems)
        raise Invalid(
            f"No promo can be made of this: {told}",
            code="promo_invalid",
            details={"problems": [problem._asdict() for problem in problems]},
        )


def writes(
    promos: Iterable[Promo],
    known: Mapping[str, StoredPromo],
    used: Sequence[str],
    settings: Settings,
    *,
    is_active: bool,
    asked: bool,
    now: datetime,
) -> Iterator[PromoWrite]:
    """A version for each promo that has to change; under four eyes, what would newly give is saved as a draft.

    Unless it was `asked` whether they give, promos that are in use already (`used`) stay paused or ended as they are.
    """
    status = PromoStatus.ACTIVE if is_active else PromoStatus.PAUSED
    for promo in promos:
        stored = known.get(promo.code)
        life = Life(None, None) if stored is None else read_life(stored.saved)
        wanted = want(
            msgspec.structs.replace(promo, status=status),
            life,
            is_open=not asked and promo.code in used,
            four_eyes=settings.four_eyes,
        )
        if not wanted.changes:
            continue
        moment = None
        if wanted.promo.status not in WAITING:
            moment = moment_of(life, wanted.promo, settings=settings, now=now)
        yield PromoWrite(promo=wanted.promo, effective_from=moment, origin=ORIGIN)


def ending(stored: StoredPromo | None, *, now: datetime) -> Iterator[PromoWrite]:
    """The version that ends a promo now, unless it is ended already."""
    if stored is None:
        return
    life = read_life(stored.saved)
    if life.status is PromoStatus.ENDED:
        return
    last = (life.live or stored.saved[-1]).promo
    ended = msgspec.structs.replace(last, status=PromoStatus.ENDED, effective_from=None)
    yield PromoWrite(promo=ended, effective_from=now, origin=ORIGIN)
