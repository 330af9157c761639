"""Reads JSON that leaves nothing open: duplicate keys, NaN, deep nesting and broken Unicode are refused; no field is known."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, NoReturn

from accrual.domain.errors import Invalid

DEPTH_MAX = 32
"""Objects and arrays within each other, at most."""

# A text that never ends counts as one to the end of the body: looking for its end again from each quote in it would take
# time that grows with the square of the body.
_NOT_BRACKETS = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)|[^][{}"]+', re.DOTALL)
_SURROGATE = re.compile("[\ud800-\udfff]")


class _Refused(ValueError):
    """What the decoder's hooks raise; its message goes to the caller."""


class Reader:
    """A JSON reader that hands every number's own text to `number`, so that no binary fraction is ever made.

    Build one and keep it. `number` may raise ValueError with a sentence for the caller.
    """

    def __init__(self, number: Callable[[str], Any]) -> None:
        self._decoder = json.JSONDecoder(
            object_pairs_hook=_object,
            parse_float=number,
            parse_int=number,
            parse_constant=_constant,
        )

    def read(self, body: bytes) -> Any:
        """The document in `body` (UTF-8). Raises Invalid `invalid_json` for anything that is not plain JSON."""
        if not body:
            raise Invalid("The body is empty; JSON is expected.", code="invalid_json")
        try:
            text = body.decode("utf-8")
        except UnicodeDecodeError as error:
            raise Invalid(f"The body is not UTF-8 at byte {error.start}.", code="invalid_json") from error
        if text.count("{") + text.count("[") > DEPTH_MAX and _is_deep(text):
            raise Invalid(f"The JSON is nested deeper than {DEPTH_MAX}.", code="invalid_json")
        try:
            document = self._decoder.decode(text)
        except json.JSONDecodeError as error:
            raise Invalid(
                f"The body is not JSON: {error.msg} at line {error.lineno} column {error.colno}.", code="invalid_json"
            ) from error
        except _Refused as error:
            raise Invalid(str(error), code="invalid_json") from error
        if "\\u" in text and _has_surrogate(document):
            raise Invalid("A \\u escape stands for half a character.", code="invalid_json")
        return document


def refuse_number(reason: str) -> NoReturn:
    """For `number` functions: refuse the document with this sentence."""
    raise _Refused(reason)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Refused("A key stands twice in one object.")
    return found


def _constant(name: str) -> NoReturn:
    raise _Refused(f"{name} is not JSON.")


def _is_deep(text: str) -> bool:
    depth = 0
    for bracket in _NOT_BRACKETS.sub("", text):
        if bracket in "{[":
            depth += 1
            if depth > DEPTH_MAX:
                return True
        else:
            depth -= 1
    return False


def _has_surrogate(document: Any) -> bool:
    """Whether any text or key holds half a surrogate pair; depth is already bounded."""
    if isinstance(document, str):
        return _SURROGATE.search(document) is not None
    if isinstance(document, dict):
        return any(_has_surrogate(key) or _has_surrogate(value) for key, value in document.items())
    if isinstance(document, list):
        return any(map(_has_surrogate, document))
    return False
