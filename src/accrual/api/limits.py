"""How much one request may hold, and how its body is read; the numbers themselves come from settings."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

import msgspec

from accrual.api.admission import SMALL_BODY_BYTES
from accrual.domain.errors import Invalid, TooLarge

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Hold = Callable[[int], None]
"""Counts bytes of a body as held; raises Busy where there is no room for them."""

DISCARD_TIMES = 16
"""A body up to this many times the limit is read and thrown away, so that its sender lives to read the refusal."""


class EdgeLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What the edge allows: bytes of a body (of a bulk body), seconds to send it, requests in progress at once.

    `client_requests_max` of them may be one client's. `held_bytes_max` are bytes of all bodies over 64 KiB that are held at
    once, `client_held_bytes_max` those of one client; one body of the largest size always fits.
    `answer_deadline_s` is how long a partner who expects the outcome in the reply is kept waiting for it.
    """

    body_bytes_max: int = 1 << 20
    bulk_body_bytes_max: int = 8 << 20
    body_timeout_s: float = 10.0
    requests_max: int = 512
    client_requests_max: int = 128
    held_bytes_max: int = 64 << 20
    client_held_bytes_max: int = 16 << 20
    answer_deadline_s: float = 10.0


class Gone(Exception):
    """The caller hung up before the request was whole; there is nobody to answer."""


class TooSlow(Invalid):
    """The body did not arrive in time."""


async def read_body(
    receive: Receive, headers: Mapping[str, str], *, bytes_max: int, timeout_s: float, hold: Hold
) -> bytes:
    """The whole body, at most `bytes_max` bytes, sent within `timeout_s`. Bodies over 64 KiB are counted with `hold` first.

    Raises TooLarge (at once where Content-Length says so), TooSlow, Gone, Busy, Invalid for a Content-Length that is no number.
    """
    declared = headers.get("content-length")
    if declared is not None:
        if not (declared.isascii() and declared.isdigit()):
            raise Invalid("Content-Length is not a number.")
        if _exceeds(declared, bytes_max):
            raise _too_large(bytes_max)
        if int(declared) > SMALL_BODY_BYTES:
            hold(int(declared))
    try:
        async with asyncio.timeout(timeout_s):
            return await _read(receive, await receive(), bytes_max, None if declared else hold)
    except TimeoutError as error:
        raise TooSlow(f"The body did not arrive within {timeout_s:g} seconds.") from error


def may_stay_open(headers: Mapping[str, str], bytes_max: int, *, known: bool = True) -> bool:
    """Whether a connection is worth keeping whose request is refused with its body unread.

    Yes when the body is declared and small enough to be thrown away as it comes, or when there is none. For callers that
    are not `known` the bound is 64 KiB, so that nobody without a key keeps the server reading.
    """
    declared = headers.get("content-length")
    if declared is None:
        return "transfer-encoding" not in headers
    discard_max = bytes_max * DISCARD_TIMES if known else SMALL_BODY_BYTES
    return declared.isascii() and declared.isdigit() and not _exceeds(declared, discard_max)


def _exceeds(declared: str, bytes_max: int) -> bool:
    return len(declared) > 18 or int(declared) > bytes_max


async def _read(receive: Receive, message: Message, bytes_max: int, hold: Hold | None) -> bytes:
    """The body; with `hold`, because its length was not declared, its bytes are counted as they come."""
    if message["type"] == "http.disconnect":
        raise Gone
    body: bytes = message.get("body", b"")
    if len(body) <= bytes_max and not message.get("more_body", False):
        return body
    chunks = [body]
    size = len(body)
    held = 0
    while message.get("more_body", False):
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Gone
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > bytes_max * DISCARD_TIMES:
            raise _too_large(bytes_max)
        if size > bytes_max:
            chunks.clear()
        else:
            chunks.append(chunk)
            if hold is not None and size > SMALL_BODY_BYTES:
                hold(size - held)
                held = size
    if size > bytes_max:
        raise _too_large(bytes_max)
    return b"".join(chunks)


def _too_large(bytes_max: int) -> TooLarge:
    return TooLarge(f"The body is larger than {bytes_max} bytes.", details={"bytes_max": bytes_max})
