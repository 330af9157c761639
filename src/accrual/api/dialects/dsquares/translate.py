"""Turns calls into commands with their keys and contents; pure, and the only place that knows their meaning."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from accrual.api.dialects.dates import read_date
from accrual.api.dialects.dsquares import failures
from accrual.api.dialects.dsquares.decimals import cost_minor
from accrual.api.dialects.dsquares.failures import Failed
from accrual.api.dialects.dsquares.terms import Terms
from accrual.api.dialects.dsquares.wire import (
    RedeemCall,
    RefundCall,
    RewardCall,
    Who,
    read_redeem,
    read_refund,
    read_reward,
    unwrap,
    wrap,
)
from accrual.api.dialects.tolerant import Fields, Misread
from accrual.domain.amounts import INT64_MAX, read_decimal, to_minor
from accrual.domain.commands import Command, Dialect, Profile, Reward, Submission, content_digest
from accrual.domain.errors import AccrualError, Invalid
from accrual.domain.facts import Identity, Purchase
from accrual.domain.identities import known_as
from accrual.domain.movements import Redeem, Refund, Reverse
from accrual.domain.programme import Catalogue, KeyScope, PointsValue, Settings, StoredClient
from accrual.engine.bounds import find_beyond
from accrual.rules.admissible import check_occurred_at

IDENTITY_KIND = "wallet_code"
CONTACT = "contact_msisdn"
"""The attribute of a member that holds the number of the wallet's contact."""

_CANONICAL = msgspec.msgpack.Encoder()


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What every translation needs besides the call: who asks, by which terms, at which factor the wallet earns.

    `refusal` is why nothing new may come of it, if that is known already.
    """

    client: StoredClient
    terms: Terms
    now: datetime
    body: bytes
    earn: str
    refusal: AccrualError | None


def identity_of(wallet: str, settings: Settings) -> Identity:
    """The member whose wallet has this code. Raises Failed: this can be none."""
    try:
        return known_as(Identity(IDENTITY_KIND, wallet), settings)
    except Invalid as error:
        raise Failed(failures.INVALID_WALLET) from error


def _named(who: Who, settings: Settings) -> Who:
    """The same with the wallet in the programme's one spelling. Raises Failed."""
    return who._replace(wallet=identity_of(who.wallet, settings).value)


def reward(call: RewardCall, asked: Asked) -> Submission:
    """A purchase of PointsValue; where the client means points by it, of the least amount that gives so many. Raises Misread."""
    call = call._replace(who=_named(call.who, asked.terms.catalogue.settings))
    value = read_value(call.value, asked.client, asked.terms, call.fields, "PointsValue")
    by_points = asked.client.client.points_value is PointsValue.POINTS
    amount = cost_minor(value, asked.earn, asked.terms.minor_units) if by_points else value
    settings = asked.terms.catalogue.settings
    occurred_at, refusal = None, asked.refusal
    try:
        occurred_at = read_date(call.date, ZoneInfo(settings.time_zone))
    except Invalid as error:
        raise Misread(call.fields.spelling("TransactionDate"), error.message, code=error.code) from error
    try:
        check_occurred_at(occurred_at, asked.now, settings.late_limit)
    except Invalid as error:
        refusal = Misread(call.fields.spelling("TransactionDate"), error.message, code=error.code)
    if value <= 0:
        refusal = refusal or Failed(failures.INVALID_VALUE)
    branch = asked.terms.branches.get(call.who.branch)
    command = Reward(
        dialect=Dialect.DSQUARES,
        action="reward",
        identity=Identity(IDENTITY_KIND, call.who.wallet),
        facts=(
            Purchase(
                occurred_at=occurred_at,
                amount_minor=max(0, amount),
                product=call.sku,
                outlet=None if branch is None else branch.code,
            ),
        ),
    )
    return _submission(
        asked, "Reward", command, _given("reward", call.log_id), _reward_content(call), refusal, whole_client=True
    )


