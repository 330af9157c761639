"""The installation's signing keys: a PEM file that only its owner may read, never the database."""

from __future__ import annotations

import os
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from accrual.domain.errors import Broken
from accrual.domain.notes import VerifierKey, key_id_of

KEY_NAME = "checkpoint.key"
MODE = 0o600


class KeyFile:
    """An Ed25519 key in a file."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    def sign(self, origin: str, body: bytes) -> list[tuple[str, bytes, bytes]]:
        """(key's name, key id, signature)."""
        return [(origin, key_id_of(origin, self.public), self._key.sign(body))]

    def verifier(self, origin: str) -> VerifierKey:
        """The public key as others need it."""
        return VerifierKey(origin, self.public)


class BothKeys:
    """Two keys that sign the same, while one takes over from the other."""

    def __init__(self, one: KeyFile, other: KeyFile) -> None:
        self._keys = (one, other)

    def sign(self, origin: str, body: bytes) -> list[tuple[str, bytes, bytes]]:
        """(key's name, key id, signature) by each."""
        return [signature for key in self._keys for signature in key.sign(origin, body)]


def open_key(path: Path, *, create: bool) -> KeyFile | None:
    """The key of a file; with `create` a new one where there is none, else None.

    Raises Broken `checkpoint_key_unusable` for a file that cannot be read, that others may read, or that is no Ed25519 key.
    """
    try:
        return _read(path)
    except FileNotFoundError:
        if not create:
            return None
    except OSError as error:
        raise _unusable(path, str(error.strerror)) from error
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, MODE)
        with os.fdopen(handle, "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError:
        pass  # another process was faster, and its key is as good
    except OSError as error:
        raise _unusable(path, str(error.strerror)) from error
    return _read(path)


def signed_by(key: VerifierKey, body: bytes, signature: bytes) -> bool:
    """Whether this key made the signature over these bytes."""
    try:
        Ed25519PublicKey.from_public_bytes(key.public).verify(signature, body)
    except (InvalidSignature, ValueError):
        return False
    return True


def _read(path: Path) -> KeyFile:
    if path.stat().st_mode & 0o077:
        raise _unusable(path, f"others may read it; run: chmod 600 {path}")
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError) as error:
        raise _unusable(path, "it is no unencrypted PEM key") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise _unusable(path, "it is no Ed25519 key")
    return KeyFile(key)


def _unusable(path: Path, why: str) -> Broken:
    return Broken(
        f"The checkpoint key {path} cannot be used: {why}.", code="checkpoint_key_unusable", details={"path": str(path)}
    )
