"""The two routes of both Qoin dialects: a command comes in, a result goes out. HTTP itself and the engine are elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import msgspec

from accrual.api.auth import require_right
from accrual.api.call import Call, Engine, Reply
from accrual.api.dialects.keys import key_of
from accrual.api.dialects.qoin.replies import failure
from accrual.api.dialects.qoin.requestout import result_of
from accrual.api.dialects.qoin.routing import Route, find_route, find_subject
from accrual.api.dialects.qoin.signature import signed_text
from accrual.api.dialects.qoin.tickets import read_ticket_id
from accrual.api.dialects.qoin_processor import reply as processor_reply
from accrual.api.dialects.qoin_processor import translate as processor_translate
from accrual.api.dialects.qoin_processor import wire as processor_wire
from accrual.api.dialects.qoin_task import reply as task_reply
from accrual.api.dialects.qoin_task import translate as task_translate
from accrual.api.dialects.qoin_task import wire as task_wire
from accrual.api.dialects.tolerant import Fields, Misread, read_body, read_object, read_text
from accrual.domain.commands import Dialect, Submission
from accrual.domain.errors import Missing, Unauthorized
from accrual.domain.ids import digest16
from accrual.domain.programme import SignaturePolicy

__all__ = ["failure", "requestin", "requestout"]


class _Speech(NamedTuple):
    """What differs between the two dialects."""

    right: str
    submission: Callable[[Call, Fields, Route, bytes], Submission]
    accepted: Callable[[Route, bytes, int], bytes]


def _task(call: Call, envelope: Fields, route: Route, key: bytes) -> Submission:
    wire = task_wire.read(envelope, route.action)
    return task_translate.translate(
        wire, catalogue=call.catalogue, client=call.client, now=call.now, key=key, body=call.body
    )


def _processor(call: Call, envelope: Fields, route: Route, key: bytes) -> Submission:
    wire = processor_wire.read(envelope, route.action)
    return processor_translate.translate(
        wire, catalogue=call.catalogue, client=call.client, now=call.now, key=key, body=call.body
    )


_SPEECH: Mapping[Dialect, _Speech] = {
    Dialect.QOIN_TASK: _Speech("qoin_task", _task, task_reply.accepted),
    Dialect.QOIN_PROCESSOR: _Speech("qoin_processor", _processor, processor_reply.accepted),
}

RIGHTS = tuple(speech.right for speech in _SPEECH.values())
"""One of these is needed to call at all; which one depends on the envelope."""


async def requestin(call: Call, engine: Engine) -> Reply:
    """Accept one command: the dialect's own reply with its ticket. Raises AccrualError, for `failure` to render."""
    envelope = read_body(call.body)
    route = find_route(envelope)
    speech = _SPEECH[route.dialect]
    require_right(call.client, speech.right)
    key = key_of(call, engine)
    signed = _check_signature(call, envelope, engine)
    if signed is not None and key[:1] == b"r":
        key = b"k\x00signed\x00" + signed
    submission = speech.submission(call, envelope, route, key)
    if signed is not None:
        submission = msgspec.structs.replace(submission, signed=signed)
    receipt = await engine.submit(submission)
    return Reply(status=200, body=speech.accepted(route, receipt.ticket, call.client.client.number))


async def requestout(call: Call, engine: Engine) -> Reply:
    """The result of a ticket of the same client, in the task's envelope. Raises AccrualError, for `failure` to render."""
    envelope = read_body(call.body)
    route = find_subject(envelope)
    require_right(call.client, _SPEECH[route.dialect].right)
    text = read_text(envelope, "ticketid")
    if text is None:
        raise Misread("TicketId", "is needed.")
    ticket = read_ticket_id(text)
    view = await engine.ticket(ticket) if ticket is not None else None
    if view is None or view.client_id != call.client.client_id:
        raise Missing("No command of yours has this TicketId.", code="ticket_unknown")
    return result_of(view, route, call.client.client.number)


def _check_signature(call: Call, envelope: Fields, engine: Engine) -> bytes | None:
    """The digest of what is signed, where the client's policy enforces signatures: it is accepted once.

    It is then also the key of a call without one, so that a repeat is the first command again. Raises Unauthorized
    `signature_invalid` where signatures are enforced; warns where the policy says so.
    """
    policy = call.client.client.signature
    if policy.policy is SignaturePolicy.OFF:
        return None
    text = signed_text(read_object(envelope, "Data").source, policy)
    if policy.policy is SignaturePolicy.ENFORCE:
        if text is None:
            raise Unauthorized("The signature is missing or wrong.", code="signature_invalid")
        return digest16(b"signed", b"%d" % call.client.client_id, text)
    if text is None:
        engine.warn("signature_invalid", call.client.client.code)
    return None
