"""Which rights a native call needs, and what of a ticket a client may see; the rights themselves are named in the domain."""

from __future__ import annotations

from typing import Any

import msgspec

from accrual.api.auth import require_right
from accrual.domain.native import NativeCommand
from accrual.domain.programme import StoredClient
from accrual.domain.rights import has_right
from accrual.engine.translate_moves import require_move_right
from accrual.engine.views import TicketView

RIGHTS_TO_CHANGE_MEMBERS = ("profile", "tiers")
RIGHTS_TO_MOVE = ("points", "grant", "adjust", "merge")
RIGHTS_TO_COMMAND = ("submit", *RIGHTS_TO_CHANGE_MEMBERS, *RIGHTS_TO_MOVE)
"""One of these is needed to send a command at all; which one depends on what it carries."""

RIGHTS_TO_BROWSE = ("read", *RIGHTS_TO_COMMAND)
"""One of these is needed to see the rewards and draws of the programme, which name no member."""

RIGHTS_TO_READ = ("read",)
RIGHTS_TO_READ_TICKETS = (*RIGHTS_TO_READ, *RIGHTS_TO_COMMAND)
RIGHTS_TO_OPERATE = ("operate",)
RIGHTS_TO_RUN_PROMOS = ("promos",)

MASKED = "********"
_DETAILS_WITH_CODES = ("codes", "voucher")


def require_command_rights(client: StoredClient, command: NativeCommand) -> None:
    """Raises Forbidden unless the client may send what this command carries.

    Facts need `submit`, a profile `profile`, a tier in it `tiers`, a movement the right of its kind.
    """
    profile = command.profile
    if profile is not None:
        if profile.tier is not None:
            require_right(client, "tiers")
        if command.member_name is not None or msgspec.structs.replace(profile, tier=None) != type(profile)():
            require_right(client, "profile")
    elif command.move is not None:
        require_move_right(client, command.move)
    else:
        require_right(client, "submit")


def may_read_ticket(client: StoredClient, view: TicketView) -> bool:
    """Whether a client may read this ticket: its own, or with the right `read` any of its programme."""
    if view.programme_id != client.programme_id:
        return False
    return view.client_id == client.client_id or has_right(client.client.rights, "read")


def with_visible_codes(client: StoredClient, view: TicketView) -> TicketView:
    """The ticket with its voucher codes masked, unless the client sent the command or has the right `codes`."""
    if view.client_id == client.client_id or has_right(client.client.rights, "codes"):
        return view
    return msgspec.structs.replace(
        view,
        awards=tuple(msgspec.structs.replace(award, details=_masked(award.details)) for award in view.awards),
        booked=tuple(msgspec.structs.replace(booked, details=_masked(booked.details)) for booked in view.booked),
        declines=tuple(msgspec.structs.replace(decline, details=_masked(decline.details)) for decline in view.declines),
    )


def _masked(details: dict[str, Any] | None) -> dict[str, Any] | None:
    if details is None or not any(name in details for name in _DETAILS_WITH_CODES):
        return details
    return details | {name: _mask(details[name]) for name in _DETAILS_WITH_CODES if name in details}


def _mask(value: Any) -> Any:
    return [MASKED for _ in value] if isinstance(value, list | tuple) else MASKED
