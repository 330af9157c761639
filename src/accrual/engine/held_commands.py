"""Commands that are held for review, as people look through them, and what they decide. It submits commands; it posts none."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Protocol

import msgspec

from accrual.domain.commands import Dialect, Receipt, Reward, Submission, content_digest, decode_command
from accrual.domain.errors import Broken, Conflict, Invalid, Missing
from accrual.domain.held import OPEN, Clearance, HeldCommand
from accrual.domain.ids import bucket_of_ticket, digest16
from accrual.engine.render import ticket_text

PAGE_MAX = 200
NOTE_CHARACTERS_MAX = 1_000
_STATUSES = ("held", "approved", "refused")


class HeldCommandView(msgspec.Struct, frozen=True, kw_only=True):
    """A command that is or was held for review; `ticket` is its own, `facts` are the kinds it carries."""

    ticket: str
    status: str
    member: dict[str, str]
    facts: tuple[str, ...]
    amount_minor: int
    occurred_at: datetime | None
    recorded_at: datetime
    install_id: str | None


class HeldCommandPage(msgspec.Struct, frozen=True, kw_only=True):
    """Held commands; page on with `next_after`, a (bucket, position), while it is not None."""

    held: tuple[HeldCommandView, ...]
    next_after: tuple[int, int] | None


class HeldCommandSource(Protocol):
    """What the store knows of held commands. Every method raises DatabaseDown."""

    async def page(
        self, programme_id: int, *, open_only: bool, after: tuple[int, int], limit: int
    ) -> list[HeldCommand]:
        """At most `limit` of a programme's held commands behind (bucket, position)."""

    async def one(self, bucket: int, ticket: bytes) -> HeldCommand | None:
        """One held command."""

    async def note_verdict(
        self, audit_id: bytes, programme_id: int, recorded_at: datetime, actor: str, action: str, after: Any
    ) -> None:
        """Write down who judged a held command and why; a second time with the same id changes nothing."""


class HeldDesk:
    """Over one database. `submit` accepts a command for good; `now` is the wall clock."""

    def __init__(
        self,
        source: HeldCommandSource,
        submit: Callable[[Submission], Awaitable[Receipt]],
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._source = source
        self._submit = submit
        self._now = now

    async def page(
        self, programme_id: int, *, open_only: bool = True, after: tuple[int, int] = (-1, 0), limit: int = PAGE_MAX
    ) -> HeldCommandPage:
        """At most `limit` (1 to 200) held commands behind `after`; with those that were judged unless `open_only`."""
        limit = max(1, min(limit, PAGE_MAX))
        found = await self._source.page(programme_id, open_only=open_only, after=after, limit=limit + 1)
        shown = found[:limit]
        last = (shown[-1].row.bucket, shown[-1].row.position) if len(found) > limit else None
        return HeldCommandPage(held=tuple(map(_view, shown)), next_after=last)

    async def judge(self, programme_id: int, ticket: bytes, *, approved: bool, actor: str, note: str) -> Receipt:
        """Accept for good that a held command is approved or refused; the same again is the same command.

        Raises Missing `held_unknown`, Conflict `held_judged`, Invalid for a reason that is none, Busy, DatabaseDown.
        """
        note = note.strip()
        if not 0 < len(note) <= NOTE_CHARACTERS_MAX:
            raise Invalid(
                f"A reason of 1 to {NOTE_CHARACTERS_MAX} characters is needed.",
                code="invalid_field",
                details={"path": "reason"},
            )
        held = await self._source.one(bucket_of_ticket(ticket), ticket)
        if held is None or held.row.programme_id != programme_id:
            raise Missing("No such command was held for review.", code="held_unknown")
        if held.row.verdict != OPEN and held.row.verdict != (1 if approved else 2):
            status = _STATUSES[held.row.verdict]
            raise Conflict(f"The command was {status} before.", code="held_judged", details={"status": status})
        receipt = await self._submit(_submission(held, approved=approved, actor=actor, note=note))
        # Said again after a crash in between, it is noted then; else the first note stays.
        said = {"id": ticket_text(ticket), "reason": note, "ticket": ticket_text(receipt.ticket)}
        action = "approve" if approved else "refuse"
        await self._source.note_verdict(
            digest16(b"audit", receipt.ticket), programme_id, self._now(), actor, action, said
        )
        return receipt


def _submission(held: HeldCommand, *, approved: bool, actor: str, note: str) -> Submission:
    """In the name of the client that sent the command, whose promos are asked; twice at once is once."""
    action = "held approve" if approved else "held refuse"
    asked = _asked(held)
    clearance = Clearance(
        dialect=Dialect.INTERNAL,
        action=action,
        identity=asked.identity,
        target=held.row.ticket,
        approved=approved,
        actor=actor,
        note=note,
    )
    key = b"h" + held.row.ticket + action.encode()
    return Submission(
        programme_id=held.row.programme_id,
        client_id=held.client_id,
        command=clearance,
        key=key,
        # Who says so, and why, makes no other command of it.
        content=content_digest(key),
        body=b"",
    )


def _asked(held: HeldCommand) -> Reward:
    try:
        asked = decode_command(held.facts)
    except msgspec.DecodeError as error:
        raise Broken("A held command cannot be read back.", code="log_damaged") from error
    if not isinstance(asked, Reward):
        raise Broken("What was held for review is no reward.", code="log_damaged")
    return asked


def _view(held: HeldCommand) -> HeldCommandView:
    asked = _asked(held)
    return HeldCommandView(
        ticket=ticket_text(held.row.ticket),
        status=_STATUSES[held.row.verdict],
        member={"kind": asked.identity.kind, "value": asked.identity.value},
        facts=tuple(fact.trigger.value for fact in asked.facts),
        amount_minor=sum(fact.amount_minor or 0 for fact in asked.facts),
        occurred_at=asked.facts[0].occurred_at,
        recorded_at=held.recorded_at,
        install_id=asked.install_id,
    )
