"""What trying a parked command again is: an internal command of its own, with its own ticket. Reads and writes nothing."""

from __future__ import annotations

from collections.abc import Sequence

from accrual.domain.commands import Dialect, LoggedCommand, Resume, Reward, Submission, content_digest, encode_command
from accrual.domain.errors import Conflict, Refused
from accrual.domain.facts import Identity
from accrual.domain.held import Clearance
from accrual.domain.ids import Ticket, member_of, ticket_of
from accrual.domain.referrals import ToLinks
from accrual.engine.portray import Decoded
from accrual.engine.render import ticket_text

ACTION = "resume"
RETRIES_MAX = 256
"""How often one command may be tried again."""


def retry_key(ticket: bytes, number: int) -> bytes:
    """The key of a command's retry, counted from 0: whoever asks for the same retry at once asks for the same command."""
    return b"p" + ticket + number.to_bytes(2, "big")


def retry_ticket(row: LoggedCommand, identity: Identity, number: int) -> Ticket:
    """The ticket that this retry of a command has, whether or not it was asked for."""
    member_id = member_of(row.programme_id, identity.kind, identity.value)
    return ticket_of(row.programme_id, row.client_id, member_id, retry_key(row.ticket, number), row.bucket)


def next_retry(parked: Decoded, retries: Sequence[Decoded]) -> Submission:
    """The command that tries a parked one again, given the retries there were; one that is under way is joined.

    It is in the name of the same client and member, so it comes to the same bucket behind all that is there. Raises
    Conflict when there is nothing to try again, Refused when trying again cannot help.
    """
    row, command = parked.row, parked.command
    if isinstance(command, Resume):
        raise Conflict(f"This was a retry itself; try again what it tried: {ticket_text(command.ticket)}")
    if not parked.is_parked:
        raise Conflict("This command is not put aside; there is nothing to try again.")
    number = len(retries)
    if retries and not retries[-1].is_parked:
        if retries[-1].outcome is not None:
            raise Conflict(f"It was tried again already, by {ticket_text(retries[-1].row.ticket)}.")
        number -= 1
    if not isinstance(command, Reward | ToLinks | Clearance):
        raise Refused("What is stored of this command cannot be read by this release; another may.")
    if number >= RETRIES_MAX:
        raise Refused(f"This command was tried again {RETRIES_MAX} times; it will not be again.")
    resume = Resume(dialect=Dialect.INTERNAL, action=ACTION, identity=command.identity, ticket=row.ticket)
    return Submission(
        programme_id=row.programme_id,
        client_id=row.client_id,
        command=resume,
        key=retry_key(row.ticket, number),
        content=content_digest(encode_command(resume)),
        body=b"",
    )
