"""The signature over Data, with keys made on the spot: which bytes verify, which keys count, and what each policy does."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256, SHA512, HashAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from accrual.domain.programme import Signature, SignaturePolicy
from tests.contract.qoin_desk import Desk, refusal, request

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER = rsa.generate_private_key(public_exponent=65537, key_size=2048)
SMALL = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505 - the vendor's own size

DOCUMENTED = (
    '{"trxId":0,"refference":"ref123","memberId":2784,"memberName":"Fares é/","userFromStatus":0,"userId":92479,'
    '"userIdShare":0,"deviceType":"android","installId":"S21+",'
    '"data":[{"trxAmount":1000.50,"trxDate":"2024-04-30 10:30:00","product_id":10}]}'
)
"""The object to be signed as the vendor's page shows it: no signature, no memberQtagPhone, this order, no white space."""


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def sign(text: str, key: rsa.RSAPrivateKey = KEY, algorithm: HashAlgorithm | None = None) -> str:
    return base64.b64encode(key.sign(text.encode(), padding.PKCS1v15(), algorithm or SHA256())).decode()


def signed_body(signature: object, *, data: str = DOCUMENTED, escaped: bool = False) -> bytes:
    """A body in another order of keys, with white space, a phone tag, and the amount's text as in `data`."""
    fields = json.loads(data, parse_float=lambda text: f"<{text}>")
    items = fields.pop("data")
    shuffled = {"data": items, "signature": signature, "memberQtagPhone": "Q12345", **dict(sorted(fields.items()))}
    body = request("qoin_task", "transactionreferral") | {"Data": shuffled}
    text = json.dumps(body, indent=2, ensure_ascii=escaped)
    return text.replace('"<', "").replace('>"', "").encode()


def desk(*keys: str, policy: SignaturePolicy = SignaturePolicy.ENFORCE, allow_1024: bool = False) -> Desk:
    return Desk(signature=Signature(policy=policy, public_keys=keys, allow_1024=allow_1024))


@pytest.mark.parametrize("escaped", [False, True])
async def test_documented_order_verifies_whatever_the_order_sent(escaped: bool) -> None:
    answer = await desk(pem(KEY)).hand_in(signed_body(sign(DOCUMENTED), escaped=escaped))
    assert answer.status == 200, answer.text


async def test_order_as_received_verifies_too() -> None:
    body: dict[str, Any] = request("qoin_task", "dailycheckin")
    fields = {name: value for name, value in body["Data"].items() if name != "signature"}
    text = json.dumps(fields, separators=(",", ":"), ensure_ascii=False)
    assert not text.startswith('{"trxId"')
    body["Data"]["signature"] = sign(text)
    assert (await desk(pem(KEY)).hand_in(body)).status == 200


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("92479", "92480"),
        ("1000.50", "1000.5"),
        ("1000.50", "9000.50"),
        ("Fares", "fares"),
        ('"product_id":10', '"product_id":11'),
        ("ref123", "ref124"),
    ],
)
async def test_any_change_after_signing_is_refused(old: str, new: str) -> None:
    assert old in DOCUMENTED
    answer = await desk(pem(KEY)).hand_in(signed_body(sign(DOCUMENTED), data=DOCUMENTED.replace(old, new)))
    assert answer.pairs == refusal(401, "The signature is missing or wrong.")
    assert answer.submission is None


@pytest.mark.parametrize("signature", [None, "", "sssss", 7, "ä", "A" * 172, sign(DOCUMENTED, OTHER), "A" * 100_000])
async def test_missing_or_wrong_signature_is_refused(signature: object) -> None:
    assert (await desk(pem(KEY)).hand_in(signed_body(signature))).status == 401


async def test_another_digest_is_refused() -> None:
    answer = await desk(pem(KEY)).hand_in(signed_body(sign(DOCUMENTED, algorithm=SHA512())))
    assert answer.status == 401


async def test_any_of_several_keys_counts_during_rotation() -> None:
    for key in (KEY, OTHER):
        answer = await desk(pem(KEY), pem(OTHER)).hand_in(signed_body(sign(DOCUMENTED, key)))
        assert answer.status == 200


async def test_no_key_verifies_nothing() -> None:
    assert (await desk().hand_in(signed_body(sign(DOCUMENTED)))).status == 401


@pytest.mark.parametrize(("allow_1024", "status"), [(False, 401), (True, 200)])
async def test_key_of_1024_bits_counts_only_where_it_is_allowed(allow_1024: bool, status: int) -> None:
    answer = await desk(pem(SMALL), allow_1024=allow_1024).hand_in(signed_body(sign(DOCUMENTED, SMALL)))
    assert answer.status == status


@pytest.mark.parametrize("key", ["no key", pem(ec.generate_private_key(ec.SECP256R1()))])
async def test_key_of_the_programme_that_cannot_be_used_is_our_fault(key: str) -> None:
    assert (await desk(key).hand_in(signed_body(sign(DOCUMENTED)))).status == 500


async def test_warning_is_given_and_the_call_accepted() -> None:
    warned = desk(pem(KEY), policy=SignaturePolicy.WARN)
    assert (await warned.hand_in(signed_body("sssss"))).status == 200
    assert warned.engine.warnings == [("signature_invalid", "partner")]
    assert (await warned.hand_in(signed_body(sign(DOCUMENTED)))).status == 200
    assert len(warned.engine.warnings) == 1


async def test_off_looks_at_nothing() -> None:
    ignored = desk("no key", policy=SignaturePolicy.OFF)
    assert (await ignored.hand_in(signed_body("sssss"))).status == 200
    assert ignored.engine.warnings == []


async def test_processor_cannot_be_used_to_get_around_a_signature() -> None:
    body = request("qoin_processor", "register")
    assert (await desk(pem(KEY)).hand_in(body)).status == 401
    body["Data"]["signature"] = sign('{"id":461,"command":"register","transaction":[{"date":"2025-03-31T11:22:06"}]}')
    assert (await desk(pem(KEY)).hand_in(body)).status == 200
