"""Which outlet of the programme a point reward's outlet is, and how one that nobody knew becomes an outlet. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

from accrual.domain.errors import Refused
from accrual.domain.programme import Outlet

_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z", re.ASCII)
_NO_CODE = re.compile(r"[^A-Za-z0-9._-]+", re.ASCII)
_KEPT = 48
_DIGEST_DIGITS = 8


def find_outlet(outlets: Iterable[Outlet], name: str, client: str) -> tuple[str, Outlet | None]:
    """The code of the outlet that this client calls so, and the outlet to save where it is new.

    The client's alias counts first, then the code. A name that nobody knew becomes the code of a new outlet; one that
    can be no code gets a code made of it, and is the client's alias for it. A new outlet belongs to this client alone.
    """
    codes = set()
    for outlet in outlets:
        if name in outlet.aliases.get(client, ()):
            return outlet.code, None
        codes.add(outlet.code)
    if name in codes:
        return name, None
    if _CODE.match(name):
        return name, Outlet(code=name, clients=(client,))
    code = code_of(name)
    while code in codes:  # made of another client's name that looks the same
        code = code_of(f"{client} {code}")
    return code, Outlet(code=code, aliases={client: (name,)}, clients=(client,))


def check_owner(outlets: Iterable[Outlet], code: str, client: str) -> None:
    """Raises Refused when the outlet belongs to other clients: their purchases are no business of this client's rules."""
    for outlet in outlets:
        if outlet.code == code and outlet.clients and client not in outlet.clients:
            raise Refused(
                f"The outlet {code} belongs to other clients; only a client that the programme file names under `clients`"
                " of the outlet may make rules for it."
            )


def code_of(name: str) -> str:
    """A code that can be recognised by people, and that no other name has."""
    readable = _NO_CODE.sub("-", name).strip("-._")[:_KEPT] or "OUTLET"
    return f"{readable}-{hashlib.sha256(name.encode()).hexdigest()[:_DIGEST_DIGITS]}"
