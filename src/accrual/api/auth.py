"""Whose key a request carries: the four headers a client may use, and the look-up. A dialect's own header is read there."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from accrual.api.addresses import is_beyond
from accrual.api.call import Caller, Engine
from accrual.domain.errors import Forbidden, Invalid, Unauthorized
from accrual.domain.programme import Catalogue, StoredClient
from accrual.domain.rights import has_right

KEY_CHARACTERS_MAX = 512
_KEY_HEADERS = ("api-key", "api_key", "x-api-key")
_CREDENTIALS = frozenset({"apikey", "xapikey", "authorization", "authtoken", "clientid", "deviceuniqueid"})
_IDEMPOTENCY_KEY = "idempotencykey"


def key_of(headers: Mapping[str, str]) -> str:
    """The key a request carries, trimmed. Raises Unauthorized when there is none, or two that differ."""
    found = {headers[name].strip() for name in _KEY_HEADERS if name in headers}
    authorization = headers.get("authorization")
    if authorization is not None:
        scheme, _, token = authorization.strip().partition(" ")
        if scheme.lower() == "bearer":
            found.add(token.strip())
    found.discard("")
    if not found:
        raise Unauthorized("No key was sent; send it in the header API-Key or as Authorization: Bearer.")
    if len(found) > 1:
        raise Unauthorized("The request carries different keys.")
    return found.pop()


def refuse_repeated(headers: Iterable[tuple[bytes, bytes]]) -> None:
    """Raises Unauthorized for a header that names or proves the client and is sent twice, also with equal values.

    A proxy and this server could each read another of the two. For the same reason a second Idempotency-Key is Invalid.
    Names are lower-case; `-` and `_` do not count.
    """
    seen: set[str] = set()
    for raw, _ in headers:
        name = raw.decode("latin-1")
        if name not in seen:
            seen.add(name)
            continue
        folded = name.replace("-", "").replace("_", "")
        if folded in _CREDENTIALS:
            raise Unauthorized(f"The header {name} is sent more than once; send it once.")
        if folded == _IDEMPOTENCY_KEY:
            raise Invalid(f"The header {name} is sent more than once; send it once.", code="invalid_field")


def carries_key(headers: Mapping[str, str]) -> bool:
    """Whether a request claims to come from somebody: a header for a key is there, even an empty one."""
    return "authorization" in headers or any(name in headers for name in _KEY_HEADERS)


def authenticate(caller: Caller, engine: Engine) -> tuple[StoredClient, Catalogue]:
    """The client whose key the request carries, with its programme. Raises Unauthorized."""
    return client_of_key(key_of(caller.headers), engine)


def client_of_key(key: str, engine: Engine) -> tuple[StoredClient, Catalogue]:
    """The client with this key, wherever a dialect found it, with its programme. Raises Unauthorized.

    Only the SHA-256 of the key is compared, by a dictionary: its timing tells nothing about the key.
    """
    if len(key) > KEY_CHARACTERS_MAX:
        raise Unauthorized("The key is not known.")
    found = engine.client_by_key(hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest())
    if found is None:
        raise Unauthorized("The key is not known.")
    return found


def require_token(headers: Mapping[str, str], token: str) -> None:
    """Raises Unauthorized unless the request carries this bearer token; how long it takes tells nothing about it."""
    scheme, _, sent = headers.get("authorization", "").strip().partition(" ")
    if scheme.lower() != "bearer" or not hmac.compare_digest(sent.strip().encode(), token.encode()):
        raise Unauthorized("Send the token of this page as Authorization: Bearer.")


def refuse_demo(scope: Mapping[str, Any], *, open_address: bool) -> None:
    """Raises Unauthorized `demo_not_local` for a call of a demo programme on an address that other machines reach.

    Its keys are public. The address that the call came in on counts as well as what the server was told to listen on.
    """
    server = scope.get("server")
    if open_address or (server is not None and is_beyond(str(server[0]))):
        raise Unauthorized(
            "Keys of a programme marked `demo: true` are public and work on a loopback address only, not on this one. "
            "Use a programme of your own with keys of its own, or call 127.0.0.1 on a server that listens there.",
            code="demo_not_local",
        )


def require_right(client: StoredClient, right: str) -> None:
    """Raises Forbidden unless the client has this right, such as `read`."""
    if not has_right(client.client.rights, right):
        raise Forbidden(f"This client has no right to {right}.", details={"right": right})


def require_any_right(client: StoredClient, rights: Sequence[str]) -> None:
    """Raises Forbidden unless the client has at least one of these rights."""
    given = client.client.rights
    for right in rights:
        if right in given:
            return
    if not any(has_right(given, right) for right in rights):
        if len(rights) == 1:
            require_right(client, rights[0])
        raise Forbidden(f"This client has none of the rights {', '.join(rights)}.", details={"rights": list(rights)})
