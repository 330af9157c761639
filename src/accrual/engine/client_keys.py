"""What a programme file says of clients' keys: digests to compare with, public keys that parse. No key is kept or shown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from accrual.domain.programme import Programme, Signature
from accrual.engine.catalog import digest_of_key
from accrual.rules.problems import Problem

RSA_BITS_MIN = 2048
RSA_BITS_OLD = 1024


def digest_keys(programme: Programme, environment: Mapping[str, str]) -> tuple[dict[str, bytes], list[Problem]]:
    """SHA-256 of each client's key by client code, and what is wrong: a variable that is not set, two equal keys."""
    digests: dict[str, bytes] = {}
    owners: dict[bytes, str] = {}
    problems = []
    for index, client in enumerate(programme.clients):
        path = f"clients[{index}]"
        if client.key_sha256 is not None:
            digest = bytes.fromhex(client.key_sha256)
        elif client.key_env is not None:
            key = environment.get(client.key_env, "").strip()
            if not key:
                problems.append(Problem(f"{path}.key_env", f"the environment variable {client.key_env} is not set"))
                continue
            digest = digest_of_key(key)
        elif client.key is not None:
            digest = digest_of_key(client.key.strip())
        else:
            continue
        owner = owners.setdefault(digest, client.code)
        if owner != client.code:
            problems.append(Problem(path, f"has the same key as client {owner!r}; each client needs its own"))
        digests[client.code] = digest
    return digests, problems


def check_signature_keys(programme: Programme) -> list[Problem]:
    """What is wrong with the public keys that clients' signatures are checked by."""
    problems: list[Problem] = []
    owners: dict[str, str] = {}
    for index, client in enumerate(programme.clients):
        path = f"clients[{index}].signature"
        problems += _check_keys(path, client.signature)
        for number, pem in enumerate(client.signature.public_keys):
            owner = owners.setdefault("".join(pem.split()), client.code)
            if owner != client.code:
                text = (
                    f"is a key of client {owner} too, who could be asked for what this one signed; each needs its own"
                )
                problems.append(Problem(f"{path}.public_keys[{number}]", text))
    return problems


def _check_keys(path: str, signature: Signature) -> Iterator[Problem]:
    least = RSA_BITS_OLD if signature.allow_1024 else RSA_BITS_MIN
    for index, pem in enumerate(signature.public_keys):
        here = f"{path}.public_keys[{index}]"
        try:
            key = load_pem_public_key(pem.encode())
        except (ValueError, UnsupportedAlgorithm):
            yield Problem(here, "is not a public key in PEM (-----BEGIN PUBLIC KEY-----)")
            continue
        if not isinstance(key, RSAPublicKey):
            yield Problem(here, "is not an RSA key")
        elif key.key_size < least:
            hint = "; allow_1024: true takes 1024 bits" if key.key_size >= RSA_BITS_OLD else ""
            yield Problem(here, f"has {key.key_size} bits, {least} are needed{hint}")
