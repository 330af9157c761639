"""Reads a ticket as people paste it: a UUID, with or without the prefix of either Qoin form. No ticket is looked up."""

from __future__ import annotations

from accrual.api.dialects.qoin.tickets import read_ticket_id
from accrual.domain.errors import Invalid


def read_ticket(text: str) -> bytes:
    """The ticket in `text`. Raises Invalid `ticket_malformed`."""
    ticket = read_ticket_id(text)
    if ticket is None:
        raise Invalid("This is no ticket.", code="ticket_malformed")
    return ticket
