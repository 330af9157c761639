"""The promo routes as OpenAPI describes them; the rest of the description is in openapi."""

from __future__ import annotations

from typing import Any

import msgspec

from accrual.api.native.promos import StepBody
from accrual.domain.facts import Trigger
from accrual.domain.promos import PromoStatus
from accrual.engine.promo_step import Stepped
from accrual.engine.promo_views import PromoPage, PromoView, VersionView
from accrual.rules.lifecycle import Action


class PromoHistory(msgspec.Struct, frozen=True, kw_only=True):
    """Every version of a promo, oldest first."""

    promo: str
    versions: tuple[VersionView, ...]


PROMO_TYPES = (PromoPage, PromoView, PromoHistory, StepBody, Stepped)
_READ_FAILURES = ("400", "401", "403", "404", "500", "503")
_STEP_FAILURES = ("400", "401", "403", "404", "413", "422", "500", "503")


def promo_paths() -> dict[str, Any]:
    """The paths below /v1/promos."""
    code = _parameter("path", "code", {"type": "string"}, "The promo's code")
    return {
        "/v1/promos": {
            "get": {
                "operationId": "listPromos",
                "summary": "Promos by code; page on with `next_after` while it is not null",
                "parameters": [
                    _parameter("query", "status", {"enum": list(PromoStatus)}, "Only those of this status"),
                    _parameter("query", "trigger", {"enum": list(Trigger)}, "Only those that listen to this"),
                    _parameter("query", "after", {"type": "string"}, "The page before's `next_after`"),
                ],
                "responses": _responses(_READ_FAILURES, "A page of promos", "PromoPage"),
            }
        },
        "/v1/promos/{code}": {
            "get": {
                "operationId": "readPromo",
                "summary": "A promo with its versions, what it gave and what is left",
                "parameters": [code],
                "responses": _responses(_READ_FAILURES, "The promo", "PromoView"),
            }
        },
        "/v1/promos/{code}/history": {
            "get": {
                "operationId": "readPromoHistory",
                "summary": "Who saved which version, when, why, and what it changed",
                "parameters": [code],
                "responses": _responses(_READ_FAILURES, "The versions", "PromoHistory"),
            }
        },
        "/v1/promos/{code}/{action}": {
            "post": {
                "operationId": "stepPromo",
                "summary": "Take a promo a step on in its life",
                "parameters": [code, _parameter("path", "action", {"enum": list(Action)}, "Which step")],
                "requestBody": {"content": {"application/json": {"schema": _ref("StepBody")}}},
                "responses": _responses(_STEP_FAILURES, "The version it made", "Stepped"),
            }
        },
    }


def _responses(failures: tuple[str, ...], says: str, shape: str) -> dict[str, Any]:
    """Failures are described once, where `openapi` fills them in."""
    good = {"description": says, "content": {"application/json": {"schema": _ref(shape)}}}
    return {"200": good} | {status: {} for status in failures}


def _parameter(place: str, name: str, schema: dict[str, Any], text: str) -> dict[str, Any]:
    return {"in": place, "name": name, "required": place == "path", "schema": schema, "description": text}


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}
