"""The routes of held referrals as OpenAPI describes them; the rest of the description is in openapi."""

from __future__ import annotations

from typing import Any

from accrual.api.native.referrals import ACTIONS, STATUSES, VerdictBody
from accrual.engine.referrals import HeldPage

REFERRAL_TYPES = (HeldPage, VerdictBody)


def referral_paths() -> dict[str, Any]:
    """The paths below /v1/referrals."""
    return {
        "/v1/referrals": {
            "get": {
                "operationId": "listReferrals",
                "summary": "Referrals held for review, oldest first; page on with `next_after` while it is not null",
                "parameters": [
                    _parameter("query", "status", {"enum": list(STATUSES)}, "`all`: those that were judged, too"),
                    _parameter("query", "after", {"type": "integer"}, "The page before's `next_after`"),
                ],
                "responses": {"200": _content("A page of referrals", "HeldPage")}
                | {status: {} for status in ("400", "401", "403", "500", "503")},
            }
        },
        "/v1/referrals/{id}/{action}": {
            "post": {
                "operationId": "judgeReferral",
                "summary": "Approve or refuse a held referral; the audit keeps who did, and why",
                "parameters": [
                    _parameter("path", "id", {"type": "string", "format": "uuid"}, "The held referral's id"),
                    _parameter("path", "action", {"enum": list(ACTIONS)}, "What is decided"),
                ],
                "requestBody": {
                    "required": True,
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/VerdictBody"}}},
                },
                "responses": {
                    "200": _content("Decided within the time waited", "Answer"),
                    "202": _content("Accepted for good", "Receipt"),
                }
                | {status: {} for status in ("400", "401", "403", "404", "409", "413", "429", "500", "503")},
            }
        },
    }


def _content(says: str, shape: str) -> dict[str, Any]:
    return {
        "description": says,
        "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{shape}"}}},
    }


def _parameter(place: str, name: str, schema: dict[str, Any], text: str) -> dict[str, Any]:
    return {"in": place, "name": name, "required": place == "path", "schema": schema, "description": text}
