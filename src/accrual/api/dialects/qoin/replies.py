"""The envelopes that Qoin gets: the task's reply and the refusal, keys in the seed's order. Nothing is decided here."""

from __future__ import annotations

from typing import Any

import msgspec

from accrual.api.call import Reply
from accrual.domain.errors import AccrualError

IN_PROCESS = "Success request on process"
PROCESSED = "Success process data(Success)"

_STATUS_BY_KIND = {
    "invalid": 400,
    "unauthorized": 401,
    "missing": 404,
    "conflict": 409,
    "refused": 400,
    "busy": 503,
    "broken": 500,
}
_STATUS_BY_CODE = {"too_large": 413, "forbidden": 403, "busy": 429}


class Envelope(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """The reply of the task's seed, which the fetching of a result has too; fields in the order of the wire."""

    ticket_id: str
    subject: str
    subject_type: str
    subject_identifier: str
    action: str
    resource_type: str = "data"
    resource: str = "none"
    resource_id: str = "none"
    result: dict[str, Any] | None = None
    status: str = "success"
    message: str = PROCESSED
    status_code: int = 200


class Refusal(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """The gateway's error reply."""

    status: str = "failed"
    status_code: int
    message: str
    data: None = None


encode = msgspec.json.Encoder().encode


def failure(error: AccrualError, request_id: str = "") -> Reply:
    """A refusal in Qoin's shape, its HTTP status the same as its StatusCode.

    `request_id` has no place in that shape: the edge sends it, and Retry-After, as headers.
    """
    status = _STATUS_BY_CODE.get(error.code) or _STATUS_BY_KIND[error.kind]
    return Reply(status=status, body=encode(Refusal(status_code=status, message=error.message)))
