"""Reads what partners send with the tolerance their own texts ask for; strictness of the JSON itself is strict_json's."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from accrual.api.strict_json import Reader, refuse_number
from accrual.domain.errors import Invalid

TEXT_CHARACTERS_MAX = 200
NUMBER_CHARACTERS_MAX = 100
ITEMS_MAX = 1000
_FOLDED_CHARACTERS_MAX = 64
_FOLDED_NAMES_MAX = 4096
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
_WHOLE = re.compile(r"-?[0-9]+\Z", re.ASCII)
_EXPONENT = re.compile(r"(-?)([0-9]{1,30})(?:\.([0-9]{1,30}))?[eE]([+-]?[0-9]{1,2})\Z", re.ASCII)


class Number(str):
    """A JSON number, kept as the text it was sent in."""

    __slots__ = ()


def _number(text: str) -> Number:
    if len(text) <= NUMBER_CHARACTERS_MAX and text.isdigit():
        return Number(text)
    if len(text) > NUMBER_CHARACTERS_MAX:
        refuse_number(f"A number has more than {NUMBER_CHARACTERS_MAX} characters.")
    if ("e" in text or "E" in text) and not _EXPONENT.match(text):
        refuse_number("A number has an exponent beyond what any amount can have.")
    return Number(text)


_READER = Reader(number=_number)


class Misread(Invalid):
    """A field that cannot be read: where it stands, as the client spells it, and what was expected there."""

    default_code = "invalid_field"

    def __init__(self, field: str, problem: str, *, code: str = "") -> None:
        super().__init__(f"{field}: {problem}", code=code, details={"field": field})
        self.field = field
        self.problem = problem

    def within(self, place: str) -> Misread:
        """The same error, seen from the object that holds it."""
        return Misread(f"{place}.{self.field}", self.problem, code=self.code)


class _Folded(dict[str, str]):
    """Folded names by name: a dictionary, because every name of every request passes through. It stops growing."""

    def __missing__(self, name: str) -> str:
        if len(name) > _FOLDED_CHARACTERS_MAX or not name.isascii():
            return name
        folded = name.replace("_", "").replace("-", "").lower()
        if len(self) < _FOLDED_NAMES_MAX:
            self[name] = folded
        return folded


_FOLDED = _Folded()


def fold(name: str) -> str:
    """A name as it is compared: case, `-` and `_` do not count. Names beyond any known one's length stay as they are."""
    return _FOLDED[name]


class Fields:
    """A JSON object looked up by folded names; `source` is the object as it was sent."""

    __slots__ = ("_values", "source")

    def __init__(self, source: Mapping[str, Any]) -> None:
        """Raises Misread when one field is there in two spellings with two values."""
        self.source = source
        self._values = {_FOLDED[name]: value for name, value in source.items()}
        if len(self._values) != len(source):
            self._refuse_twins()

    def get(self, name: str) -> Any:
        """The value under a folded name; None when it is absent or null."""
        return self._values.get(name)

    def spelling(self, name: str) -> str:
        """How the client spells this name; the name itself when it is absent."""
        folded = fold(name)
        return next((given for given in self.source if fold(given) == folded), name)

    def _refuse_twins(self) -> None:
        first: dict[str, str] = {}
        for given, value in self.source.items():
            other = first.setdefault(fold(given), given)
            known = self.source[other]
            if known != value or type(known) is not type(value):
                raise Misread(given[:_FOLDED_CHARACTERS_MAX], f"is the same field as {other}, with another value.")


def read_body(body: bytes) -> Fields:
    """The JSON object that a body holds. Raises Invalid `invalid_json`."""
    document = _READER.read(body)
    if not isinstance(document, dict):
        raise Invalid("The body is JSON, but no object.", code="invalid_json")
    return Fields(document)


def read_object(fields: Fields, name: str) -> Fields:
    """The object under a name, folded or not. Raises Misread when there is none."""
    value = fields.get(fold(name))
    if not isinstance(value, dict):
        raise Misread(fields.spelling(name), "expected an object.")
    return Fields(value)


