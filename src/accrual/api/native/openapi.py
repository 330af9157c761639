"""The native API described in OpenAPI 3.1, built from the types that read and shape it; served at /v1/openapi.json."""

from __future__ import annotations

from typing import Any

import msgspec

import accrual
from accrual.api.native import shapes
from accrual.api.native.checkpoints import CHECKPOINT_TYPES, checkpoint_paths
from accrual.api.native.draws import DRAW_TYPES, draw_paths
from accrual.api.native.openapi_promos import PROMO_TYPES, promo_paths
from accrual.api.native.openapi_referrals import REFERRAL_TYPES, referral_paths
from accrual.api.native.rewards import REWARD_TYPES, reward_paths
from accrual.api.native.wire import NDJSON
from accrual.domain.native import NativeCommand, ProfileChange

_TYPES = (
    NativeCommand,
    ProfileChange,
    shapes.Receipt,
    shapes.Answer,
    shapes.Receipts,
    shapes.Refusal,
    shapes.Preview,
    shapes.Ticket,
    shapes.Parked,
    shapes.Member,
    shapes.Statement,
    shapes.Error,
    *PROMO_TYPES,
    *REFERRAL_TYPES,
    *REWARD_TYPES,
    *DRAW_TYPES,
    *CHECKPOINT_TYPES,
)
_FAILURES = {
    "400": "The request cannot be read; `details.path` names the field",
    "401": "No key, or one that is not known",
    "403": "The client has no right to this",
    "404": "There is no such thing in the client's programme",
    "409": "The key was used with other content before, or there is nothing to try again",
    "422": "The request is understood and will not be carried out",
    "413": "The body or the number of commands is over the limit",
    "429": "Too much is waiting; try again after Retry-After seconds",
    "500": "Something inside failed; nothing was changed",
    "503": "The database does not answer; try again after Retry-After seconds",
}


def openapi(*, bulk_max: int, page_max: int, wait_max_s: float) -> dict[str, Any]:
    """The whole document for an API with these limits."""
    _, components = msgspec.json.schema_components(_TYPES, ref_template="#/components/schemas/{name}")
    receipts = components["Receipts"]["properties"]["commands"]
    receipts["items"] = {"anyOf": [_ref("Receipt"), _ref("Refusal")]}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Accrual native API", "version": accrual.__version__, "license": {"name": "Apache-2.0"}},
        "security": [{"key": []}, {"bearer": []}],
        "paths": {
            "/v1/commands": {"post": _commands(bulk_max, wait_max_s)},
            "/v1/preview": {"post": _preview()},
            "/v1/tickets/{ticket}": {"get": _ticket()},
            "/v1/members/{kind}/{value}": {"get": _member(page_max)},
            "/v1/members/{kind}/{value}/statement": {"get": _statement(page_max)},
            "/v1/members/{kind}/{value}/profile": {
                "put": _profile("putProfile", wait_max_s),
                "patch": _profile("patchProfile", wait_max_s),
            },
            "/v1/parked": {"get": _parked(page_max)},
            "/v1/parked/{ticket}/retry": {"post": _retry(wait_max_s)},
            **_with_failures(promo_paths()),
            **_with_failures(referral_paths()),
            **_with_failures(reward_paths()),
            **_with_failures(draw_paths()),
            **_with_failures(checkpoint_paths()),
        },
        "components": {
            "schemas": components,
            "securitySchemes": {
                "key": {"type": "apiKey", "in": "header", "name": "API-Key"},
                "bearer": {"type": "http", "scheme": "bearer"},
            },
        },
    }


def _commands(bulk_max: int, wait_max_s: float) -> dict[str, Any]:
    one = _ref("NativeCommand")
    many = {"type": "array", "items": one, "minItems": 1, "maxItems": bulk_max}
    return {
        "operationId": "submitCommands",
        "summary": "Submit one command, or many as an array or one a line",
        "parameters": [
            _parameter("header", "Idempotency-Key", {"type": "string"}, "The key of a single command that has none"),
            _parameter(
                "header",
                "Prefer",
                {"type": "string"},
                f"`wait=N`: wait up to N seconds for the outcome, at most {wait_max_s:g}",
            ),
        ],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": {"anyOf": [one, many]}},
                NDJSON: {"schema": {"type": "string", "description": f"one command a line, at most {bulk_max}"}},
            },
        },
        "responses": _responses(
            ["400", "401", "403", "409", "413", "429", "500", "503"],
            {
                "200": _content("Decided within the time waited", _ref("Answer")),
                "202": _content("Accepted for good", {"anyOf": [_ref("Receipt"), _ref("Receipts")]}),
            },
        ),
    }


def _preview() -> dict[str, Any]:
    return {
        "operationId": "previewCommand",
        "summary": "Decide one command without posting it",
        "parameters": [
            _parameter("header", "Idempotency-Key", {"type": "string"}, "The key of a command that has none"),
        ],
        "requestBody": {"required": True, "content": {"application/json": {"schema": _ref("NativeCommand")}}},
        "responses": _responses(
            ["400", "401", "403", "409", "413", "429", "500", "503"],
            {"200": _content("What would come of it", _ref("Preview"))},
        ),
    }


