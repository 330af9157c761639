"""Signed notes and checkpoints as text: the formats of C2SP (signed-note, tlog-checkpoint), read and written strictly."""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import NamedTuple

from accrual.domain.errors import Invalid
from accrual.domain.merkle import HASH_BYTES

ED25519 = b"\x01"
"""The type of an Ed25519 key in a key id and a verifier key."""

SIGNATURE_BYTES = 64
KEY_ID_BYTES = 4
NAME_CHARACTERS_MAX = 200
NOTE_BYTES_MAX = 64 * 1024
SIGNATURES_MAX = 16
_DASH = "— "


class VerifierKey(NamedTuple):
    """A public key, and the name that its signatures carry."""

    name: str
    public: bytes

    @property
    def key_id(self) -> bytes:
        """The four bytes that lead each of its signatures."""
        return key_id_of(self.name, self.public)

    def text(self) -> str:
        """As others write it: `name+id+key`."""
        return f"{self.name}+{self.key_id.hex()}+{base64.b64encode(ED25519 + self.public).decode()}"


class NoteSignature(NamedTuple):
    """One signature of a note."""

    name: str
    key_id: bytes
    signature: bytes


class Note(NamedTuple):
    """A checkpoint as read: what the log is called, leaves and root of its tree, the signed bytes and their signatures."""

    origin: str
    size: int
    root: bytes
    signed: bytes
    signatures: tuple[NoteSignature, ...]


def key_id_of(name: str, public: bytes) -> bytes:
    """The first bytes of the digest over name and key."""
    return hashlib.sha256(name.encode() + b"\n" + ED25519 + public).digest()[:KEY_ID_BYTES]


def check_name(name: str) -> str:
    """The name of a key and a log. Raises Invalid for one that a note cannot carry."""
    if not 0 < len(name) <= NAME_CHARACTERS_MAX or "+" in name or " " in name or not name.isprintable():
        raise Invalid(
            f"{name!r} cannot name a log: 1 to {NAME_CHARACTERS_MAX} printable characters without blanks and `+`.",
            code="checkpoint_origin_invalid",
        )
    return name


def read_verifier_key(text: str) -> VerifierKey:
    """A key from `name+id+key`. Raises Invalid `checkpoint_key_invalid`."""
    name, _, rest = text.strip().partition("+")
    key_id, _, encoded = rest.partition("+")
    try:
        raw = base64.b64decode(encoded, validate=True)
        key = VerifierKey(name, raw[1:])
        known = raw[:1] == ED25519 and len(raw) == 1 + 32 and bytes.fromhex(key_id) == key.key_id
    except (binascii.Error, ValueError):
        known = False
    if not known:
        raise Invalid(
            "This is no public key of a log. It looks like `name+0a1b2c3d+AX...=`; `accrual checkpoint key` prints it.",
            code="checkpoint_key_invalid",
        )
    return key


def body_of(origin: str, size: int, root: bytes) -> bytes:
    """The bytes of a checkpoint that are signed."""
    return f"{origin}\n{size}\n{base64.b64encode(root).decode()}\n".encode()


def note_of(body: bytes, signatures: list[NoteSignature]) -> str:
    """The text of a signed note."""
    lines = "".join(
        f"{_DASH}{each.name} {base64.b64encode(each.key_id + each.signature).decode()}\n" for each in signatures
    )
    return f"{body.decode()}\n{lines}"


def read_note(text: str) -> Note:
    """A checkpoint from its text; its signatures are not checked here. Raises Invalid `checkpoint_unreadable`."""
    try:
        return _read(text)
    except (ValueError, binascii.Error) as error:
        raise Invalid(
            f"This is no signed checkpoint: {error}. A checkpoint is a text of name, size, root, an empty line and "
            "signatures; `accrual checkpoint show` prints one.",
            code="checkpoint_unreadable",
        ) from error


def _read(text: str) -> Note:
    if len(text.encode()) > NOTE_BYTES_MAX:
        raise ValueError(f"it is longer than {NOTE_BYTES_MAX} bytes")
    body, blank, tail = text.rpartition("\n\n")
    if not blank or not tail.endswith("\n"):
        raise ValueError("it has no signature after an empty line")
    lines = body.split("\n")
    if len(lines) < 3 or not all(lines):
        raise ValueError("it has no three lines before its signatures")
    origin, size, root = lines[:3]
    if not (size.isascii() and size.isdigit() and len(size) <= 18) or (size != "0" and size.startswith("0")):
        raise ValueError(f"{size[:20]!r} is no size of a tree")
    raw = base64.b64decode(root, validate=True)
    if len(raw) != HASH_BYTES or base64.b64encode(raw).decode() != root:
        raise ValueError("its root is no 32 bytes in Base64")
    signatures = [_signature(line) for line in tail[:-1].split("\n")]
    if len(signatures) > SIGNATURES_MAX:
        raise ValueError(f"it has more than {SIGNATURES_MAX} signatures")
    return Note(origin, int(size), raw, f"{body}\n".encode(), tuple(signatures))


def _signature(line: str) -> NoteSignature:
    name, _, encoded = line.removeprefix(_DASH).partition(" ")
    raw = base64.b64decode(encoded, validate=True)
    if not line.startswith(_DASH) or not name or len(raw) <= KEY_ID_BYTES:
        raise ValueError("one of its signatures cannot be read")
    return NoteSignature(name, raw[:KEY_ID_BYTES], raw[KEY_ID_BYTES:])
