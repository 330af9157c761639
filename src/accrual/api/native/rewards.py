"""The native API's routes for the catalogue of rewards: what can be had, for how much, how many are left. Redeems nothing."""

from __future__ import annotations

from typing import Any

import msgspec

from accrual.api.call import Call, Engine, Reply
from accrual.api.query import read_query
from accrual.domain.errors import Missing
from accrual.engine.reward_views import RewardPage, RewardView

REWARD_TYPES = (RewardPage, RewardView)
_CODE_CHARACTERS_MAX = 64
_READ_FAILURES = ("400", "401", "403", "404", "500", "503")
_ENCODER = msgspec.json.Encoder()


class RewardRoutes:
    """Routes for clients with a right to read or to send commands."""

    async def page(self, call: Call, engine: Engine) -> Reply:
        """GET /v1/rewards: a page of the programme's rewards by code."""
        after = read_query(call.query).get("after", [""])[-1]
        return _reply(await engine.rewards.page(call.client.programme_id, after=after))

    async def reward(self, call: Call, engine: Engine) -> Reply:
        """GET /v1/rewards/{code}: one of them."""
        code = call.params["code"]
        if len(code) > _CODE_CHARACTERS_MAX:
            raise Missing("There is no such reward.", code="reward_unknown")
        return _reply(await engine.rewards.show(call.client.programme_id, code))


def reward_paths() -> dict[str, Any]:
    """The paths below /v1/rewards as OpenAPI describes them; failures are described where `openapi` fills them in."""
    return {
        "/v1/rewards": {
            "get": {
                "operationId": "listRewards",
                "summary": "Rewards by code, with price and what is left; page on with `next_after` while it is not null",
                "parameters": [_parameter("query", "after", "The page before's `next_after`")],
                "responses": _responses("A page of rewards", "RewardPage"),
            }
        },
        "/v1/rewards/{code}": {
            "get": {
                "operationId": "readReward",
                "summary": "A reward with its price and what is left",
                "parameters": [_parameter("path", "code", "The reward's code")],
                "responses": _responses("The reward", "RewardView"),
            }
        },
    }


def _responses(says: str, shape: str) -> dict[str, Any]:
    schema = {"$ref": f"#/components/schemas/{shape}"}
    good = {"description": says, "content": {"application/json": {"schema": schema}}}
    return {"200": good} | {status: {} for status in _READ_FAILURES}


def _parameter(place: str, name: str, text: str) -> dict[str, Any]:
    schema = {"type": "string"}
    return {"in": place, "name": name, "required": place == "path", "schema": schema, "description": text}


def _reply(document: RewardPage | RewardView) -> Reply:
    return Reply(status=200, body=_ENCODER.encode(document))
