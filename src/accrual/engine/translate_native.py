"""Native commands into submissions, and their stored bodies back into fields; pure: time and chance are arguments."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from accrual.domain.amounts import to_minor
from accrual.domain.commands import Dialect, Reward, Submission, content_digest
from accrual.domain.errors import Invalid
from accrual.domain.facts import (
    CheckIn,
    DrawEntry,
    Fact,
    Identity,
    Item,
    ProductPurchase,
    Purchase,
    Referral,
    ReferralPurchase,
    Registration,
    Trigger,
)
from accrual.domain.native import IDENTIFIER_CHARACTERS_MAX, NativeCommand, WrittenFact, WrittenIdentity, WrittenLine
from accrual.domain.programme import Catalogue, IdempotencyPolicy, KeyScope, StoredClient
from accrual.rules.admissible import check_occurred_at

_RFC_3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})?\Z", re.ASCII
)
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_PLAIN: Mapping[Trigger, type[Registration | Purchase | ProductPurchase | DrawEntry | CheckIn]] = {
    Trigger.REGISTRATION: Registration,
    Trigger.PURCHASE: Purchase,
    Trigger.PRODUCT_PURCHASE: ProductPurchase,
    Trigger.DRAW_ENTRY: DrawEntry,
    Trigger.CHECK_IN: CheckIn,
}
_REFERRED: Mapping[Trigger, type[Referral | ReferralPurchase]] = {
    Trigger.REFERRAL: Referral,
    Trigger.REFERRAL_PURCHASE: ReferralPurchase,
}


def to_submission(
    native: NativeCommand, raw: bytes, *, client: StoredClient, catalogue: Catalogue, now: datetime, chance: bytes
) -> Submission:
    """One native command as a submission; for many of one client keep a Translator."""
    return Translator(client, catalogue).to_submission(native, raw, now=now, chance=chance)


def fields(raw: bytes) -> dict[str, Any]:
    """The client's own fields of a stored native command, numbers with decimals as their own text.

    Raises ValueError when the bytes are no JSON object; what is stored always is one.
    """
    document = json.loads(raw, parse_float=str, parse_int=_whole)
    if not isinstance(document, dict):
        raise ValueError("a stored native command is no JSON object")  # noqa: TRY004 - callers wait for ValueError
    return document


def _whole(text: str) -> int | str:
    return int(text) if len(text) <= 19 else text


class Translator:
    """Turns native commands into submissions under one client's and programme's settings."""

    def __init__(self, client: StoredClient, catalogue: Catalogue) -> None:
        self._client = client
        self._catalogue = catalogue
        self._settings = catalogue.settings

    def to_submission(self, native: NativeCommand, raw: bytes, *, now: datetime, chance: bytes) -> Submission:
        """The submission of a native command whose bytes were `raw`; `chance` is the key of one that brings none.

        Raises Invalid: `invalid_field`, `invalid_identity`, `invalid_amount`, `invalid_date`, `key_missing` where the
        client must send keys. `details.path` says where, as in `facts[0].amount`. A date that is too old or ahead of
        `now` is the submission's refusal, `date_out_of_range`.
        """
        key = _optional(native.key, "key")
        if key is None and self._client.client.idempotency is IdempotencyPolicy.REQUIRE:
            raise Invalid("This client must send a key with each command.", code="key_missing", details={"path": "key"})
        name = _optional(native.member_name, "member_name")
        command = self._command(native)
        return Submission(
            programme_id=self._client.programme_id,
            client_id=self._client.client_id,
            command=command,
            key=b"r" + chance if key is None else b"k" + key.encode(),
            content=content_digest(_canonical(native, command, name)),
            body=raw,
            name=name,
            key_scope_client=self._client.client.key_scope is KeyScope.CLIENT,
            refusal=self._find_inadmissible(command, now),
        )

    def command_of(self, native: NativeCommand) -> Reward:
        """The command alone, however long ago it says that things occurred. Raises Invalid as `to_submission`."""
        return self._command(native)

    def content_of(self, native: NativeCommand) -> bytes:
        """The content digest alone, of a command accepted earlier: whether its dates are too old is not asked again."""
        return content_digest(_canonical(native, self._command(native), _optional(native.member_name, "member_name")))

    def _find_inadmissible(self, command: Reward, now: datetime) -> Invalid | None:
        for index, fact in enumerate(command.facts):
            try:
                check_occurred_at(fact.occurred_at, now, self._settings.late_limit)
            except Invalid as error:
                return Invalid(error.message, code=error.code, details={"path": f"facts[{index}].occurred_at"})
        return None

    def _command(self, native: NativeCommand) -> Reward:
        return Reward(
            dialect=Dialect.NATIVE,
            action=_optional(native.action, "action") or native.facts[0].type.value,
            identity=_identity(native.member, "member"),
            facts=tuple(self._fact(fact, f"facts[{index}]") for index, fact in enumerate(native.facts)),
            install_id=_optional(native.install_id, "install_id"),
            device_type=_optional(native.device_type, "device_type"),
        )

    @cached_property
    def _outlets(self) -> dict[str, str]:
        """Outlet codes by this client's own names for them."""
        code = self._client.client.code
        return {alias: outlet.code for outlet in self._catalogue.outlets for alias in outlet.aliases.get(code, ())}

    def _fact(self, fact: WrittenFact, path: str) -> Fact:
        occurred_at = self._occurred_at(fact.occurred_at, f"{path}.occurred_at")
        amount_minor = self._amount(fact.amount, f"{path}.amount")
        if amount_minor is None and fact.type is Trigger.PURCHASE:
            raise Invalid("A purchase needs its amount.", code="invalid_amount", details={"path": f"{path}.amount"})
        product = _optional(fact.product, f"{path}.product")
        outlet = self._outlet(_optional(fact.outlet, f"{path}.outlet"))
        currency = None if fact.currency == self._settings.currency else fact.currency
        items = None
        if fact.lines is not None:
            items = tuple(self._item(line, f"{path}.lines[{index}]") for index, line in enumerate(fact.lines))
        referrer = None if fact.referrer is None else _identity(fact.referrer, f"{path}.referrer")
        if (made := _REFERRED.get(fact.type)) is not None:
            return made(
                occurred_at=occurred_at,
                amount_minor=amount_minor,
                product=product,
                outlet=outlet,
                currency=currency,
                items=items,
                referrer=referrer,
            )
        if referrer is not None:
            raise Invalid(
                f"A {fact.type.value} has no referrer.", code="invalid_field", details={"path": f"{path}.referrer"}
            )
        return _PLAIN[fact.type](
            occurred_at=occurred_at,
            amount_minor=amount_minor,
            product=product,
            outlet=outlet,
            currency=currency,
            items=items,
        )

    def _item(self, line: WrittenLine, path: str) -> Item:
        return Item(
            product=_optional(line.product, f"{path}.product"),
            category=_optional(line.category, f"{path}.category"),
            quantity=line.quantity,
            amount_minor=self._amount(line.amount, f"{path}.amount"),
        )

    def _outlet(self, written: str | None) -> str | None:
        """The outlet's code: a client's alias is looked up, an unknown name stays as it is and no rule knows it."""
        if written is None:
            return self._client.client.default_outlet
        return self._outlets.get(written, written)

    def _amount(self, written: str | int | None, path: str) -> int | None:
        if written is None:
            return None
        try:
            return to_minor(str(written), self._settings.minor_units)
        except Invalid as error:
            raise Invalid(error.message, code=error.code, details={"path": path}) from error

    def _occurred_at(self, written: str | None, path: str) -> datetime | None:
        if written is None:
            return None
        try:
            return _read_rfc_3339(written, self._settings.time_zone)
        except Invalid as error:
            raise Invalid(error.message, code=error.code, details={"path": path}) from error


