"""Turns a processor's call into a command with its key and content; pure, and the only place that knows its meaning."""

from __future__ import annotations

from datetime import datetime

import msgspec

from accrual.api.dialects.qoin.facts import (
    REFERRALS,
    facts_of,
    find_inadmissible,
    find_too_large,
    identity_of,
    known_value,
    need_items,
    read_amounts,
    read_lines,
    sharer_of,
)
from accrual.api.dialects.qoin.routing import find_route
from accrual.api.dialects.qoin_processor.wire import ITEM_NAMES, ProcessorCall, read
from accrual.api.dialects.tolerant import Misread, read_body
from accrual.domain.commands import Dialect, Reward, Submission, content_digest
from accrual.domain.facts import Identity
from accrual.domain.programme import Catalogue, KeyScope, StoredClient

_CANONICAL = msgspec.msgpack.Encoder()
_ITEMS = ProcessorCall._fields.index("items")


def translate(
    call: ProcessorCall, *, catalogue: Catalogue, client: StoredClient, now: datetime, key: bytes, body: bytes
) -> Submission:
    """The submission that a call asks for, with its refusal where a date is out of range. Raises Misread: it cannot be read."""
    call = _named(call, catalogue)
    amounts = _amounts(call, catalogue)
    try:
        identity = _identity(call)
        lines = read_lines(call.items, amounts, ITEM_NAMES, catalogue.settings)
    except Misread as error:
        raise call.misread(error) from error
    refusal = find_inadmissible(call.items, lines, ITEM_NAMES, catalogue.settings, now)
    command = Reward(
        dialect=Dialect.QOIN_PROCESSOR,
        action=call.action,
        identity=identity,
        facts=facts_of(call.action, lines, sharer_of(call.id_user_share), client.client.default_outlet),
    )
    refusal = refusal or find_too_large(command, ITEM_NAMES, call.data, catalogue.settings)
    return Submission(
        programme_id=catalogue.programme_id,
        client_id=client.client_id,
        command=command,
        key=key,
        content=_content(call, amounts),
        body=body,
        key_scope_client=client.client.key_scope is KeyScope.CLIENT,
        refusal=None if refusal is None else call.misread(refusal),
    )


def content_of(raw: bytes, catalogue: Catalogue, client: StoredClient) -> bytes:
    """The 16-byte content digest of stored bytes by today's translator. `client` is there for dialects that need it.

    Dates are digested as sent, so a body that has grown too old meanwhile is no error here. Raises Invalid.
    """
    envelope = read_body(raw)
    call = _named(read(envelope, find_route(envelope).action), catalogue)
    return _content(call, _amounts(call, catalogue))


def _identity(call: ProcessorCall) -> Identity:
    """Who is rewarded: the receiver of a referral, else `id`.

    A `clientid` in the receiver's place is what the processor itself passes on for the sharer; it names a client, so
    it is never read as a member.
    """
    if call.action in REFERRALS:
        return identity_of(call.id_user_receive, call.data, "id_user_receive")
    return identity_of(call.id, call.data, "id")


def _named(call: ProcessorCall, catalogue: Catalogue) -> ProcessorCall:
    """The call with all members in the programme's one spelling. Raises Misread `invalid_identity`."""
    settings, data = catalogue.settings, call.data
    try:
        return call._replace(
            id=known_value(call.id, settings, data, "id"),
            id_user_receive=known_value(call.id_user_receive, settings, data, "id_user_receive"),
            id_user_share=known_value(call.id_user_share, settings, data, "id_user_share"),
        )
    except Misread as error:
        raise call.misread(error) from error


def _amounts(call: ProcessorCall, catalogue: Catalogue) -> tuple[int | None, ...]:
    try:
        need_items(call.action, call.items, ITEM_NAMES, call.data)
        return read_amounts(call.action, call.items, ITEM_NAMES, catalogue.settings.minor_units)
    except Misread as error:
        raise call.misread(error) from error


def _content(call: ProcessorCall, amounts: tuple[int | None, ...]) -> bytes:
    """All that the client said, spelling, routing and transport fields (envelope Date, signature) left out."""
    items = [(item.date, amount, item.product) for item, amount in zip(call.items, amounts, strict=True)]
    return content_digest(_CANONICAL.encode(("qoin_processor", call[:_ITEMS], items)))
