"""How validation codes reach members: what a sender is asked, and the one that leaves it to the outbox. Nothing is sent here."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

import msgspec

from accrual.domain.facts import Identity

VALIDATION_EVENT = "reward.validation_code"


class ValidationCode(msgspec.Struct, frozen=True, kw_only=True):
    """A code on its way to a member, who completes the redemption of this ticket with it until `expires_at`."""

    ticket: bytes
    member: Identity
    member_name: str | None
    reward: str
    reward_name: str
    code: str
    expires_at: datetime


class CodeSender(Protocol):
    """Says which event leaves, in the transaction that sets the points aside, so that the code reaches the member.

    It is asked while a batch is decided and may be asked again for the same redemption: it does no input or output
    itself and answers the same each time. Whoever reads the outbox does the sending.
    """

    def event(self, message: ValidationCode) -> tuple[str, bytes]:
        """The kind of the event, and its payload."""


class OutboxSender:
    """Writes an event `reward.validation_code` that has all there is to say, as JSON."""

    def event(self, message: ValidationCode) -> tuple[str, bytes]:
        """The event; its payload is the only place where the code stands."""
        return VALIDATION_EVENT, msgspec.json.encode(
            {
                "ticket": message.ticket.hex(),
                "member": {"kind": message.member.kind, "value": message.member.value, "name": message.member_name},
                "reward": message.reward,
                "reward_name": message.reward_name,
                "code": message.code,
                "expires_at": message.expires_at,
            }
        )


OUTBOX = OutboxSender()
"""The sender where none other is wired."""
