"""Checks Qoin's signature over Data: which bytes are signed, and by which keys. What a wrong one leads to is the route's."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from accrual.api.dialects.tolerant import Number, fold
from accrual.domain.errors import Broken
from accrual.domain.programme import Signature

KEY_BITS_MIN = 2048
KEY_BITS_MARKED = 1024
SIGNATURE_CHARACTERS_MAX = 2048
_UNSIGNED = {"signature", "memberqtagphone"}
_ORDER = (
    "trxid",
    "refference",
    "memberid",
    "membername",
    "userfromstatus",
    "userid",
    "useridshare",
    "devicetype",
    "installid",
    "data",
)


def signed_text(data: Mapping[str, Any], policy: Signature) -> bytes | None:
    """The bytes of Data that one of the client's keys signed; None without such a signature.

    RSA PKCS#1 v1.5 with SHA-256, base64. Raises Broken when a key of the programme cannot be used at all.
    """
    signature = _signature_in(data)
    if signature is None:
        return None
    texts = list(dict.fromkeys(signed_texts(data)))
    bits_min = KEY_BITS_MARKED if policy.allow_1024 else KEY_BITS_MIN
    for pem in policy.public_keys:
        key = _public_key(pem)
        found = (
            next((text for text in texts if _verifies(key, signature, text)), None)
            if key.key_size >= bits_min
            else None
        )
        if found is not None:
            return found
    return None


def signed_texts(data: Mapping[str, Any]) -> Iterator[bytes]:
    """The bytes that may have been signed: compact JSON, numbers as sent, letters unescaped, two orders of the fields.

    First the order that the partner documents (fields it does not name follow as received), then the order as received.
    """
    kept = [(name, value) for name, value in data.items() if fold(name) not in _UNSIGNED]
    rank = {name: number for number, name in enumerate(_ORDER)}
    yield _compact(dict(sorted(kept, key=lambda pair: rank.get(fold(pair[0]), len(_ORDER))))).encode()
    yield _compact(dict(kept)).encode()


def _compact(value: Any) -> str:
    match value:
        case Number():
            return str(value)
        case dict():
            return "{" + ",".join([f"{_compact(name)}:{_compact(inner)}" for name, inner in value.items()]) + "}"
        case list():
            return "[" + ",".join([_compact(inner) for inner in value]) + "]"
        case _:
            return json.dumps(value, ensure_ascii=False)


def _signature_in(data: Mapping[str, Any]) -> bytes | None:
    text = next((value for name, value in data.items() if fold(name) == "signature"), None)
    if not isinstance(text, str) or not text or len(text) > SIGNATURE_CHARACTERS_MAX:
        return None
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def _verifies(key: RSAPublicKey, signature: bytes, text: bytes) -> bool:
    try:
        key.verify(signature, text, PKCS1v15(), SHA256())
    except InvalidSignature:
        return False
    return True


@lru_cache(maxsize=256)
def _public_key(pem: str) -> RSAPublicKey:
    try:
        key = load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise Broken("A public key of this client in the programme cannot be read.") from error
    if not isinstance(key, RSAPublicKey):
        raise Broken("A public key of this client in the programme is no RSA key.")
    return key
