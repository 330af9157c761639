"""Referrals that are held for review, as people look through them, and what they decide. It submits commands; it posts none."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Protocol

import msgspec

from accrual.domain.commands import Dialect, Receipt, Submission, content_digest
from accrual.domain.errors import Broken, Conflict, Invalid, Missing
from accrual.domain.facts import Identity, Referral
from accrual.domain.ids import bucket_of, digest16, member_of
from accrual.domain.referrals import OPEN, HeldClaim, Verdict, links_of
from accrual.engine.linking import read_claim
from accrual.engine.render import ticket_text

PAGE_MAX = 200
NOTE_CHARACTERS_MAX = 1_000
_STATUSES = ("held", "approved", "refused")


class HeldView(msgspec.Struct, frozen=True, kw_only=True):
    """A referral that is or was held for review. `ticket` is of the command that brought it, `status` held, approved or
    refused (also when it could not hold any more once it was approved)."""

    id: str
    status: str
    member: dict[str, str]
    referrer: dict[str, str] | None
    occurred_at: datetime | None
    recorded_at: datetime
    install_id: str | None
    device_type: str | None
    ticket: str


class HeldPage(msgspec.Struct, frozen=True, kw_only=True):
    """Held referrals, oldest first; page on with `next_after` while it is not None."""

    referrals: tuple[HeldView, ...]
    next_after: int | None


class HeldSource(Protocol):
    """What the store knows of held referrals. Every method raises DatabaseDown."""

    buckets: int

    async def page(self, bucket: int, programme_id: int, *, open_only: bool, after: int, limit: int) -> list[HeldClaim]:
        """At most `limit` of a programme's held referrals behind position `after`, oldest first."""

    async def one(self, bucket: int, claim: bytes) -> HeldClaim | None:
        """One held referral."""

    async def note_verdict(
        self, audit_id: bytes, programme_id: int, recorded_at: datetime, actor: str, action: str, after: Any
    ) -> None:
        """Write down who judged a referral and why; a second time with the same id changes nothing."""


class Referrals:
    """Over one database. `submit` accepts a command for good; `now` is the wall clock."""

    def __init__(
        self,
        source: HeldSource,
        submit: Callable[[Submission], Awaitable[Receipt]],
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._source = source
        self._submit = submit
        self._now = now

    async def page(
        self, programme_id: int, *, open_only: bool = True, after: int = 0, limit: int = PAGE_MAX
    ) -> HeldPage:
        """At most `limit` (1 to 200) held referrals behind `after`; with those that were judged unless `open_only`."""
        limit = max(1, min(limit, PAGE_MAX))
        found = await self._source.page(
            self._bucket(programme_id), programme_id, open_only=open_only, after=after, limit=limit + 1
        )
        shown = found[:limit]
        return HeldPage(
            referrals=tuple(map(_view, shown)), next_after=shown[-1].row.position if len(found) > limit else None
        )

    async def judge(self, programme_id: int, claim: bytes, *, approved: bool, actor: str, note: str) -> Receipt:
        """Accept for good that a held referral is approved or refused; the same again is the same command.

        Raises Missing `referral_unknown`, Conflict `referral_judged`, Invalid for a reason that is none, Busy, DatabaseDown.
        """
        note = note.strip()
        if not 0 < len(note) <= NOTE_CHARACTERS_MAX:
            raise Invalid(
                f"A reason of 1 to {NOTE_CHARACTERS_MAX} characters is needed.",
                code="invalid_field",
                details={"path": "reason"},
            )
        held = await self._source.one(self._bucket(programme_id), claim)
        if held is None or held.row.programme_id != programme_id:
            raise Missing("No such referral was held for review.", code="referral_unknown")
        if held.row.verdict != OPEN and held.row.verdict != (1 if approved else 2):
            status = _STATUSES[held.row.verdict]
            raise Conflict(f"The referral was {status} before.", code="referral_judged", details={"status": status})
        action = "approve" if approved else "refuse"
        receipt = await self._submit(_submission(held, approved=approved, actor=actor, note=note))
        # Said again after a crash in between, it is noted then; else the first note stays.
        said = {"id": ticket_text(claim), "reason": note, "ticket": ticket_text(receipt.ticket)}
        audit_id = digest16(b"audit", receipt.ticket)
        await self._source.note_verdict(audit_id, programme_id, self._now(), actor, action, said)
        return receipt

    def _bucket(self, programme_id: int) -> int:
        links = links_of(programme_id)
        return bucket_of(member_of(programme_id, links.kind, links.value), self._source.buckets)


def _submission(held: HeldClaim, *, approved: bool, actor: str, note: str) -> Submission:
    """In the name of the client that told of the referral, whose promos are asked; twice at once is once."""
    row = held.row
    action = "referral approve" if approved else "referral refuse"
    verdict = Verdict(
        dialect=Dialect.INTERNAL,
        action=action,
        identity=links_of(row.programme_id),
        target=row.claim,
        approved=approved,
        actor=actor,
        note=note,
    )
    key = b"v" + row.claim + action.encode()
    return Submission(
        programme_id=row.programme_id,
        client_id=held.client_id,
        command=verdict,
        key=key,
        # Who says so, and why, makes no other command of it.
        content=content_digest(key),
        body=b"",
    )


def _view(held: HeldClaim) -> HeldView:
    try:
        claim = read_claim(held.facts)
    except (msgspec.DecodeError, TypeError) as error:
        raise Broken("A held referral cannot be read back.", code="log_damaged") from error
    fact = next(each for each in claim.facts if isinstance(each, Referral))
    return HeldView(
        id=ticket_text(held.row.claim),
        status=_STATUSES[held.row.verdict],
        member=_named(claim.member),
        referrer=None if fact.referrer is None else _named(fact.referrer),
        occurred_at=fact.occurred_at,
        recorded_at=held.recorded_at,
        install_id=claim.install_id,
        device_type=claim.device_type,
        ticket=ticket_text(claim.parent),
    )


def _named(identity: Identity) -> dict[str, str]:
    return {"kind": identity.kind, "value": identity.value}
