"""Checkpoints are read and written as C2SP has them, and nothing else is taken for one."""

from __future__ import annotations

import pytest

from accrual.domain.errors import Invalid
from accrual.domain.notes import NoteSignature, VerifierKey, body_of, check_name, note_of, read_note, read_verifier_key

EXAMPLE = """example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
"""
"""The example of the specification of checkpoints."""


def test_example_of_the_specification_is_read() -> None:
    note = read_note(EXAMPLE)
    assert (note.origin, note.size) == ("example.com/behind-the-sofa", 20852163)
    assert note.root.hex() == "0ac5186a91863e8e1d90c808014aa89bf5da8e3ee1d9f07630f0378f68f1ab62"
    assert note.signed == EXAMPLE.partition("\n\n")[0].encode() + b"\n"
    assert [(each.name, each.key_id.hex(), len(each.signature)) for each in note.signatures] == [
        ("example.com/behind-the-sofa", "033de0ae", 64)
    ]


def test_what_is_written_is_read_again() -> None:
    body = body_of("a/log", 7, b"r" * 32)
    text = note_of(body, [NoteSignature("a/log", b"abcd", b"s" * 64), NoteSignature("witness", b"efgh", b"t" * 72)])
    note = read_note(text)
    assert (note.origin, note.size, note.root, note.signed) == ("a/log", 7, b"r" * 32, body)
    assert [each.name for each in note.signatures] == ["a/log", "witness"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        EXAMPLE.replace("\n\n", "\n"),
        EXAMPLE.replace("20852163", "020852163"),
        EXAMPLE.replace("20852163", "-1"),
        EXAMPLE.replace("20852163", "²"),
        EXAMPLE.replace("CsUY", "CsU"),
        EXAMPLE.replace("xq2I=", "xq2J="),
        EXAMPLE.replace("— ", "- "),
        EXAMPLE.replace("Az3g", "?"),
        EXAMPLE.removesuffix("\n"),
        EXAMPLE + "x" * 70_000 + "\n",
        "\n" + EXAMPLE,
    ],
)
def test_what_is_no_checkpoint_is_refused_with_what_to_do(text: str) -> None:
    with pytest.raises(Invalid, match="accrual checkpoint show") as caught:
        read_note(text)
    assert caught.value.code == "checkpoint_unreadable"


def test_verifier_key_is_read_and_its_id_is_checked() -> None:
    # The key that the specification of signed notes gives as its example.
    text = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    key = read_verifier_key(text)
    assert (key.name, key.key_id.hex(), key.text()) == ("PeterNeumann", "c74f20a3", text)
    assert read_verifier_key(VerifierKey("a/log", b"k" * 32).text()) == VerifierKey("a/log", b"k" * 32)
    for wrong in ("", "a", "a+b", text.replace("c74f", "c74e"), text.replace("+AR", "+BR"), text[:-4]):
        with pytest.raises(Invalid) as caught:
            read_verifier_key(wrong)
        assert caught.value.code == "checkpoint_key_invalid"


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\nb", "x" * 201])
def test_name_that_a_note_cannot_carry_is_refused(name: str) -> None:
    with pytest.raises(Invalid):
        check_name(name)
