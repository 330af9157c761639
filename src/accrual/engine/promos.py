"""Promos as people look after them: listed, shown with their use, followed through their versions, taken a step on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

import msgspec

from accrual.domain.documents import write_out
from accrual.domain.errors import Broken, Missing
from accrual.domain.programme import Catalogue
from accrual.domain.promos import WAITING, PromoStatus
from accrual.domain.stored_programme import CatalogueChange, SavedVersion, StoredProgramme, StoredPromo
from accrual.engine.catalog import Catalog
from accrual.engine.plan_shape import differences
from accrual.engine.ports_catalogue import CatalogueSink
from accrual.engine.ports_promos import PromoSource
from accrual.engine.promo_step import Stepped, Wish, make_step
from accrual.engine.promo_use import count_given, rate_time, read_caps, version_ids_of
from accrual.engine.promo_views import PromoLine, PromoPage, PromoView, VersionView, Waiting
from accrual.rules.lifecycle import Life, read_life

PAGE_MAX = 500


class Promos:
    """The promos of every programme of a Catalog. `now` is the wall clock."""

    def __init__(
        self, catalog: Catalog, sink: CatalogueSink, source: PromoSource, *, now: Callable[[], datetime]
    ) -> None:
        self._catalog = catalog
        self._sink = sink
        self._source = source
        self._now = now

    async def page(
        self,
        programme_id: int,
        *,
        status: str | None = None,
        trigger: str | None = None,
        after: str = "",
        limit: int = PAGE_MAX,
    ) -> PromoPage:
        """A page of promos, those of a status or trigger only: it may be short, or empty, and not be the last.

        A promo that holds and has a change waiting is found under the status of both. Raises DatabaseDown.
        """
        found = await self._source.promos(programme_id, after=after, limit=max(1, min(limit, PAGE_MAX)) + 1)
        full = len(found) > max(1, min(limit, PAGE_MAX))
        if full:
            found.pop()
        lines = [_line(promo, read_life(promo.saved)) for promo in found]
        return PromoPage(
            promos=tuple(
                line
                for line in lines
                if (trigger is None or line.trigger == trigger)
                and (status is None or status in (line.status, line.waits and line.waits.status))
            ),
            next_after=found[-1].code if full else None,
        )

    async def show(self, programme_id: int, code: str, *, is_exact: bool = False) -> PromoView:
        """One promo with its use; `is_exact` counts all outcomes however many there are.

        Raises Missing `promo_unknown`, DatabaseDown.
        """
        promo = await self._read(programme_id, code)
        catalogue, now = await self._fresh(programme_id), self._now()
        life = read_life(promo.saved)
        shown = life.live or life.waits or promo.saved[-1]
        assets = {each.asset_id: each.asset.code for each in catalogue.assets}
        numbers = version_ids_of(each.version for each in promo.saved)
        first_live_at = next((e.recorded_at for e in promo.saved if e.promo.status is PromoStatus.ACTIVE), None)
        rate_over = rate_time(first_live_at, now)
        lately = await count_given(self._source, numbers, assets, since=now - rate_over, is_exact=is_exact)
        given = await count_given(self._source, numbers, assets, since=None, is_exact=is_exact)
        return PromoView(
            promo=_line(promo, life),
            document=write_out(shown.promo),
            waiting_document=None if life.waits in (None, shown) else write_out(life.waits.promo),
            versions=_versions(promo.saved),
            given=given,
            given_lately=lately,
            rate_over_s=int(rate_over.total_seconds()),
            caps=await read_caps(self._source, catalogue, shown.version, lately, rate_over, now),
        )

    async def history(self, programme_id: int, code: str) -> tuple[VersionView, ...]:
        """Every version, oldest first: who saved it, when, why, and what it changed. Raises Missing, DatabaseDown."""
        promo = await self._read(programme_id, code)
        told = await self._source.reasons(programme_id, code, [each.recorded_at for each in promo.saved])
        views = []
        before: SavedVersion | None = None
        for view, each in zip(_versions(promo.saved), promo.saved, strict=True):
            known = told.get(each.recorded_at)
            fields = () if before is None else differences(write_out(before.promo), write_out(each.promo))
            views.append(
                msgspec.structs.replace(
                    view,
                    action=None if known is None else known.action,
                    reason=None if known is None else known.reason,
                    fields=fields,
                )
            )
            before = each
        return tuple(views)

    async def step(self, programme_id: int, wish: Wish) -> Stepped:
        """Take a step, under the programme's lock; lanes judge by it from their next batch on.

        Raises Missing `promo_unknown` or `version_unknown`, Refused `step_refused` or `four_eyes`, Invalid, DatabaseDown.
        """
        now = self._now()
        done: list[Stepped] = []

        def decide(stored: StoredProgramme | None) -> CatalogueChange:
            change, stepped = make_step(stored, wish, now=now)
            done[:] = [stepped]
            return change

        await self._sink.change(self._catalog.newest(programme_id).settings.code, decide, actor=wish.actor, now=now)
        if not done:
            raise Broken("The store changed a promo without asking how.")
        await self._catalog.refresh()
        return done[0]

    async def _read(self, programme_id: int, code: str) -> StoredPromo:
        promo = await self._source.promo(programme_id, code)
        if promo is None:
            raise Missing(f"There is no promo {code!r}.", code="promo_unknown")
        return promo

    async def _fresh(self, programme_id: int) -> Catalogue:
        await self._catalog.refresh()
        return self._catalog.newest(programme_id)


def _line(promo: StoredPromo, life: Life) -> PromoLine:
    shown = life.live or life.waits or promo.saved[-1]
    if life.status in WAITING and life.waits is not None:
        shown = life.waits
    waits = life.waits
    return PromoLine(
        code=promo.code,
        name=shown.promo.name,
        number=shown.promo.number,
        trigger=shown.promo.trigger.value,
        status=life.status.value,
        version=shown.version.version,
        origin=promo.origin,
        window_from=shown.promo.window.from_,
        window_until=shown.promo.window.until,
        waits=None
        if waits is None
        else Waiting(
            version=waits.version.version,
            status=waits.promo.status.value,
            saved_by=waits.actor,
            saved_at=waits.recorded_at,
        ),
    )


def _versions(saved: Sequence[SavedVersion]) -> tuple[VersionView, ...]:
    """From when until when each version holds: it ends where a later one begins, whichever begins first."""
    views: list[VersionView] = []
    until: datetime | None = None
    over = False  # a later version holds from the beginning: nothing is left for those before it
    for each in reversed(saved):
        start = each.version.effective_from
        holds = each.promo.status not in WAITING and not over and (until is None or start is None or start < until)
        views.append(
            VersionView(
                version=each.version.version,
                status=each.promo.status.value,
                saved_by=each.actor,
                saved_at=each.recorded_at,
                holds=holds,
                holds_from=start if holds else None,
                holds_until=until if holds else None,
            )
        )
        if holds:
            until, over = start, start is None
    return tuple(reversed(views))
