"""A file is cut into the bodies that it holds, each with its own bytes and number."""

from __future__ import annotations

import io

import pytest

from accrual.cli import bodies
from accrual.cli.bodies import read_bodies
from accrual.domain.errors import Invalid, TooLarge


def _cut(text: bytes) -> list[tuple[int, bytes]]:
    return list(read_bodies(io.BytesIO(text)))


def test_one_object_over_several_lines_is_one_body() -> None:
    assert _cut(b'{\n "a": 1\n}\n') == [(1, b'{\n "a": 1\n}')]


def test_one_body_a_line_keeps_its_line_number() -> None:
    assert _cut(b'\n{"a": 1}\n\n{"b":  2}\nbad\n') == [(2, b'{"a": 1}'), (4, b'{"b":  2}'), (5, b"bad")]


def test_array_gives_each_element_with_its_own_bytes() -> None:
    assert _cut(b'[{"a": 1.50},\n {"b" : 2}]') == [(1, b'{"a": 1.50}'), (2, b'{"b" : 2}')]


def test_broken_array_is_refused() -> None:
    with pytest.raises(Invalid, match="no array"):
        _cut(b'[{"a": 1}')


@pytest.mark.parametrize("text", [b"", b"\n \n"])
def test_nothing_is_refused(text: bytes) -> None:
    with pytest.raises(Invalid, match="nothing to submit"):
        _cut(text)


def test_too_long_a_line_and_too_large_a_whole_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "LINE_BYTES_MAX", 20)
    monkeypatch.setattr(bodies, "WHOLE_BYTES_MAX", 50)
    with pytest.raises(TooLarge, match="Line 2"):
        _cut(b'{"a": 1}\n{"a": "' + b"x" * 30 + b'"}\n')
    with pytest.raises(TooLarge, match="one body a line"):
        _cut(b"{\n" + b" " * 60 + b"}")


def test_lines_are_read_as_they_are_asked_for() -> None:
    file = io.BytesIO(b'{"a": 1}\n' * 1000)
    next(read_bodies(file))
    assert file.tell() < 100
