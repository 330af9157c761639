"""Turns a task into a command with its key and content; pure, and the only place that says what its fields mean."""

from __future__ import annotations

from datetime import datetime

import msgspec

from accrual.api.dialects.qoin.facts import (
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
from accrual.api.dialects.qoin_task.wire import ITEM_NAMES, TaskCall, read
from accrual.api.dialects.tolerant import Misread, read_body
from accrual.domain.commands import Dialect, Reward, Submission, content_digest
from accrual.domain.programme import Catalogue, InstallId, KeyScope, StoredClient

_CANONICAL = msgspec.msgpack.Encoder()
_ITEMS = TaskCall._fields.index("items")


def translate(
    call: TaskCall, *, catalogue: Catalogue, client: StoredClient, now: datetime, key: bytes, body: bytes
) -> Submission:
    """The submission that a task asks for, with its refusal where a date is out of range. Raises Misread: it cannot be read."""
    call = _named(call, catalogue)
    amounts = _amounts(call, catalogue)
    try:
        identity = identity_of(call.user_id, call.data, "userId")
        lines = read_lines(call.items, amounts, ITEM_NAMES, catalogue.settings)
    except Misread as error:
        raise call.misread(error) from error
    refusal = find_inadmissible(call.items, lines, ITEM_NAMES, catalogue.settings, now)
    command = Reward(
        dialect=Dialect.QOIN_TASK,
        action=call.action,
        identity=identity,
        facts=facts_of(call.action, lines, sharer_of(call.user_id_share), client.client.default_outlet),
        install_id=call.install_id,
        device_type=call.device_type,
        unique_install=call.install_id is not None and client.client.install_id is InstallId.UNIQUE,
    )
    refusal = refusal or find_too_large(command, ITEM_NAMES, call.data, catalogue.settings)
    return Submission(
        programme_id=catalogue.programme_id,
        client_id=client.client_id,
        command=command,
        key=key,
        content=_content(call, amounts),
        body=body,
        name=call.member_name,
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


def _named(call: TaskCall, catalogue: Catalogue) -> TaskCall:
    """The call with both members in the programme's one spelling. Raises Misread `invalid_identity`."""
    try:
        return call._replace(
            user_id=known_value(call.user_id, catalogue.settings, call.data, "userId"),
            user_id_share=known_value(call.user_id_share, catalogue.settings, call.data, "userIdShare"),
        )
    except Misread as error:
        raise call.misread(error) from error


def _amounts(call: TaskCall, catalogue: Catalogue) -> tuple[int | None, ...]:
    try:
        need_items(call.action, call.items, ITEM_NAMES, call.data)
        return read_amounts(call.action, call.items, ITEM_NAMES, catalogue.settings.minor_units)
    except Misread as error:
        raise call.misread(error) from error


def _content(call: TaskCall, amounts: tuple[int | None, ...]) -> bytes:
    """All that the client said, spelling and transport fields (envelope Date, signature) left out."""
    items = [(item.date, amount, item.product) for item, amount in zip(call.items, amounts, strict=True)]
    return content_digest(_CANONICAL.encode(("qoin_task", call[:_ITEMS], items)))