def read_objects(fields: Fields, name: str) -> list[dict[str, Any]] | None:
    """The objects of an array, or the one object that stands in its place; None when absent. Raises Misread."""
    value = fields.get(name)
    if value is None:
        return None
    if isinstance(value, dict):
        return [value]
    if not isinstance(value, list):
        raise Misread(fields.spelling(name), "expected an array of objects.")
    if len(value) > ITEMS_MAX:
        raise Misread(fields.spelling(name), f"has more than {ITEMS_MAX} items.")
    for index, item in enumerate(value):
        if not isinstance(item, dict):
            raise Misread(f"{fields.spelling(name)}[{index}]", "expected an object.")
    return value


def read_text(fields: Fields, name: str, *, characters_max: int = TEXT_CHARACTERS_MAX) -> str | None:
    """Text or a number, trimmed; None when absent, null or empty. Raises Misread: other types, too long, control marks."""
    value = fields.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise Misread(fields.spelling(name), "expected text or a number.")
    text = value.strip()
    if len(text) > characters_max:
        raise Misread(fields.spelling(name), f"has more than {characters_max} characters.")
    if not text.isprintable() and _CONTROL.search(text):
        raise Misread(fields.spelling(name), "has control characters in it.")
    return str(text) or None


def read_identifier(fields: Fields, name: str, *, code: str = "invalid_field") -> str | None:
    """What names somebody or something, trimmed; None when absent, null or empty.

    Raises Misread: over 200 characters, control or invisible characters, digits other than 0-9, a number with a fraction.
    """
    value = fields.get(name)
    if value is None:
        return None
    if type(value) is Number and value.isdigit():  # nearly all of them; there is nothing left to refuse
        return str(value)
    try:
        text = read_text(fields, name)
    except Misread as error:
        raise Misread(error.field, error.problem, code=code) from error
    if text is None:
        return None
    if not text.isprintable():
        raise Misread(fields.spelling(name), "has invisible characters in it.", code=code)
    if not text.isascii() and any(mark.isdigit() and not mark.isascii() for mark in text):
        raise Misread(fields.spelling(name), "has digits other than 0 to 9 in it.", code=code)
    if isinstance(value, Number) and not _WHOLE.match(text):
        raise Misread(fields.spelling(name), "expected text or a whole number.", code=code)
    return text


def read_decimal_text(fields: Fields, name: str) -> str | None:
    """An amount as plain decimal text, from a number or numeric text; None when absent, null or empty.

    A small exponent is written out (`1.0E7`, as some JSON writers put ten million). What is no number is returned as it
    stands, for `amounts.to_minor` to refuse. Raises Misread `invalid_amount` when it is neither number nor text.
    """
    value = fields.get(name)
    if value is None:
        return None
    if type(value) is Number and value.isdigit():
        return str(value)
    if not isinstance(value, str):
        raise Misread(fields.spelling(name), "expected a number.", code="invalid_amount")
    text = value.strip()
    if ("e" in text or "E" in text) and (parts := _EXPONENT.match(text)):
        text = _written_out(*parts.groups(default=""))
    return str(text) or None


def _written_out(sign: str, whole: str, fraction: str, exponent: str) -> str:
    digits, point = whole + fraction, len(whole) + int(exponent)
    digits, point = "0" * -point + digits, max(point, 0)
    digits = digits.ljust(point, "0")
    whole, fraction = digits[:point].lstrip("0"), digits[point:].rstrip("0")
    return f"{sign}{whole or '0'}" + (f".{fraction}" if fraction else "")


def as_sent(value: Any, rename: Callable[[str], str] = str) -> Any:
    """A JSON value for showing: whole numbers as int, other numbers as their text, names through `rename`."""
    match value:
        case Number():
            return int(value) if len(value) <= 18 and _WHOLE.match(value) else str(value)
        case dict():
            return {rename(name): as_sent(inner, rename) for name, inner in value.items()}
        case list():
            return [as_sent(inner, rename) for inner in value]
        case _:
            return value
