"""Who calls, by Goodie's own headers: authToken is the client's key, deviceUniqueId where from. Rights are the routes'."""

from __future__ import annotations

from collections.abc import Mapping

from accrual.api.auth import client_of_key
from accrual.api.call import Caller, Engine
from accrual.api.dialects.tolerant import TEXT_CHARACTERS_MAX, fold
from accrual.domain.errors import Unauthorized
from accrual.domain.programme import Catalogue, StoredClient


def authenticate(caller: Caller, engine: Engine) -> tuple[StoredClient, Catalogue]:
    """The client whose key is the authToken. Raises Unauthorized, code `device_unknown` when it is the device."""
    token = _read(caller.headers, "authToken")
    if not token:
        raise Unauthorized("The header authToken is needed.")
    found = client_of_key(token, engine)
    device = device_of(caller.headers)
    devices = found[0].client.devices
    if devices and device not in devices:
        raise Unauthorized("This deviceUniqueId is not one of the client's.", code="device_unknown")
    return found


def device_of(headers: Mapping[str, str]) -> str:
    """The deviceUniqueId, trimmed: 1 to 200 characters. Raises Unauthorized `device_unknown`."""
    device = _read(headers, "deviceUniqueId")
    if not device:
        raise Unauthorized("The header deviceUniqueId is needed.", code="device_unknown")
    if len(device) > TEXT_CHARACTERS_MAX or not device.isprintable():
        raise Unauthorized("The deviceUniqueId is none.", code="device_unknown")
    return device


def _read(headers: Mapping[str, str], name: str) -> str:
    """The value of a header however it is spelt; empty when there is none. Raises Unauthorized for two that differ."""
    wanted = fold(name)
    values = {value.strip() for spelt, value in headers.items() if fold(spelt) == wanted}
    if len(values) > 1:
        raise Unauthorized(f"The request carries different values of {name}.")
    return values.pop() if values else ""
