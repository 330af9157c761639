"""The offline verifier's own Ed25519 keeps the vectors of RFC 8032 and agrees with a well-kept library."""

from __future__ import annotations

import random

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from accrual import checkpoint_verify

VECTORS = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
    (
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704",
    ),
]
"""Tests 1, 2, 3 and SHA(abc) of section 7.1: key, message, signature."""

ORDER = 2**252 + 27742317777372353535851937790883648493


@pytest.mark.parametrize(("key", "message", "signature"), VECTORS)
def test_vectors_of_the_rfc_hold_and_nothing_near_them(key: str, message: str, signature: str) -> None:
    public, said, signed = bytes.fromhex(key), bytes.fromhex(message), bytes.fromhex(signature)
    assert checkpoint_verify.is_signed(public, said, signed)
    assert not checkpoint_verify.is_signed(public, said + b"x", signed)
    for place in (0, 31, 32, 63):
        changed = signed[:place] + bytes([signed[place] ^ 1]) + signed[place + 1 :]
        assert not checkpoint_verify.is_signed(public, said, changed)
    assert not checkpoint_verify.is_signed(public, said, signed[:63])
    assert not checkpoint_verify.is_signed(public[:31], said, signed)


def test_signature_with_another_spelling_of_its_number_is_refused() -> None:
    public, message, signature = (bytes.fromhex(part) for part in VECTORS[1])
    other = int.from_bytes(signature[32:], "little") + ORDER
    assert not checkpoint_verify.is_signed(public, message, signature[:32] + other.to_bytes(32, "little"))


def test_key_that_is_no_point_is_refused() -> None:
    message, signature = b"x", bytes(64)
    assert not checkpoint_verify.is_signed(b"\xff" * 32, message, signature)
    assert not checkpoint_verify.is_signed((2).to_bytes(32, "little"), message, signature)


def test_it_agrees_with_the_library() -> None:
    rng = random.Random(11)
    for _ in range(8):
        key = Ed25519PrivateKey.from_private_bytes(rng.randbytes(32))
        public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        message = rng.randbytes(rng.randrange(80))
        assert checkpoint_verify.is_signed(public, message, key.sign(message))
