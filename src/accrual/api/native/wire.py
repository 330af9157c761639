"""Bytes into native commands, one or many, each with its own bytes; what they mean is not judged here."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeVar

import msgspec

from accrual.api.strict_json import DEPTH_MAX, Reader, require_values
from accrual.domain.errors import Invalid, TooLarge
from accrual.domain.native import NativeCommand, ProfileChange

NDJSON = "application/x-ndjson"
_INTEGER_CHARACTERS_MAX = 19
_Kind = TypeVar("_Kind", NativeCommand, ProfileChange)
_ITEMS = msgspec.json.Decoder(list[msgspec.Raw])


class _Number(NamedTuple):
    """A JSON number that is no short integer, as its own text; only an amount may be one."""

    text: str


def _number(text: str) -> int | _Number:
    if len(text) <= _INTEGER_CHARACTERS_MAX and text.lstrip("-").isdigit():
        return int(text)
    return _Number(text)


_READER = Reader(_number)


def read_command(raw: bytes) -> NativeCommand:
    """One command. Raises Invalid `invalid_json`, or `invalid_field` with the path of the field."""
    return _convert(_READER.read(raw))


def read_profile(raw: bytes) -> ProfileChange:
    """A change of a profile. Raises Invalid as `read_command`."""
    return _as(ProfileChange, _READER.read(raw))


def is_bulk(body: bytes, content_type: str) -> bool:
    """Whether a body holds many commands: NDJSON by its media type, an array by its first character."""
    return is_ndjson(content_type) or body.lstrip(b" \t\r\n")[:1] == b"["


def is_ndjson(content_type: str) -> bool:
    """Whether the media type says one command a line; parameters and case do not matter."""
    return content_type.partition(";")[0].strip().lower() == NDJSON


def cut_commands(body: bytes, content_type: str, *, count_max: int, values_max: int) -> list[bytes]:
    """The bytes of each of many commands, at least one and at most `count_max`; none of them is read yet.

    Raises Invalid `invalid_json` when an array is broken as a whole or there is nothing, TooLarge for too many commands or
    values.
    """
    require_values(body, values_max)
    if is_ndjson(content_type):
        if body.count(b"\n") > values_max:
            raise TooLarge(f"The body holds more than {values_max} lines.", details={"values_max": values_max})
        raws = [line for line in body.split(b"\n") if line.strip()]
    else:
        try:
            raws = [bytes(item) for item in _ITEMS.decode(body)]
        except (msgspec.DecodeError, RecursionError) as error:
            raise Invalid(f"The body is not a JSON array: {error}.", code="invalid_json") from error
    _check_count(len(raws), count_max)
    return raws


def read_item(raw: bytes, number: int) -> NativeCommand:
    """The command at this place of an array, from 1. Raises Invalid as `read_command`, TooLarge."""
    try:
        document = _READER.read(raw, depth_max=DEPTH_MAX - 1)
    except Invalid as refusal:
        raise type(refusal)(
            f"Command {number}: {refusal.message}", code=refusal.code, details=refusal.details
        ) from None
    return _convert(document)


def _check_count(count: int, count_max: int) -> None:
    if count == 0:
        raise Invalid("There is no command in the body.", code="invalid_json")
    if count > count_max:
        raise TooLarge(f"The body holds more than {count_max} commands.", details={"count_max": count_max})


def _convert(document: Any) -> NativeCommand:
    if isinstance(document, dict):
        _amounts_as_text(document.get("facts"), "lines")
        move = document.get("move")
        if isinstance(move, dict) and isinstance(move.get("value"), _Number):
            move["value"] = move["value"].text
    return _as(NativeCommand, document)


def _as(kind: type[_Kind], document: Any) -> _Kind:
    try:
        return msgspec.convert(document, kind)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at `$")
        details = {"path": path.rstrip("`").lstrip(".")} if path else {}
        raise Invalid(f"{message.replace('_Number', 'number')}.", code="invalid_field", details=details) from error


def _amounts_as_text(items: Any, inner: str | None) -> None:
    """Numbers with decimals become text where an amount is expected; everywhere else they stay and are refused."""
    if not isinstance(items, list):
        return
    for item in items:
        if isinstance(item, dict):
            if isinstance(item.get("amount"), _Number):
                item["amount"] = item["amount"].text
            if inner is not None:
                _amounts_as_text(item.get(inner), None)