def _read_rfc_3339(text: str, zone: str) -> datetime:
    """The instant in UTC; digits beyond microseconds are cut off."""
    if _RFC_3339.match(text):
        try:
            moment = datetime.fromisoformat(text.upper())
            if moment.tzinfo is None:
                moment = moment.replace(tzinfo=ZoneInfo(zone))
            return moment.astimezone(UTC)
        except (ValueError, OverflowError):
            pass  # such as 30 February, or a year that ends before it begins in UTC: refused below
    raise Invalid("The date is not RFC 3339, such as 2026-03-01T12:00:00+07:00.", code="invalid_date")


def read_identity(kind: str, value: str, path: str) -> Identity:
    """An identity as it is stored, both parts trimmed. Raises Invalid `invalid_identity`."""
    try:
        return Identity(_identifier(kind, f"{path}.kind"), _identifier(value, f"{path}.value"))
    except Invalid as error:
        raise Invalid(error.message, code="invalid_identity", details=error.details) from error


def _identity(written: WrittenIdentity, path: str) -> Identity:
    return read_identity(written.kind, written.value, path)


def _identifier(text: str, path: str) -> str:
    trimmed = text.strip()
    if not trimmed or len(trimmed) > IDENTIFIER_CHARACTERS_MAX or _CONTROL.search(trimmed):
        raise Invalid(
            f"`{path}` must hold 1 to {IDENTIFIER_CHARACTERS_MAX} characters, none of them a control character.",
            code="invalid_field",
            details={"path": path},
        )
    return trimmed


def _optional(text: str | None, path: str) -> str | None:
    return None if text is None else _identifier(text, path)


def _canonical(native: NativeCommand, command: Reward, name: str | None) -> bytes:
    """What a retry must repeat: meaning, with dates and outlets as sent; not spelling, key order or white space.

    Amounts count by value, so 10 and "10.00" are the same.
    """
    return msgspec.msgpack.encode(
        (
            command.identity,
            command.action,
            name,
            command.install_id,
            command.device_type,
            [
                (
                    written.type.value,
                    written.occurred_at,
                    fact.amount_minor,
                    fact.currency,
                    fact.product,
                    None if written.outlet is None else written.outlet.strip(),
                    fact.items,
                    getattr(fact, "referrer", None),
                )
                for written, fact in zip(native.facts, command.facts, strict=True)
            ],
        )
    )
