"""Cuts a file into bodies: one JSON object, an array of them, or one a line. What they say is not looked at."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import BinaryIO

import msgspec

from accrual.domain.errors import Invalid, TooLarge

WHOLE_BYTES_MAX = 64 * 1024 * 1024
"""An array or an object over several lines is read whole; one body a line has no such limit."""

LINE_BYTES_MAX = 16 * 1024 * 1024


def read_bodies(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """(number, body) from 1: the line where there is one body a line, else the place in the array.

    Raises Invalid `invalid_json` when the input is none of the three, TooLarge.
    """
    first_number, first = _first_line(file)
    if first.lstrip()[:1] != b"[" and _is_json(first):
        yield first_number, first.strip()
        number = first_number
        while line := file.readline(LINE_BYTES_MAX + 1):
            number += 1
            if len(line) > LINE_BYTES_MAX:
                raise TooLarge(f"Line {number} is longer than {LINE_BYTES_MAX} bytes.")
            if line.strip():
                yield number, line.strip()
        return
    whole = first + file.read(WHOLE_BYTES_MAX + 1)
    if len(whole) > WHOLE_BYTES_MAX:
        raise TooLarge(f"The input is longer than {WHOLE_BYTES_MAX} bytes; give one body a line instead.")
    if whole.lstrip()[:1] != b"[":
        yield 1, whole.strip()
        return
    try:
        bodies = msgspec.json.decode(whole, type=list[msgspec.Raw])
    except msgspec.DecodeError as error:
        raise Invalid(f"The input is no array of JSON objects: {error}.", code="invalid_json") from error
    for number, body in enumerate(bodies, 1):
        yield number, bytes(body)


def _first_line(file: BinaryIO) -> tuple[int, bytes]:
    number = 0
    while line := file.readline(LINE_BYTES_MAX + 1):
        number += 1
        if line.strip():
            return number, line
    raise Invalid("There is nothing to submit.", code="invalid_json")


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True
