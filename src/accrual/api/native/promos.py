"""The native API's routes for promos: the list, one with its use, its history, and steps in its life. Decides nothing."""

from __future__ import annotations

from typing import Any

import msgspec

from accrual.api.call import Call, Engine, Reply
from accrual.api.query import read_query
from accrual.api.strict_json import Reader
from accrual.domain.errors import Invalid, Missing
from accrual.domain.facts import Trigger
from accrual.domain.promos import PromoStatus
from accrual.engine.promo_step import REASON_CHARACTERS_MAX, Wish
from accrual.engine.promos import PAGE_MAX
from accrual.rules.lifecycle import Action

_CODE_CHARACTERS_MAX = 64
_ENCODER = msgspec.json.Encoder()


def _number(text: str) -> int | str:
    """What is no short whole number stays text, and is then refused where a number is expected."""
    return int(text) if len(text) <= 9 and text.isdigit() else text


_READER = Reader(_number)


class StepBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why a step is taken, and for `restore` the version to return to."""

    reason: str | None = None
    version: int | None = None


class PromoRoutes:
    """Routes for clients with the right `promos`. History names them `client CODE`; four eyes compares these names."""

    async def page(self, call: Call, engine: Engine) -> Reply:
        """GET /v1/promos: promos by code, those of a status or trigger only."""
        query = read_query(call.query)
        after = query.get("after", [""])[-1]
        page = await engine.promos.page(
            call.client.programme_id,
            status=_one_of(query, "status", PromoStatus),
            trigger=_one_of(query, "trigger", Trigger),
            after="" if "\0" in after else after,
            limit=PAGE_MAX,
        )
        return _reply(page)

    async def promo(self, call: Call, engine: Engine) -> Reply:
        """GET /v1/promos/{code}: document, versions, use and what is left."""
        return _reply(await engine.promos.show(call.client.programme_id, _code(call)))

    async def history(self, call: Call, engine: Engine) -> Reply:
        """GET /v1/promos/{code}/history: who saved which version, when, why, and what it changed."""
        code = _code(call)
        return _reply({"promo": code, "versions": await engine.promos.history(call.client.programme_id, code)})

    async def step(self, call: Call, engine: Engine) -> Reply:
        """POST /v1/promos/{code}/{action}: approve, activate, pause, end or restore."""
        try:
            action = Action(call.params["action"])
        except ValueError as error:
            raise Missing(f"There is no such step; there are {', '.join(Action)}.", code="unknown_route") from error
        body = _read_body(call.body)
        wish = Wish(
            code=_code(call),
            action=action,
            actor=f"client {call.client.client.code}",
            reason=body.reason,
            version=body.version,
        )
        return _reply(await engine.promos.step(call.client.programme_id, wish))


def _code(call: Call) -> str:
    code = call.params["code"]
    if len(code) > _CODE_CHARACTERS_MAX or not code.isprintable():
        raise Missing("There is no such promo.", code="promo_unknown")
    return code


def _one_of(query: dict[str, list[str]], name: str, kind: type[PromoStatus] | type[Trigger]) -> str | None:
    if name not in query:
        return None
    try:
        return kind(query[name][-1]).value
    except ValueError as error:
        words = ", ".join(kind)
        raise Invalid(f"`{name}` is one of {words}.", code="invalid_field", details={"path": name}) from error


def _read_body(raw: bytes) -> StepBody:
    document = _READER.read(raw) if raw.strip() else {}
    try:
        body = msgspec.convert(document, StepBody)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at `$")
        details = {"path": path.rstrip("`").lstrip(".")} if path else {}
        raise Invalid(f"{message}.", code="invalid_field", details=details) from error
    if body.reason is not None and len(body.reason) > REASON_CHARACTERS_MAX:
        raise Invalid(
            f"A reason has at most {REASON_CHARACTERS_MAX} characters.",
            code="invalid_field",
            details={"path": "reason"},
        )
    return body


def _reply(document: Any) -> Reply:
    return Reply(status=200, body=_ENCODER.encode(document))