def redeem(call: RedeemCall, asked: Asked, key: bytes) -> Submission:
    """Spend what so much money is worth at the wallet's level, or so many points where the client means these. Raises Misread."""
    call = call._replace(who=_named(call.who, asked.terms.catalogue.settings))
    value = read_value(call.value, asked.client, asked.terms, call.fields, "PointsValue")
    by_points = asked.client.client.points_value is PointsValue.POINTS
    refusal = asked.refusal
    if value <= 0:
        refusal = refusal or Failed(failures.INVALID_VALUE)
    branch = asked.terms.branches.get(call.who.branch)
    command = Redeem(
        dialect=Dialect.DSQUARES,
        action="redeem",
        identity=Identity(IDENTITY_KIND, call.who.wallet),
        asset=asked.terms.asset.code,
        note=call.comment,
        outlet=None if branch is None else branch.code,
        amount=max(0, value) if by_points else None,
        value_minor=None if by_points else max(0, value),
    )
    return _submission(asked, "RedeemUser", command, key, _redeem_content(call), refusal)


def refund(call: RefundCall, target: bytes, asked: Asked, key: bytes) -> Submission:
    """Give back what a redemption took: Points of it, or what PointsValue is worth, or all that is left. Raises Misread."""
    call = call._replace(who=_named(call.who, asked.terms.catalogue.settings))
    units, value_minor = asked_back(call, asked.client, asked.terms)
    refusal = asked.refusal
    if (units is not None and units <= 0) or (value_minor is not None and value_minor <= 0):
        refusal = refusal or Failed(failures.INVALID_AMOUNT)
    command = Refund(
        dialect=Dialect.DSQUARES,
        action="refund",
        identity=Identity(IDENTITY_KIND, call.who.wallet),
        asset=asked.terms.asset.code,
        note=call.comment,
        reference=call.invoice,
        target=target,
        amount=units,
        value_minor=value_minor,
    )
    return _refunding(call, command, asked, key, refusal)


def take_back(call: RefundCall, target: bytes, asked: Asked, key: bytes) -> Submission:
    """Take back what a Reward gave, all of it."""
    call = call._replace(who=_named(call.who, asked.terms.catalogue.settings))
    command = Reverse(
        dialect=Dialect.DSQUARES,
        action="refund",
        identity=Identity(IDENTITY_KIND, call.who.wallet),
        note=call.comment,
        reference=call.invoice,
        target=target,
    )
    return _refunding(call, command, asked, key, asked.refusal)


def contact(who: Who, client: StoredClient, catalogue: Catalogue) -> Submission:
    """Write down whose contact a number is. As a key of the whole client it can be that of one wallet only."""
    who = _named(who, catalogue.settings)
    command = Profile(
        dialect=Dialect.DSQUARES,
        action="contact",
        identity=Identity(IDENTITY_KIND, who.wallet),
        attributes={CONTACT: who.contact},
    )
    return Submission(
        programme_id=catalogue.programme_id,
        client_id=client.client_id,
        command=command,
        key=_given("contact", who.contact),
        content=_digest("contact", who.wallet, who.contact),
        body=wrap("Contact", msgspec.json.encode({"WalletCode": who.wallet, "ContactMsisdn": who.contact})),
        key_scope_client=True,
    )


def key_of_refund(call: RefundCall, otherwise: bytes) -> bytes:
    """The key of a Refund: its ExternalLogId, which is no Reward's, else the header's or chance."""
    return otherwise if call.log_id is None or otherwise[:1] == b"k" else _given("refund", call.log_id)


def asked_back(call: RefundCall, client: StoredClient, terms: Terms) -> tuple[int | None, int | None]:
    """(units, minor units of money) that a Refund names; Points go before PointsValue. Raises Misread."""
    if call.points is not None:
        return read_whole(call.points, call.fields, "Points"), None
    if call.value is None:
        return None, None
    value = read_value(call.value, client, terms, call.fields, "PointsValue")
    return (value, None) if client.client.points_value is PointsValue.POINTS else (None, value)


