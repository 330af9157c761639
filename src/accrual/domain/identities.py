"""One spelling for each identity: what a client writes becomes the value that is stored and hashed. Pure; knows no member."""

from __future__ import annotations

import unicodedata
from functools import cache, lru_cache
from importlib import import_module
from typing import Any

from accrual.domain.errors import Invalid
from accrual.domain.facts import Identity
from accrual.domain.native import IDENTIFIER_CHARACTERS_MAX
from accrual.domain.programme import Case, IdentityForm, IdentityRule, PlusTags, Settings

_BLANK = frozenset(
    (
        *(0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0),
        *range(0x180B, 0x1810),
        *range(0xFE00, 0xFE10),
        *range(0xE0100, 0xE01F0),
    )
)
"""Code points that Python calls printable and no font shows: fillers, joiners, variation selectors."""


def known_as(identity: Identity, settings: Settings) -> Identity:
    """The identity as it is stored: the value in the one spelling that the programme's rule for its kind allows.

    Applied again it changes nothing. Raises Invalid `invalid_identity`, without a path.
    """
    rule = settings.identities.get(identity.kind)
    if rule is None:
        if identity.value.isascii() and identity.value.isprintable() and identity.kind.isascii():
            return identity
        return Identity(_visible(identity.kind), _visible(identity.value))
    return Identity(identity.kind, _normal(identity.value, rule, rule.region or settings.region))


def is_region(code: str) -> bool:
    """Whether phone numbers of this region (ISO 3166-1, two capitals) can be read."""
    return code in _phonenumbers().SUPPORTED_REGIONS


@lru_cache(maxsize=4096)
def _normal(value: str, rule: IdentityRule, region: str | None) -> str:
    """Kept for the members met last: reading a phone number takes about 0.15 ms."""
    text = _digits(_visible(value))
    if rule.as_ is IdentityForm.PHONE:
        return _phone(text, region)
    if rule.as_ is IdentityForm.EMAIL:
        return _email(text, rule)
    return _visible(text.casefold()) if rule.case is Case.IGNORE else text


def _visible(text: str) -> str:
    """Unicode NFC. Refuses what nobody can see, and what is too long in this form."""
    for mark in text:
        if not mark.isprintable() or ord(mark) in _BLANK:
            raise _refused(f"U+{ord(mark):04X} in an identity cannot be seen; send it without.")
    normal = unicodedata.normalize("NFC", text)
    if len(normal) > IDENTIFIER_CHARACTERS_MAX:
        raise _refused(f"An identity has 1 to {IDENTIFIER_CHARACTERS_MAX} characters in Unicode form NFC.")
    return normal


def _digits(text: str) -> str:
    """Decimal digits of every script as 0 to 9."""
    if text.isascii():
        return text
    return "".join([str(unicodedata.decimal(mark)) if mark.isdecimal() else mark for mark in text])


def _phone(text: str, region: str | None) -> str:
    """E.164, such as `+6281234567890`. A number without country code is one of the region."""
    phones = _phonenumbers()
    try:
        number = phones.parse(text, region)
    except phones.NumberParseException as error:
        where = "send it with + and country code" if region is None else f"send one of {region}, or + and country code"
        raise _refused(f"{text!r} is no phone number; {where}.") from error
    if number.extension is not None or not phones.is_possible_number(number):
        raise _refused(f"{text!r} is no phone number of a person: its length is wrong, or it has an extension.")
    return str(phones.format_number(number, phones.PhoneNumberFormat.E164))


def _email(text: str, rule: IdentityRule) -> str:
    """The domain in lower case and in its ASCII form; the part before it as the rule says."""
    local, at, domain = text.rpartition("@")
    try:
        ascii_domain = domain.encode("idna").decode("ascii").lower()
    except UnicodeError:
        ascii_domain = ""
    if not at or not local or " " in text or "." not in ascii_domain.strip("."):
        raise _refused(f"{text!r} is no e-mail address, such as ana@example.com.")
    if rule.plus_tags is PlusTags.DROP and not local.startswith("+"):
        local = local.partition("+")[0]
    if rule.case is not Case.KEEP:
        local = _visible(local.casefold())
    return f"{local}@{ascii_domain.rstrip('.')}"


@cache
def _phonenumbers() -> Any:
    """Imported when a programme asks for it: its tables take a fifth of a second to load."""
    return import_module("phonenumbers")


def _refused(message: str) -> Invalid:
    return Invalid(message, code="invalid_identity")
