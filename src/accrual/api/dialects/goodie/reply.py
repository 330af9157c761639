"""Goodie's replies as bytes: a posting or inquiry, a member's points, and every failure in the same envelope. Pure."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec

from accrual.api.call import Reply
from accrual.api.dialects.goodie.promotions import NamedBy, Promotion, points_asset, promotions_of
from accrual.api.dialects.goodie.wire import Posting
from accrual.domain.errors import AccrualError
from accrual.domain.programme import Catalogue
from accrual.engine.views import TicketView

SUCCESS = "INQ000"

_BY_CODE: dict[str, tuple[str, int]] = {
    "invalid_json": ("INQ901", 400),
    "invalid_amount": ("INQ903", 400),
    "invalid_identity": ("INQ904", 400),
    "forms_mixed": ("INQ905", 400),
    "key_missing": ("INQ906", 400),
    "too_large": ("INQ907", 413),
    "unknown_route": ("INQ908", 404),
    "device_unknown": ("INQ911", 401),
    "forbidden": ("INQ912", 403),
    "rule_unknown": ("INQ920", 200),
    "rule_of_other_kind": ("INQ921", 200),
    "member_unknown": ("INQ922", 200),
    "key_reused": ("INQ923", 200),
    "database_down": ("INQ991", 503),
    "lane_lost": ("INQ991", 503),
}
_BY_KIND: dict[str, tuple[str, int]] = {
    "invalid": ("INQ902", 400),
    "unauthorized": ("INQ910", 401),
    "missing": ("INQ924", 200),
    "conflict": ("INQ924", 200),
    "refused": ("INQ924", 200),
    "busy": ("INQ990", 503),
    "broken": ("INQ999", 500),
}
"""Failing codes are ours: the partner documents none. What the programme decides is HTTP 200, as success is."""


class AbstractResponse(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """How it went: the part of a reply that the partner's own clients look at."""

    response_status: str = SUCCESS
    response_message: str = "Inquiry success"


class _Posted(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The reply to a posting or inquiry, fields in the order of the wire."""

    member_id: str
    merchant_id: str
    member_name: str
    store_id: str
    transaction_date: str
    transaction_id: str
    total_point_issuing: int
    promotion_number_issued: tuple[Promotion, ...]
    abstract_response: AbstractResponse = AbstractResponse()


class PointsOfMember(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The reply to the question for a member's points, fields in the order of the wire; empty text where nothing is known."""

    tier_name: str = ""
    tier_image: str = ""
    next_tier_name: str = ""
    next_tier_image: str = ""
    req_point_next_tier: int = 0
    total_points: int
    member_name: str
    member_id: str
    merchant_id: str
    nearest_point_to_be_expire: int = 0
    nearest_expired_date: str = ""
    abstract_response: AbstractResponse = AbstractResponse()


class _Failed(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    abstract_response: AbstractResponse


encode = msgspec.json.Encoder().encode


def posted(
    posting: Posting,
    view: TicketView,
    judged: TicketView,
    catalogue: Catalogue,
    named_by: NamedBy,
    *,
    is_posted: bool,
) -> Reply:
    """The reply to a decided posting, the same whenever it is asked for; an inquiry has no transactionId.

    `judged` is the command that was judged in its place, mostly itself; `catalogue` is of the revision that decided.
    """
    promotions = promotions_of(judged, posting, points_asset(catalogue), named_by)
    body = _Posted(
        member_id=posting.member_id,
        merchant_id=posting.merchant_id,
        member_name=str(view.fields.get("memberName", "")),
        store_id=posting.store_id,
        transaction_date=local_date(view.occurred_at, catalogue),
        transaction_id=transaction_id(view.ticket) if is_posted else "",
        total_point_issuing=sum(promotion.points for promotion in promotions),
        promotion_number_issued=promotions,
    )
    return Reply(status=200, body=encode(body))


def points(found: PointsOfMember) -> Reply:
    """The reply to the question for a member's points."""
    return Reply(status=200, body=encode(found))


def failure(error: AccrualError, request_id: str = "") -> Reply:
    """An error in the partner's envelope; `request_id` has no place in it, the edge sends it as a header."""
    status, http_status = _BY_CODE.get(error.code) or _BY_KIND[error.kind]
    if "allow" in error.details:
        http_status = 405
    failed = _Failed(abstract_response=AbstractResponse(response_status=status, response_message=error.message))
    return Reply(status=http_status, body=encode(failed))


def transaction_id(ticket: bytes) -> str:
    """A ticket as the partner writes identifiers: a UUID in capitals."""
    digits = ticket.hex().upper()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def local_date(moment: datetime, catalogue: Catalogue) -> str:
    """The day, `YYYY-MM-DD`, in the programme's zone."""
    return moment.astimezone(ZoneInfo(catalogue.settings.time_zone)).date().isoformat()
