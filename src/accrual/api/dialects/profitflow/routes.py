"""The five routes of Profitflow's PointReward and who may call them. HTTP itself and the engine are elsewhere."""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable, Mapping

from accrual.api import auth
from accrual.api.call import Call, Caller, Engine, Reply
from accrual.api.dialects.profitflow import wire
from accrual.api.dialects.profitflow.reply import DOCUMENTED_ONLY, USER, Told, failure, message, page
from accrual.api.dialects.profitflow.translate import translate
from accrual.api.dialects.tolerant import Fields, read_body
from accrual.domain.errors import AccrualError, Forbidden
from accrual.domain.programme import Catalogue, StoredClient

__all__ = ["ROUTES", "authenticate", "failure"]

RIGHT = "profitflow"
BODY_BYTES_MAX = 65_536
_FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip")

Answer = Callable[[Call, Engine], Awaitable[Reply]]


def authenticate(caller: Caller, engine: Engine) -> tuple[StoredClient, Catalogue]:
    """The client whose key is sent; without any key the one that is open, for callers on this machine.

    Raises Unauthorized, and Forbidden with what its reply needs where the client has no right to this dialect.
    """
    found = _find(caller, engine)
    try:
        auth.require_right(found[0], RIGHT)
    except Forbidden as refusal:
        refusal.details |= {USER: "", DOCUMENTED_ONLY: found[0].client.documented_statuses_only}
        raise
    return found


def _find(caller: Caller, engine: Engine) -> tuple[StoredClient, Catalogue]:
    if not auth.carries_key(caller.headers) and _is_here(caller):
        opened = engine.open_client()
        if opened is not None:
            return opened
    return auth.authenticate(caller, engine)


def _is_here(caller: Caller) -> bool:
    """Whether the caller is on this machine; what a proxy passes on is not, wherever the proxy runs."""
    if any(name in caller.headers for name in _FORWARDED):
        return False
    try:
        return ipaddress.ip_address(caller.host).is_loopback
    except ValueError:
        return False


async def _show(call: Call, engine: Engine, fields: Fields) -> Reply:
    owner, outlet = wire.read_user(fields), wire.read_outlets(fields)
    return page(await engine.point_rewards.show(call.client, owner, outlet), call.catalogue.settings)


async def _add(call: Call, engine: Engine, fields: Fields) -> Reply:
    owner, outlet = wire.read_user(fields), wire.read_outlet(fields)
    said = translate(wire.read_terms(fields), call.catalogue.settings)
    made = await engine.point_rewards.add(call.client, owner, outlet, said)
    return message(owner, Told.CREATED if made else Told.NAME_EXISTS)


async def _set(call: Call, engine: Engine, fields: Fields) -> Reply:
    owner, outlet, number = wire.read_user(fields), wire.read_outlet(fields), wire.read_number(fields)
    await engine.point_rewards.switch(call.client, owner, outlet, number, is_active=wire.read_is_active(fields))
    return message(owner, Told.SET)


async def _update(call: Call, engine: Engine, fields: Fields) -> Reply:
    owner, outlet, number = wire.read_user(fields), wire.read_outlet(fields), wire.read_number(fields)
    said = translate(wire.read_terms(fields), call.catalogue.settings)
    done = await engine.point_rewards.update(call.client, owner, outlet, number, said)
    return message(owner, Told.UPDATED if done else Told.NAME_EXISTS)


async def _delete(call: Call, engine: Engine, fields: Fields) -> Reply:
    owner, outlet, number = wire.read_user(fields), wire.read_outlet(fields), wire.read_number(fields)
    await engine.point_rewards.delete(call.client, owner, outlet, number)
    return message(owner, Told.DELETED)


def _route(step: Callable[[Call, Engine, Fields], Awaitable[Reply]]) -> Answer:
    """A step for clients with the right; its errors carry what their reply needs."""

    async def answer(call: Call, engine: Engine) -> Reply:
        owner = ""
        try:
            fields = read_body(call.body)
            owner = wire.user_of(fields)
            return await step(call, engine, fields)
        except AccrualError as error:
            error.details[USER] = owner
            error.details[DOCUMENTED_ONLY] = call.client.client.documented_statuses_only
            raise

    return answer


ROUTES: Mapping[str, Answer] = {
    "show": _route(_show),
    "add": _route(_add),
    "set": _route(_set),
    "update": _route(_update),
    "del": _route(_delete),
}
"""By the last word of the path `/api/pointreward/...`."""
