"""The native API's routes for draws: what is published of one, and the claims of raffles. Draws nothing."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec

from accrual.api.call import Call, Engine, Reply
from accrual.api.strict_json import Reader
from accrual.domain.draws import Round
from accrual.domain.errors import Invalid, Missing
from accrual.engine.draw_views import DrawView, OddsView, WinnerView

_CODE_CHARACTERS_MAX = 64
_READ_FAILURES = ("400", "401", "403", "404", "500", "503")
_CLAIM_FAILURES = ("400", "401", "403", "404", "413", "429", "500", "503")
_ENCODER = msgspec.json.Encoder()
_READER = Reader(str)


class ClaimBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which entry's prize is claimed: the ticket of the entry."""

    ticket: UUID


class Claimed(msgspec.Struct, frozen=True, kw_only=True):
    """Whether there was a prize to claim; it is then on its way."""

    claimed: bool


DRAW_TYPES = (DrawView, OddsView, WinnerView, Round, ClaimBody, Claimed)


class DrawRoutes:
    """Routes for clients with a right to read or to send commands; claims need the right `promos`."""

    async def draw(self, call: Call, engine: Engine) -> Reply:
        """GET /v1/draws/{code}: commitment, odds and closed rounds."""
        return _reply(await engine.draws.show(call.client.programme_id, _code(call)))

    async def claim(self, call: Call, engine: Engine) -> Reply:
        """POST /v1/draws/{code}/claims: claim what an entry of a raffle won."""
        try:
            body = msgspec.convert(_READER.read(call.body), ClaimBody)
        except msgspec.ValidationError as error:
            raise Invalid(
                "`ticket` is the ticket of an entry.", code="invalid_field", details={"path": "ticket"}
            ) from error
        claimed = await engine.raffles.claim(call.client.programme_id, _code(call), body.ticket.bytes)
        return _reply(Claimed(claimed=claimed))


def draw_paths() -> dict[str, Any]:
    """The paths below /v1/draws as OpenAPI describes them; failures are described where `openapi` fills them in."""
    code = {
        "in": "path",
        "name": "code",
        "required": True,
        "schema": {"type": "string"},
        "description": "The promo's code",
    }
    return {
        "/v1/draws/{code}": {
            "get": {
                "operationId": "readDraw",
                "summary": "What is published of a draw: commitment, odds, closed rounds with their secrets, winners",
                "parameters": [code],
                "responses": _responses(_READ_FAILURES, "The draw", "DrawView"),
            }
        },
        "/v1/draws/{code}/claims": {
            "post": {
                "operationId": "claimPrize",
                "summary": "Claim what an entry of a raffle won, before its time is over",
                "parameters": [code],
                "requestBody": {"required": True, "content": {"application/json": {"schema": _ref("ClaimBody")}}},
                "responses": _responses(_CLAIM_FAILURES, "Whether there was a prize to claim", "Claimed"),
            }
        },
    }


def _responses(failures: tuple[str, ...], says: str, shape: str) -> dict[str, Any]:
    good = {"description": says, "content": {"application/json": {"schema": _ref(shape)}}}
    return {"200": good} | {status: {} for status in failures}


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


def _code(call: Call) -> str:
    code = call.params["code"]
    if len(code) > _CODE_CHARACTERS_MAX or not code.isprintable():
        raise Missing("There is no such draw.", code="draw_unknown")
    return code


def _reply(document: Any) -> Reply:
    return Reply(status=200, body=_ENCODER.encode(document))
