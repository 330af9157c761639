"""Dsquares' own field names, read from a body into text; they are known nowhere else. Nothing is interpreted."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from accrual.api.dialects.dsquares import failures
from accrual.api.dialects.dsquares.failures import Failed
from accrual.api.dialects.tolerant import (
    Fields,
    Misread,
    as_sent,
    fold,
    read_body,
    read_decimal_text,
    read_identifier,
    read_text,
)
from accrual.domain.errors import Invalid

COMMENT_CHARACTERS_MAX = 1000
LOG_ID_DIGITS_MAX = 18
_WHOLE = re.compile(r"[0-9]+\Z", re.ASCII)

_SPELLINGS = {
    fold(name): name
    for name in (
        "WalletCode", "ContactMsisdn", "BranchMsisdn", "TransactionDate", "SkuId", "PointsValue", "ExternalLogId",
        "InvoiceNumber", "Comment", "PinCode", "Points", "TransactionId",
    )
}  # fmt: skip


class Who(NamedTuple):
    """Whose wallet it is, and where: what every call names."""

    wallet: str
    contact: str
    branch: str


class RewardCall(NamedTuple):
    """A Reward. `value` is the text of PointsValue, `date` the text of TransactionDate as sent (None: absent)."""

    who: Who
    value: str
    log_id: str
    date: str | None
    sku: str | None
    invoice: str | None
    fields: Fields


class RedeemCall(NamedTuple):
    """A RedeemUser."""

    who: Who
    value: str
    comment: str | None
    fields: Fields


class RefundCall(NamedTuple):
    """A Refund of the log entry `transaction`. Without points and value it is of all that is left."""

    who: Who
    transaction: int
    points: str | None
    value: str | None
    log_id: str | None
    invoice: str | None
    comment: str | None
    fields: Fields


def read_reward(body: bytes) -> RewardCall:
    """A Reward. Raises Misread, Failed, Invalid `invalid_json`."""
    fields = read_body(body)
    return RewardCall(
        _who(fields),
        _value(fields),
        _needed(fields, "ExternalLogId"),
        read_text(fields, "transactiondate"),
        read_identifier(fields, "skuid"),
        _or_failed(fields, "InvoiceNumber", failures.INVALID_INVOICE),
        fields,
    )


def read_redeem(body: bytes) -> RedeemCall:
    """A RedeemUser. Raises Misread, Failed, Invalid `invalid_json`."""
    fields = read_body(body)
    return RedeemCall(_who(fields), _value(fields), _comment(fields), fields)


def read_refund(body: bytes) -> RefundCall:
    """A Refund. Raises Misread, Failed, Invalid `invalid_json`."""
    fields = read_body(body)
    who = _who(fields)
    transaction = _or_failed(fields, "TransactionId", failures.INVALID_TRANSACTION)
    if transaction is None:
        raise Failed(failures.TRANSACTION_REQUIRED)
    if not _WHOLE.match(transaction) or len(transaction) > LOG_ID_DIGITS_MAX:
        raise Failed(failures.INVALID_TRANSACTION)
    return RefundCall(
        who,
        int(transaction),
        read_decimal_text(fields, "points"),
        read_decimal_text(fields, "pointsvalue"),
        read_identifier(fields, "externallogid"),
        _or_failed(fields, "InvoiceNumber", failures.INVALID_INVOICE),
        _comment(fields),
        fields,
    )


def read_wallet(fields: Fields, name: str) -> str:
    """A wallet code. Raises Misread when it is absent, Failed when it can be none."""
    wallet = _or_failed(fields, name, failures.INVALID_WALLET)
    if wallet is None:
        raise Misread(fields.spelling(name), "is needed.")
    return wallet


def _who(fields: Fields) -> Who:
    wallet = read_wallet(fields, "WalletCode")
    contact = _or_failed(fields, "ContactMsisdn", failures.INVALID_MSISDN)
    if contact is None:
        raise Misread(fields.spelling("ContactMsisdn"), "is needed.")
    return Who(wallet, contact, _needed(fields, "BranchMsisdn"))


def _needed(fields: Fields, name: str) -> str:
    value = read_identifier(fields, fold(name))
    if value is None:
        raise Misread(fields.spelling(name), "is needed.")
    return value


def _or_failed(fields: Fields, name: str, number: int) -> str | None:
    """An identifier for which dsquares has a number of its own when it can be none."""
    try:
        return read_identifier(fields, fold(name))
    except Misread as error:
        raise Failed(number) from error


def _value(fields: Fields) -> str:
    value = read_decimal_text(fields, "pointsvalue")
    if value is None:
        raise Misread(fields.spelling("PointsValue"), "is needed.", code="invalid_amount")
    return value


def _comment(fields: Fields) -> str | None:
    return read_text(fields, "comment", characters_max=COMMENT_CHARACTERS_MAX)


def wrap(call: str, body: bytes) -> bytes:
    """A body as it is stored: a line that names the call, and what was sent, untouched."""
    return call.encode() + b"\n" + body


def unwrap(stored: bytes) -> tuple[str, bytes]:
    """The name of the call, and what was sent. Raises Invalid when the bytes are no stored call."""
    call, separator, body = stored.partition(b"\n")
    if not separator or not call.isalpha():
        raise Invalid("The bytes are no stored call.")
    return call.decode(), body


def fields(stored: bytes) -> dict[str, Any]:
    """Every field of a stored call with its value, in the partner's spelling. Empty for a body that was erased."""
    if not stored:
        return {}
    sent: Mapping[str, Any] = read_body(unwrap(stored)[1]).source
    return {_spelling(name): as_sent(value, _spelling) for name, value in sent.items()}


def _spelling(name: str) -> str:
    return _SPELLINGS.get(fold(name), name)
