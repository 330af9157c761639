"""The task's reply to a command that was accepted; refusals have the shape that both Qoin dialects share."""

from __future__ import annotations

from accrual.api.dialects.qoin.replies import Envelope, encode
from accrual.api.dialects.qoin.routing import Route
from accrual.api.dialects.qoin.tickets import task_ticket_id


def accepted(route: Route, ticket: bytes, client_number: int) -> bytes:
    """The seed's reply: keys, order and constants as there, the action asked for echoed."""
    return encode(
        Envelope(
            ticket_id=task_ticket_id(client_number, ticket),
            subject=route.subject,
            subject_type=route.subject_type,
            subject_identifier=route.subject_identifier,
            action=route.action,
        )
    )
