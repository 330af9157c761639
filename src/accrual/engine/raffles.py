"""Runs raffles: draws winners when the time has come, sees to claims and reserves, gives prizes by commands. Safe to repeat."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Protocol

from accrual.domain.commands import Receipt, Submission, content_digest
from accrual.domain.dialects import Dialect
from accrual.domain.draws import SECRET_BYTES, Entrant, Round, Winner
from accrual.domain.errors import AccrualError, Busy, Invalid, Missing, Refused
from accrual.domain.facts import Identity
from accrual.domain.movements import MEMBER_KIND, Grant
from accrual.domain.programme import Catalogue
from accrual.domain.promos import PromoStatus
from accrual.engine.catalog import Catalog
from accrual.engine.draws import FoundDraw, find_draw, versions_of
from accrual.engine.ports_draws import DrawSource, Picking
from accrual.rules.calendar import after
from accrual.rules.raffles import pick_key_of, picks_of, pieces_of, seed_of

PROGRAMME_CLIENT_ID = 0
SETTLE = timedelta(seconds=15)
"""How long after its time a raffle is drawn: what was accepted before it is in the log by then."""


class Appending(Protocol):
    """The log as raffles use it."""

    async def submit_many(self, submissions: Sequence[Submission]) -> list[Receipt | AccrualError]:
        """Append commands; those that are there already are answered so."""


class Raffles:
    """The raffles of every programme of a Catalog. `now` is the wall clock, `fresh` makes so many random bytes."""

    def __init__(
        self,
        catalog: Catalog,
        source: DrawSource,
        log: Appending,
        *,
        now: Callable[[], datetime],
        fresh: Callable[[int], bytes],
    ) -> None:
        self._catalog = catalog
        self._source = source
        self._log = log
        self._now = now
        self._fresh = fresh

    async def run_due(self, actor: str = "upkeep") -> int:
        """Draw every raffle whose time has come, end claims that are over, give what was claimed; how many prizes are given.

        Raises DatabaseDown, and any refusal but that a raffle has to wait.
        """
        await self._catalog.refresh()
        given = 0
        for programme_id, catalogue in self._catalog.programmes.items():
            for code in _raffles(catalogue):
                if await self._is_due(catalogue, code):
                    try:
                        await self.draw(programme_id, code, actor=actor)
                    except Busy:
                        continue  # the next round of upkeep looks again
            given += await self.follow_up(programme_id)
        return given

    async def draw(self, programme_id: int, code: str, *, actor: str) -> Round:
        """Draw the winners of a raffle whose time has come, once; drawn already, it answers that round again.

        Where a checkpoint decides it, the first call completes the list of its entries, and one after the next checkpoint
        draws. Raises Missing `draw_unknown`, Invalid `draw_not_raffle`, Refused `raffle_not_due` and `draw_key_missing`, Busy
        `raffle_waits` while commands from before its time are undecided or the checkpoint is missing, DatabaseDown.
        """
        await self._catalog.refresh()
        catalogue = self._catalog.newest(programme_id)
        found = find_draw(catalogue, code)
        closes_at, now = found.draw.closes_at, self._now()
        if closes_at is None:
            raise Invalid(f"{code} is drawn at each entry; only a raffle is drawn at a time.", code="draw_not_raffle")
        rounds = await self._source.rounds(found.version.promo_id)
        if not rounds:
            raise Missing(f"Promo {code} has no round of a draw.", code="draw_unknown")
        complete = _waiting(rounds)
        if complete is not None:
            return await self._decide(catalogue, found, complete, actor=actor)
        if rounds[-1].since >= closes_at:
            drawn = next((each for each in reversed(rounds) if each.drawn_at is not None), None)
            if drawn is not None:
                return drawn
        if now < closes_at + SETTLE:
            raise Refused(
                f"{code} is drawn at {closes_at.isoformat(timespec='seconds')}, {SETTLE.seconds} seconds later at the soonest.",
                code="raffle_not_due",
            )
        undecided = await self._source.undecided_since()
        if undecided is not None and undecided < closes_at:
            raise Busy(
                "Entries from before the raffle's time are not decided yet; try again soon.", code="raffle_waits"
            )
        closed, _ = await self._source.close(
            catalogue.settings.code,
            found.version.promo_id,
            code,
            secret=self._fresh(SECRET_BYTES),
            actor=actor,
            now=now,
            picking=self._picking(catalogue, code, now),
        )
        if closed.drawn_at is None:
            return await self._decide(catalogue, found, closed, actor=actor)
        return closed

    async def _decide(self, catalogue: Catalogue, found: FoundDraw, complete: Round, *, actor: str) -> Round:
        """Draw a raffle whose list of entries is complete, by the first public value from after that."""
        code, since = found.version.promo.code, complete.closed_at or complete.since
        value = await self._source.beacon_after(since)
        if value is None:
            raise Busy(
                f"The entries of {code} are complete. Its winners are drawn with the first checkpoint from after "
                f"{since.isoformat(timespec='seconds')}; try again once there is one.",
                code="raffle_waits",
            )
        now = self._now()
        picking = self._picking(catalogue, code, now)
        return await self._source.decide(
            found.version.promo_id, complete.round, code, value, actor=actor, now=now, picking=picking
        )

    async def claim(self, programme_id: int, code: str, ticket: bytes) -> bool:
        """Claim what the entry of this ticket won, and send the prize on its way; False where there is nothing to claim.

        Raises Missing `draw_unknown`, DatabaseDown, Busy.
        """
        await self._catalog.refresh()
        found = find_draw(self._catalog.newest(programme_id), code)
        claimed = False
        for promo_id, number in await self._source.drawn_rounds(programme_id):
            if promo_id != found.version.promo_id:
                continue
            for winner in await self._source.winners(promo_id, number):
                if winner.ticket == ticket and await self._source.claim(promo_id, number, winner.pick, self._now()):
                    claimed = True
        if claimed:
            await self.follow_up(programme_id)
        return claimed

    async def follow_up(self, programme_id: int) -> int:
        """End claims that are over, draw their reserves, and give what was claimed; how many prizes are given."""
        given = 0
        catalogue, now = self._catalog.newest(programme_id), self._now()
        codes = {version.promo_id: version.promo.code for version in catalogue.promos}
        for promo_id, number in await self._source.drawn_rounds(programme_id):
            winners = await self._source.winners(promo_id, number)
            if any(_is_over(winner, now) for winner in winners):
                await self._source.expire(promo_id, number, now, self._picking(catalogue, codes[promo_id], now))
                winners = await self._source.winners(promo_id, number)
            due = [winner for winner in winners if winner.claimed_at is not None and winner.granted_at is None]
            if due:
                given += await self._give(catalogue, promo_id, codes[promo_id], number, due, now)
        return given

    async def _give(
        self, catalogue: Catalogue, promo_id: int, code: str, number: int, due: Sequence[Winner], now: datetime
    ) -> int:
        asked = [grant_of(catalogue.programme_id, promo_id, code, number, winner) for winner in due]
        answers = await self._log.submit_many(asked)
        sent = [winner.pick for winner, answer in zip(due, answers, strict=True) if isinstance(answer, Receipt)]
        await self._source.granted(promo_id, number, sent, now)
        for answer in answers:
            if isinstance(answer, AccrualError):
                raise answer
        return len(sent)

    async def _is_due(self, catalogue: Catalogue, code: str) -> bool:
        found = find_draw(catalogue, code)
        closes_at = found.draw.closes_at
        if closes_at is None or self._now() < closes_at + SETTLE:
            return False
        rounds = await self._source.rounds(found.version.promo_id)
        return bool(rounds) and (rounds[-1].since < closes_at or _waiting(rounds) is not None)

    def _picking(self, catalogue: Catalogue, code: str, now: datetime) -> Picking:
        def pick(closed: Round, entrants: Sequence[Entrant], known: Sequence[Winner]) -> list[tuple[Entrant, Winner]]:
            found = find_draw(catalogue, code)
            raffle = next(b.raffle for b in found.version.promo.benefits if b.raffle is not None)
            pieces = pieces_of(raffle)
            taken = {winner.piece for winner in known if winner.expired_at is None}
            free = [piece for piece in range(len(pieces)) if piece not in taken]
            zone = found.draw.drawing.zone.key
            claim_by = None if raffle.claim_within is None else after(now, raffle.claim_within, zone)
            drawn = picks_of(pick_key_of(closed), seed_of(closed), entrants, once_per_member=raffle.once_per_member)
            further = islice(drawn, len(known), len(known) + len(free))
            return [
                (
                    entrant,
                    Winner(
                        pick=len(known) + n,
                        piece=piece,
                        prize=pieces[piece].code,
                        asset=pieces[piece].asset,
                        amount=pieces[piece].amount,
                        bucket=entrant.bucket,
                        number=entrant.number,
                        ticket=b"",
                        member_id=entrant.member_id,
                        drawn_at=now,
                        claim_by=claim_by,
                        claimed_at=now if claim_by is None else None,
                    ),
                )
                for n, (piece, entrant) in enumerate(zip(free, further, strict=False))
            ]

        return pick


def grant_of(programme_id: int, promo_id: int, code: str, number: int, winner: Winner) -> Submission:
    """The command that gives a pick its prize, in the winner's lane; the same however often it is made."""
    command = Grant(
        dialect=Dialect.INTERNAL,
        action="raffle",
        identity=Identity(MEMBER_KIND, winner.member_id.hex()),
        asset=winner.asset,
        amount=winner.amount,
        note=f"{code}: {winner.prize}",
        reference=f"{code}/{number}/{winner.pick}",
    )
    key = b"uw%d/%d/%d" % (promo_id, number, winner.pick)
    return Submission(
        programme_id=programme_id,
        client_id=PROGRAMME_CLIENT_ID,
        command=command,
        key=key,
        content=content_digest(key),
        body=b"",
    )


def _waiting(rounds: Sequence[Round]) -> Round | None:
    """The round whose entries are complete while its winners wait for a public value."""
    for each in rounds:
        if each.beacon is not None and each.closed_at is not None and each.beacon_value is None:
            return each
    return None


def _raffles(catalogue: Catalogue) -> list[str]:
    live = {each.promo.code for each in catalogue.promos if each.promo.status is not PromoStatus.DRAFT}
    return sorted(
        code
        for code in live
        if (found := versions_of(catalogue, code)) and any(b.raffle is not None for b in found[-1].promo.benefits)
    )


def _is_over(winner: Winner, now: datetime) -> bool:
    open_ = winner.claimed_at is None and winner.expired_at is None
    return open_ and winner.claim_by is not None and winner.claim_by <= now
