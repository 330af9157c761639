"""Looks after draws: shows commitments and odds, discloses secrets, hands receipts out. What is drawn, rules.draws decide."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from accrual.domain.draws import SECRET_BYTES, DrawSecret, Round, Winner
from accrual.domain.errors import Invalid, Missing
from accrual.domain.outcomes import decode_outcome
from accrual.domain.programme import Catalogue
from accrual.domain.promos import WAITING, PromoVersion
from accrual.engine.catalog import Catalog
from accrual.engine.draw_views import DrawView, OddsView, WinnerView, percent_text
from accrual.engine.ports_draws import DrawSource
from accrual.rules.compile import compile_version
from accrual.rules.draw_tables import COMMITMENT_ID_DIGITS, CompiledDraw
from accrual.rules.draws import NO_STOCK, NOT_NOW, table_of, written

FORMAT = "accrual draw receipts 2"


class FoundDraw(NamedTuple):
    """The version of a promo that draws now, and its table."""

    version: PromoVersion
    draw: CompiledDraw


class Draws:
    """The draws of every programme of a Catalog. `now` is the wall clock, `fresh` makes so many random bytes."""

    def __init__(
        self, catalog: Catalog, source: DrawSource, *, now: Callable[[], datetime], fresh: Callable[[int], bytes]
    ) -> None:
        self._catalog = catalog
        self._source = source
        self._now = now
        self._fresh = fresh

    async def show(self, programme_id: int, code: str) -> DrawView:
        """What may be known of a draw at any time. Raises Missing `draw_unknown`, DatabaseDown."""
        catalogue = await self._newest(programme_id)
        found = find_draw(catalogue, code)
        promo, promo_id = found.version.promo, found.version.promo_id
        rounds = await self._source.rounds(promo_id)
        if not rounds:
            raise Missing(f"Promo {code} has no round of a draw yet.", code="draw_unknown")
        drawn = next((each for each in reversed(rounds) if each.drawn_at is not None), None)
        is_raffle = found.draw.closes_at is not None
        winners = await self._source.winners(promo_id, drawn.round) if drawn is not None else []
        return DrawView(
            draw=code,
            name=promo.name,
            kind="raffle" if is_raffle else "draw",
            status=promo.status,
            round=rounds[-1].round,
            commitment=rounds[-1].commitment,
            since=rounds[-1].since,
            entries=sum(head.entries for head in await self._source.ends(promo_id, rounds[-1].round)),
            rounds=tuple(rounds),
            odds=() if is_raffle else await self._odds(found, catalogue),
            drawn_at=None if drawn is None else drawn.drawn_at,
            winners=tuple(_shown(winner) for winner in winners),
        )

    async def _odds(self, found: FoundDraw, catalogue: Catalogue) -> tuple[OddsView, ...]:
        draw, now = found.draw, self._now()
        assets = {stored.asset_id: stored.asset.code for stored in catalogue.assets}
        left = await self._source.stock_left([prize.stock for prize in draw.prizes if prize.stock is not None])
        out: dict[str, str] = {}
        for prize in draw.prizes:
            if (prize.window_from is not None and now < prize.window_from) or (
                prize.window_until is not None and now >= prize.window_until
            ):
                out[prize.code] = NOT_NOW
            elif prize.stock is not None and left[prize.stock] <= 0:
                out[prize.code] = NO_STOCK
        table, _ = table_of(draw, out, 0)
        weights = {prize.code: weight for prize, weight in table}
        stated, effective = sum(prize.weight for prize in draw.prizes), sum(weights.values())
        return tuple(
            OddsView(
                prize=prize.code,
                wins="nothing" if prize.asset_id is None else f"{prize.amount:,} {assets[prize.asset_id]}",
                weight=prize.weight,
                stated=percent_text(prize.weight, stated),
                now=percent_text(weights.get(prize.code, 0), effective),
                left=None if prize.stock is None else left[prize.stock],
                out=out.get(prize.code),
            )
            for prize in draw.prizes
        )

    async def disclose(
        self, programme_id: int, code: str, *, actor: str, key_lost: bool = False
    ) -> tuple[Round, Round]:
        """Close a draw's round: its secret is known from now on, and what follows is drawn with a new one.

        Returns the closed round and the next. A raffle is disclosed by running it. `key_lost`: the hosts' part of the secret
        is gone, and stays unpublished. Raises Missing `draw_unknown`, Invalid `draw_is_raffle`, Refused `draw_key_missing`,
        DatabaseDown.
        """
        catalogue = await self._newest(programme_id)
        found = find_draw(catalogue, code)
        if found.draw.closes_at is not None:
            raise Invalid(
                f"{code} is a raffle: its secret is disclosed when it is drawn. See: accrual draw run {code}",
                code="draw_is_raffle",
            )
        return await self._source.close(
            catalogue.settings.code,
            found.version.promo_id,
            code,
            secret=self._fresh(SECRET_BYTES),
            actor=actor,
            now=self._now(),
            key_lost=key_lost,
        )

    async def receipts(
        self, programme_id: int, code: str, *, round_: int | None = None
    ) -> AsyncIterator[dict[str, Any]]:
        """What it takes to verify a draw offline: first what was published, then every receipt. JSON values, one a line.

        Rounds that are not closed come without their secret. Raises Missing `draw_unknown`, DatabaseDown.
        """
        catalogue = await self._newest(programme_id)
        found = find_draw(catalogue, code)
        promo_id = found.version.promo_id
        rounds = [each for each in await self._source.rounds(promo_id) if round_ in (None, each.round)]
        if not rounds:
            raise Missing(f"Promo {code} has no round {round_}.", code="draw_unknown")
        heads = {each.round: await self._source.ends(promo_id, each.round) for each in rounds}
        head: dict[str, Any] = {
            "format": FORMAT,
            "programme": catalogue.settings.code,
            "draw": code,
            "kind": "draw" if found.draw.closes_at is None else "raffle",
            "rounds": [msgspec.to_builtins(each) for each in rounds],
            "heads": {str(number): [list(end) for end in ends] for number, ends in heads.items()},
            "tables": {str(each.version): table_told(each, catalogue) for each in versions_of(catalogue, code)},
        }
        if found.draw.closes_at is not None:
            head["picks"] = {str(each.round): await self._picks(promo_id, each) for each in rounds}
        yield head
        for each in rounds:
            for end in heads[each.round]:
                async for entry in self._source.entries(promo_id, each.round, end.bucket):
                    if entry.number > end.entries:
                        break  # it came after the heads were read
                    receipt = receipt_in(entry.payload, each.commitment, end.bucket, entry.number)
                    yield {**receipt, "chain": entry.chain.hex()}

    async def _picks(self, promo_id: int, drawn: Round) -> list[dict[str, Any]]:
        if drawn.drawn_at is None:
            return []
        return [
            {
                "pick": each.pick,
                "piece": each.piece,
                "prize": each.prize,
                "bucket": each.bucket,
                "number": each.number,
                "ticket": each.ticket.hex(),
            }
            for each in await self._source.winners(promo_id, drawn.round)
        ]

    async def _newest(self, programme_id: int) -> Catalogue:
        await self._catalog.refresh()
        return self._catalog.newest(programme_id)


def find_draw(catalogue: Catalogue, code: str, *, before: int | None = None) -> FoundDraw:
    """The version of a promo that draws: the newest that holds, else the draft; of before a revision, if one is named.

    Raises Missing `draw_unknown`.
    """
    versions = [each for each in versions_of(catalogue, code) if before is None or each.revision < before]
    if not versions:
        raise Missing(f"There is no draw {code!r}.", code="draw_unknown")
    version = next((each for each in reversed(versions) if each.promo.status not in WAITING), versions[-1])
    return FoundDraw(version, compile_draw_of(version, catalogue))


def versions_of(catalogue: Catalogue, code: str) -> list[PromoVersion]:
    """The versions of a promo that draw, oldest first."""
    found = [each for each in catalogue.promos if each.promo.code == code]
    found.sort(key=lambda each: each.version)
    return [each for each in found if any(b.draw is not None or b.raffle is not None for b in each.promo.benefits)]


def compile_draw_of(version: PromoVersion, catalogue: Catalogue, secret: DrawSecret | None = None) -> CompiledDraw:
    """The table of a version that draws; without a secret it is for looking at."""
    assets = {stored.asset.code: stored.asset_id for stored in catalogue.assets}
    compiled = compile_version(version, catalogue.settings, assets, None, secret)
    return next(benefit.draw for benefit in compiled.for_member if benefit.draw is not None)


def table_told(version: PromoVersion, catalogue: Catalogue) -> dict[str, Any]:
    """A version's table as receipts need it: plain values, instants in UTC."""
    draw = compile_draw_of(version, catalogue)
    raffle = next((b.raffle for b in version.promo.benefits if b.raffle is not None), None)
    if raffle is not None:
        return {
            "prizes": [[prize.code, prize.count] for prize in raffle.prizes],
            "once_per_member": raffle.once_per_member,
            "tickets": raffle.tickets,
        }
    return {
        "zone": draw.drawing.zone.key,
        "prizes": [
            {
                "code": prize.code,
                "weight": prize.weight,
                "nothing": prize.asset_id is None,
                "stock": None if prize.stock is None else prize.stock.cap,
                "from": None if prize.window_from is None else written(prize.window_from),
                "until": None if prize.window_until is None else written(prize.window_until),
                "per_member": None if prize.wins_max is None else [prize.wins_max, prize.wins_every.value],
            }
            for prize in draw.prizes
        ],
        "fallback": draw.fallback,
        "pity": None if draw.pity_after is None else [draw.pity_after, sorted(draw.pity_prizes)],
    }


def receipt_in(payload: bytes, commitment: str, bucket: int, number: int) -> dict[str, Any]:
    """The receipt of an entry, out of the outcome that holds it, perhaps with those of other draws.

    Raises Missing `receipt_missing`.
    """
    outcome = decode_outcome(payload)
    told = [award.details for award in outcome.awards] + [declined.details for declined in outcome.declines]
    told += [booked.details for booked in outcome.booked]  # of returned prizes
    for details in told:
        receipt = (details or {}).get("draw")
        if (
            isinstance(receipt, dict)
            and receipt.get("commitment") == commitment[:COMMITMENT_ID_DIGITS]
            and receipt.get("number") == number
        ):
            return receipt
    raise Missing(f"Entry {bucket}-{number} has no receipt.", code="receipt_missing")


def _shown(winner: Winner) -> WinnerView:
    status = "claimed" if winner.claimed_at else "expired" if winner.expired_at else "waits"
    return WinnerView(
        pick=winner.pick,
        prize=winner.prize,
        ticket=str(UUID(bytes=winner.ticket)),
        status=status,
        claim_by=winner.claim_by,
    )
