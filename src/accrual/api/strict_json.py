"""Reads JSON that leaves nothing open: duplicate keys, NaN, deep nesting, too many values and broken Unicode are refused."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, NoReturn

from accrual.domain.errors import Invalid, TooLarge

DEPTH_MAX = 32
"""Objects and arrays within each other, at most."""

VALUES_MAX = 100_000
"""Commas, objects and arrays of one document, at most: no more values than these are made while nobody else is served."""

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

    def read(self, body: bytes, *, depth_max: int = DEPTH_MAX) -> Any:
        """The document in `body` (UTF-8), nested at most `depth_max` deep.

        Raises Invalid `invalid_json` for anything that is not plain JSON, TooLarge for more than 100,000 values.
        """
        if not body:
            raise Invalid("The body is empty; JSON is expected.", code="invalid_json")
        require_values(body, VALUES_MAX)
        try:
            text = body.decode("utf-8")
        except UnicodeDecodeError as error:
            raise Invalid(f"The body is not UTF-8 at byte {error.start}.", code="invalid_json") from error
        if text.count("{") + text.count("[") > depth_max and _is_deep(text, depth_max):
            raise Invalid(f"The JSON is nested deeper than {depth_max}.", code="invalid_json")
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


def require_values(body: bytes, values_max: int) -> None:
    """Raises TooLarge for JSON with more commas, objects and arrays, those within texts counted too. Makes no object."""
    if len(body) > values_max and body.count(b",") + body.count(b"[") + body.count(b"{") > values_max:
        raise TooLarge(
            f"The JSON holds more than {values_max} values. Send less in one call.", details={"values_max": values_max}
        )


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


def _is_deep(text: str, depth_max: int) -> bool:
    depth = 0
    for bracket in _NOT_BRACKETS.sub("", text):
        if bracket in "{[":
            depth += 1
            if depth > depth_max:
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
