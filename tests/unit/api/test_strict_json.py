"""What the strict reader takes and refuses; every refusal is an Invalid with the code invalid_json."""

from __future__ import annotations

import time

import pytest

from accrual.api.strict_json import DEPTH_MAX, Reader
from accrual.domain.errors import Invalid

_READER = Reader(number=str)


def test_numbers_arrive_as_their_own_text() -> None:
    body = b'{"a": 6843.10, "b": [1e999, -0, 12345678901234567890123]}'
    assert _READER.read(body) == {"a": "6843.10", "b": ["1e999", "-0", "12345678901234567890123"]}


def test_five_thousand_digits_are_read_as_text_without_arithmetic() -> None:
    assert _READER.read(b"[" + b"9" * 5000 + b"]") == ["9" * 5000]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"{",
        b'{"a": 1} trailing',
        b'{"a": 1, "a": 2}',
        b'{"x": {"a": 1, "\\u0061": 2}}',
        b"[NaN]",
        b"[Infinity]",
        b"[-Infinity]",
        b"\xff\xfe",
        b"\xef\xbb\xbf{}",
        b'["\\ud800"]',
        b'{"\\udfff": 1}',
        b'["\x00"]',
        b"[01]",
        "[１２]".encode(),  # full-width digits
        b"[1_000]",
        b"[" * (DEPTH_MAX + 1) + b"]" * (DEPTH_MAX + 1),
        b"[" * 10_000,
        b'{"a":' * 10_000,
    ],
)
def test_what_is_not_plain_json_is_refused(body: bytes) -> None:
    with pytest.raises(Invalid) as caught:
        _READER.read(body)
    assert caught.value.code == "invalid_json"


def test_nesting_up_to_the_limit_and_brackets_in_texts_are_taken() -> None:
    deep = b"[" * DEPTH_MAX + b"]" * DEPTH_MAX
    assert _READER.read(deep)
    text = '["' + "[{" * 100 + '\\"", ' + '{"a": "]"}' + "]"
    assert _READER.read(text.encode()) == ["[{" * 100 + '"', {"a": "]"}]
    assert _READER.read(b"[" + b"[]," * 500 + b"[]]") == [[]] * 501


def test_escaped_pair_is_one_character() -> None:
    assert _READER.read(b'["\\ud83d\\ude00"]') == ["\U0001f600"]


def test_megabyte_of_brackets_is_refused_at_once() -> None:
    began = time.perf_counter()
    with pytest.raises(Invalid):
        _READER.read(b'{"' * (512 * 1024))
    assert time.perf_counter() - began < 2


def test_megabyte_of_a_text_that_never_ends_is_refused_at_once() -> None:
    began = time.perf_counter()
    with pytest.raises(Invalid):
        _READER.read(b"[" * (DEPTH_MAX + 1) + b'"' + b'\\"' * (512 * 1024))
    with pytest.raises(Invalid):
        _READER.read(b"[]," * DEPTH_MAX + b'["' + b'\\"' * (512 * 1024) + b"\\")
    assert time.perf_counter() - began < 2
