"""What the tolerant reader lets pass and what it does not: names, numbers, texts, and the places in its errors."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accrual.api.dialects import tolerant
from accrual.api.dialects.tolerant import (
    Misread,
    Number,
    as_sent,
    fold,
    read_body,
    read_decimal_text,
    read_identifier,
    read_objects,
    read_text,
)
from accrual.domain.amounts import read_decimal
from accrual.domain.errors import Invalid


@pytest.mark.parametrize("name", ["id_user_share", "id-user-share", "idUserShare", "ID_USER-SHARE", "_id_user_share-"])
def test_case_hyphen_and_underscore_do_not_count_in_names(name: str) -> None:
    assert fold(name) == "idusershare"


@pytest.mark.parametrize("name", ["\u212aey", "ſcope", "ｉｄ", "i d", "id.user"])
def test_letters_that_only_look_alike_count_in_names(name: str) -> None:
    assert fold(name) == name


def test_names_remembered_do_not_grow_without_end() -> None:
    for number in range(tolerant._FOLDED_NAMES_MAX + 100):
        fold(f"some_name_{number}")
    assert fold("x" * 1_000_000) == "x" * 1_000_000
    assert len(tolerant._FOLDED) <= tolerant._FOLDED_NAMES_MAX
    assert max(map(len, tolerant._FOLDED)) <= tolerant._FOLDED_CHARACTERS_MAX
    assert fold("Still-Folded") == "stillfolded"


def test_field_in_two_spellings_is_one_field_if_it_says_one_thing() -> None:
    assert read_body(b'{"id-user":1,"id_user":1}').get("iduser") == "1"
    for other in (b'"1"', b"2", b"1.0", b"null"):
        with pytest.raises(Misread) as caught:
            read_body(b'{"id-user":1,"id_user":' + other + b"}")
        assert caught.value.message == "id_user: is the same field as id-user, with another value."


def test_number_keeps_its_text_and_is_told_from_text() -> None:
    fields = read_body(b'{"a":6843.10,"b":"6843.10"}')
    assert (fields.get("a"), type(fields.get("a"))) == ("6843.10", Number)
    assert (fields.get("b"), type(fields.get("b"))) == ("6843.10", str)


def test_number_has_at_most_100_characters() -> None:
    assert read_body(b'{"a":' + b"9" * 100 + b"}").get("a") == "9" * 100
    for bad in (b"9" * 101, b"0." + b"9" * 99, b"1e100", b"1E-100", b"1" * 31 + b"e1"):
        with pytest.raises(Invalid) as caught:
            read_body(b'{"a":' + bad + b"}")
        assert caught.value.code == "invalid_json"


@settings(deadline=None)
@given(
    whole=st.integers(-(10**12), 10**12),
    fraction=st.from_regex(r"(\.[0-9]{1,8})?", fullmatch=True),
    exponent=st.integers(-12, 12),
)
def test_exponent_is_written_out_to_the_same_value(whole: int, fraction: str, exponent: int) -> None:
    text = f"{whole}{fraction}e{exponent}"
    written = read_decimal_text(read_body(b'{"a":' + text.encode() + b"}"), "a")
    assert written is not None
    assert read_decimal(written) == Decimal(text)


def test_text_and_number_are_taken_for_each_other_and_nothing_else_is() -> None:
    fields = read_body(b'{"a":7,"b":" 7 ","c":"","d":null,"e":true,"f":[],"g":{}}')
    assert [read_text(fields, name) for name in "abcdz"] == ["7", "7", None, None, None]
    assert type(read_text(fields, "a")) is str
    for name in "efg":
        for read in (read_text, read_identifier, read_decimal_text):
            with pytest.raises(Misread):
                read(fields, name)


def test_identifier_is_stricter_than_text() -> None:
    fields = read_body('{"a":"x\u200by","b":"１２","c":1.5,"d":"1.5","e":"Ünal 7"}'.encode())
    assert [read_text(fields, name) for name in "abc"] == ["x\u200by", "１２", "1.5"]
    for name in "abc":
        with pytest.raises(Misread):
            read_identifier(fields, name)
    assert [read_identifier(fields, name) for name in "de"] == ["1.5", "Ünal 7"]


def test_object_stands_for_the_array_of_it() -> None:
    fields = read_body(b'{"a":{"x":1},"b":[{"x":1}],"c":[],"d":null}')
    assert [read_objects(fields, name) for name in "abcdz"] == [[{"x": "1"}], [{"x": "1"}], [], None, None]


def test_place_of_an_error_grows_outwards() -> None:
    error = Misread("amount", "is negative.", code="invalid_amount").within("transaction[2]").within("Data")
    assert error.message == "Data.transaction[2].amount: is negative."
    assert error.details == {"field": "Data.transaction[2].amount"}
    assert error.code == "invalid_amount"


def test_values_are_shown_as_they_were_sent() -> None:
    fields = read_body(b'{"a":[1,1.50,-2,"x",null,true,{"b":12345678901234567890}]}')
    assert as_sent(fields.source) == {"a": [1, "1.50", -2, "x", None, True, {"b": "12345678901234567890"}]}
