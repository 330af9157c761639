"""The routes for referrals that are held for review: look through them, approve or refuse one. Nothing is decided here."""

from __future__ import annotations

import re
import uuid

import msgspec

from accrual.api.call import Call, Engine, Reply
from accrual.api.native.reply import receipt_json, reply
from accrual.api.query import read_query
from accrual.api.strict_json import Reader, refuse_number
from accrual.domain.errors import Invalid, Missing
from accrual.domain.ids import is_ticket
from accrual.engine.render import ticket_json

STATUSES = ("held", "all")
ACTIONS = ("approve", "refuse")
_PLACE = re.compile(r"[0-9]{1,18}\Z", re.ASCII)
_ENCODER = msgspec.json.Encoder()


class VerdictBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why a held referral is approved or refused."""

    reason: str


class ReferralRoutes:
    """What each route asks of the engine; a verdict waits so many seconds for its outcome."""

    def __init__(self, wait_s: float) -> None:
        self._wait_s = wait_s

    async def page(self, call: Call, engine: Engine) -> Reply:
        """GET /v1/referrals: one page of what is held for review, with `status=all` of what ever was."""
        query = read_query(call.query)
        status = query.get("status", ["held"])[-1]
        if status not in STATUSES:
            words = ", ".join(STATUSES)
            raise Invalid(f"`status` is one of {words}.", code="invalid_field", details={"path": "status"})
        after = query.get("after", ["0"])[-1]
        if not _PLACE.match(after):
            raise Invalid("`after` is the page before's next_after.", code="invalid_field", details={"path": "after"})
        page = await engine.referrals.page(call.client.programme_id, open_only=status == "held", after=int(after))
        return Reply(status=200, body=_ENCODER.encode(page))

    async def judge(self, call: Call, engine: Engine) -> Reply:
        """POST /v1/referrals/{id}/approve or refuse: 200 with the outcome, 202 when that takes longer."""
        action = call.params["action"]
        if action not in ACTIONS:
            raise Missing(f"There is no such step; there are {', '.join(ACTIONS)}.", code="unknown_route")
        receipt = await engine.referrals.judge(
            call.client.programme_id,
            read_id(call.params["id"]),
            approved=action == "approve",
            actor=f"client {call.client.client.code}",
            note=_read_body(call.body).reason,
        )
        view = await engine.wait(receipt, deadline_s=self._wait_s)
        if view is None:
            return reply(202, receipt_json(receipt))
        return reply(200, receipt_json(receipt) | {"outcome": ticket_json(view)})


def read_id(text: str) -> bytes:
    """The ticket of the claim that was held. Raises Missing when the text is none."""
    try:
        claim = uuid.UUID(text).bytes
    except ValueError as error:
        raise Missing("No such referral was held for review.", code="referral_unknown") from error
    if not is_ticket(claim):
        raise Missing("No such referral was held for review.", code="referral_unknown")
    return claim


_READER = Reader(lambda number: refuse_number("a verdict holds no number"))


def _read_body(raw: bytes) -> VerdictBody:
    document = _READER.read(raw) if raw.strip() else {}
    try:
        return msgspec.convert(document, VerdictBody)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at `$")
        details = {"path": path.rstrip("`").lstrip(".")} if path else {}
        raise Invalid(f"{message}.", code="invalid_field", details=details) from error
