"""Native commands into submissions, and their stored bodies back into fields; pure: time and chance are arguments."""

from __future__ import annotations

import json
from collections.abc import Container, Mapping
from datetime import datetime
from functools import cached_property
from typing import Any

import msgspec

from accrual.domain.amounts import to_minor
from accrual.domain.commands import Dialect, Profile, Reward, Submission, content_digest
from accrual.domain.errors import Invalid
from accrual.domain.facts import (
    CheckIn,
    DrawEntry,
    Event,
    Fact,
    Item,
    ProductPurchase,
    Purchase,
    Referral,
    ReferralPurchase,
    Registration,
    Trigger,
)
from accrual.domain.ids import BUCKETS_DEFAULT
from accrual.domain.movements import Movement
from accrual.domain.native import NativeCommand, WrittenFact, WrittenLine
from accrual.domain.programme import Catalogue, IdempotencyPolicy, InstallId, KeyScope, Settings, StoredClient
from accrual.engine.bounds import find_beyond
from accrual.engine.native_fields import (
    read_attributes,
    read_identifier,
    read_optional,
    read_rfc_3339,
    read_written_identity,
)
from accrual.engine.translate_moves import canonical_move, to_move
from accrual.engine.translate_profile import canonical_profile, to_profile
from accrual.rules.admissible import check_occurred_at

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

