"""The processor's reply to a command that was accepted; refusals have the shape that both Qoin dialects share."""

from __future__ import annotations

import msgspec

from accrual.api.dialects.qoin.replies import encode
from accrual.api.dialects.qoin.routing import Route
from accrual.api.dialects.qoin.tickets import processor_ticket_id


class _Data(msgspec.Struct, frozen=True, rename={"ticket_id": "TicketId"}):
    ticket_id: str


class _Accepted(msgspec.Struct, frozen=True, kw_only=True):
    code: int = 200
    message: str = "Success"
    data: _Data


def accepted(route: Route, ticket: bytes, client_number: int) -> bytes:
    """The seed's reply: keys, order and constants as there. The client's number has no place in it."""
    return encode(_Accepted(data=_Data(processor_ticket_id(route.action, ticket))))
