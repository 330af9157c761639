"""Dsquares' replies as bytes: three calls that act, one that asks, and failures in both their shapes. Pure."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from accrual.api.call import Reply
from accrual.api.dialects.dsquares import decimals
from accrual.api.dialects.dsquares.decimals import Decimal
from accrual.api.dialects.dsquares.failures import BY_CODE, CANNOT, NAMES, SUCCESS, Failed
from accrual.api.dialects.dsquares.shown import Acted, Deed, LogEntry, ShownWallet, log_entry, wallet_shown
from accrual.api.dialects.dsquares.wallet_data import WalletData
from accrual.api.dialects.dsquares.wire import Who
from accrual.domain.errors import AccrualError

_BUSINESS = frozenset({"missing", "conflict", "refused"})
_STATUS_OF_CODE = {
    "unknown_route": 404,
    "too_large": 413,
    "forbidden": 403,
}
_STATUS_OF_KIND = {
    "invalid": 400,
    "unauthorized": 401,
    "busy": 503,
    "broken": 500,
}
_STATUS_NAMES = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    413: "RequestEntityTooLarge",
    500: "InternalServerError",
    503: "ServiceUnavailable",
}


class _Rewarded(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The reply to a Reward, and but for couponNumber to a Refund."""

    error_code: str = "0"
    error_message: str = SUCCESS
    points_log: LogEntry | None = None
    wallet: ShownWallet | None = None
    offer_number: int = 0
    coupon_number: str | None = ""


class _Redeemed(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The reply to a RedeemUser: the same in another order, and what is left of the balance in money."""

    error_code: str = "0"
    error_message: str = SUCCESS
    offer_number: int = 0
    coupon_number: str | None = None
    wallet: ShownWallet | None = None
    points_log: LogEntry | None = None
    coupon_details: None = None
    transaction: None = None
    total_amount: Decimal | None = None


class _Mistaken(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    message: str
    status_code: int
    status_name: str


class _Shown(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    error_code: str = "0"
    error_message: str = SUCCESS
    data: WalletData


class _NothingToShow(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    error_code: str
    error_message: str
    data: None = None


encode = msgspec.json.Encoder().encode
Failure = Callable[[AccrualError, str], Reply]


def rewarded(acted: Acted, deed: Deed, who: Who) -> Reply:
    """What a Reward did."""
    wallet = wallet_shown(acted, wallet=who.wallet, contact=who.contact)
    return _reply(_Rewarded(points_log=log_entry(acted, deed), wallet=wallet))


def refunded(acted: Acted, deed: Deed, who: Who) -> Reply:
    """What a Refund gave back, or took."""
    wallet = wallet_shown(acted, wallet=who.wallet, contact=who.contact)
    return _reply(_Rewarded(points_log=log_entry(acted, deed), wallet=wallet, coupon_number=None))


def redeemed(acted: Acted, deed: Deed, who: Who) -> Reply:
    """What a RedeemUser took. Its segment has no colours, as in the vendor's example."""
    worth = decimals.worth_minor(acted.shared.total, acted.level.redeem, 0)
    return _reply(
        _Redeemed(
            wallet=wallet_shown(acted, wallet=who.wallet, contact=who.contact, with_colors=False),
            points_log=log_entry(acted, deed),
            total_amount=decimals.whole(worth),
        )
    )


def data(found: WalletData) -> Reply:
    """What a wallet has."""
    return _reply(_Shown(data=found))


def reward_failure(error: AccrualError, request_id: str = "") -> Reply:
    """A failing Reward; `request_id` has no place in it, the edge sends it as a header."""
    return _failure(error, lambda code, message: _Rewarded(error_code=code, error_message=message))


def refund_failure(error: AccrualError, request_id: str = "") -> Reply:
    """A failing Refund."""
    return _failure(error, lambda code, message: _Rewarded(error_code=code, error_message=message, coupon_number=None))


def redeem_failure(error: AccrualError, request_id: str = "") -> Reply:
    """A failing RedeemUser."""
    return _failure(error, lambda code, message: _Redeemed(error_code=code, error_message=message))


def data_failure(error: AccrualError, request_id: str = "") -> Reply:
    """A failing GetWalletData."""
    return _failure(error, lambda code, message: _NothingToShow(error_code=code, error_message=message))


def _failure(error: AccrualError, business: Callable[[str, str], msgspec.Struct]) -> Reply:
    """Business is HTTP 200 with a number and its name; the caller's mistakes and ours are an object with the status."""
    number = error.number if isinstance(error, Failed) else BY_CODE.get(error.code)
    if number is None and error.kind in _BUSINESS:
        number = CANNOT
    if number is not None:
        return _reply(business(str(number), NAMES[number]))
    status = _STATUS_OF_CODE.get(error.code) or _STATUS_OF_KIND[error.kind]
    if "allow" in error.details:
        status = 405
    mistaken = _Mistaken(message=error.message, status_code=status, status_name=_STATUS_NAMES[status])
    return Reply(status=status, body=encode(mistaken))


def _reply(body: msgspec.Struct) -> Reply:
    return Reply(status=200, body=encode(body))
