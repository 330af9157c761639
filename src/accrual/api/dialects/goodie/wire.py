"""Goodie's own field names, read from a body into text; they are known nowhere else. Nothing is interpreted."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from accrual.api.dialects.tolerant import (
    Fields,
    Misread,
    as_sent,
    fold,
    read_body,
    read_decimal_text,
    read_identifier,
    read_objects,
)
from accrual.domain.errors import Invalid

RULES_MAX = 20
ISSUING = {"0": False, "1": True}
"""What `issuing` says: 0, the rule computes from an amount; 1, it issues points of its own."""

_SPELLINGS = {
    fold(name): name
    for name in (
        "memberId", "merchantId", "storeId", "custom", "ruleName", "issuing", "amount", "basic", "productCode",
        "totalTrxAmount", "refNumber",
    )
}  # fmt: skip


class CustomRule(NamedTuple):
    """A rule that is asked for by name. `amount` is its text, None where it is absent; an issuing rule has no use for one."""

    name: str
    is_issuing: bool
    amount: str | None
    place: str
    fields: Fields

    def misread(self, problem: str, code: str) -> Misread:
        """An error about the amount, placed there as the client spells it."""
        return Misread(self.fields.spelling("amount"), problem, code=code).within(self.place)


class Basic(NamedTuple):
    """A payment: `amount` is the text of totalTrxAmount, `reference` is what the merchant calls it."""

    product: str | None
    amount: str
    reference: str
    place: str
    fields: Fields

    def misread(self, problem: str, code: str) -> Misread:
        """An error about the amount, placed there as the client spells it."""
        return Misread(self.fields.spelling("totalTrxAmount"), problem, code=code).within(self.place)


class Posting(NamedTuple):
    """A posting or inquiry as sent, identifiers trimmed: either custom rules or a payment. `store_id` may be empty."""

    member_id: str
    merchant_id: str
    store_id: str
    custom: tuple[CustomRule, ...]
    basic: Basic | None

    @property
    def rules(self) -> tuple[str, ...]:
        """The names of the custom rules, in order, each once."""
        return tuple(dict.fromkeys(rule.name for rule in self.custom))


def read(body: bytes) -> Posting:
    """The posting in a body. Raises Misread, naming the field as the client spells it, and Invalid `forms_mixed`."""
    fields = read_body(body)
    custom = _objects(fields, "custom")
    basic = _objects(fields, "basic")
    if custom and basic:
        raise Invalid("custom and basic are two forms of a posting; send one of them.", code="forms_mixed")
    if not custom and not basic:
        raise Invalid("A posting needs custom or basic.", code="forms_mixed")
    return Posting(
        _needed(fields, "memberId", code="invalid_identity"),
        _needed(fields, "merchantId"),
        read_identifier(fields, "storeid") or "",
        tuple(_rule(place, each) for place, each in custom),
        _basic(fields, basic) if basic else None,
    )


def _objects(fields: Fields, name: str) -> list[tuple[str, Fields]]:
    """The objects under a name with their places; an empty object says nothing, and is none."""
    spelt = fields.spelling(name)
    objects = [each for each in read_objects(fields, name) or () if each]
    is_array = isinstance(fields.get(name), list)
    if len(objects) > RULES_MAX:
        raise Misread(spelt, f"has more than {RULES_MAX} rules.")
    return [(f"{spelt}[{index}]" if is_array else spelt, Fields(each)) for index, each in enumerate(objects)]


def _rule(place: str, fields: Fields) -> CustomRule:
    try:
        name = _needed(fields, "ruleName")
        is_issuing = _read_issuing(fields)
        amount = None if is_issuing else _read_amount(fields, "amount")
    except Misread as error:
        raise error.within(place) from error
    return CustomRule(name, is_issuing, amount, place, fields)


def _read_issuing(fields: Fields) -> bool:
    issuing = _needed(fields, "issuing")
    if issuing not in ISSUING:
        raise Misread(fields.spelling("issuing"), "expected 0 (an amount) or 1 (points of the rule's own).")
    return ISSUING[issuing]


def _read_amount(fields: Fields, name: str) -> str:
    amount = read_decimal_text(fields, fold(name))
    if amount is None:
        raise Misread(fields.spelling(name), "is needed.", code="invalid_amount")
    return amount


def _basic(fields: Fields, objects: list[tuple[str, Fields]]) -> Basic:
    if len(objects) > 1:
        raise Misread(fields.spelling("basic"), "has more than one payment.")
    place, inner = objects[0]
    try:
        product = read_identifier(inner, "productcode")
        return Basic(product, _read_amount(inner, "totalTrxAmount"), _needed(inner, "refNumber"), place, inner)
    except Misread as error:
        raise error.within(place) from error


def _needed(fields: Fields, name: str, *, code: str = "invalid_field") -> str:
    value = read_identifier(fields, fold(name), code=code)
    if value is None:
        raise Misread(fields.spelling(name), "is needed.", code=code)
    return value


def wrap(body: bytes, member_name: str) -> bytes:
    """A body as it is stored: a line that says what the member was called when it came, and what was sent, untouched.

    The name is in every reply to this posting, also when it is asked for again after the member took another name; it is
    personal, and is erased with the body.
    """
    return json.dumps(member_name).encode() + b"\n" + body


def unwrap(stored: bytes) -> tuple[bytes, str]:
    """What was sent, and the member's name then. Raises Invalid when the bytes are no stored posting."""
    line, separator, body = stored.partition(b"\n")
    name = json.loads(line) if separator and line[:1] == b'"' else None
    if not isinstance(name, str):
        raise Invalid("The bytes are no stored posting.")
    return body, name


def fields(stored: bytes) -> dict[str, Any]:
    """Every field of a stored posting with its value, in the partner's spelling, and `memberName` as it was then.

    Whole numbers are int, other numbers their text. Empty for a body that was erased.
    """
    if not stored:
        return {}
    body, name = unwrap(stored)
    sent = read_body(body).source
    return {_spelling(key): as_sent(value, _spelling) for key, value in sent.items()} | {"memberName": name}


def _spelling(name: str) -> str:
    return _SPELLINGS.get(fold(name), name)