def content_of(raw: bytes, catalogue: Catalogue, client: StoredClient) -> bytes:
    """The content digest of a stored call by today's translator. Raises Invalid."""
    name, body = unwrap(raw)
    settings = catalogue.settings
    match name:
        case "Reward":
            reward_call = read_reward(body)
            return _reward_content(reward_call._replace(who=_named(reward_call.who, settings)))
        case "RedeemUser":
            redeem_call = read_redeem(body)
            return _redeem_content(redeem_call._replace(who=_named(redeem_call.who, settings)))
        case "Refund":
            refund_call = read_refund(body)
            return _refund_content(refund_call._replace(who=_named(refund_call.who, settings)))
        case "Contact":
            said = msgspec.json.decode(body, type=dict[str, str])
            return _digest("contact", identity_of(said["WalletCode"], settings).value, said["ContactMsisdn"])
        case _:
            raise Invalid("The bytes are no stored call.")


def read_value(text: str, client: StoredClient, terms: Terms, fields: Fields, name: str) -> int:
    """PointsValue as minor units, or as units where the client means points; below zero for a negative one. Raises Misread."""
    if client.client.points_value is PointsValue.POINTS:
        return read_whole(text, fields, name)
    sign, digits = (-1, text[1:]) if text.startswith("-") else (1, text)
    try:
        return sign * to_minor(digits, terms.minor_units)
    except Invalid as error:
        raise Misread(fields.spelling(name), error.message, code=error.code) from error


def read_whole(text: str, fields: Fields, name: str) -> int:
    """A whole number of points. Raises Misread."""
    try:
        numerator, denominator = read_decimal(text).as_integer_ratio()
    except Invalid as error:
        raise Misread(fields.spelling(name), error.message, code=error.code) from error
    if denominator != 1:
        raise Misread(fields.spelling(name), "expected a whole number.", code="invalid_amount")
    if abs(numerator) > INT64_MAX:
        raise Misread(fields.spelling(name), "The amount is too large.", code="invalid_amount")
    return numerator


def _refunding(
    call: RefundCall, command: Command, asked: Asked, key: bytes, refusal: AccrualError | None
) -> Submission:
    whole_client = call.log_id is not None and key == _given("refund", call.log_id)
    return _submission(asked, "Refund", command, key, _refund_content(call), refusal, whole_client=whole_client)


def _submission(
    asked: Asked,
    name: str,
    command: Command,
    key: bytes,
    content: bytes,
    refusal: AccrualError | None,
    *,
    whole_client: bool = False,
) -> Submission:
    return Submission(
        programme_id=asked.terms.catalogue.programme_id,
        client_id=asked.client.client_id,
        command=command,
        key=key,
        content=content,
        body=wrap(name, asked.body),
        key_scope_client=whole_client or asked.client.client.key_scope is KeyScope.CLIENT,
        refusal=refusal or find_beyond(command, asked.terms.catalogue.settings),
    )


def _given(call: str, key: str) -> bytes:
    # No key of a header holds a zero byte, so keys of different calls never meet.
    return b"k\x00" + call.encode() + b"\x00" + key.encode()


def _reward_content(call: RewardCall) -> bytes:
    """All that the client said, spelling aside: amounts by value, dates as sent."""
    return _digest("reward", *call.who, _by_value(call.value), call.date or "", call.sku, call.invoice)


def _redeem_content(call: RedeemCall) -> bytes:
    return _digest("redeem", *call.who, _by_value(call.value), call.comment)


def _refund_content(call: RefundCall) -> bytes:
    points, value = (None if text is None else _by_value(text) for text in (call.points, call.value))
    return _digest("refund", *call.who, call.transaction, points, value, call.invoice, call.comment)


def _by_value(text: str) -> Sequence[str]:
    """An amount for comparing: `100`, `100.0` and `1E2` are one. What is no number is itself."""
    try:
        numerator, denominator = read_decimal(text).as_integer_ratio()
    except Invalid:
        return (text,)
    return (str(numerator), str(denominator))


def _digest(*said: Any) -> bytes:
    return content_digest(_CANONICAL.encode(("dsquares", *said)))