def _ticket() -> dict[str, Any]:
    return {
        "operationId": "readTicket",
        "summary": "What became of a command",
        "parameters": [_parameter("path", "ticket", {"type": "string", "format": "uuid"}, "As the receipt gave it")],
        "responses": _responses(["401", "403", "404", "500", "503"], {"200": _content("The ticket", _ref("Ticket"))}),
    }


def _member(page_max: int) -> dict[str, Any]:
    limit = {"type": "integer", "minimum": 1, "maximum": page_max}
    return {
        "operationId": "readMember",
        "summary": "A member's balances and history, newest first",
        "parameters": [
            _parameter("path", "kind", {"type": "string"}, "Such as `msisdn`"),
            _parameter("path", "value", {"type": "string"}, "Percent-encoded"),
            _parameter("query", "limit", limit, "Tickets of one page"),
            _parameter("query", "before", {"type": "integer", "minimum": 0}, "The page before's `next_before`"),
            _parameter("query", "at", {"type": "string"}, "A past instant, such as `2026-11-25T00:00:00Z`"),
        ],
        "responses": _responses(
            ["400", "401", "403", "404", "500", "503"], {"200": _content("The member", _ref("Member"))}
        ),
    }


def _statement(page_max: int) -> dict[str, Any]:
    limit = {"type": "integer", "minimum": 1, "maximum": page_max}
    return {
        "operationId": "readStatement",
        "summary": "A member's lines between two instants, with opening and closing balances",
        "parameters": [
            _parameter("path", "kind", {"type": "string"}, "Such as `msisdn`"),
            _parameter("path", "value", {"type": "string"}, "Percent-encoded"),
            _parameter("query", "from", {"type": "string"}, "From when on; without it from the first line"),
            _parameter("query", "until", {"type": "string"}, "Before when; without it now"),
            _parameter("query", "asset", {"type": "string"}, "Its code; without it all assets"),
            _parameter("query", "limit", limit, "Lines of one page"),
            _parameter("query", "after", {"type": "string"}, "The page before's `next_after`"),
        ],
        "responses": _responses(
            ["400", "401", "403", "404", "500", "503"], {"200": _content("One page", _ref("Statement"))}
        ),
    }


def _profile(operation: str, wait_max_s: float) -> dict[str, Any]:
    return {
        "operationId": operation,
        "summary": "Change what is known of a member; what is not named stays, with either method",
        "parameters": [
            _parameter("path", "kind", {"type": "string"}, "Such as `msisdn`"),
            _parameter("path", "value", {"type": "string"}, "Percent-encoded"),
            _parameter("header", "Idempotency-Key", {"type": "string"}, "The key of a change that has none"),
            _parameter("header", "Prefer", {"type": "string"}, f"`wait=N`: wait N seconds, at most {wait_max_s:g}"),
        ],
        "requestBody": {"required": True, "content": {"application/json": {"schema": _ref("ProfileChange")}}},
        "responses": _responses(
            ["400", "401", "403", "409", "413", "429", "500", "503"],
            {
                "200": _content("Decided within the time waited", _ref("Answer")),
                "202": _content("Accepted for good", _ref("Receipt")),
            },
        ),
    }


def _parked(page_max: int) -> dict[str, Any]:
    limit = {"type": "integer", "minimum": 1, "maximum": page_max}
    after = {"type": "string", "format": "uuid"}
    return {
        "operationId": "readParked",
        "summary": "Commands that could not be decided and wait put aside",
        "parameters": [
            _parameter("query", "limit", limit, "Tickets of one page"),
            _parameter("query", "after", after, "The page before's `next_after`"),
        ],
        "responses": _responses(
            ["400", "401", "403", "404", "500", "503"], {"200": _content("One page", _ref("Parked"))}
        ),
    }


def _retry(wait_max_s: float) -> dict[str, Any]:
    return {
        "operationId": "retryParked",
        "summary": "Try a parked command again, under a ticket of its own",
        "parameters": [
            _parameter("path", "ticket", {"type": "string", "format": "uuid"}, "The parked command's"),
            _parameter(
                "header", "Prefer", {"type": "string"}, f"`wait=N`: wait N seconds at most, {wait_max_s:g} unless told"
            ),
        ],
        "responses": _responses(
            ["401", "403", "404", "409", "422", "429", "500", "503"],
            {
                "200": _content("Decided within the time waited", _ref("Answer")),
                "202": _content("Accepted for good", _ref("Receipt")),
            },
        ),
    }


def _with_failures(paths: dict[str, Any]) -> dict[str, Any]:
    for methods in paths.values():
        for operation in methods.values():
            good = {status: said for status, said in operation["responses"].items() if said}
            operation["responses"] = _responses([s for s in operation["responses"] if s not in good], good)
    return paths


def _responses(failures: list[str], good: dict[str, Any]) -> dict[str, Any]:
    return good | {status: _content(_FAILURES[status], _ref("Error")) for status in failures}


def _content(text: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": text, "content": {"application/json": {"schema": schema}}}


def _parameter(place: str, name: str, schema: dict[str, Any], text: str) -> dict[str, Any]:
    return {"in": place, "name": name, "required": place == "path", "schema": schema, "description": text}


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}
