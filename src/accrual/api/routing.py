"""What can be mounted at a path, and how an answer is put on the wire; which paths there are is said in mount."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from typing import Any

import msgspec

from accrual.api import auth
from accrual.api.call import Call, Caller, Engine, Reply
from accrual.domain.errors import AccrualError
from accrual.domain.programme import Catalogue, StoredClient

_NO_STORE = (b"cache-control", b"no-store")

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Failure = Callable[[AccrualError, str], Reply]
"""Renders an error in a dialect's own shape; the text is the id under which the request was logged."""
Authenticate = Callable[[Caller, Engine], tuple[StoredClient, Catalogue]]
"""Finds the client who calls, with its programme, before the body is read. Raises Unauthorized."""


class Mounted(msgspec.Struct, frozen=True, kw_only=True):
    """One path that clients may call. `name` is its label in the metrics; `path` may hold `{parts}`.

    A client without any of `rights` is refused before its body is read; which of them a call needs may depend on the body.
    `authenticate` is for dialects that name or prove the client in headers of their own.
    """

    name: str
    path: str
    methods: frozenset[str]
    answer: Callable[[Call, Engine], Awaitable[Reply]]
    failure: Failure
    body_bytes_max: int
    rights: Sequence[str]
    authenticate: Authenticate = auth.authenticate


class Probe(msgspec.Struct, frozen=True, kw_only=True):
    """One path that is open to whoever reaches the port and reads no body: health, metrics, the API's description.

    With `token` it answers only who sends this as a bearer token.

    `asks` answers in place of `answer` where the query says which part is wanted; it is given the query's text.
    """

    name: str
    path: str
    answer: Callable[[], Awaitable[Reply]]
    methods: frozenset[str] = frozenset({"GET"})
    asks: Callable[[str], Awaitable[Reply]] | None = None
    token: str | None = None


def allows(methods: frozenset[str], method: str) -> bool:
    """HEAD goes wherever GET does; the server leaves out the body."""
    return method in methods or (method == "HEAD" and "GET" in methods)


async def send_reply(
    send: Send, reply: Reply, *, extra: Mapping[str, str] | None = None, close: bool = False, private: bool = False
) -> None:
    """Put a whole reply on the wire; `close` ends the connection after it, `private` keeps it out of every cache."""
    headers = [
        (b"content-type", reply.media_type.encode("latin-1")),
        (b"content-length", b"%d" % len(reply.body)),
    ]
    for more in (reply.headers, extra):
        if more:
            headers.extend((name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in more.items())
    if private:
        headers.append(_NO_STORE)
    if close:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body})