_EXTRAS: Mapping[str, Container[Trigger]] = {
    "referrer": _REFERRED,
    "name": (Trigger.EVENT,),
    "attributes": (Trigger.EVENT,),
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
    move = document.get("move")
    if isinstance(move, dict) and move.get("type") == "confirm":
        move["code"] = "******"  # what a member was sent is shown to nobody
    return document


def _whole(text: str) -> int | str:
    return int(text) if len(text) <= 19 else text


class Translator:
    """Turns native commands into submissions under one client's and programme's settings."""

    def __init__(self, client: StoredClient, catalogue: Catalogue, *, buckets: int = BUCKETS_DEFAULT) -> None:
        """`buckets` is their number in this database: what a key means as a ticket depends on it, nothing else does."""
        self._client = client
        self._catalogue = catalogue
        self._buckets = buckets
        self._settings = catalogue.settings

    def to_submission(self, native: NativeCommand, raw: bytes, *, now: datetime, chance: bytes) -> Submission:
        """The submission of a native command whose bytes were `raw`; `chance` is the key of one that brings none.

        Raises Invalid: `invalid_field`, `invalid_identity`, `invalid_amount`, `invalid_date`, `key_missing` where the
        client must send keys, and what to_profile raises.
        `details.path` says where, as in `facts[0].amount`. A date that is too old or ahead of `now`, `date_out_of_range`,
        and what is beyond the programme's bounds are the submission's refusal.
        """
        key = read_optional(native.key, "key")
        if key is None and self._client.client.idempotency is IdempotencyPolicy.REQUIRE:
            raise Invalid("This client must send a key with each command.", code="key_missing", details={"path": "key"})
        name = read_optional(native.member_name, "member_name")
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

    @property
    def settings(self) -> Settings:
        """Those of the programme."""
        return self._settings

    def command_of(self, native: NativeCommand) -> Reward:
        """The command of facts alone, however long ago they occurred. Raises Invalid as `to_submission`."""
        if not native.facts or native.profile is not None:
            raise Invalid(
                "A command needs facts, or else a profile, and not both.",
                code="invalid_field",
                details={"path": "facts"},
            )
        return Reward(
            dialect=Dialect.NATIVE,
            action=read_optional(native.action, "action") or native.facts[0].type.value,
            identity=read_written_identity(native.member, "member", self._settings),
            facts=tuple(self._fact(fact, f"facts[{index}]") for index, fact in enumerate(native.facts)),
            install_id=read_optional(native.install_id, "install_id"),
            device_type=read_optional(native.device_type, "device_type"),
            promo_codes=tuple(
                read_identifier(code, f"promo_codes[{index}]") for index, code in enumerate(native.promo_codes)
            ),
            payment=read_optional(native.payment, "payment"),
            unique_install=native.install_id is not None and self._client.client.install_id is InstallId.UNIQUE,
        )

    def content_of(self, native: NativeCommand) -> bytes:
        """The content digest alone, of a command accepted earlier: whether its dates are too old is not asked again."""
        return content_digest(
            _canonical(native, self._command(native), read_optional(native.member_name, "member_name"))
        )

    def _find_inadmissible(self, command: Reward | Profile | Movement, now: datetime) -> Invalid | None:
        if not isinstance(command, Reward | Profile):
            try:
                check_occurred_at(command.occurred_at, now, self._settings.late_limit)
            except Invalid as error:
                return Invalid(error.message, code=error.code, details={"path": "move.occurred_at"})
        for index, fact in enumerate(command.facts if isinstance(command, Reward) else ()):
            try:
                check_occurred_at(fact.occurred_at, now, self._settings.late_limit)
            except Invalid as error:
                return Invalid(error.message, code=error.code, details={"path": f"facts[{index}].occurred_at"})
        return find_beyond(command, self._settings)

    def _command(self, native: NativeCommand) -> Reward | Profile | Movement:
        if native.move is not None:
            return to_move(native, native.move, client=self._client, catalogue=self._catalogue, buckets=self._buckets)
        if native.profile is not None and not native.facts:
            return to_profile(native, native.profile, self._settings)
        return self.command_of(native)

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
        product = read_optional(fact.product, f"{path}.product")
        outlet = self._outlet(read_optional(fact.outlet, f"{path}.outlet"))
        if fact.currency not in (None, self._settings.currency):
            raise Invalid(
                f"Amounts are in {self._settings.currency}, the programme's currency; none is converted.",
                code="invalid_amount",
                details={"path": f"{path}.currency"},
            )
        items = None
        if fact.lines is not None:
            items = tuple(self._item(line, f"{path}.lines[{index}]") for index, line in enumerate(fact.lines))
        referrer = (
            None if fact.referrer is None else read_written_identity(fact.referrer, f"{path}.referrer", self._settings)
        )
        _check_extras(fact, path)
        if (made := _REFERRED.get(fact.type)) is not None:
            return made(
                occurred_at=occurred_at,
                amount_minor=amount_minor,
                product=product,
                outlet=outlet,
                items=items,
                referrer=referrer,
            )
        if fact.type is Trigger.EVENT:
            return Event(
                occurred_at=occurred_at,
                amount_minor=amount_minor,
                product=product,
                outlet=outlet,
                items=items,
                name=read_identifier(fact.name or "", f"{path}.name"),
                attributes=read_attributes(fact.attributes, f"{path}.attributes"),
            )
        return _PLAIN[fact.type](
            occurred_at=occurred_at,
            amount_minor=amount_minor,
            product=product,
            outlet=outlet,
            items=items,
        )

    def _item(self, line: WrittenLine, path: str) -> Item:
        return Item(
            product=read_optional(line.product, f"{path}.product"),
            category=read_optional(line.category, f"{path}.category"),
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
            return read_rfc_3339(written, self._settings.time_zone)
        except Invalid as error:
            raise Invalid(error.message, code=error.code, details={"path": path}) from error


def _check_extras(fact: WrittenFact, path: str) -> None:
    """Fields that only some kinds of fact have are refused on the others. Raises Invalid `invalid_field`."""
    for field, kinds in _EXTRAS.items():
        if getattr(fact, field) is not None and fact.type not in kinds:
            raise Invalid(
                f"A {fact.type.value} has no {field}.", code="invalid_field", details={"path": f"{path}.{field}"}
            )


def _canonical(native: NativeCommand, command: Reward | Profile | Movement, name: str | None) -> bytes:
    """What a retry must repeat: meaning, with dates and outlets as sent; not spelling, key order or white space.

    Amounts count by value, so 10 and "10.00" are the same. What came into the language later is added only where it is
    used, so that commands without it keep the digest they were stored with.
    """
    if isinstance(command, Profile):
        return canonical_profile(command, name)
    if not isinstance(command, Reward):
        return canonical_move(native, command.identity, name)
    meant: tuple[Any, ...] = (
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
                (fact.name, fact.attributes) if isinstance(fact, Event) else getattr(fact, "referrer", None),
            )
            for written, fact in zip(native.facts, command.facts, strict=True)
        ],
    )
    if command.promo_codes or command.payment is not None:
        meant += (command.promo_codes, command.payment)
    return msgspec.msgpack.encode(meant)
