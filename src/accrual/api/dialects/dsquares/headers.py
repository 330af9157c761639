"""Who calls, by dsquares' own header: ClientId names the client, and the key proves it. Rights are the routes'."""

from __future__ import annotations

from accrual.api import auth
from accrual.api.call import Caller, Engine
from accrual.api.dialects.tolerant import fold
from accrual.domain.errors import Unauthorized
from accrual.domain.programme import Catalogue, StoredClient

_CLIENT_ID = fold("ClientId")


def authenticate(caller: Caller, engine: Engine) -> tuple[StoredClient, Catalogue]:
    """The client that ClientId names: by its code where a key comes too, as the key itself where the client is marked so.

    Raises Unauthorized.
    """
    named = {value.strip() for name, value in caller.headers.items() if fold(name) == _CLIENT_ID}
    named.discard("")
    if len(named) != 1:
        raise Unauthorized("The request carries different ClientIds." if named else "The header ClientId is needed.")
    client_id = named.pop()
    if auth.carries_key(caller.headers):
        found = auth.authenticate(caller, engine)
        if found[0].client.code != client_id and found[0] is not _secret(client_id, engine)[0]:
            raise Unauthorized("The key is not that of this ClientId.")
        return found
    return _secret(client_id, engine)


def _secret(client_id: str, engine: Engine) -> tuple[StoredClient, Catalogue]:
    """The client whose key this ClientId is, if it may be used so. Raises Unauthorized without saying which it was."""
    refused = Unauthorized("The ClientId is not known, or its key is missing: send it in the header API-Key.")
    try:
        found = auth.client_of_key(client_id, engine)
    except Unauthorized:
        raise refused from None
    if not found[0].client.client_id_is_secret:
        raise refused
    return found
