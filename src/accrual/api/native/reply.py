"""The native API's answers as bytes: receipts, views and errors with their HTTP status. Pure."""

from __future__ import annotations

from typing import Any

import msgspec

from accrual.api.call import Reply
from accrual.domain.commands import Receipt
from accrual.domain.errors import AccrualError
from accrual.engine.render import ticket_text

_STATUS_BY_KIND = {
    "invalid": 400,
    "unauthorized": 401,
    "missing": 404,
    "conflict": 409,
    "refused": 422,
    "busy": 429,
    "broken": 500,
}
_STATUS_BY_CODE = {"forbidden": 403, "unknown_route": 404, "too_large": 413, "database_down": 503, "lane_lost": 503}
_ENCODER = msgspec.json.Encoder()


def status_of(error: AccrualError) -> int:
    """The HTTP status of an error; a wrong method on a known path is 405."""
    if "allow" in error.details:
        return 405
    return _STATUS_BY_CODE.get(error.code) or _STATUS_BY_KIND[error.kind]


def failure(error: AccrualError, request_id: str) -> Reply:
    """An error in the native shape; `request_id` is what the log knows it by."""
    return reply(status_of(error), {"error": error_json(error) | {"request_id": request_id}})


def error_json(error: AccrualError) -> dict[str, Any]:
    """An error inside a larger answer."""
    return {"code": error.code, "message": error.message, "details": error.details}


def receipt_json(receipt: Receipt) -> dict[str, Any]:
    """What the log answers to one command. `repeated`: it was already there."""
    return {
        "ticket": ticket_text(receipt.ticket),
        "recorded_at": receipt.recorded_at,
        "repeated": receipt.repeated,
    }


def reply(status: int, document: dict[str, Any], headers: dict[str, str] | None = None) -> Reply:
    """A JSON answer; instants are RFC 3339 in UTC."""
    return Reply(status=status, body=_ENCODER.encode(document), headers=headers)
