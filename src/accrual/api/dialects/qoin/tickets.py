"""How a ticket is written in Qoin's TicketId, in both dialects' forms, and read back. No ticket is looked up."""

from __future__ import annotations

import re

from accrual.domain.ids import Ticket, is_ticket

_FORM = re.compile(
    r"(?:[0-9a-f]{2,64}-|reward:[a-z]{1,40}:)?"
    r"([0-9a-f]{8})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{12})\Z",
    re.ASCII,
)


def _uuid(ticket: bytes) -> str:
    digits = ticket.hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def task_ticket_id(client_number: int, ticket: bytes) -> str:
    """The task's form: hex of the text `<client number>-1`, a hyphen, the ticket as a UUID (45: `34352d31-...`)."""
    return f"{(b'%d-1' % client_number).hex()}-{_uuid(ticket)}"


def processor_ticket_id(command: str, ticket: bytes) -> str:
    """The processor's form: `Reward:<command>:<uuid>`."""
    return f"Reward:{command}:{_uuid(ticket)}"


def read_ticket_id(text: str) -> Ticket | None:
    """The ticket in either form, or in a bare UUID, in any case; None when the text cannot be one of ours."""
    form = _FORM.match(text.strip().lower())
    if form is None:
        return None
    raw = bytes.fromhex("".join(form.groups()))
    return Ticket(raw) if is_ticket(raw) else None
