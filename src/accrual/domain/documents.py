"""Documents as plain values with every default written out, for storing, comparing and showing them; no meaning here."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import msgspec


def write_out(document: Any) -> Any:
    """Lists, dicts and scalars; unlike msgspec's own form defaults are kept, so that a later release cannot change them."""
    if isinstance(document, msgspec.Struct):
        return {written: write_out(getattr(document, name)) for name, written in _fields(type(document))}
    if isinstance(document, tuple | list):
        return [write_out(item) for item in document]
    if isinstance(document, dict):
        return {str(key): write_out(value) for key, value in document.items()}
    return msgspec.to_builtins(document)


@cache
def _fields(kind: type[msgspec.Struct]) -> tuple[tuple[str, str], ...]:
    """The fields of a kind of document as (name, name in its written form): to ask for them reads all annotations anew."""
    return tuple((field.name, field.encode_name) for field in msgspec.structs.fields(kind))


def encode_document(document: Any) -> str:
    """The JSON text of a document, defaults and all."""
    return msgspec.json.encode(write_out(document)).decode()


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every scalar and every list of scalars with its path, such as `benefits[0].fixed` or `where.outlets`.

    Empty lists and dicts are leaves too.
    """
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from leaves(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list | tuple) and any(isinstance(inner, dict | list | tuple) for inner in value):
        for index, inner in enumerate(value):
            yield from leaves(inner, f"{path}[{index}]")
    else:
        yield path, value
