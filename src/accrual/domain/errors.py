"""Every error a caller can meet, with its stable code; no HTTP status and no dialect's wording live here.

The kind (the class below AccrualError) drives behaviour: Invalid, Unauthorized, Missing, Conflict and Refused are never
retried, Busy is, Broken parks and alerts. The code drives wording: each dialect maps every code to its own shape.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar


class AccrualError(Exception):
    """Something went wrong that has a name. `message` is a sentence for a person, `details` are values for a program."""

    kind: ClassVar[str] = "broken"
    default_code: ClassVar[str] = "broken"

    def __init__(self, message: str = "", *, code: str = "", details: Mapping[str, Any] | None = None) -> None:
        self.message = message or (type(self).__doc__ or "").strip().splitlines()[0]
        self.code = code or self.default_code
        self.details: dict[str, Any] = dict(details or {})
        super().__init__(self.message)


class Invalid(AccrualError):
    """The request cannot be read."""

    kind = "invalid"
    default_code = "invalid"


class UnknownRoute(Invalid):
    """Access route not found"""

    default_code = "unknown_route"


class TooLarge(Invalid):
    """The request is larger than the limit."""

    default_code = "too_large"


class Unauthorized(AccrualError):
    """The caller is not known, or its proof is wrong."""

    kind = "unauthorized"
    default_code = "unauthorized"


class Forbidden(Unauthorized):
    """The caller is known but has no right to do this."""

    default_code = "forbidden"


class Missing(AccrualError):
    """What was asked for does not exist."""

    kind = "missing"
    default_code = "missing"


class Conflict(AccrualError):
    """The request contradicts what is already stored."""

    kind = "conflict"
    default_code = "conflict"


class KeyReused(Conflict):
    """This idempotency key was already used with another content."""

    default_code = "key_reused"


class SignatureReused(Conflict):
    """What is signed here was accepted before under another idempotency key, action or member."""

    default_code = "signature_reused"


class Refused(AccrualError):
    """The request is understood and will not be carried out."""

    kind = "refused"
    default_code = "refused"


class Busy(AccrualError):
    """Too much work is waiting; send the same request with the same key again a little later."""

    kind = "busy"
    default_code = "busy"


class DatabaseDown(Busy):
    """The database does not answer; send the same request with the same key again a little later."""

    default_code = "database_down"


class Broken(AccrualError):
    """Something inside failed; it was recorded and nothing was changed."""

    kind = "broken"
    default_code = "broken"


class LaneLost(AccrualError):
    """Another lane owns this bucket, or it is not known whether the last posting was committed."""

    kind = "busy"
    default_code = "lane_lost"


class StockMoved(AccrualError):
    """Another lane was faster at a shared stock; the batch was rolled back and is decided again."""

    kind = "busy"
    default_code = "stock_moved"


CODES: Mapping[str, str] = {
    "invalid": "invalid",
    "unknown_route": "invalid",
    "too_large": "invalid",
    "invalid_json": "invalid",
    "invalid_field": "invalid",
    "action_mismatch": "invalid",
    "invalid_amount": "invalid",
    "invalid_date": "invalid",
    "date_out_of_range": "invalid",
    "invalid_identity": "invalid",
    "key_missing": "invalid",
    "profile_name": "invalid",
    "profile_value": "invalid",
    "profile_birthday": "invalid",
    "profile_too_large": "invalid",
    "promo_invalid": "invalid",
    "forms_mixed": "invalid",
    "unauthorized": "unauthorized",
    "signature_invalid": "unauthorized",
    "forbidden": "unauthorized",
    "device_unknown": "unauthorized",
    "missing": "missing",
    "ticket_unknown": "missing",
    "promo_unknown": "missing",
    "draw_unknown": "missing",
    "version_unknown": "missing",
    "point_reward_unknown": "missing",
    "reward_unknown": "missing",
    "member_unknown": "missing",
    "rule_unknown": "missing",
    "conflict": "conflict",
    "key_reused": "conflict",
    "signature_reused": "conflict",
    "refused": "refused",
    "step_refused": "refused",
    "four_eyes": "refused",
    "rule_of_other_kind": "refused",
    "busy": "busy",
    "database_down": "busy",
    "lane_lost": "busy",
    "broken": "broken",
}
"""Every code that can reach a partner, with its kind. A test walks all of them through every dialect."""
