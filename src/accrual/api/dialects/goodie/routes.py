"""Goodie's three routes: a posting, the same only asked, a member's points. HTTP itself and the engine are elsewhere."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from accrual.api.call import Call, Engine, Reply
from accrual.api.dialects.goodie import reply
from accrual.api.dialects.goodie.headers import device_of
from accrual.api.dialects.goodie.standing import standing_of
from accrual.api.dialects.goodie.translate import CUSTOM_EVENT, identity_of, translate
from accrual.api.dialects.goodie.wire import Posting, read
from accrual.api.dialects.keys import key_of
from accrual.api.dialects.tolerant import Fields, Misread, read_identifier
from accrual.api.query import read_query
from accrual.domain.commands import Submission
from accrual.domain.errors import Broken, Busy, KeyReused, Missing, Refused
from accrual.engine.event_rules import EventRules
from accrual.engine.views import TicketView

RIGHT = "goodie"
UNDECIDED = "It was accepted and is not decided yet; send the same again a little later."
PARKED = "The posting could not be processed; it is kept, and will be tried again."
PASSED_ON_MAX = 16
"""How often a posting may be passed on, for a member who became another who became another."""

Find = Callable[[bytes], Awaitable[TicketView | None]]
"""A command by its ticket."""


class GoodieRoutes:
    """The routes; `deadline_s` is how long a caller is kept waiting for the outcome."""

    def __init__(self, *, deadline_s: float) -> None:
        self._deadline_s = deadline_s
        self._rules = EventRules(CUSTOM_EVENT)

    async def posting(self, call: Call, engine: Engine) -> Reply:
        """POST /api-rest/promotion/posting: judge, book, and say what it gave. Raises AccrualError, for `failure`."""
        posting, submission = await self._read(call, engine)
        try:
            receipt = await engine.submit(submission)
        except KeyReused as error:
            raise _reused(posting) from error
        view = await engine.wait(receipt, deadline_s=self._deadline_s)
        return await self._answer(call, engine, posting, view, engine.ticket, is_posted=True)

    async def inquiry(self, call: Call, engine: Engine) -> Reply:
        """POST /api-rest/promotion/inquiry: what a posting of this would give now, or gave; nothing is posted."""
        posting, submission = await self._read(call, engine)
        try:
            previewed = await engine.preview(submission, call.now)
        except KeyReused as error:
            raise _reused(posting) from error
        followed = {each.ticket: each for each in previewed.followed}

        async def find(ticket: bytes) -> TicketView | None:
            return followed.get(ticket) or await engine.ticket(ticket)

        return await self._answer(call, engine, posting, previewed.view, find, is_posted=False)

    async def points(self, call: Call, engine: Engine) -> Reply:
        """GET /api-rest/member/points: what a member has. Raises AccrualError, for `failure` to render."""
        member_id, merchant_id = _read_query(call.query)
        identity = identity_of(member_id, call.catalogue.settings)
        view = await engine.member(call.client.programme_id, identity, limit=1, before=None)
        if view is None:
            raise Missing("There is no such member.", code="member_unknown")
        return reply.points(standing_of(view, call.catalogue, member_id=member_id, merchant_id=merchant_id))

    async def _read(self, call: Call, engine: Engine) -> tuple[Posting, Submission]:
        posting = read(call.body)
        key = b"" if posting.basic is not None else key_of(call, engine)
        name = await engine.member_name(
            call.client.programme_id, identity_of(posting.member_id, call.catalogue.settings)
        )
        return posting, translate(
            posting,
            catalogue=call.catalogue,
            client=call.client,
            rules=self._rules,
            now=call.now,
            key=key,
            body=call.body,
            member_name=name or "",
            device=device_of(call.headers),
        )

    async def _answer(
        self, call: Call, engine: Engine, posting: Posting, view: TicketView | None, find: Find, *, is_posted: bool
    ) -> Reply:
        """The reply to what was decided. Raises Busy: not yet; Broken: it cannot be; Missing, Refused: not for this one."""
        judged = await _find_judged(view, find)
        if view is None or judged is None or judged.status == "waiting":
            raise Busy(UNDECIDED, details={"retry_after_s": 1})
        if judged.status == "parked":
            raise Broken(PARKED)
        _refuse(judged)
        decided_by = call.catalogue
        if judged.revision is not None and judged.revision != decided_by.revision:
            decided_by = await engine.catalogue_at(judged.programme_id, judged.revision)
        return reply.posted(
            posting,
            view,
            judged,
            decided_by,
            lambda code, version: self._rules.named_by(decided_by, code, version),
            is_posted=is_posted,
        )


async def _find_judged(view: TicketView | None, find: Find) -> TicketView | None:
    """The command that was judged: a posting's own or, for a member who became another, what it was passed on as.

    None when that is not to be had yet. A posting has no other follow-ups.
    """
    for _ in range(PASSED_ON_MAX):
        if view is None or not view.complete:
            return None
        if not view.follow_ups:
            return view
        view = await find(view.follow_ups[0])
    return None


def _reused(posting: Posting) -> KeyReused:
    what = "refNumber" if posting.basic is not None else "Idempotency-Key"
    return KeyReused(f"This {what} was used before, with another content.")


def _refuse(view: TicketView) -> None:
    """Raises Missing `member_unknown`, or Refused, where the programme itself declined all of it."""
    declined = next((each for each in view.declines if each.promo is None), None)
    if declined is None or view.awards:
        return
    if declined.reason == "member_unknown":
        raise Missing("There is no such member.", code="member_unknown")
    raise Refused(declined.text)


def _read_query(query: str) -> tuple[str, str]:
    """memberId and merchantId. Raises Misread, and Invalid `invalid_field` when there are too many fields."""
    sent = read_query(query)
    fields = Fields({name: values[-1] for name, values in sent.items()})
    member_id = read_identifier(fields, "memberid", code="invalid_identity")
    merchant_id = read_identifier(fields, "merchantid")
    if member_id is None:
        raise Misread(fields.spelling("memberId"), "is needed.", code="invalid_identity")
    if merchant_id is None:
        raise Misread(fields.spelling("merchantId"), "is needed.")
    return member_id, merchant_id
