"""Makes the answer to a fetched ticket: still in process, the grant list, or parked. Pure; nothing is looked up here."""

from __future__ import annotations

from typing import Any

from accrual.api.call import Reply
from accrual.api.dialects.qoin.replies import IN_PROCESS, PROCESSED, Envelope, encode
from accrual.api.dialects.qoin.routing import Route
from accrual.api.dialects.qoin.tickets import processor_ticket_id, task_ticket_id
from accrual.domain.commands import Dialect
from accrual.engine.views import AwardView, TicketView

PARKED = "The request could not be processed; it is kept, and will be tried again."


def result_of(view: TicketView, route: Route, client_number: int) -> Reply:
    """The task's envelope for a ticket of either dialect; its HTTP status is its StatusCode."""
    result: dict[str, Any] | None = None
    status, message, status_code = "success", IN_PROCESS, 200
    if view.status == "parked":
        status, message, status_code = "failed", PARKED, 500
    elif view.complete:
        result, message = {"Data": [_grant(award) for award in view.awards]}, PROCESSED
    if view.dialect == Dialect.QOIN_PROCESSOR:
        ticket_id = processor_ticket_id(view.action, view.ticket)
    else:
        ticket_id = task_ticket_id(client_number, view.ticket)
    envelope = Envelope(
        ticket_id=ticket_id,
        subject=route.subject,
        subject_type=route.subject_type,
        subject_identifier=route.subject_identifier,
        action=view.action,
        result=result,
        status=status,
        message=message,
        status_code=status_code,
    )
    return Reply(status=status_code, body=encode(envelope))


def _grant(award: AwardView) -> dict[str, Any]:
    """One entry of the grant list, as the seed's third blocks show it."""
    return {
        "asset": award.asset,
        "value": award.amount,
        "promo_id": award.promo_number,
        "assetname": award.name,
        "assetcode": award.code,
    }
